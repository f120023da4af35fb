"""
Tests for L{machat.rooms.room}.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer, verify

from machat.entries import Entry
from machat.errors import ChatError, Disconnect
from machat.events import Draft, Event, Message, Position, Presence
from machat.interfaces import IChatMember
from machat.metrics import Metrics
from machat.records import Change
from machat.rooms.batch import Batch
from machat.rooms.room import Room
from machat.testing.contract.case import claimOf
from machat.wire import IDialect


@implementer(IDialect)
class CountingDialect:
    """
    A dialect that encodes a batch to the list of its texts, and keeps its results.
    """

    transport = "memory"
    name = "counting"

    def __init__(self) -> None:
        self.encoded: list[list[str]] = []

    def encode(self, messages: Sequence[Entry]) -> list[str]:
        self.encoded.append([message.text for message in messages])
        return self.encoded[-1]

    def encodeEvent(self, event: Event) -> list[str]:
        return [type(event).__name__]


@implementer(IChatMember)
class Member:
    """
    A member that keeps what is delivered to it, then runs a function of the test.
    """

    user = None
    peer = "a test"
    silent = False

    def __init__(
        self, name: str, dialect: IDialect, action: Callable[[], object] = lambda: None
    ) -> None:
        self.name = name
        self.dialect = dialect
        self.action = action
        self.batches: list[Any] = []

    def deliver(self, batch: Any) -> None:
        self.batches.append(batch)
        self.action()

    def notStored(self, room: str, error: ChatError) -> None:
        pass

    def removed(self, room: str, reason: str) -> None:
        pass

    def disconnected(self, end: Disconnect) -> None:
        pass


def batch(*texts: str, first: int = 1) -> list[Entry]:
    """
    @return: numbered messages of one room
    """
    return [Message("Dev", seq, "Mina", text, 0) for seq, text in enumerate(texts, first)]


class NoKeeper:
    """
    A L{machat.rooms.keeper.Keeper} of a room without hooks and moderators.
    """

    observes = False
    busy: Container[Callable[[bytes], int]] = frozenset()

    def said(self, messages: Sequence[Entry]) -> None:
        pass

    def changed(self, room: Room, changes: Sequence[Change]) -> None:
        pass

    def lost(self, room: Room, member: IChatMember, reason: str) -> None:
        pass


class Oops(Exception):
    """
    An exception that a member raises.
    """


class RoomTests(SynchronousTestCase):
    """
    Tests for L{Room}.
    """

    def setUp(self) -> None:
        self.room = Room("Dev", Metrics(), NoKeeper())
        self.room.epoch = "epoch"
        self.dialect = CountingDialect()
        self.other = CountingDialect()

    def member(
        self,
        name: str,
        dialect: CountingDialect | None = None,
        action: Callable[[], object] = lambda: None,
    ) -> Member:
        """
        @return: a member of the room
        """
        member = Member(name, dialect or self.dialect, action)
        self.room.add(member, claimOf(name))
        return member

    def say(self, member: Member, text: str) -> None:
        self.room.batch = self.room.batch or Batch()
        draft = Draft(self.room.name, self.room.members[member].name, text)
        self.room.batch.say(draft, member)

    def taken(self) -> list[Draft]:
        """
        @return: the batch, taken as a flush takes it
        """
        batch, self.room.batch = self.room.batch, None
        return [] if batch is None else batch.drafts

    def oops(self) -> None:
        raise Oops

    def test_fakes(self) -> None:
        """
        The fakes of these tests provide their interfaces.
        """
        verify.verifyObject(IDialect, self.dialect)
        verify.verifyObject(IChatMember, self.member("Mina"))

    def test_name(self) -> None:
        """
        A room keeps the first spelling of its name, and is compared by its key.
        """
        room = Room("Straße", Metrics(), NoKeeper())
        self.assertEqual((room.name, room.key), ("Straße", "strasse"))

    def test_members(self) -> None:
        """
        A room lists its members in the order in which they joined.
        """
        mina, ada, bo = self.member("Mina"), self.member("Ada", self.other), self.member("Bo")
        self.assertEqual(list(self.room.members), [mina, ada, bo])
        self.assertEqual(len(self.room), 3)
        self.assertIn(mina, self.room)
        self.room.remove(mina)
        self.assertEqual(list(self.room.members), [ada, bo])
        self.assertEqual(len(self.room), 2)
        self.assertNotIn(mina, self.room)

    def test_removeTellsName(self) -> None:
        """
        Removing a member reports the name under which it joined, even if its name has changed
        since.
        """
        mina = self.member("Mina")
        mina.name = "Ada"
        self.assertEqual(self.room.remove(mina).name, "Mina")

    def test_removeStranger(self) -> None:
        """
        A member that is not in the room cannot be removed from it.
        """
        self.member("Mina")
        self.assertRaises(KeyError, self.room.remove, Member("Ada", self.dialect))
        self.assertEqual(len(self.room), 1)

    def test_pending(self) -> None:
        """
        Messages wait in order, until the batch is taken.
        """
        mina, ada = self.member("Mina"), self.member("Ada")
        self.say(mina, "hi")
        self.say(ada, "")
        self.say(mina, "bye")
        self.assertEqual(mina.batches, [])
        self.assertEqual(
            self.taken(),
            [Draft("Dev", "Mina", "hi"), Draft("Dev", "Ada", ""), Draft("Dev", "Mina", "bye")],
        )
        self.assertEqual(self.taken(), [])
        self.say(ada, "again")
        self.assertEqual(self.taken(), [Draft("Dev", "Ada", "again")])

    def test_senderIsTheNameHere(self) -> None:
        """
        A message has the name under which its sender joined.
        """
        mina = self.member("Mina")
        mina.name = "machat"
        self.say(mina, "hi")
        self.assertEqual(self.taken()[0].sender, "Mina")

    def test_deserted(self) -> None:
        """
        A room is deserted when it has no members, no arriving members and no pending messages.
        """
        self.assertTrue(self.room.deserted)
        mina = self.member("Mina")
        self.assertFalse(self.room.deserted)
        self.say(mina, "hi")
        self.room.remove(mina)
        self.assertFalse(self.room.deserted)
        self.room.holds += 1
        self.taken()
        self.assertFalse(self.room.deserted)
        self.room.holds -= 1
        self.assertTrue(self.room.deserted)

    def test_encodesOnce(self) -> None:
        """
        A batch is encoded once for each dialect in the room, and all members of a dialect get the
        same object.
        """
        members = [self.member(f"a{n}") for n in range(5)]
        others = [self.member(f"b{n}", self.other) for n in range(3)]
        self.room.said(batch("hi", "you"), ())
        self.assertEqual(self.dialect.encoded, [["hi", "you"]])
        self.assertEqual(self.other.encoded, [["hi", "you"]])
        for member in members:
            self.assertEqual(len(member.batches), 1)
            self.assertIs(member.batches[0], self.dialect.encoded[0])
        for member in others:
            self.assertEqual(len(member.batches), 1)
            self.assertIs(member.batches[0], self.other.encoded[0])

    def test_encodesForNobody(self) -> None:
        """
        A batch is not encoded to a dialect that no member uses any longer.
        """
        self.member("Mina")
        self.room.remove(self.member("Ada", self.other))
        self.room.said(batch("hi"), ())
        self.assertEqual((self.dialect.encoded, self.other.encoded), ([["hi"]], []))

    def test_order(self) -> None:
        """
        Each batch is delivered with one call, in order.
        """
        mina = self.member("Mina")
        self.room.said(batch("a", "b"), ())
        self.room.said(batch("c", first=3), ())
        self.assertEqual(mina.batches, [["a", "b"], ["c"]])

    def test_removedHearsNothing(self) -> None:
        """
        A member that was removed receives nothing more.
        """
        mina, ada = self.member("Mina"), self.member("Ada")
        self.room.said(batch("a"), ())
        self.room.remove(mina)
        self.room.said(batch("b", first=2), ())
        self.assertEqual((mina.batches, ada.batches), ([["a"]], [["a"], ["b"]]))

    def test_changedDialect(self) -> None:
        """
        The same holds if its dialect has changed since it joined.
        """
        mina = self.member("Mina")
        mina.dialect = self.other
        self.room.remove(mina)
        self.room.said(batch("a"), ())
        self.assertEqual((mina.batches, self.dialect.encoded), ([], []))

    def test_dialectRaises(self) -> None:
        """
        A dialect that raises an exception is logged, and members of all other dialects receive the
        batch.
        """

        class Broken(CountingDialect):
            def encode(self, messages: Sequence[Entry]) -> list[str]:
                raise Oops()

            def encodeEvent(self, event: Event) -> list[str]:
                raise Oops()

        broken, whole = Member("Ada", Broken()), Member("Mina", CountingDialect())
        for member in (broken, whole):
            self.room.add(member, claimOf(member.name))
            self.room.watch(member)
        self.room.said(batch("a"), ())
        self.room.announce(Presence(room="Dev", count=2))
        self.assertEqual(whole.batches, [["a"], ["Presence"]])
        self.assertEqual(broken.batches, [])
        self.assertEqual(len(self.flushLoggedErrors(Oops)), 2)

    def test_raises(self) -> None:
        """
        A member that raises an exception is logged, affects no other member, and receives the next
        batch.
        """
        members = [
            self.member("first"),
            self.member("bad", action=self.oops),
            self.member("last"),
            self.member("worse", self.other, self.oops),
            self.member("other", self.other),
        ]
        self.room.said(batch("a"), ())
        self.assertEqual(len(self.flushLoggedErrors(Oops)), 2)
        self.room.said(batch("b", first=2), ())
        self.assertEqual(len(self.flushLoggedErrors(Oops)), 2)
        for member in members:
            self.assertEqual(member.batches, [["a"], ["b"]])
        self.assertEqual(self.room.position, Position("epoch", 2))

    def test_removedInTheBatch(self) -> None:
        """
        A member that is removed by an earlier recipient of a batch does not receive that batch.
        """

        def leave() -> None:
            for member in (same, other):
                if member in self.room:
                    self.room.remove(member)

        first = self.member("first", action=leave)
        same, other = self.member("same"), self.member("other", self.other)
        last = self.member("last", self.other)
        self.room.said(batch("a"), ())
        self.assertEqual((same.batches, other.batches), ([], []))
        self.assertEqual((first.batches, last.batches), ([["a"]], [["a"]]))

    def test_removesItself(self) -> None:
        """
        A member that leaves while it receives a batch does not prevent delivery to the others.
        """
        members: list[Member] = []
        for n in range(4):
            member = self.member(f"m{n}")
            member.action = lambda member=member: self.room.remove(member)  # type: ignore[misc]
            members.append(member)
        self.room.said(batch("a"), ())
        self.assertEqual([member.batches for member in members], [[["a"]]] * 4)
        self.assertEqual(len(self.room), 0)

    def test_addedInTheBatch(self) -> None:
        """
        A member that joins while a batch is delivered receives the next batch first, because its
        dialect has been served already.
        """
        added: list[Member] = []
        first = self.member("first")
        first.action = lambda: added.append(self.member(f"new{len(added)}"))
        self.room.said(batch("a"), ())
        self.assertEqual([member.batches for member in added], [[]])
        self.room.said(batch("b", first=2), ())
        self.assertEqual([member.batches for member in added], [[["b"]], []])

    def test_position(self) -> None:
        """
        The position is the last delivered number, and is set before any member receives the batch.
        """
        room = Room("Dev", Metrics(), NoKeeper())
        self.assertIsNone(room.position)
        room.epoch, room.seq = "epoch", 7
        seen: list[Position | None] = []
        room.add(Member("Mina", self.dialect, lambda: seen.append(room.position)), claimOf("Mina"))
        room.said(batch("a", "b", first=8), ())
        self.assertEqual(seen, [Position("epoch", 9)])
        self.assertEqual(room.position, Position("epoch", 9))

    def test_positionWithoutMembers(self) -> None:
        """
        A batch without recipients advances the position too.
        """
        self.room.said(batch("a", "b", "c"), ())
        self.assertEqual(self.room.position, Position("epoch", 3))
        self.assertEqual(self.dialect.encoded, [])
