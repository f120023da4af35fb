"""
The connections that stay open after an answer, so that a browser can request further files of the
page without the round trip of a new connection.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import Interface

#: The time for which a connection stays open after its first answer, seconds.
KEPT = 5.0

#: The maximum number of such connections of a factory, and of the requests on each.
CONNECTIONS = 256
REQUESTS = 32


class IKept(Interface):
    """
    A connection that can be kept.
    """

    def finish() -> None:
        """
        Close the connection after the queued output.
        """


class _Kept:
    """
    One connection.
    """

    __slots__ = ("requests", "timer")

    def __init__(self, timer: IDelayedCall) -> None:
        self.timer = timer
        self.requests = 0


class KeptConnections:
    """
    The connections of one factory that wait for another request. Each takes a place among the
    connections of the chat. Therefore their number and their time are limited.
    """

    def __init__(self, clock: IReactorTime, joinTimeout: float) -> None:
        """
        @param joinTimeout: see L{machat.limits.Limits}. A connection is kept for at most half of
            it, because it counts as refused afterwards
        """
        self._clock = clock
        self._seconds = min(KEPT, joinTimeout / 2)
        self._kept: dict[IKept, _Kept] = {}

    def keep(self, connection: IKept, left: float) -> bool:
        """
        Keep a connection after an answer. Its time begins with the first one.

        @param left: the time after which the connection would count as refused, seconds
        @return: whether the connection stays open; if not, the caller closes it
        """
        kept = self._kept.get(connection)
        if kept is None:
            if len(self._kept) >= CONNECTIONS or left <= self._seconds:
                return False
            timer = self._clock.callLater(self._seconds, connection.finish)
            kept = self._kept[connection] = _Kept(timer)
        kept.requests += 1
        return kept.requests < REQUESTS

    def left(self, connection: IKept) -> float:
        """
        @return: the time for which a connection stays open, seconds
        """
        return self._kept[connection].timer.getTime() - self._clock.seconds()

    def drop(self, connection: IKept) -> None:
        """
        Forget a connection that is closing, or has become a WebSocket. Others are ignored.
        """
        kept = self._kept.pop(connection, None)
        if kept is not None and kept.timer.active():
            kept.timer.cancel()
