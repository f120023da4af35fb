"""
Tests for L{machat.rooms.personal}, with several processes.
"""

from __future__ import annotations

from itertools import count
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from machat.clock import chatClock
from machat.errors import ChatError
from machat.records import Imposed
from machat.rooms.personal import KEPT, Note, People
from machat.store import MemoryStore
from machat.store.redis import Location, RedisStore
from machat.testing.store import UnreliableStore
from tests.store.redis.engine import ABSENT, sharedEngine

_prefixes = count()


class PeopleTests(SynchronousTestCase):
    """
    Tests with the store in memory.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.people = People(chatClock(self.clock), self.store.open)

    def test_most(self) -> None:
        """
        Beyond the maximum, the oldest note of a kind is removed.
        """
        mina = self.successResultOf(self.people.hold("Mina"))
        self.patch(__import__("machat.rooms.personal", fromlist=["x"]), "NOTES", 3)
        for number in range(5):
            self.clock.advance(1)
            mina.put(Note.READ, f"r{number}", f"R{number}", "1")
        mina.put(Note.BLOCK, "eve", "Eve", None)
        self.assertEqual([each.name for each in mina.notes(Note.READ)], ["R4", "R3", "R2"])
        self.people.release(mina)
        again = self.successResultOf(self.people.hold("MINA"))
        self.assertEqual([each.name for each in again.notes(Note.READ)], ["R4", "R3", "R2"])
        self.assertEqual([each.name for each in again.notes(Note.BLOCK)], ["Eve"])

    def test_end(self) -> None:
        """
        A note ends when it has not been changed for half a year.
        """
        mina = self.successResultOf(self.people.hold("Mina"))
        mina.put(Note.READ, "dev", "Dev", "1")
        self.people.release(mina)
        self.clock.advance(KEPT - 1)
        mina = self.successResultOf(self.people.hold("Mina"))
        self.assertIsNotNone(mina.note(Note.READ, "dev"))
        self.people.release(mina)
        self.clock.advance(2)
        mina = self.successResultOf(self.people.hold("Mina"))
        self.assertIsNone(mina.note(Note.READ, "dev"))

    def test_notOpened(self) -> None:
        """
        If the store cannot open the notes, nothing is held, and the next attempt may succeed.
        """
        opened: list[Deferred[Any]] = []

        def open(*arguments: Any) -> Deferred[Any]:
            opened.append(Deferred())
            return opened[-1]

        people = People(chatClock(self.clock), open)
        first, second = people.hold("Mina"), people.hold("mina")
        self.assertEqual(len(opened), 1)
        opened[0].errback(ChatError("failed", "x"))
        for each in (first, second):
            self.failureResultOf(each, ChatError)
        self.assertEqual(len(people), 0)
        third = people.hold("Mina")
        self.store.open(
            "@mina", "@Mina", self.successResultOf(self.people.hold("Ada"))
        ).addCallback(opened[1].callback)
        self.assertEqual(self.successResultOf(third).key, "mina")


class FaultTests(SynchronousTestCase):
    """
    Tests with a store that fails.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        memory = MemoryStore(self.clock)
        self.store = UnreliableStore(self.clock, memory)
        self.people = People(chatClock(self.clock), self.store.open)
        self.others = People(chatClock(self.clock), memory.open)
        self.mina = self.successResultOf(self.people.hold("Mina"))
        self.store.cut()

    def stored(self) -> set[tuple[str, str]]:
        """
        @return: the kinds and the targets of the notes, after the last hold has ended
        """
        self.people.release(self.mina)
        mina = self.successResultOf(self.others.hold("Mina"))
        return {(note.kind, note.target) for kind in Note for note in mina.notes(kind)}

    def test_again(self) -> None:
        """
        A note that was not stored is stored when the store is available again, even if it is not
        changed any more.
        """
        self.mina.put(Note.READ, "dev", "Dev", "1", urgent=False)
        self.clock.pump([1] * 30)
        self.mina.put(Note.CONVERSATION, "@ada,mina", "@Ada,Mina", "e 7")
        self.clock.pump([1] * 30)
        self.store.restore()
        self.clock.pump([1] * 16)
        self.assertEqual(self.stored(), {("read", "dev"), ("conversation", "@ada,mina")})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_blocked(self) -> None:
        """
        A name is not blocked if the client has received an error, and remains blocked if it was
        blocked before.
        """
        self.store.restore()
        self.clock.advance(0)
        self.mina.put(Note.BLOCK, "eve", "Eve", None)
        self.successResultOf(self.mina.whenStored())
        self.store.cut()
        self.mina.put(Note.BLOCK, "bob", "Bob", None)
        self.mina.remove(Note.BLOCK, "eve")
        storing = self.mina.whenStored()
        self.clock.pump([1] * 21)
        self.failureResultOf(storing, ChatError)
        self.assertEqual([each.name for each in self.mina.notes(Note.BLOCK)], ["Eve"])
        self.store.restore()
        self.clock.pump([1] * 16)
        self.assertEqual(self.stored(), {("block", "eve")})

    def test_superseded(self) -> None:
        """
        A note that was not stored does not replace a newer one of another process.
        """
        self.mina.put(Note.CONVERSATION, "@ada,mina", "@Ada,Mina", "e 7")
        newer = Imposed(Note.CONVERSATION.value, "@ada,mina", KEPT + 1, "@Ada,Mina", None)
        self.mina.said((), [newer])
        self.clock.pump([1] * 12)
        self.store.restore()
        self.clock.pump([1] * 12)
        self.assertIs(self.mina.note(Note.CONVERSATION, "@ada,mina"), newer)

    def test_read(self) -> None:
        """
        A read marker that waits does not replace a higher one of another process.
        """
        self.store.restore()
        self.mina.put(Note.READ, "dev", "Dev", "5", urgent=False)
        self.mina.said((), [Imposed(Note.READ.value, "dev", KEPT, "Dev", "10")])
        self.clock.pump([1] * 3)
        note = self.mina.note(Note.READ, "dev")
        assert note is not None
        self.assertEqual(note.by, "10")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_readOnItsWay(self) -> None:
        """
        If a read marker is stored after a higher one of another process, the higher one is stored
        again. The lower one is not reported.
        """
        self.store.restore()
        self.store.lag(1)
        reported: list[str | None] = []
        self.mina.watchers.append(lambda note: reported.append(cast(Imposed, note).by))
        self.mina.put(Note.READ, "dev", "Dev", "5")
        self.mina.said((), [Imposed(Note.READ.value, "dev", KEPT, "Dev", "10")])
        self.clock.pump([1] * 4)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(reported, ["10", "10"])
        self.store.lag(0)
        self.assertEqual(self.stored(), {("read", "dev")})
        note = self.successResultOf(self.others.hold("Mina")).note(Note.READ, "dev")
        self.assertEqual(note and note.by, "10")

    def test_readAfterLoss(self) -> None:
        """
        If the room has lost its messages, a lower marker replaces a higher one, also if it is
        stored only by another attempt.
        """
        self.store.restore()
        self.clock.advance(0)
        self.mina.put(Note.READ, "dev", "Dev", "10")
        self.mina.put(Note.READ, "dev", "Dev", "11", urgent=False)
        self.store.cut()
        self.mina.reset(Note.READ, "dev")
        self.mina.put(Note.READ, "dev", "Dev", "1", urgent=False)
        self.clock.pump([1] * 12)
        self.mina.put(Note.READ, "dev", "Dev", "2", urgent=False)
        self.mina.said((), [Imposed(Note.READ.value, "dev", KEPT, "Dev", "9")])
        self.store.restore()
        self.clock.pump([1] * 6)
        note = self.mina.note(Note.READ, "dev")
        self.assertEqual(note and note.by, "2")
        self.assertEqual(self.stored(), {("read", "dev")})
        note = self.successResultOf(self.others.hold("Mina")).note(Note.READ, "dev")
        self.assertEqual(note and note.by, "2")

    def test_end(self) -> None:
        """
        When nobody holds the notes any more, one more attempt is made.
        """
        self.mina.put(Note.READ, "dev", "Dev", "1", urgent=False)
        self.clock.pump([1] * 13)
        self.people.release(self.mina)
        self.clock.pump([1] * 13)
        self.assertEqual(len(self.people), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SharedPeopleTests(TestCase):
    """
    Tests with two servers and one Redis.
    """

    skip = ABSENT or None

    async def test_servers(self) -> None:
        """
        A note of one server is known to the other one at once, and after a restart.
        """
        location = Location(socket=sharedEngine().socket, prefix=f"people{next(_prefixes)}")
        stores = [RedisStore(reactor, location) for _ in range(2)]
        for store in stores:
            await store.start()
            self.addCleanup(store.stop)
        here, there = [People(chatClock(reactor), store.open) for store in stores]
        one, other = await here.hold("Mina"), await there.hold("MINA")
        told: Deferred[Any] = Deferred()
        other.watchers.append(told.callback)
        note = one.put(Note.CONVERSATION, "@ada,mina", "@Ada,Mina", "e 7")
        await one.whenStored()
        self.assertEqual((await told).by, "e 7")
        found = other.note(Note.CONVERSATION, "@ada,mina")
        assert found is not None
        self.assertEqual((found.name, round(found.until)), (note.name, round(note.until)))
        other.watchers.clear()
        one.remove(Note.CONVERSATION, "@ada,mina")
        one.put(Note.BLOCK, "eve", "Eve", None)
        await one.whenStored()
        here.release(one)
        there.release(other)
        again = await there.hold("Mina")
        self.assertIsNone(again.note(Note.CONVERSATION, "@ada,mina"))
        self.assertIsNotNone(again.note(Note.BLOCK, "eve"))
        there.release(again)
