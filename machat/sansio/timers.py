"""
The timers of a client, which pass no time themselves: the adapter calls L{Timers.run} when the
first one is due.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

#: A timer is due this much earlier, seconds, so that a rounded delay does not call it twice.
EARLY = 1e-6


class Timer:
    """
    A call at a later time.

    @ivar when: the time, seconds
    """

    __slots__ = ("when", "_timers", "_call")

    def __init__(self, timers: Timers, when: float, call: Callable[[], object]) -> None:
        self.when = when
        self._timers = timers
        self._call: Callable[[], object] | None = call

    def __lt__(self, other: Timer) -> bool:
        return self.when < other.when

    @property
    def active(self) -> bool:
        """
        Whether it was neither called nor cancelled.
        """
        return self._call is not None

    def cancel(self) -> None:
        """
        Do not call it. Does nothing if it was called.
        """
        if self._call is not None:
            self._call = None
            self._timers.cancelled()

    def fire(self) -> None:
        """
        Call it, unless it was cancelled.
        """
        call, self._call = self._call, None
        if call is not None:
            call()


class Timers:
    """
    The timers of one client.

    @ivar seconds: the clock of the timers
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """
        @param seconds: returns seconds since an arbitrary point in time; never decreases
        """
        self.seconds = seconds
        self._heap: list[Timer] = []
        self._cancelled = 0

    @property
    def next(self) -> float | None:
        """
        The time of the first timer, seconds; C{None} if there is none.
        """
        while self._heap and not self._heap[0].active:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0].when if self._heap else None

    def callLater(self, delay: float, call: Callable[[], object]) -> Timer:
        """
        @param delay: seconds
        """
        timer = Timer(self, self.seconds() + delay, call)
        heapq.heappush(self._heap, timer)
        return timer

    def cancelled(self) -> None:
        """
        Record that a timer was cancelled. If most of them are, they are removed.
        """
        self._cancelled += 1
        if self._cancelled > 16 and 2 * self._cancelled > len(self._heap):
            self._heap = [timer for timer in self._heap if timer.active]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def run(self) -> None:
        """
        Call all timers that are due.
        """
        now = self.seconds() + EARLY
        while (when := self.next) is not None and when <= now:
            heapq.heappop(self._heap).fire()
