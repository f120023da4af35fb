"""
The condition of the store, for health checks and the log.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from machat.records import Health

#: The time in which a loss of data is logged once, in seconds.
LOSSES = 60.0


class Condition:
    """
    The present faults of the store by their source. Each change of the first fault is one line in
    the log.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, source: str, text: str) -> None:
        """
        @param source: a first fault: where it is
        @param text: the fault and its remedy, one line
        """
        self._clock = clock
        self._faults = {source: text}
        self._since = clock.seconds()
        self._logged = text
        self._lost = -LOSSES

    def report(self, source: str, text: str | None) -> None:
        """
        @param text: the fault and its remedy, one line; C{None}: there is no fault
        """
        up = not self._faults
        if text is not None:
            self._faults[source] = text
        elif self._faults.pop(source, None) is None:
            return
        if up != (not self._faults):
            seconds = self._clock.seconds() - self._since
            self._since = self._clock.seconds()
            if not self._faults:
                self._log.info("the store is up, after {seconds:.1f} s", seconds=seconds)
        reason = self.reason
        if reason and reason != self._logged:
            self._log.warn("the store is down: {reason}", reason=reason)
        self._logged = reason

    def lost(self, room: str) -> None:
        """
        Data was lost, that of this room and perhaps of others. The log has one line in L{LOSSES}
        seconds.
        """
        now = self._clock.seconds()
        if now >= self._lost + LOSSES:
            self._lost = now
            self._log.warn(
                "the engine has lost data, for example of {room}: check its persistence (appendonly"
                " and replicas), and whether keys were deleted",
                room=room,
            )

    def stop(self) -> None:
        """
        The store is down because it was stopped.
        """
        self._logged = "stopped"
        self._faults.clear()
        self.report("stop", "stopped")

    def start(self) -> None:
        """
        The store is started.
        """
        self._faults.pop("stop", None)

    @property
    def up(self) -> bool:
        """
        Whether there is no fault.
        """
        return not self._faults

    @property
    def reason(self) -> str:
        """
        The first fault; empty if there is none.
        """
        return next(iter(self._faults.values()), "")

    def health(self, waiting: int) -> Health:
        """
        @param waiting: see L{Health}
        """
        return Health(not self._faults, self._since, waiting, self.reason)
