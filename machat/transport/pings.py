"""
One timer for the pings of all connections.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Pinged(Protocol):
    """
    A connection that is pinged.
    """

    def ping(self) -> None: ...

    def checkPong(self) -> None: ...


class Wheel:
    """
    A timer wheel, which turns by one slot per second while it has connections. A connection is in
    the slot that was current when it was added. It is pinged once in each round, and its answer is
    checked some slots later.
    """

    def __init__(self, clock: IReactorTime, ping: int, pong: int) -> None:
        """
        @param ping: the length of a round, seconds
        @param pong: the time from a ping to the check of the answer, seconds; less than C{ping}
        """
        self._clock = clock
        self._slots: list[dict[Pinged, None]] = [{} for _ in range(ping)]
        self._places: dict[Pinged, dict[Pinged, None]] = {}
        self._pong = pong
        self._current = 0
        self._timer: IDelayedCall | None = None

    def add(self, connection: Pinged) -> None:
        """
        Add a connection. It is pinged for the first time after one round.
        """
        slot = self._places[connection] = self._slots[self._current]
        slot[connection] = None
        if self._timer is None:
            self._timer = self._clock.callLater(1, self._turn)

    def discard(self, connection: Pinged) -> None:
        """
        Remove a connection. A connection that is not on the wheel is ignored.
        """
        slot = self._places.pop(connection, None)
        if slot is not None:
            del slot[connection]
        if not self._places and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        self._timer = self._clock.callLater(1, self._turn)
        self._current = (self._current + 1) % len(self._slots)
        asked, due = self._slots[self._current], self._slots[self._current - self._pong]
        for connection in list(asked):
            if connection in asked:  # an earlier connection may have removed it
                connection.ping()
        for connection in list(due):
            if connection in due:
                connection.checkPong()
