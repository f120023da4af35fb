"""
How long a client's credentials last.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: How long before their end a client is told of it, and how long after it the connection ends.
NOTICE = 60.0
GRACE = 25.0


class Expiry:
    """
    A timer for the credentials of one connection.
    """

    __slots__ = ("_clock", "_notice", "_end", "_timer")

    def __init__(
        self, clock: IReactorTime, notice: Callable[[float], None], end: Callable[[], None]
    ) -> None:
        """
        @param notice: is called with how long the connection still has, seconds
        @param end: is called when that is over
        """
        self._clock = clock
        self._notice = notice
        self._end = end
        self._timer: IDelayedCall | None = None

    def start(self, expires: float | None) -> None:
        """
        Begin, or begin again.

        @param expires: Unix time; C{None}: never
        """
        self.stop()
        if expires is not None:
            delay = max(0.0, expires - NOTICE - self._clock.seconds())
            self._timer = self._clock.callLater(delay, self._warn, expires + GRACE)

    def stop(self) -> None:
        """
        Call nobody any more.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _warn(self, end: float) -> None:
        left = max(0.0, end - self._clock.seconds())
        self._timer = self._clock.callLater(left, self._over)
        self._notice(round(left, 3))

    def _over(self) -> None:
        self._timer = None
        self._end()
