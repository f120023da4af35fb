"""
Tests for L{machat.store.redis.times}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.records import Imposed, Lifted
from machat.store.redis.times import EngineTime

MUTE = Imposed("mute", "ada", 1_000.5, "Ada", "Mina")


class EngineTimeTests(SynchronousTestCase):
    def test_ends(self) -> None:
        """
        Only the ends of mutes and bans are converted.
        """
        time = EngineTime()
        time.measured(5_000.0, 8_600.2, 0.0)
        self.assertEqual(time.ahead, -3_600)
        lift = Lifted("mute", "ada")
        stored = time.shared([MUTE, lift])
        self.assertEqual(stored, [Imposed("mute", "ada", -2_599.5, "Ada", "Mina"), lift])
        self.assertEqual(time.local(stored), [MUTE, lift])

    def test_same(self) -> None:
        """
        While the clocks agree, changes are passed on as they are.
        """
        time = EngineTime()
        time.measured(100.7, 100.0, 0.0)
        changes = [MUTE]
        self.assertIs(time.shared(changes), changes)
        self.assertIs(time.local(changes), changes)

    def test_slow(self) -> None:
        """
        An answer that took long is less exact than the time that is already known.
        """
        time = EngineTime()
        time.measured(104.0, 100.0, 0.2)
        self.assertEqual(time.ahead, 4)
        time.measured(102.0, 100.0, 4.0)
        self.assertEqual(time.ahead, 4)
        time.measured(96.0, 100.0, 4.0)
        self.assertEqual(time.ahead, -2)
