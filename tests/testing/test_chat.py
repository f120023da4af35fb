"""
Tests for L{machat.testing.chat}: faults of the store, and restarts.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from machat.errors import FAILED, SHUTDOWN, UNKNOWN, ChatError
from machat.events import Event, Joined, Message, Position, Receipt
from machat.testing import MemoryChat, MemoryMember


class ChatTestCase(SynchronousTestCase):
    """
    A chat, and a member of the room C{dev}.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.ada = self.chat.member("Ada", "dev")

    def post(self, text: str, id: str | None = None) -> Deferred[Receipt]:
        """
        Post a message of Ada.
        """
        posting = self.chat.service.post(self.ada, "dev", text, id)
        self.chat.turn()
        return posting

    def rejoin(self, since: Position | None = None) -> Joined:
        """
        Let Ada join again after a restart.
        """
        self.ada = MemoryMember("Ada")
        return self.successResultOf(self.chat.service.join(self.ada, "dev", since=since))


class FaultTests(ChatTestCase):
    """
    Tests for a store that is cut or slow.
    """

    def test_cut(self) -> None:
        """
        A message that cannot be stored is refused with C{failed} after 10 s. Its sender stays, and
        can send it when the store is available.
        """
        self.chat.cut()
        posting = self.post("a")
        self.chat.clock.advance(9.9)
        self.assertNoResult(posting)
        self.chat.clock.advance(0.2)
        self.assertEqual(self.failureResultOf(posting, ChatError).value.code, FAILED)
        self.chat.restore()
        self.chat.turn()
        self.assertEqual(self.successResultOf(self.post("b")).seq, 1)
        self.assertEqual(self.ada.received(), ["Ada:b"])

    def test_restore(self) -> None:
        """
        If the store is available again in time, messages are delivered in order.
        """
        mina = self.chat.tcp("Mina", "dev")
        self.chat.cut()
        mina.send("a")
        self.chat.turn()
        self.chat.clock.advance(5)
        mina.send("b")
        self.chat.turn()
        self.assertEqual(mina.received(), [])
        self.chat.restore()
        for _ in range(3):
            self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:a", "Mina:b"])

    def test_lag(self) -> None:
        """
        A message is delivered after the time of the lag.
        """
        self.chat.lag(3)
        posting = self.post("a")
        self.chat.clock.advance(2.9)
        self.assertEqual(self.ada.received(), [])
        self.chat.clock.advance(0.1)
        self.assertEqual(self.ada.received(), ["Ada:a"])
        self.successResultOf(posting)

    def test_longLag(self) -> None:
        """
        If the lag is longer than 10 s, the outcome is unknown. A message that is sent again with
        the same id is a duplicate.
        """
        self.chat.lag(12)
        posting = self.post("a", "1")
        self.chat.clock.advance(10)
        self.assertEqual(self.failureResultOf(posting, ChatError).value.code, UNKNOWN)
        self.chat.clock.advance(2)
        self.assertEqual(self.ada.received(), ["Ada:a"])
        self.chat.lag(0)
        self.chat.turn()
        again = self.successResultOf(self.post("a", "1"))
        self.assertEqual(again, Receipt("dev", 1, duplicate=True))
        self.assertEqual(self.ada.received(), [])

    def test_join(self) -> None:
        """
        A join fails while the store is cut, and succeeds afterwards.
        """
        self.chat.cut()
        joining = self.chat.service.join(MemoryMember("Bob"), "ops")
        self.chat.clock.advance(11)
        self.assertEqual(self.failureResultOf(joining, ChatError).value.code, FAILED)
        self.chat.restore()
        self.chat.turn()
        self.chat.member("Bob", "ops")


