"""
The time limits of many connections, with one timer.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

_log = Logger()


class Limited(Protocol):
    """
    An object with a time limit. It is hashable.
    """

    def expire(self) -> None: ...


class Deadlines:
    """
    The time limits of all connections that have not joined yet.

    Nearly all have the same limit, and then they expire in the order in which they were added. So
    they need one timer together instead of one each, which saves 4 % of the instructions of a join.
    """

    def __init__(self, clock: IReactorTime, usual: float) -> None:
        """
        @param clock: runs the timers
        @param usual: the time limit that nearly all have, seconds
        """
        self._clock = clock
        self._usual = usual
        self._waiting: dict[Limited, float] = {}
        self._due = 0.0
        self._timer: IDelayedCall | None = None
        self._others: dict[Limited, IDelayedCall] = {}

    def __contains__(self, limited: object) -> bool:
        return limited in self._waiting or limited in self._others

    def add(self, limited: Limited, delay: float) -> None:
        """
        Start a time limit.

        @param limited: expires once, unless it is discarded first. It is not contained yet
        @param delay: the time until then, seconds
        """
        if delay != self._usual:
            self._others[limited] = self._clock.callLater(delay, self._expireOther, limited)
            return
        due = self._waiting[limited] = self._clock.seconds() + delay
        if self._timer is None:
            self._start(due, delay)

    def discard(self, limited: Limited) -> None:
        """
        End a time limit. Ignored if it is unknown or has expired.
        """
        if self._waiting.pop(limited, None) is None:
            timer = self._others.pop(limited, None)
            if timer is not None:
                timer.cancel()
        elif not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, due: float, delay: float) -> None:
        self._due = due
        self._timer = self._clock.callLater(delay, self._expireDue)

    def _expireDue(self) -> None:
        """
        Expire the objects whose time limit ended not later than the timer. The others get another
        timer, even if their time has ended meanwhile: the reactor then first reads the data that
        has arrived in time.
        """
        self._timer = None
        expired = []
        for limited, due in self._waiting.items():
            if due > self._due:
                self._start(due, max(0.0, due - self._clock.seconds()))
                break
            expired.append(limited)
        for limited in expired:
            if self._waiting.pop(limited, None) is not None:  # an earlier one may have ended it
                try:
                    limited.expire()
                except Exception:
                    _log.failure("a time limit raised an exception")

    def _expireOther(self, limited: Limited) -> None:
        del self._others[limited]
        limited.expire()
