"""
Tests for L{machat.tap.collector}.
"""

from __future__ import annotations

import gc

from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from machat.tap.collector import NEW, Collector


class CollectorTests(SynchronousTestCase):
    """
    Tests for L{Collector}.
    """

    def test_settle(self) -> None:
        """
        Present objects are frozen, and new ones are collected less often, but still collected.
        """
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        reactor = MemoryReactor()
        Collector(reactor).startService()
        self.assertNotEqual(gc.get_threshold()[0], NEW)
        reactor.run()
        self.assertGreater(gc.get_freeze_count(), 10_000)
        self.assertEqual(gc.get_threshold()[0], NEW)
        self.assertTrue(gc.isenabled())
