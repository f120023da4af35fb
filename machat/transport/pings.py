"""
One timer for the pings of all connections.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Pinged(Protocol):
    """
    A connection on the wheel.
    """

    def ping(self) -> None: ...

    def checkPong(self) -> None: ...


class Wheel:
    """
    Turns by one slot a second, while anybody is on it. A connection sits in the slot that was
    current when it came: it is asked once a round, and its answer is looked for some slots later.
    """

    def __init__(self, clock: IReactorTime, ping: int, pong: int) -> None:
        """
        @param ping: seconds of a round
        @param pong: seconds from asking to looking for the answer: less than C{ping}
        """
        self._clock = clock
        self._slots: list[dict[Pinged, None]] = [{} for _ in range(ping)]
        self._places: dict[Pinged, dict[Pinged, None]] = {}
        self._pong = pong
        self._current = 0
        self._timer: IDelayedCall | None = None

    def add(self, connection: Pinged) -> None:
        """
        Ask this connection from now on: for the first time after one round.
        """
        slot = self._places[connection] = self._slots[self._current]
        slot[connection] = None
        if self._timer is None:
            self._timer = self._clock.callLater(1, self._turn)

    def discard(self, connection: Pinged) -> None:
        """
        Ask it no more. A connection that is not on the wheel is ignored.
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
            if connection in asked:  # one before it may have taken it off
                connection.ping()
        for connection in list(due):
            if connection in due:
                connection.checkPong()