class RestartTests(ChatTestCase):
    """
    Tests for restarts.
    """

    def test_data(self) -> None:
        """
        After a restart, the messages and ids are there, and the room recovers earlier positions.
        """
        for clean in (True, False):
            self.setUp()
            self.successResultOf(self.post("a"))
            since = Position(self.joined().epoch, 1)
            self.successResultOf(self.post("b", "1"))
            before = self.chat.service
            self.chat.restart(clean)
            self.assertIsNot(self.chat.service, before)
            joined = self.rejoin(since)
            self.assertEqual((joined.recovered, joined.seq), (True, 2))
            self.assertEqual([message.text for message in joined.replay], ["b"])
            self.assertTrue(self.successResultOf(self.post("b", "1")).duplicate)
            self.assertEqual(self.successResultOf(self.post("c")).seq, 3)
            self.assertEqual(self.ada.received(), ["Ada:c"])

    def joined(self) -> Joined:
        """
        @return: the answer to a join of another member
        """
        return self.successResultOf(self.chat.service.join(MemoryMember("Eve"), "dev"))

    def test_clean(self) -> None:
        """
        A clean restart notifies members and clients. Messages that were sent are stored.
        """
        mina = self.chat.tcp("Mina", "dev")
        web = self.chat.ws("Wim", "dev")
        mina.send("last")
        self.chat.restart()
        self.assertEqual(self.ada.end, SHUTDOWN)
        self.assertFalse(mina.connected or web.connected)
        web.received()
        self.assertEqual(web.closeCode, SHUTDOWN.code)
        self.assertEqual(self.rejoin().seq, 1)
        self.chat.tcp("Mina", "dev").send("again")
        self.chat.turn()
        self.assertEqual(self.ada.received(), ["Mina:again"])

    def test_kill(self) -> None:
        """
        A killed process notifies nobody, and loses what is not stored. What the clients had
        received before can still be read.
        """
        mina, bob = self.chat.tcp("Mina", "dev"), self.chat.ws("Bob", "dev")
        mina.send("a")
        self.chat.turn()
        mina.send("lost")
        self.chat.restart(clean=False)
        self.assertFalse(mina.connected or bob.connected)
        self.assertEqual((mina.received(), bob.received()), (["Mina:a"], ["Mina:a"]))
        self.assertEqual((self.ada.end, bob.closeCode), (None, None))
        self.assertEqual(self.rejoin().seq, 1)
        self.chat.clock.advance(60)
        self.assertEqual(self.ada.received(), [])

    def test_names(self) -> None:
        """
        The names of the old process are free, and its members are no members of the new one.
        """
        for clean in (True, False):
            self.setUp()
            old = self.ada
            self.chat.restart(clean)
            joined = self.rejoin()
            self.assertEqual(joined.count, 1)
            with self.assertRaises(ChatError):
                self.chat.service.say(old, "dev", "from the other side")

    def test_client(self) -> None:
        """
        A client reconnects by itself, recovers what it missed, and sends again what was not
        acknowledged, once.
        """
        for clean in (True, False):
            self.setUp()
            heard: list[Event] = []
            bot = self.chat.client("bot", heard.append)
            bot.join("dev")
            self.chat.turn()
            self.successResultOf(self.post("before"))
            self.chat.turn()
            self.chat.lag(1)
            sending = bot.say("dev", "hello")
            self.chat.clock.advance(0.5)
            self.chat.restart(clean)
            self.rejoin()
            self.successResultOf(self.post("meanwhile"))
            for _ in range(30):
                self.chat.clock.advance(1)
            receipt = self.successResultOf(sending)
            messages = [event for event in heard if isinstance(event, Message)]
            self.assertEqual([each.seq for each in messages], [1, 2, 3])
            self.assertCountEqual(
                [each.text for each in messages], ["before", "hello", "meanwhile"]
            )
            self.assertEqual(messages[receipt.seq - 1].text, "hello")
            bot.stopService()

    def test_timers(self) -> None:
        """
        The old process leaves no timers.
        """
        for clean in (True, False):
            chat = MemoryChat()
            chat.member("Ada", "dev")
            chat.tcp("Mina", "dev")
            chat.ws("Bob", "dev")
            chat.restart(clean)
            chat.clock.advance(60)
            self.assertEqual(chat.clock.getDelayedCalls(), [])

    def test_faultEnds(self) -> None:
        """
        A restart ends a fault.
        """
        for clean in (True, False):
            self.setUp()
            self.chat.cut()
            self.chat.lag(5)
            self.post("a").addErrback(lambda _: None)
            self.chat.restart(clean)
            self.rejoin()
            self.successResultOf(self.post("b"))
