"""
When to give up: after a time without progress.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

#: How often to look, seconds.
TICK = 1.0


class ProgressTimer:
    """
    Measures for how long somebody has waited for the same thing.
    """

    def __init__(
        self, clock: Any, waitedFor: Callable[[], object], tick: Callable[[float], object]
    ) -> None:
        """
        @param waitedFor: what is waited for, and how far it is; C{None} while nothing is
        @param tick: is called each L{TICK} seconds, with the seconds since that has changed
        """
        self._clock = clock
        self._waitedFor = waitedFor
        self._tick = tick
        self._last = waitedFor()
        self._since: float = clock.seconds()
        self._timer: IDelayedCall | None = clock.callLater(TICK, self._look)

    def _look(self) -> None:
        now = self._clock.seconds()
        waitedFor = self._waitedFor()
        if waitedFor is None or waitedFor != self._last:
            self._last = waitedFor
            self._since = now
        self._timer = self._clock.callLater(TICK, self._look)
        self._tick(now - self._since)

    def stop(self) -> None:
        """
        Look no more.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
