"""
Tests for L{machat.store.shares}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.store.shares import waterline


class WaterlineTests(SynchronousTestCase):
    def test_largestFirst(self) -> None:
        """
        The largest are reduced to the next largest, then all of these together.
        """
        self.assertEqual(waterline([10, 50, 20], 20), 30)
        self.assertEqual(waterline([10, 50, 20], 30), 20)
        self.assertEqual(waterline([10, 50, 20], 40), 15)

    def test_notEnough(self) -> None:
        """
        All are reduced to zero if that is not enough.
        """
        self.assertEqual(waterline([10, 50], 70), 0)
        self.assertEqual(waterline([], 1), 0)

    @given(st.lists(st.integers(0, 1000)), st.integers(1, 20_000))
    def test_any(self, weights: list[int], excess: int) -> None:
        """
        The amount above the level is sufficient, and no higher level suffices.
        """
        level = waterline(weights, excess)

        def above(height: int) -> int:
            return sum(max(0, weight - height) for weight in weights)

        if sum(weights) >= excess:
            self.assertGreaterEqual(above(level), excess)
            self.assertLess(above(level + 1), excess)
        else:
            self.assertEqual(level, 0)
