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

from machat.interfaces import IChatRoom, ISessionTransport
from machat.session.ratelimiter import Bucket

#: What is read from a client while its login waits, bytes: so much that its disconnecting is
#: noticed, unless it has sent more before. Each piece counts L{_PIECE} bytes more.
AHEAD = 16_384
_PIECE = 64

#: The tokens that a read costs which completes nothing: a piece of a line, of a frame or of the
#: hello. A line of 64 KiB may come in a hundred pieces, and a terminal may send every keystroke.
PARTIAL = 1 / 8


class Served(Protocol):
    """
    Serves lines.
    """

    def serve(self, lines: list[bytes]) -> list[bytes]: ...

    def limited(self) -> None: ...


class Inbox:
    """
    The waiting input of one connection.

    @ivar throttled: whether the client is over its rate
    """

    __slots__ = (
        "throttled",
        "_chat",
        "_connection",
        "_session",
        "_bucket",
        "_held",
        "_ahead",
        "_early",
        "_timer",
    )

    def __init__(self, chat: IChatRoom, connection: ISessionTransport, session: Served) -> None:
        """
        @param session: its C{serve} takes lines, and returns those that it has not served because
            of one that made it call L{hold}; its C{limited} is called whenever reading stops
            because of the rate
        """
        self.throttled = False
        self._chat = chat
        self._connection = connection
        self._session: Served | None = session
        limits = chat.limits
        self._bucket = None if limits.rate == inf else Bucket(chat.clock, limits)
        self._held = False
        self._ahead = 0
        self._early: list[bytes] = []
        self._timer: IDelayedCall | None = None

    @property
    def held(self) -> bool:
        """
        Whether what comes has to wait. Nothing is read then, or L{AHEAD} bytes at most.
        """
        return self._held

    @property
    def reads(self) -> bool:
        """
        Whether anything is read.
        """
        return not self._held or self._ahead > 0

    def received(self, lines: bytes) -> None:
        """
        Take one or more lines, whole but for the last newline.
        """
        if self._held:
            self._early.append(lines)
            self.readAhead(len(lines))
        elif self._bucket is None:
            self._serve(lines.split(b"\n"))
        else:
            self._serveSome(self._bucket, lines)

    def readAhead(self, size: int) -> None:
        """
        Something was read that has to wait. If that is too much by now, read no more.
        """
        if self._ahead:
            self._ahead = max(0, self._ahead - size - _PIECE)
            if not self._ahead:
                self._connection.pauseReading()

    def _serve(self, lines: list[bytes]) -> list[bytes]:
        """
        @return: those that have to wait
        """
        left = [] if self._session is None else self._session.serve(lines)
        if left and self._session is not None:
            self._early[:0] = left
        return left

    def _serveSome(self, bucket: Bucket, lines: bytes) -> None:
        """
        Serve as many as the rate allows.
        """
        burst = self._chat.limits.burst
        some = lines.split(b"\n", burst)
        due = bucket.affordable([len(line) for line in some[:burst]])
        if due:
            for line in self._serve(some[:due]):
                bucket.take(-bucket.cost(len(line)))  # it counts when it is its turn
        rest = some[due:]
        if rest and self._session is not None:
            self._early += rest
            if not self._held:
                first = rest[0].find(b"\n")
                self._throttle(bucket, bucket.cost(len(rest[0]) if first < 0 else first))

    def charge(self, tokens: float) -> None:
        """
        Take tokens for something that has been read and is no line. If not one is left, read
        nothing until one is.
        """
        if self._bucket is not None:
            self._bucket.take(tokens)
            if self._bucket.free():
                return
            if self._held:
                self.readAhead(AHEAD)
            else:
                self._throttle(self._bucket, 1)

    def _throttle(self, bucket: Bucket, tokens: int) -> None:
        """
        Read nothing until so many tokens are free.
        """
        self._pause()
        self.throttled = True
        self._chat.metrics.throttles += 1
        self._timer = self._chat.clock.callLater(bucket.delay(tokens), self._due)
        if self._session is not None:
            self._session.limited()

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
            waiting.addCallback(lambda _: self._released())

    def _released(self) -> None:
        if self._session is not None:
            self._goOn()

    def holdReading(self, waiting: Deferred[Any]) -> None:
        """
        Serve nothing else until this has fired, but read a little, to notice if the client
        disconnects.
        """
        self._ahead = AHEAD
        self.hold(waiting)
        if not self._held:
            self._ahead = 0

    def _pause(self) -> None:
        if not self._held:
            self._held = True
            if not self._ahead:
                self._connection.pauseReading()

    def _goOn(self) -> None:
        self._held = False
        self._ahead = 0
        early, self._early = self._early, []
        if early:
            self.received(b"\n".join(early))
        if self.reads:
            self._connection.resumeReading()

    def end(self) -> None:
        """
        Forget what waits, and serve nothing any more. What still comes is read, such as the end of
        the connection, and charged.
        """
        self._session = None
        self._early = []
        self._ahead = 0
        self.throttled = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held:
            self._held = False
            self._connection.resumeReading()

    def close(self) -> None:
        """
        The connection is gone: charge nothing any more.
        """
        self.end()
        self._bucket = None
