"""
The condition of the store, and the log lines about its changes.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from machat.records import Health
from machat.store.sqlite.faults import DAMAGED, Fault


class Condition:
    """
    Whether the store accepts messages. Each change is logged once.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, waiting: Callable[[], int]) -> None:
        """
        @param waiting: returns the number of messages that wait to be stored
        """
        self._clock = clock
        self._waiting = waiting
        self._fault: Fault | None = None
        self._damage: Fault | None = None
        self._since = clock.seconds()

    @property
    def up(self) -> bool:
        """
        Whether the last operation has succeeded.
        """
        return self._fault is None

    def health(self) -> Health:
        """
        See L{machat.interfaces.IStore.health}.
        """
        fault = self._fault or self._damage
        reason = "" if fault is None else fault.reason
        return Health(fault is None, self._since, self._waiting(), reason)

    def failed(self, fault: Fault) -> None:
        """
        An operation has failed.
        """
        if self._fault is None:
            self._since = self._clock.seconds()
        if self._fault is None or self._fault.cause != fault.cause:
            self._log.error("messages cannot be stored: {reason}", reason=fault.reason)
        self._fault = fault

    def unreadable(self, fault: Fault) -> None:
        """
        A read has failed. A damaged file stays so, although other parts can be read and
        messages be stored: the store is down until the server is started with another file.
        """
        if fault.cause == DAMAGED:
            if self._damage is not None:
                return
            self._damage = fault
            self._since = self._clock.seconds()
        self._log.error("messages cannot be read: {reason}", reason=fault.reason)

    def succeeded(self) -> None:
        """
        An operation has succeeded.
        """
        if self._fault is not None:
            now = self._clock.seconds()
            self._log.info(
                "messages are stored again, after {seconds:.0f} s", seconds=now - self._since
            )
            self._fault = None
            self._since = now
