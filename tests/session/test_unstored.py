"""
Messages that the store does not store, as clients see it.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from machat.limits import Limits
from machat.testing import MemoryChat


class UnstoredTests(SynchronousTestCase):
    """
    The store is not available, or does not answer in time.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(rate=1000, burst=1000))
        self.text = self.chat.tcp("Mina", "dev")
        self.events = self.chat.tcp()
        self.events.send('{"v": 1, "name": "Ada", "room": "dev", "presence": false}')
        self.chat.turn()
        self.events.received()

    def heard(self) -> list[Any]:
        return [json.loads(line) for line in self.events.received()]

    def say(self, **command: Any) -> None:
        self.events.send(json.dumps({"type": "say", **command}))

    def test_failed(self) -> None:
        """
        Messages that were certainly not stored are reported to their senders in both dialects, with
        their number. Nobody has seen them, and everybody stays connected.
        """
        self.chat.cut()
        self.text.send("one")
        self.text.send("two")
        self.say(text="three", id="3")
        self.say(text="four")
        self.chat.turn()
        self.assertEqual((self.text.received(), self.heard()), ([], []))
        self.chat.clock.advance(10)
        (line,) = self.text.received()
        self.assertTrue(line.startswith("machat:error failed 2 messages were not stored"), line)
        errors = self.heard()
        self.assertEqual([each["code"] for each in errors], ["failed", "failed"])
        self.assertEqual([each.get("id") for each in errors], ["3", None])
        self.chat.restore()
        self.text.send("five")
        self.say(text="three", id="3")
        self.chat.clock.advance(1)
        self.assertEqual(self.text.received(), ["Mina:five", "Ada:three"])
        message, again, ack = self.heard()
        self.assertEqual((message["seq"], again["seq"], ack["seq"]), (1, 2, 2))
        self.assertFalse(ack["duplicate"])

    def test_unknown(self) -> None:
        """
        A message that may have been stored is reported as C{unknown}. If it was, it is delivered,
        and a client that sends it again with the same id does not post it twice.
        """
        self.chat.lag(15)
        self.text.send("one")
        self.say(text="two", id="2")
        self.chat.turn()
        self.chat.clock.advance(10)
        (line,) = self.text.received()
        self.assertTrue(line.startswith("machat:error unknown a message was possibly not"), line)
        (error,) = self.heard()
        self.assertEqual((error["code"], error["id"]), ("unknown", "2"))
        self.chat.lag(0)
        self.say(text="two", id="2")
        self.chat.clock.pump([1] * 6)
        self.assertEqual(self.text.received(), ["Mina:one", "Ada:two"])
        ack = self.heard()[-1]
        self.assertEqual((ack["type"], ack["seq"], ack["duplicate"]), ("ack", 2, True))

    def test_muted(self) -> None:
        """
        A muted member that sends a stored message again receives its receipt.
        """
        self.say(text="one", id="1")
        self.chat.turn()
        self.chat.service.moderation.mute("dev", "Ada")
        self.chat.turn()
        self.heard()
        self.say(text="one", id="1")
        self.say(text="two", id="2")
        self.chat.turn()
        ack, error = self.heard()
        self.assertEqual((ack["type"], ack["seq"], ack["duplicate"]), ("ack", 1, True))
        self.assertEqual((error["code"], error["id"]), ("muted", "2"))

    def test_joinWaits(self) -> None:
        """
        A C{text} client whose join waits too long for the store is asked to reconnect.
        """
        self.chat.cut()
        client = self.chat.ws("Bob", "other")
        self.chat.clock.advance(10)
        client.received()
        self.assertTrue(3000 <= (client.closeCode or 0) < 3500, client.closeCode)
