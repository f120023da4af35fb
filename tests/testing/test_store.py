"""
Tests for L{machat.testing.store}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from machat.errors import ChatError, MaybeStored, NotStored
from machat.events import Draft
from machat.interfaces import IStore, IStoredRoom
from machat.limits import DEFAULTS, Limits
from machat.records import Stored
from machat.store.memory import MemoryStore
from machat.testing import StoreTests
from machat.testing.contract.witness import Witness
from machat.testing.operations import DEADLINE
from machat.testing.store import UnreliableStore


class UnreliableStoreTests(StoreTests, TestCase):
    """
    The contract of L{UnreliableStore}, which supplies faults, with the store in memory.
    """

    clock: Clock
    seconds = 0.0

    def makeStore(self, limits: Limits) -> IStore:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        store = UnreliableStore(self.clock, MemoryStore(self.clock, limits))
        store.lag(self.seconds)
        return store

    async def restart(self, store: IStore, clean: bool) -> IStore:
        assert isinstance(store, UnreliableStore)
        if not clean:
            raise SkipTest("a killed process loses its memory")
        await self.inTime(store.stop())
        return store

    async def pause(self, store: IStore) -> None:
        assert isinstance(store, UnreliableStore)
        store.cut()

    async def resume(self, store: IStore) -> None:
        assert isinstance(store, UnreliableStore)
        store.restore()


class LaggingStoreTests(UnreliableStoreTests):
    """
    The same, if every operation takes some time.
    """

    seconds = 1e-6
    examples = 5

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        for _ in range(50):
            if not condition():
                self.clock.advance(1e-6)
        await UnreliableStoreTests.until(self, condition, what)


class TimeTests(SynchronousTestCase):
    """
    Tests for a store that is cut or slow.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.store = UnreliableStore(self.clock, MemoryStore(self.clock, DEFAULTS))
        self.room, self.witness = self.open()

    def open(self) -> tuple[IStoredRoom, Witness]:
        """
        @return: an opened room, and its observer
        """
        witness = Witness()
        opening = self.store.open("dev", "dev", witness).addCallback(witness.opened)
        return self.successResultOf(opening), witness

    def append(self, text: str) -> Deferred[Stored]:
        """
        @return: the result of appending one message
        """
        return self.room.append([Draft("dev", "Mina", text)])

    def test_direct(self) -> None:
        """
        A store that is neither cut nor slow answers at once.
        """
        stored = self.successResultOf(self.append("a"))
        self.assertEqual(list(stored.numbers), [1])
        self.assertEqual(self.witness.texts(), ["a"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cut(self) -> None:
        """
        While the store is cut, an append fails after 10 s, and is not performed later.
        """
        self.store.cut()
        appending = self.append("a")
        self.clock.advance(DEADLINE - 0.1)
        self.assertNoResult(appending)
        self.clock.advance(0.1)
        self.failureResultOf(appending, NotStored)
        self.store.restore()
        self.clock.advance(0)
        self.successResultOf(self.append("b"))
        self.assertEqual(self.witness.texts(), ["b"])

    def test_restore(self) -> None:
        """
        If the store is available again in time, what waits is performed in its order.
        """
        self.store.cut()
        appending = [self.append("a"), self.append("b")]
        reading = self.room.read(0, 9)
        self.clock.advance(DEADLINE - 0.1)
        self.store.restore()
        self.clock.advance(0)
        results = [list(self.successResultOf(each).numbers) for each in appending]
        self.assertEqual(results, [[1], [2]])
        self.assertEqual(len(self.successResultOf(reading)), 2)
        self.assertEqual(self.witness.texts(), ["a", "b"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cutOnTheWay(self) -> None:
        """
        An append that was on its way when the store was cut may have been stored: it fails with
        C{unknown}, and is reported when the store is available.
        """
        self.store.lag(1)
        appending = self.append("a")
        self.store.cut()
        self.clock.advance(DEADLINE)
        self.failureResultOf(appending, MaybeStored)
        self.assertEqual(self.witness.texts(), [])
        self.store.restore()
        self.clock.advance(0)
        self.assertEqual(self.witness.texts(), ["a"])

    def test_lag(self) -> None:
        """
        Every operation takes the time of the lag, and several pass at the same time.
        """
        self.store.lag(3)
        appending = self.append("a")
        self.clock.advance(1)
        reading = self.room.read(0, 9)
        self.clock.advance(1.9)
        self.assertNoResult(appending)
        self.clock.advance(0.1)
        self.successResultOf(appending)
        self.assertNoResult(reading)
        self.clock.advance(1)
        self.assertEqual(len(self.successResultOf(reading)), 1)

    def test_longLag(self) -> None:
        """
        If the lag is longer than the time limit, an append fails with C{unknown}, and is reported
        when the lag has passed. Other operations fail.
        """
        self.store.lag(15)
        appending, reading = self.append("a"), self.room.read(0, 9)
        self.clock.advance(DEADLINE)
        self.failureResultOf(appending, MaybeStored)
        self.failureResultOf(reading, ChatError)
        self.assertEqual(self.witness.texts(), [])
        self.clock.advance(5)
        self.assertEqual(self.witness.texts(), ["a"])

    def test_shorterLag(self) -> None:
        """
        Operations keep their order when the lag becomes shorter.
        """
        self.store.lag(8)
        self.append("a")
        self.store.lag(1)
        self.append("b")
        self.clock.advance(1)
        self.assertEqual(self.witness.texts(), [])
        self.clock.advance(7)
        self.assertEqual(self.witness.texts(), ["a", "b"])

    def test_endLag(self) -> None:
        """
        The end of the lag lets everything pass that waits.
        """
        self.store.lag(8)
        appending = self.append("a")
        self.store.lag(0)
        self.clock.advance(0)
        self.successResultOf(appending)
        self.successResultOf(self.append("b"))
        self.assertEqual(self.witness.texts(), ["a", "b"])

    def test_health(self) -> None:
        """
        A cut store is down, with the number of messages that wait.
        """
        self.clock.advance(5)
        self.store.cut()
        self.append("a").addErrback(lambda _: None)
        health = self.store.health()
        self.assertEqual((health.up, health.since, health.waiting), (False, 5, 1))
        self.assertIn("restore()", health.reason)
        self.clock.advance(DEADLINE)
        self.assertEqual(self.store.health().waiting, 0)
        self.store.restore()
        self.assertEqual(self.store.health()[:3], (True, 5 + DEADLINE, 0))

    def test_stop(self) -> None:
        """
        C{stop} waits for what is on its way.
        """
        self.store.lag(3)
        appending = self.append("a")
        stopping = self.store.stop()
        self.clock.advance(2.9)
        self.assertNoResult(stopping)
        self.clock.advance(0.1)
        self.successResultOf(appending)
        self.successResultOf(stopping)

    def test_close(self) -> None:
        """
        A room that is closed while messages are on their way reports nothing more. The messages
        are stored.
        """
        self.store.lag(12)
        appending = self.append("a")
        self.clock.advance(DEADLINE)
        self.failureResultOf(appending, MaybeStored)
        self.room.close()
        self.witness.closed = True
        self.clock.advance(30)
        self.store.lag(0)
        self.clock.advance(0)
        self.room, _ = self.open()
        self.assertEqual(self.room.position.seq, 1)
        self.assertEqual(self.witness.faults, [])

    def test_kill(self) -> None:
        """
        A killed process performs and reports nothing more.
        """
        self.successResultOf(self.append("a"))
        self.store.lag(1)
        appending = self.append("b")
        self.store.kill()
        self.clock.advance(60)
        self.assertNoResult(appending)
        self.failureResultOf(self.append("c"), NotStored)
        self.room.close()
        self.successResultOf(self.store.stop())
        again = UnreliableStore(self.clock, self.store.store)
        self.successResultOf(self.store.store.stop())
        self.store = again
        self.room, _ = self.open()
        found = self.successResultOf(self.room.read(0, 9))
        self.assertEqual([each.text for each in found], ["a"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
