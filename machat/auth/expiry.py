"""
The expiry of a client's credentials.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from machat.clock import chatClock

#: The time from the notice to the expiry, and from the expiry to the end of the connection,
#: seconds.
NOTICE = 60.0
GRACE = 25.0

#: The interval at which the time of day is checked, seconds. The check is repeated because the
#: system's clock may be changed.
LOOK = 60.0

#: A remaining time that is too short for a timer, seconds.
_TICK = 0.001


class Expiry:
    """
    A timer for the credentials of one connection.
    """

    __slots__ = ("_clock", "_notice", "_end", "_timer")

    def __init__(
        self, clock: IReactorTime, notice: Callable[[float], None], end: Callable[[], None]
    ) -> None:
        """
        @param clock: runs the timer
        @param notice: called L{NOTICE} before the expiry, with the time until the connection is
            closed, in seconds
        @param end: called when the connection must be closed
        """
        self._clock = chatClock(clock)
        self._notice = notice
        self._end = end
        self._timer: IDelayedCall | None = None

    def start(self, expires: float | None) -> None:
        """
        Start the timer, or restart it for new credentials.

        @param expires: the expiry, in seconds since the Unix epoch; C{None} for no expiry
        """
        self.stop()
        if expires is not None:
            self._wait(expires - NOTICE, self._warn, expires + GRACE)

    def stop(self) -> None:
        """
        Cancel the timer.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, until: float, then: Callable[..., None], *args: float) -> None:
        delay = min(max(0.0, until - self._clock.now()), LOOK)
        self._timer = self._clock.callLater(delay, self._look, until, then, *args)

    def _look(self, until: float, then: Callable[..., None], *args: float) -> None:
        self._timer = None
        if until - self._clock.now() < _TICK:
            then(*args)
        else:
            self._wait(until, then, *args)

    def _warn(self, end: float) -> None:
        left = max(0.0, end - self._clock.now())
        self._wait(end, self._end)
        self._notice(round(left, 3))
