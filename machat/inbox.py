"""
Between a transport and a session: the lines of one client that wait for their turn.

They wait while something is under way that has to be done first, and while the client is over its
sending rate. Meanwhile nothing more is read from it, so what waits is what one read has brought,
and TCP holds the rest back at the client's own end: nothing is lost, and nobody else notices.
"""

from __future__ import annotations

from math import inf
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from machat.interfaces import IChatRoom, IConnection

#: A share of a message that is forgiven when the clock's sums do not come out even.
_SLACK = 1e-6


class Served(Protocol):
    """
    Who serves lines.
    """

    def serve(self, lines: list[bytes]) -> list[bytes]: ...


class Inbox:
    """
    The waiting input of one connection.

    The rate is a token bucket kept as one number, the time at which it will be full again: each
    message moves that on by C{1 / rate}, and it may lie C{burst / rate} ahead (the generic cell
    rate algorithm, ITU-T I.371, Annex A).

    @ivar throttled: whether the client is over its rate
    """

    __slots__ = (
        "throttled",
        "_chat",
        "_connection",
        "_session",
        "_held",
        "_early",
        "_full",
        "_timer",
    )

    def __init__(self, chat: IChatRoom, connection: IConnection, session: Served) -> None:
        """
        @param session: its C{serve} takes lines, and returns those that it has not served because
            of one that made it call L{hold}
        """
        self.throttled = False
        self._chat = chat
        self._connection = connection
        self._session: Served | None = session
        self._held = False
        self._early: list[bytes] = []
        self._full = 0.0
        self._timer: IDelayedCall | None = None

    @property
    def held(self) -> bool:
        """
        Whether what comes has to wait, and nothing is read.
        """
        return self._held

    def received(self, lines: bytes) -> None:
        """
        Take one or more lines, whole but for the last newline.
        """
        if self._held:
            self._early.append(lines)
        elif self._chat.limits.rate == inf:
            self._serve(lines.split(b"\n"))
        else:
            self._serveSome(lines)

    def _serve(self, lines: list[bytes]) -> None:
        if self._session is not None:
            left = self._session.serve(lines)
            if left:
                self._early = left

    def _serveSome(self, lines: bytes) -> None:
        """
        Serve as many as the rate allows.
        """
        due = self._take(lines.count(b"\n") + 1)
        some = lines.split(b"\n", due)
        rest = some[due:]
        if due:
            self._serve(some[:due])
            self._full -= (
                len(self._early) / self._chat.limits.rate
            )  # those count when it is their turn
        if rest and self._session is not None:
            self._early += rest
            if not self._held:
                self._throttle()

    def _take(self, wanted: int) -> int:
        """
        @return: how many of so many messages may be served now
        """
        limits = self._chat.limits
        now = self._chat.clock.seconds()
        full = max(self._full, now)
        free = limits.burst - (full - now) * limits.rate
        taken = max(0, min(wanted, int(free + _SLACK)))
        self._full = full + taken / limits.rate
        return taken

    def _throttle(self) -> None:
        limits = self._chat.limits
        due = self._full - (limits.burst - 1) / limits.rate
        delay = max(0.0, due - self._chat.clock.seconds())
        self._pause()
        self.throttled = True
        self._chat.metrics.throttles += 1
        self._timer = self._chat.clock.callLater(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        self.throttled = False
        self._goOn()

    def hold(self, waiting: Deferred[Any]) -> None:
        """
        Serve nothing else until this has fired.
        """
        done: list[Any] = []
        waiting.addCallback(done.append)
        if not done:
            self._pause()
            waiting.addCallback(lambda _: self._goOn())

    def _pause(self) -> None:
        if not self._held:
            self._held = True
            self._connection.pauseReading()

    def _goOn(self) -> None:
        if self._session is None:
            return
        self._held = False
        early, self._early = self._early, []
        if early:
            self.received(b"\n".join(early))
        if not self._held and self._session is not None:
            self._connection.resumeReading()

    def end(self) -> None:
        """
        Forget what waits, and serve nothing any more. What still comes is read, such as the end of
        the connection.
        """
        self._session = None
        self._early = []
        if self._held:
            self._held = False
            self._connection.resumeReading()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
