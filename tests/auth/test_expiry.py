"""
Tests for L{machat.auth.expiry}.
"""

from __future__ import annotations

from functools import partial

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.auth.expiry import Expiry
from machat.clock import ChatClock


class ExpiryTests(SynchronousTestCase):
    """
    Tests for L{Expiry}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[object] = []
        self.expiry = Expiry(self.clock, self.told.append, lambda: self.told.append("over"))

    def test_notice(self) -> None:
        """
        The client is notified a minute before the expiry, and disconnected 25 seconds after it.
        """
        self.expiry.start(100.0)
        self.clock.advance(39.9)
        self.assertEqual(self.told, [])
        self.clock.advance(0.1)
        self.assertEqual(self.told, [85.0])
        self.clock.advance(84.9)
        self.assertEqual(self.told, [85.0])
        self.clock.advance(0.1)
        self.assertEqual(self.told, [85.0, "over"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_renewed(self) -> None:
        """
        Only the last credentials count, and credentials that never expire cancel the timer.
        """
        self.expiry.start(100.0)
        self.clock.advance(30)
        self.expiry.start(1000.0)
        self.clock.advance(909)
        self.assertEqual(self.told, [])
        self.clock.advance(1)
        self.assertEqual(self.told, [85.0])
        self.expiry.start(None)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_almostOver(self) -> None:
        """
        Credentials that are about to expire, or have just expired, are reported at once.
        """
        self.clock.advance(1000)
        self.expiry.start(999.0)
        self.clock.advance(0)
        self.assertEqual(self.told, [24.0])
        self.expiry.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_clockSet(self) -> None:
        """
        Credentials expire at a time of day, and a change of the system clock is noticed within a
        minute.
        """
        for jump in (-3600, 3600):
            clock, told = Clock(), list[float]()
            clock.advance(1_000_000)
            now = [0.0]
            expiry = Expiry(ChatClock(clock, partial(now.__getitem__, 0)), told.append, told.clear)
            expiry.start(5000.0)
            now[0] += jump
            for _ in range(170):
                now[0] += 60
                clock.advance(60)
                if told:
                    break
            self.assertTrue(4940 <= now[0] <= 5000)
            self.assertEqual(told, [5025 - now[0]])
