"""
Tests for L{machat.moderation.effects}, and for what a store reports about other processes.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.errors import NAME_LOST, REPLACED
from machat.events import Left, Moved, Position, Presence, RoomState
from machat.records import TAKEN_OVER, Change, Imposed, Kicked, Lifted, LockSet, TopicSet
from machat.testing import MemoryChat, MemoryMember


class OtherProcessTests(SynchronousTestCase):
    """
    Another process that shares the store changes a room, and the store reports it.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.mina = self.chat.member("Mina", "dev", watch=True)
        self.ada = self.chat.member("Ada", "dev")
        (self.room,) = self.chat.service.rooms
        self.chat.clock.advance(1)
        self.clear()

    def clear(self) -> None:
        self.mina.events.clear()
        self.ada.events.clear()

    def report(self, *changes: Change) -> None:
        self.room.said((), changes)

    def refusal(self, member: MemoryMember) -> str:
        """
        @return: the code with which a join is refused
        """
        code: str = self.failureResultOf(self.chat.service.join(member, "dev")).value.code
        return code

    def test_ban(self) -> None:
        """
        A banned member is removed, and cannot join until the ban is lifted.
        """
        until = self.chat.clock.seconds() + 60
        self.report(Imposed("ban", "ada", until, "Ada", "Mod"))
        self.assertEqual(self.ada.events, [Left(room="dev", reason="moderator Mod banned Ada")])
        self.assertEqual(list(self.room.members), [self.mina])
        self.assertEqual(self.refusal(self.ada), "not-allowed")
        self.report(Lifted("ban", "ada"))
        self.successResultOf(self.chat.service.join(self.ada, "dev"))

    def test_mute(self) -> None:
        """
        A muted member may not speak.
        """
        until = self.chat.clock.seconds() + 60
        self.report(Imposed("mute", "ada", until, "Ada", None))
        posted = self.chat.service.post(self.ada, "dev", "hello")
        self.assertEqual(self.failureResultOf(posted).value.code, "muted")

    def test_kick(self) -> None:
        """
        All members of a name are removed.
        """
        self.report(Kicked("ada", "moderator Mod kicked Ada"))
        self.assertEqual(self.ada.events, [Left(room="dev", reason="moderator Mod kicked Ada")])

    def test_ownKick(self) -> None:
        """
        A kick of this process is not repeated when it is stored: the member may be back.
        """
        self.chat.service.moderation.kick("dev", "Ada")
        self.successResultOf(self.chat.service.join(self.ada, "dev"))
        self.chat.turn()
        self.assertIn(self.ada, self.room)

    def test_state(self) -> None:
        """
        A new topic or lock is published to those who watch the room, once.
        """
        for _ in range(2):
            self.report(TopicSet("Tea"), LockSet(True))
        self.assertEqual(
            self.mina.events,
            [
                RoomState(room="dev", topic="Tea", locked=False),
                RoomState(room="dev", topic="Tea", locked=True),
            ],
        )
        self.assertEqual(self.refusal(MemoryMember("Eve")), "room-locked")

    def test_lost(self) -> None:
        """
        A member whose name is lost leaves the room, and is disconnected. It reconnects, unless its
        own client has taken the name over.
        """
        for member, reason, end in (
            (self.mina, TAKEN_OVER, REPLACED),
            (self.ada, "the lease has expired", NAME_LOST),
        ):
            self.room.lost(self.room.members[member], reason)
            self.assertNotIn(member, self.room)
            self.assertEqual(member.end, end)

    def test_presence(self) -> None:
        """
        The names of other processes count, and are reported to those who watch the room. A name
        that several processes have counts once.
        """
        self.room.presence(["Bob", "ADA"], [])
        self.assertEqual(len(self.room.occupants), 3)
        self.chat.clock.advance(1)
        self.assertEqual(
            self.mina.events, [Presence(room="dev", joined=("Bob",), left=(), count=3)]
        )
        self.clear()
        self.chat.service.leave(self.ada, "dev")
        self.room.presence([], ["Bob"])
        self.assertEqual(len(self.room.occupants), 2)
        self.chat.clock.advance(10)
        self.assertEqual(
            self.mina.events, [Presence(room="dev", joined=(), left=("Bob",), count=2)]
        )

    def test_moved(self) -> None:
        """
        All members are notified of a new epoch, and their next messages belong to it.
        """
        self.room.moved(Position("other", 0), False)
        event = Moved(room="dev", epoch="other", seq=0, lost=True)
        self.assertEqual((self.mina.events, self.ada.events), ([event], [event]))
        self.assertEqual(self.room.position, Position("other", 0))
