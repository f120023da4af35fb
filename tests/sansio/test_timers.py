"""
Tests for L{machat.sansio.timers}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.sansio.timers import Timers


class TimersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.timers = Timers(self.clock.seconds)
        self.called: list[int] = []

    def add(self, delay: float) -> None:
        self.timers.callLater(delay, lambda: self.called.append(int(delay)))

    def test_order(self) -> None:
        """
        Timers are called in the order of their times, and none is called before its time.
        """
        for delay in (3, 1, 2):
            self.add(delay)
        self.assertEqual(self.timers.next, 1)
        self.clock.advance(0.9)
        self.timers.run()
        self.assertEqual(self.called, [])
        self.clock.advance(1.2)
        self.timers.run()
        self.assertEqual((self.called, self.timers.next), ([1, 2], 3))

    def test_cancelled(self) -> None:
        """
        A cancelled timer is not called, does not determine the next time, and is forgotten.
        """
        for _ in range(1_000):
            self.timers.callLater(1, self.fail).cancel()
        self.assertLess(len(self.timers._heap), 40)
        self.assertIsNone(self.timers.next)
        timer = self.timers.callLater(1, self.fail)
        self.add(2)
        timer.cancel()
        timer.cancel()
        self.clock.advance(2)
        self.timers.run()
        self.assertEqual((self.called, self.timers.next), ([2], None))

    def test_added(self) -> None:
        """
        A timer may add and cancel others, which are called in the same run if they are due.
        """
        later = self.timers.callLater(2, self.fail)

        def change() -> None:
            later.cancel()
            self.add(0)

        self.timers.callLater(1, change)
        self.clock.advance(5)
        self.timers.run()
        self.assertEqual(self.called, [0])

    def test_rounded(self) -> None:
        """
        A timer is called in a run at its time, however the delay was rounded.
        """
        self.clock.advance(1e6 + 0.1)
        self.add(0.3)
        when = self.timers.next
        assert when is not None
        self.clock.advance(when - self.clock.seconds())
        self.timers.run()
        self.assertIsNone(self.timers.next)
