"""
Counters of a chat, as plain numbers, because counting must cost almost nothing.

L{machat.monitor} exports them to Prometheus.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable

#: The upper bounds of the histograms of flushes and of requests, in seconds, and of
#: batches, in messages.
FLUSH_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCH_MESSAGES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0)

#: The maximum number of different sizes of batches that are counted separately.
SIZES = 1_000


class Histogram:
    """
    A histogram.

    @ivar bounds: the upper bounds of the buckets, in ascending order
    @ivar counts: the number of values in each bucket, not cumulative; the last bucket has no bound
    @ivar sum: the sum of all values
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """
        Count a value.

        @param times: the number of times that it has occurred
        """
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times


class WebhookFigures:
    """
    The figures of the webhooks of one chat.

    @ivar delivered: events that the receiver has accepted
    @ivar failures: requests that the receiver has not accepted
    @ivar dropped: events that were dropped: too many waited, or the store does not have them
    @ivar waiting: returns the number of events that wait
    @ivar lag: returns the time for which the oldest of them has waited, seconds
    """

    __slots__ = ("delivered", "failures", "dropped", "waiting", "lag")

    def __init__(self, waiting: Callable[[], int], lag: Callable[[], float]) -> None:
        self.delivered = 0
        self.failures = 0
        self.dropped = 0
        self.waiting = waiting
        self.lag = lag


class Metrics:
    """
    The counters of one chat since its creation.

    @ivar deliveries: messages delivered, counted once for each member
    @ivar batches: the number of batches by their number of messages, except those that were moved
        to a histogram when they had more than L{SIZES} different sizes: see L{batchSizes}
    @ivar flushes: the duration of each flush, in seconds
    @ivar throttles: times that a connection exceeded its sending rate
    @ivar slow: connections closed as slow consumers
    @ivar refusals: refusals by the code of L{machat.errors.ChatError}
    @ivar moderations: executed moderation commands by their name
    @ivar disconnects: connections closed by the server, by the code of L{machat.errors.Disconnect}
    @ivar requests: requests to the HTTP API by endpoint and status
    @ivar requestSeconds: the durations of these requests by endpoint, in seconds
    @ivar storeFailures: batches that were not, or possibly not, stored
    @ivar webhooks: the figures of its webhooks; C{None} if it has none
    """

    __slots__ = (
        "deliveries",
        "batches",
        "_moved",
        "flushes",
        "throttles",
        "slow",
        "refusals",
        "moderations",
        "disconnects",
        "requests",
        "requestSeconds",
        "storeFailures",
        "webhooks",
    )

    def __init__(self) -> None:
        self.deliveries = 0
        self.batches: defaultdict[int, int] = defaultdict(self._newSize)  # saves a call for each
        self._moved = Histogram(BATCH_MESSAGES)
        self.flushes = Histogram(FLUSH_SECONDS)
        self.throttles = 0
        self.slow = 0
        self.refusals: Counter[str] = Counter()
        self.moderations: Counter[str] = Counter()
        self.disconnects: Counter[int] = Counter()
        self.requests: Counter[tuple[str, str]] = Counter()
        self.requestSeconds: dict[str, Histogram] = {}
        self.storeFailures = 0
        self.webhooks: WebhookFigures | None = None

    @property
    def batchSizes(self) -> Histogram:
        """
        The number of messages per batch; its C{sum} is the number of messages.
        """
        sizes = Histogram(BATCH_MESSAGES)
        sizes.counts, sizes.sum = [*self._moved.counts], self._moved.sum
        for size, count in self.batches.items():
            sizes.observe(size, count)
        return sizes

    def _newSize(self) -> int:
        """
        Make room for another size.

        @return: the number of its batches so far
        """
        if len(self.batches) >= SIZES:
            self._moved = self.batchSizes
            self.batches.clear()
        return 0

    def countRequest(self, endpoint: str, status: int, seconds: float) -> None:
        """
        Count a request to the HTTP API.
        """
        self.requests[endpoint, str(status)] += 1
        if endpoint not in self.requestSeconds:
            self.requestSeconds[endpoint] = Histogram(REQUEST_SECONDS)
        self.requestSeconds[endpoint].observe(seconds)
