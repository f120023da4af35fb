"""
Tests for the watcher of a chat.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from machat.events import Message
from machat.interfaces import IChatWatcher
from machat.records import Change
from machat.service import ChatService
from machat.testing import MemoryMember


@implementer(IChatWatcher)
class Watcher:
    """
    Remembers its calls.

    @ivar stopping: fires or fails when the test says so
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.stopping: Deferred[None] = Deferred()

    def start(self) -> None:
        self.seen.append("start")

    def stop(self) -> Deferred[None]:
        self.seen.append("stop")
        return self.stopping

    def said(self, messages: Sequence[Message]) -> None:
        self.seen += [f"{message.seq} {message.text}" for message in messages]

    def joined(self, room: str, name: str) -> None:
        self.seen.append(f"+{name}")

    def left(self, room: str, name: str) -> None:
        self.seen.append(f"-{name}")

    def moderated(self, room: str, changes: Sequence[Change]) -> None:
        self.seen += [type(change).__name__ for change in changes]


class WatcherTests(SynchronousTestCase):
    """
    The chat reports everything to its watcher.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.chat = ChatService(self.clock)
        self.watcher = Watcher()
        self.chat.watch(self.watcher)
        self.chat.startService()

    def seen(self) -> list[str]:
        """
        @return: the calls since the last one
        """
        seen, self.watcher.seen = self.watcher.seen, []
        return seen

    def test_interface(self) -> None:
        """
        The watcher of this test provides the interface.
        """
        verifyObject(IChatWatcher, self.watcher)

    def test_reports(self) -> None:
        """
        The watcher is told about joins, messages, moderation and leaves, in this order.
        """
        mina = MemoryMember("Mina")
        self.successResultOf(self.chat.join(mina, "dev"))
        self.chat.say(mina, "dev", "one")
        self.assertTrue(self.chat.sayAll(mina, "dev", ["two"], True))
        self.clock.advance(0)
        setting = self.chat.moderation.setTopic("dev", "x")
        self.clock.advance(0)
        self.successResultOf(setting)
        self.chat.leave(mina, "dev")
        expected = ["start", "+Mina", "1 one", "2 two", "3 the server set the topic: x"]
        self.assertEqual(self.seen(), [*expected, "TopicSet", "-Mina"])

    def test_stop(self) -> None:
        """
        The watcher stops after the last message is stored, and the store after the watcher, which
        may open rooms until then.
        """
        mina = MemoryMember("Mina")
        self.successResultOf(self.chat.join(mina, "dev"))
        self.chat.say(mina, "dev", "last")
        stopping = self.chat.stopService()
        self.clock.advance(0)
        self.assertEqual(self.seen(), ["start", "+Mina", "1 last", "-Mina", "stop"])
        self.assertNoResult(stopping)
        history = self.successResultOf(self.chat.visitors.history("dev"))
        self.assertEqual([message.text for message in history.messages], ["last"])
        self.watcher.stopping.errback(ValueError("logged"))
        self.successResultOf(stopping)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_again(self) -> None:
        """
        A chat that is started while its watcher stops waits for it.
        """
        self.chat.stopService()
        self.chat.startService()
        self.assertEqual(self.seen(), ["start", "stop"])
        self.watcher.stopping.callback(None)
        self.assertEqual(self.seen(), ["start"])
        self.successResultOf(self.chat.join(MemoryMember("Mina"), "dev"))
