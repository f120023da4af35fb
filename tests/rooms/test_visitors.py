"""
Tests for L{machat.rooms.visitors}.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from machat.errors import ALREADY_JOINED, BAD_ROOM, NOT_JOINED, ROOM_FULL, ChatError
from machat.events import Position
from machat.limits import DEFAULTS
from machat.testing import MemoryChat, MemoryMember


class VisitorTests(SynchronousTestCase):
    """
    Tests for reading rooms, and listening to them, without joining them.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat(replace(DEFAULTS, maxMembers=2))
        self.mina = self.chat.member("Mina", "dev")
        self.visitors = self.chat.service.visitors

    def say(self, *texts: str) -> None:
        for text in texts:
            self.chat.service.say(self.mina, "dev", text)
        self.chat.turn()

    def refusal(self, result: Deferred[Any]) -> str:
        error = self.failureResultOf(result, ChatError).value
        assert isinstance(error, ChatError)
        return error.code

    def test_history(self) -> None:
        """
        Messages are read from both ends, and the answer has the position of the room.
        """
        self.say("one", "two", "three")
        for before, after, limit, expected in (
            (None, None, 2, ["two", "three"]),
            (3, None, 300, ["one", "two"]),
            (None, 1, 1, ["two"]),
        ):
            read = self.successResultOf(self.visitors.history("Dev", before, after, limit))
            self.assertEqual([each.text for each in read.messages], expected)
            self.assertEqual((read.room, read.seq), ("dev", 3))

    def test_emptyRoom(self) -> None:
        """
        A room that nobody is in can be read, and does not stay open.
        """
        self.assertEqual(self.successResultOf(self.visitors.history("new")).messages, ())
        self.assertEqual(self.successResultOf(self.visitors.members("new")).count, 0)
        self.assertEqual([room.name for room in self.chat.service.rooms], ["dev"])
        self.assertEqual(self.refusal(self.visitors.history("no spaces")), BAD_ROOM)

    def test_members(self) -> None:
        """
        The names of a room are listed.
        """
        found = self.successResultOf(self.visitors.members("dev"))
        self.assertEqual((found.count, found.members), (1, ("Mina",)))

    def test_listen(self) -> None:
        """
        A listener receives what the members receive, but is not counted, and stops when it wants.
        """
        listener = MemoryMember("listener")
        joined = self.successResultOf(self.visitors.listen(listener, "dev"))
        self.assertEqual((joined.count, joined.replay), (1, ()))
        self.say("one")
        self.visitors.unlisten(listener, "dev")
        self.visitors.unlisten(listener, "dev")
        self.say("two")
        self.assertEqual(listener.received(), ["Mina:one"])
        self.assertEqual(self.mina.received(), ["Mina:one", "Mina:two"])
        found = self.successResultOf(self.visitors.members("dev"))
        self.assertEqual(found.members, ("Mina",))

    def test_member(self) -> None:
        """
        A member does not listen to its room as well, nor does a listener join it.
        """
        self.assertEqual(self.refusal(self.visitors.listen(self.mina, "dev")), ALREADY_JOINED)
        listener = MemoryMember("listener")
        self.successResultOf(self.visitors.listen(listener, "dev"))
        self.assertEqual(self.refusal(self.chat.service.join(listener, "dev")), ALREADY_JOINED)
        self.visitors.unlisten(listener, "dev")
        self.successResultOf(self.chat.service.join(listener, "dev"))
        self.say("one")
        self.assertEqual(listener.received(), ["Mina:one"])

    def test_recovery(self) -> None:
        """
        A listener that names its position receives the missed messages, or learns that it cannot.
        """
        self.say("one", "two")
        epoch = self.successResultOf(self.visitors.history("dev")).epoch
        for since, recovered, missed, texts in (
            (Position(epoch, 1), True, 1, ["two"]),
            (Position(epoch, 9), False, None, []),
            (Position("other", 1), False, None, []),
        ):
            listener = MemoryMember("listener")
            joined = self.successResultOf(self.visitors.listen(listener, "dev", since))
            self.assertEqual([each.text for each in joined.replay], texts)
            self.assertEqual((joined.recovered, joined.missed), (recovered, missed))
            self.visitors.unlisten(listener, "dev")
        joined = self.successResultOf(self.visitors.listen(listener, "dev", None, 1))
        self.assertEqual([each.text for each in joined.replay], ["two"])

    def test_limit(self) -> None:
        """
        A room has as many listeners as members at most, and each once.
        """
        first, second, third = (MemoryMember(name) for name in ("a", "b", "c"))
        for listener in (first, second):
            self.successResultOf(self.visitors.listen(listener, "dev"))
        self.assertEqual(self.refusal(self.visitors.listen(first, "dev")), ALREADY_JOINED)
        self.assertEqual(self.refusal(self.visitors.listen(third, "dev")), ROOM_FULL)

    def test_staysOpen(self) -> None:
        """
        A listener keeps its room, and the position in it, after the last member has left. A
        moderator can unlock such a room.
        """
        listener = MemoryMember("listener")
        joined = self.successResultOf(self.visitors.listen(listener, "dev"))
        moderation = self.chat.service.moderation
        locking = moderation.lock("dev")
        self.chat.service.leave(self.mina, "dev")
        self.chat.turn()
        self.successResultOf(locking)
        unlocking = moderation.unlock("dev")
        self.chat.turn()
        self.successResultOf(unlocking)
        again = self.successResultOf(self.chat.service.join(self.mina, "dev"))
        self.assertEqual(again.epoch, joined.epoch)
        self.chat.service.leave(self.mina, "dev")
        self.visitors.unlisten(listener, "dev")
        self.assertEqual(list(self.chat.service.rooms), [])
        self.assertEqual(self.refusal(moderation.lock("dev")), NOT_JOINED)
