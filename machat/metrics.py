"""
What a chat has done so far, in plain numbers: counting has to cost next to nothing.

L{machat.monitor} shows them to Prometheus.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

#: Upper bounds of what is counted apart: seconds of a flush, and messages of a batch.
FLUSH_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
BATCH_MESSAGES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0)


class Histogram:
    """
    How often values were up to which bound.

    @ivar bounds: in order
    @ivar counts: of each bound those that are not within a lower one; then those above all
    @ivar sum: of all values
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """
        Count a value.
        """
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Metrics:
    """
    The counts of one chat since it was made.

    @ivar deliveries: messages, as often as each was handed to a member
    @ivar batches: how many messages a batch had: its C{sum} are the messages
    @ivar flushes: how long a flush took, seconds
    @ivar throttles: how often a client was over its sending rate
    @ivar slow: connections that were given up because the client took too little
    @ivar refusals: by the code of L{machat.errors.ChatError}
    @ivar moderations: what moderators did, by the command
    @ivar disconnects: by the code of L{machat.errors.Disconnect}
    @ivar logFailures: batches that the log did not take
    """

    __slots__ = (
        "deliveries",
        "batches",
        "flushes",
        "throttles",
        "slow",
        "refusals",
        "moderations",
        "disconnects",
        "logFailures",
    )

    def __init__(self) -> None:
        self.deliveries = 0
        self.batches = Histogram(BATCH_MESSAGES)
        self.flushes = Histogram(FLUSH_SECONDS)
        self.throttles = 0
        self.slow = 0
        self.refusals: Counter[str] = Counter()
        self.moderations: Counter[str] = Counter()
        self.disconnects: Counter[int] = Counter()
        self.logFailures = 0
