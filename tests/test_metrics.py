"""
Tests for L{machat.metrics}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.metrics import DISTINCT, Histogram, Metrics, Occurrences


class OccurrencesTests(SynchronousTestCase):
    """
    Tests for L{Occurrences}.
    """

    def test_bound(self) -> None:
        """
        The number of values is bounded, and the histogram contains all of them.
        """
        bounds = (1.0, 100.0)
        occurrences, expected = Occurrences(bounds), Histogram(bounds)
        for value in [*range(3 * DISTINCT), 1, 1, 50]:
            occurrences[value] += 1
            expected.observe(value)
            self.assertTrue(0 < len(occurrences) <= DISTINCT)
        for _ in range(2):  # reading it changes nothing
            found = occurrences.histogram
            self.assertEqual((found.counts, found.sum), (expected.counts, expected.sum))

    def test_batchSizes(self) -> None:
        """
        The sizes of batches are a histogram.
        """
        metrics = Metrics()
        metrics.batches[2] += 1
        metrics.batches[2] += 1
        self.assertEqual((metrics.batchSizes.counts[1], metrics.batchSizes.sum), (2, 4.0))
