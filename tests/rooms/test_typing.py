"""
Tests for L{machat.rooms.typing} with several processes. C{tests.session.test_entries} has the tests
with one.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.events import Typing
from machat.limits import Limits
from machat.rooms.typing import LARGEST
from machat.service import ChatService
from machat.testing import MemoryMember
from tests.testing.reference import ReferenceStore


class NodeTests(SynchronousTestCase):
    """
    Two processes that share a store.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        limits = Limits(rate=float("inf"))
        first = ReferenceStore(self.clock, limits)
        second = ReferenceStore(self.clock, limits, first.data)
        self.here, self.there = [
            ChatService(self.clock, limits, store) for store in (first, second)
        ]
        for service in (self.here, self.there):
            service.startService()
        self.turn()
        self.mina = self.member(self.here, "Mina")

    def turn(self, seconds: float = 0) -> None:
        self.clock.advance(seconds)
        self.clock.pump([0] * 5)

    def member(self, service: ChatService, name: str, watch: bool = False) -> MemoryMember:
        """
        @return: a member of the room
        """
        member = MemoryMember(name)
        joining = service.join(member, "dev", watch=watch)
        self.turn()
        self.successResultOf(joining)
        return member

    def typing(self, *members: MemoryMember, seconds: float = 0) -> list[list[str]]:
        """
        Mina is typing.

        @return: the names that each of the members receives
        """
        for member in members:
            member.events.clear()
        self.here.typing(self.mina, "dev")
        self.turn(seconds)
        return [
            [each.sender for each in member.events if isinstance(each, Typing)]
            for member in members
        ]

    def test_elsewhere(self) -> None:
        """
        The members of the other process that watch the room receive the signal once in three
        seconds, also if nobody watches it here.
        """
        ada, bob = self.member(self.there, "Ada", watch=True), self.member(self.there, "Bob")
        self.assertEqual(self.typing(ada, bob, self.mina, seconds=2), [["Mina"], [], []])
        self.assertEqual(self.typing(ada), [[]])
        eve = self.member(self.here, "Eve", watch=True)
        self.turn(2)
        self.assertEqual(self.typing(ada, eve), [["Mina"], ["Mina"]])

    def test_left(self) -> None:
        """
        A signal of a name that the other process has not claimed is ignored.
        """
        ada = self.member(self.there, "Ada", watch=True)
        room = next(iter(self.there.rooms))
        room.typing("Ghost")
        self.assertEqual([each for each in ada.events if isinstance(each, Typing)], [])

    def test_large(self) -> None:
        """
        In a large room, the members of all processes counted, nothing is sent.
        """
        ada = self.member(self.there, "Ada", watch=True)
        for number in range(LARGEST - 1):
            self.member(self.there, f"M{number}")
        self.assertEqual(self.typing(ada), [[]])

    def test_alone(self) -> None:
        """
        If the room has no members in other processes, nothing is reported to them.
        """
        room = next(iter(self.here.rooms))
        assert room.stored is not None
        self.patch(room.stored, "typing", self.fail)
        self.assertEqual(self.typing(self.mina), [[]])
