"""
Joins to and leaves from a room, reported at most a few times a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from machat import names
from machat.events import Presence
from machat.limits import Limits


class Attendance:
    """
    The joins and leaves of one room, while a member watches them. A leave is reported only after
    L{Limits.grace} seconds. A member who comes back before that is not reported as having left. A
    watcher that begins with L{names} and applies every report always has the right list.
    """

    def __init__(
        self,
        room: str,
        present: Iterable[str],
        clock: IReactorTime,
        limits: Limits,
        announce: Callable[[Presence], None],
    ) -> None:
        """
        @param present: the names in the room
        @param announce: called with each report, from a timer
        """
        self._room = room
        self._present = {names.key(name): name for name in present}
        self._clock = clock
        self._limits = limits
        self._announce = announce
        self._arrived: dict[str, str] = {}
        self._leaving: dict[str, float] = {}
        self._timer: IDelayedCall | None = None

    @property
    def names(self) -> list[str]:
        """
        The names that have not been reported as having left.
        """
        return list(self._present.values())

    def came(self, name: str) -> None:
        """
        Report a join.
        """
        key = names.key(name)
        if self._leaving.pop(key, None) is None:
            self._arrived[key] = name
            self._wake(self._limits.coalesce)
        self._present[key] = name

    def went(self, name: str) -> None:
        """
        Report a leave after the grace period, unless the member comes back.
        """
        self._leaving[names.key(name)] = self._clock.seconds() + self._limits.grace
        self._wake(self._limits.grace)

    def stop(self) -> None:
        """
        Send no more reports.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self, delay: float) -> None:
        if self._timer is None:
            self._timer = self._clock.callLater(delay, self._tell)
        elif self._timer.getTime() > self._clock.seconds() + delay:
            self._timer.reset(delay)

    def _tell(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        gone = [key for key, until in self._leaving.items() if until <= now]
        left = tuple([self._present.pop(key) for key in gone])
        for key in gone:
            del self._leaving[key]
        joined = tuple(self._arrived.values())
        self._arrived.clear()
        if self._leaving:
            first = next(iter(self._leaving.values()))
            self._wake(max(first - now, self._limits.coalesce))
        if joined or left:
            self._announce(self._event(joined, left))

    def _event(self, joined: tuple[str, ...], left: tuple[str, ...]) -> Presence:
        count = len(self._present)
        if count > self._limits.listed:
            return Presence(room=self._room, count=count)
        return Presence(room=self._room, joined=joined, left=left, count=count)
