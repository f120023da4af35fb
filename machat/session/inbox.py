"""
The input of one client: lines that a transport has read and a conversation has not yet served.

Lines wait while an earlier command is in progress, and while the client exceeds its sending rate.
Meanwhile the transport does not read, so at most the data of one read waits here. TCP flow control
keeps the rest at the client. No line is lost, and other clients are not affected.
"""

from __future__ import annotations

from math import inf
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from machat.interfaces import IChatRoom, ISessionTransport
from machat.session.interfaces import IConversation
from machat.session.ratelimiter import Bucket

#: The bytes that are read from a client during its login. Reading a little makes it possible to
#: notice that the client disconnects. Each read is counted as L{_PIECE} bytes more than its size.
AHEAD = 16_384
_PIECE = 64

#: The cost, in tokens, of a read that contains only a part of a line, of a frame or of the hello. A
#: line of 64 KiB may arrive in a hundred parts, and a terminal may send every keystroke.
PARTIAL = 1 / 8


class Owner(Protocol):
    """
    The session, as its inbox sees it. A reference to it takes 64 bytes less than one to its method.
    """

    def tooFast(self) -> None:
        """
        Reading stops because of the rate.
        """


class Inbox:
    """
    The waiting input of one connection.

    @ivar conversation: serves the lines; C{None} before the conversation has begun and after it has
        ended. Lines that arrive then are ignored
    @ivar held: whether new lines have to wait. Meanwhile nothing is read, or at most L{AHEAD} bytes
    @ivar throttled: whether the client exceeds its rate
    """

    __slots__ = (
        "conversation",
        "held",
        "throttled",
        "_chat",
        "_connection",
        "_owner",
        "_bucket",
        "_ahead",
        "_early",
        "_timer",
        "_ended",
    )

    def __init__(self, chat: IChatRoom, connection: ISessionTransport, owner: Owner) -> None:
        self.conversation: IConversation | None = None
        self.held = False
        self.throttled = False
        self._chat = chat
        self._connection = connection
        self._owner = owner
        limits = chat.limits
        self._bucket = None if limits.rate == inf else Bucket(chat.clock, limits)
        self._ahead = 0
        self._early: tuple[bytes, ...] = ()  # a list would take memory
        self._timer: IDelayedCall | None = None
        self._ended = False

    @property
    def reads(self) -> bool:
        """
        Whether the transport should read.
        """
        return not self.held or self._ahead > 0

    def received(self, lines: list[bytes]) -> None:
        """
        Serve lines, or keep them until they can be served.

        @param lines: at least one, each without its newline
        """
        if self.held:
            joined = b"\n".join(lines)
            self._early += (joined,)
            self.readAhead(len(joined))
        elif self.conversation is not None:
            bucket = self._bucket
            if bucket is None or (due := bucket.affordable(lines)) == len(lines):
                left = self.conversation.serve(lines)
                if left:
                    self._wait(left, [])
            else:
                left = self.conversation.serve(lines[:due]) if due else []
                self._wait(left, lines[due:])

    def _wait(self, left: list[bytes], rest: list[bytes]) -> None:
        """
        Keep lines that were not served.

        @param left: lines whose tokens were taken, but which wait for an earlier line. The tokens
            are given back, and taken again when the lines are served
        @param rest: lines that the rate does not allow yet
        """
        bucket = self._bucket
        if self.conversation is None:
            return
        if left:
            self._early += (b"\n".join(left),)
            if bucket is not None:
                bucket.take(-sum([bucket.cost(len(line)) for line in left]))
        if rest:
            self._early += (b"\n".join(rest),)
            if bucket is not None and not self.held:
                self._throttle(bucket, bucket.cost(len(rest[0].partition(b"\n")[0])))

    def readAhead(self, size: int) -> None:
        """
        Count bytes that were read while they have to wait, and stop reading if they are too many.
        """
        if self._ahead:
            self._ahead = max(0, self._ahead - size - _PIECE)
            if not self._ahead:
                self._connection.pauseReading()

    def spend(self, tokens: float) -> None:
        """
        Take tokens for a command. If too few are left, the next lines wait.
        """
        if self._bucket is not None:
            self._bucket.take(tokens)

    def charge(self, tokens: float) -> None:
        """
        Take tokens for something other than a line. If less than one token is left, read nothing
        until there is one.
        """
        if self._bucket is not None:
            self._bucket.take(tokens)
            if self._bucket.free():
                return
            if self.held:
                self.readAhead(AHEAD)
            else:
                self._throttle(self._bucket, 1)

    def _throttle(self, bucket: Bucket, tokens: int) -> None:
        """
        Read nothing until this number of tokens is free.
        """
        self._pause()
        self.throttled = True
        self._chat.metrics.throttles += 1
        self._timer = self._chat.clock.callLater(bucket.delay(tokens), self._due)
        if not self._ended:
            self._owner.tooFast()

    def _due(self) -> None:
        self._timer = None
        self.throttled = False
        self._goOn()

    def hold(self, waiting: Deferred[Any]) -> None:
        """
        Serve nothing else until this has fired.
        """
        if not waiting.called or waiting.paused:
            self._pause()
            waiting.addCallback(lambda _: self._released())

    def _released(self) -> None:
        if not self._ended:
            self._goOn()

    def holdReading(self, waiting: Deferred[Any]) -> None:
        """
        Serve nothing else until this has fired, but read a little, to notice that the client
        disconnects.
        """
        self._ahead = AHEAD
        self.hold(waiting)
        if not self.held:
            self._ahead = 0

    def _pause(self) -> None:
        if not self.held:
            self.held = True
            if not self._ahead:
                self._connection.pauseReading()

    def _goOn(self) -> None:
        """
        Serve what waits, then read again. No more lines are split off than a full bucket allows.
        """
        self.held = False
        self._ahead = 0
        early, self._early = self._early, ()
        if early:
            waiting = b"\n".join(early)
            some = waiting.split(b"\n", -1 if self._bucket is None else self._chat.limits.burst)
            self.received(some)
        if self.reads:
            self._connection.resumeReading()

    def end(self) -> None:
        """
        Forget the waiting lines, and serve no more. The transport still reads, to notice the end of
        the connection; what it reads is charged.
        """
        self._ended = True
        self.conversation = None
        self._early = ()
        self._ahead = 0
        self.throttled = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.held:
            self.held = False
            self._connection.resumeReading()

    def close(self) -> None:
        """
        Charge nothing more: the connection is gone.
        """
        self.end()
        self._bucket = None
