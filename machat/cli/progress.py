"""
A timer that measures how long there has been no progress.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

#: The interval of the checks, seconds.
TICK = 1.0


class ProgressTimer:
    """
    Measures the time since the last progress.
    """

    def __init__(
        self, clock: Any, state: Callable[[], object], tick: Callable[[float], object]
    ) -> None:
        """
        @param state: returns a value that changes with each progress; C{None} while nothing is
            pending
        @param tick: called every L{TICK} seconds with the number of seconds since the last change
        """
        self._clock = clock
        self._state = state
        self._tick = tick
        self._last = state()
        self._since: float = clock.seconds()
        self._timer: IDelayedCall | None = clock.callLater(TICK, self._check)

    def _check(self) -> None:
        now = self._clock.seconds()
        state = self._state()
        if state is None or state != self._last:
            self._last = state
            self._since = now
        self._timer = self._clock.callLater(TICK, self._check)
        self._tick(now - self._since)

    def stop(self) -> None:
        """
        Stop the timer.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
