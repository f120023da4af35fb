"""
Tests for an application's own code in a room.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.events import Event, Left, Message
from machat.interfaces import IChatMember
from machat.member import Member
from machat.testing import MemoryChat


class Picky(Member):
    """
    Records its events, and raises for some of them.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.kept: list[Event] = []

    def heard(self, event: Event) -> None:
        self.kept.append(event)
        if isinstance(event, Message) and event.text == "rubbish":
            raise ValueError("rubbish")


class MemberTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.bot = Picky("bot")
        self.successResultOf(self.chat.service.join(self.bot, "dev"))
        self.mina = self.chat.tcp("Mina", "dev")

    def test_interface(self) -> None:
        """
        A member needs only a name, and accepts all events.
        """
        idle = Member("idle")
        verifyObject(IChatMember, idle)
        self.successResultOf(self.chat.service.join(idle, "dev"))
        self.mina.send("hello")
        self.chat.turn()
        self.chat.service.stopService()

    def test_failure(self) -> None:
        """
        An exception that a subclass raises for one event is logged, and the member receives the
        next event of the same batch.
        """
        self.mina.send("rubbish")
        self.mina.send("hello")
        self.chat.turn()
        texts = [event.text for event in self.bot.kept if isinstance(event, Message)]
        self.assertEqual(texts, ["rubbish", "hello"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_removed(self) -> None:
        """
        A removal is received as an event.
        """
        self.bot.removed("dev", "kicked by Ada")
        self.assertEqual(self.bot.kept, [Left(room="dev", reason="kicked by Ada")])

    def test_history(self) -> None:
        """
        A member can read the last messages of its room without giving their number.
        """
        self.mina.send("hello")
        self.chat.turn()
        read = self.successResultOf(self.chat.service.history(self.bot, "dev"))
        self.assertEqual([message.text for message in read.messages], ["hello"])
