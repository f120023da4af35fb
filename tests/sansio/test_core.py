"""
Tests for L{machat.sansio.core}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.errors import BAD_COMMAND
from machat.events import Allowed, Event, Joined, Welcome
from machat.sansio import ClientCore, Close, Ended, Failed, Notify, Reason, Send, Settle, Unknown
from machat.sansio.entries import say
from machat.wire import EVENTS

WELCOME = Welcome(
    v=1,
    server="x",
    session="s",
    limits=Allowed(line=65_536, history=300, rooms=32),
    ping=25,
)
JOINED = Joined(room="dev", name="Mina", epoch="e", seq=0, count=1, recovered=True)


class CoreTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.core = ClientCore("Mina", True, self.clock.seconds)
        self.core.start()
        self.core.join("dev", 0, "join")
        self.connect()

    def receive(self, event: Event) -> None:
        self.core.received(EVENTS.encodeEvent(event)[:-1])

    def connect(self) -> None:
        self.core.connecting()
        self.core.opened()
        self.receive(WELCOME)
        self.receive(JOINED)
        self.taken()

    def taken(self) -> list[object]:
        """
        @return: the outputs since the last call
        """
        outputs = list(self.core.outputs)
        self.core.outputs.clear()
        return list(outputs)

    def settled(self) -> list[tuple[object, type]]:
        """
        @return: the results since the last call
        """
        found = [each for each in self.taken() if isinstance(each, Settle)]
        return [(each.token, type(each.result)) for each in found]

    def test_allUnknown(self) -> None:
        """
        Of any number of messages that expire at once, each fails once.
        """
        for number in range(1_000):
            self.core.post("dev", say("x"), number)
        self.core.closed(Reason("closed", "lost"))
        self.taken()
        self.clock.advance(200)
        self.core.run()
        self.core.connecting()
        self.core.opened()
        self.receive(WELCOME)
        self.taken()
        self.receive(JOINED)
        outputs = self.taken()
        failed = [each.token for each in outputs if isinstance(each, Settle)]
        self.assertEqual(failed, list(range(50)))
        self.assertEqual(sum(isinstance(each, Send) for each in outputs), 50)

    def test_ended(self) -> None:
        """
        When the client ends, each message fails once, also those that wait to be sent again.
        """
        self.core.post("dev", say("x"), 1)
        self.core.post("dev", say("y"), 2)
        self.core.stop()
        self.assertEqual(self.settled(), [(1, Ended), (2, Ended)])
        self.core.stop()
        self.core.closed(Reason("closed", "lost"))
        self.assertEqual(self.settled(), [])
        self.assertIsNone(self.core.deadline)

    def test_unknownType(self) -> None:
        """
        A message of unknown outcome fails with the code C{unknown}.
        """
        self.assertEqual((Unknown("x").code, str(Unknown("x"))), ("unknown", "x"))

    def test_closing(self) -> None:
        """
        A connection that does not close within 5 seconds is aborted.
        """
        self.core.stop()
        self.assertIn(Close(False), self.taken())
        self.core.stop()
        self.assertEqual(self.core.deadline, 5)
        self.clock.advance(5)
        self.core.run()
        self.assertEqual(self.taken(), [Close(True)])
        self.core.closed(Reason("closed", "lost"))
        self.assertIsNone(self.core.deadline)

    def test_sameId(self) -> None:
        """
        Two messages that wait at the same time cannot have one id.
        """
        for token in ("first", "second"):
            self.core.post("dev", say("x", id="1"), token)
        (settled,) = [each for each in self.taken() if isinstance(each, Settle)]
        self.assertEqual((settled.token, settled.result.code), ("second", BAD_COMMAND))

    def test_refusedEarly(self) -> None:
        """
        A server that refuses a client before it has read the hello is tried again; a peer that is
        not a MaChat server is not.
        """
        for line, code, retry in (
            (b"machat:error too-many-connections too many", "closed", True),
            (b"machat:error bad-hello this is a WebSocket endpoint", "closed", False),
            (b"220 mail.example.org ESMTP", "foreign", False),
        ):
            core = ClientCore("Mina", True, self.clock.seconds)
            core.start()
            core.connecting()
            core.opened()
            core.received(line)
            core.closed(Reason("closed", "lost"))
            (failed,) = [each.event for each in core.outputs if isinstance(each, Notify)]
            assert isinstance(failed, Failed)
            self.assertEqual((failed.code, failed.retry), (code, retry))
            self.assertEqual(core.deadline is not None, retry)
