"""
Tests for L{machat.metrics}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.metrics import BATCH_MESSAGES, SIZES, Histogram, Metrics


class MetricsTests(SynchronousTestCase):
    """
    Tests for L{Metrics}.
    """

    def test_batches(self) -> None:
        """
        The number of sizes is bounded, and the histogram contains the batches of all sizes.
        """
        metrics, expected = Metrics(), Histogram(BATCH_MESSAGES)
        for size in [*range(1, 3 * SIZES), 1, 1, 50]:
            metrics.batches[size] += 1
            expected.observe(size)
            self.assertTrue(0 < len(metrics.batches) <= SIZES)
        for _ in range(2):  # reading it changes nothing
            found = metrics.batchSizes
            self.assertEqual((found.counts, found.sum), (expected.counts, expected.sum))
