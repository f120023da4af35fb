"""
Tests for L{machat.transport.deadlines}.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.clock import ChatClock
from machat.transport.deadlines import Deadlines


class Waiting:
    """
    Records the times at which it expired.
    """

    def __init__(self, clock: Clock, action: Callable[[], object] = lambda: None) -> None:
        self.clock = clock
        self.action = action
        self.times: list[float] = []

    def expire(self) -> None:
        self.times.append(self.clock.seconds())
        self.action()


class DeadlinesTests(SynchronousTestCase):
    """
    Tests for L{Deadlines}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.deadlines = Deadlines(ChatClock(self.clock), 10.0)

    def add(self, action: Callable[[], object] = lambda: None, delay: float = 10.0) -> Waiting:
        """
        @return: an object whose time limit runs
        """
        waiting = Waiting(self.clock, action)
        self.deadlines.add(waiting, delay)
        return waiting

    def pending(self) -> int:
        """
        @return: the number of timers
        """
        return len(self.clock.getDelayedCalls())

    def test_expire(self) -> None:
        """
        Each expires once, after the same time, with one timer for all.
        """
        one = self.add()
        self.clock.advance(3)
        other = self.add()
        self.assertEqual(self.pending(), 1)
        self.clock.pump([1] * 20)
        self.assertEqual((one.times, other.times), ([10.0], [13.0]))
        self.assertNotIn(one, self.deadlines)
        self.assertEqual(self.pending(), 0)

    def test_together(self) -> None:
        """
        If the clock advances beyond several deadlines, all of them expire, in order.
        """
        order: list[int] = []
        for number in range(4):
            self.add(lambda number=number: order.append(number))  # type: ignore[misc]
            self.clock.advance(number % 2)
        self.clock.advance(60)
        self.assertEqual(order, [0, 1, 2, 3])
        self.assertEqual(self.pending(), 0)

    def test_readFirst(self) -> None:
        """
        A deadline that passes while earlier ones expire is served a turn later, so that the reactor
        reads first what has arrived in time.
        """
        one = self.add()
        self.clock.advance(1)
        other = self.add()
        self.clock.rightNow += 30
        for expired in ([], [31.0]):  # L{ChatClock} waits for a turn too
            call = self.clock.calls.pop(0)
            call.called = 1
            call.func()
            self.assertEqual((one.times, other.times), (expired, []))
        self.clock.advance(0)
        self.assertEqual(other.times, [31.0])

    def test_discard(self) -> None:
        """
        A discarded object does not expire, and no timer remains. Unknown ones are ignored.
        """
        one, other = self.add(), self.add(delay=2.0)
        self.assertIn(one, self.deadlines)
        self.assertIn(other, self.deadlines)
        for _ in range(2):
            self.deadlines.discard(one)
            self.deadlines.discard(other)
        self.assertEqual(self.pending(), 0)
        self.assertNotIn(other, self.deadlines)
        self.clock.advance(60)
        self.assertEqual((one.times, other.times), ([], []))

    def test_other(self) -> None:
        """
        Another time limit has a timer of its own, and does not change the order of the rest.
        """
        one, other, now = self.add(), self.add(delay=2.0), self.add(delay=0.0)
        self.clock.pump([0, 1, 1, 8])
        self.assertEqual((one.times, other.times, now.times), ([10.0], [2.0], [0.0]))

    def test_reentrance(self) -> None:
        """
        An object that expires may end another one, and may start a time limit again.
        """
        one = self.add(lambda: self.deadlines.discard(other))
        other = self.add()
        again = self.add(lambda: self.deadlines.add(again, 10.0))
        self.clock.advance(10)
        self.assertEqual((one.times, other.times, again.times), ([10.0], [], [10.0]))
        self.clock.advance(10)
        self.assertEqual(again.times, [10.0, 20.0])
        self.deadlines.discard(again)
        self.assertEqual(self.pending(), 0)

    def test_exception(self) -> None:
        """
        An exception is logged, and the others expire.
        """
        self.add(lambda: 1 / 0)
        other = self.add()
        self.clock.advance(10)
        self.assertEqual(other.times, [10.0])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans()), max_size=30))
    def test_asTimers(self, steps: list[tuple[int, int, bool]]) -> None:
        """
        Every object expires when a timer of its own would have called it.
        """
        self.setUp()
        expected: dict[Waiting, list[float]] = {}
        for seconds, index, adds in steps:
            if adds:
                expected[self.add()] = [self.clock.seconds() + 10]
            elif index < len(expected):
                ended = list(expected)[-index - 1]
                self.deadlines.discard(ended)
                expected[ended] = ended.times.copy()
            self.clock.pump([1] * seconds)
        self.clock.pump([1] * 11)
        self.assertEqual([each.times for each in expected], list(expected.values()))
        self.assertEqual(self.pending(), 0)
