"""
Tests for L{machat.cli.progress}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.cli.progress import ProgressTimer


class ProgressTimerTests(SynchronousTestCase):
    def test_progress(self) -> None:
        """
        The timeout starts at the last change of the awaited work, and does not run without work.
        """
        clock = Clock()
        ticks: list[float] = []
        waited: list[object] = ["a"]
        timer = ProgressTimer(clock, lambda: waited[-1], ticks.append)
        clock.pump([1] * 3)
        waited.append("b")
        clock.pump([1] * 3)
        waited.append(None)
        clock.pump([1] * 2)
        waited.append("b")
        clock.pump([1] * 2)
        self.assertEqual(ticks, [1, 2, 3, 0, 1, 2, 0, 0, 0, 1])
        timer.stop()
        timer.stop()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_stopped(self) -> None:
        """
        The timer may be stopped from its own call.
        """
        clock = Clock()
        timer = ProgressTimer(clock, lambda: 1, lambda seconds: timer.stop())
        clock.pump([1] * 3)
        self.assertEqual(clock.getDelayedCalls(), [])
