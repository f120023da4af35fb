"""
Between a room and a transport: bounded, in order, and at once where the socket is idle.

An idle outbox on a plain TCP or UNIX socket sends on that socket itself, which saves the reactor's
two C{epoll_ctl} calls and a turn for each delivery; only what the socket does not take waits. While
something waits, the outbox is a pull producer of its transport and hands over one piece each time
the transport has sent the last. Any other transport (TLS, a test's) is written to as usual, with
the outbox as its push producer; beneath TLS, L{machat.transport.direct} does the same for its
records.

Everything that is written to the connection has to go through its outbox, so an outbox can stand
where a protocol expects its transport.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IPullProducer,
    IPushProducer,
    IReactorTime,
)
from zope.interface import implementer

from machat.limits import Limits
from machat.transport.budget import Holding, SendBudget
from machat.transport.direct import isPlainSocket, sendDirectly
from machat.wire.pieces import Pieces

#: What is handed to a transport at once, bytes. A peer that takes one piece has made progress.
PIECE = 65_536

#: How long a connection is kept half closed for the peer to read our last words, seconds. Closing a
#: socket while the peer still sends resets it, and a reset discards what the peer has not read yet.
LINGER = 1.0


#: The least time to wait for progress, seconds: what is left of a time may be too little to add to
#: a clock's.
_TICK = 0.001

#: If the check for progress is later than this, seconds, the time without progress is the server's
#: fault, and starts again.
_LATE = 1.0


class State(Enum):
    """
    What an outbox does with bytes: C{IDLE} writes them, C{DRAINING} queues them, C{CLOSING} still
    sends what is queued but takes no more, C{CLOSED} waits for the connection to go, and when it is
    C{LOST} there is nothing to do any more.
    """

    IDLE = 0
    DRAINING = 1
    CLOSING = 2
    CLOSED = 3
    LOST = 4


_IDLE = State.IDLE
_DRAINING = State.DRAINING


class _Pieces:
    """
    Bytes in the queue that are not made yet.
    """

    __slots__ = ("rest", "done", "holding")

    def __init__(self, rest: Pieces, done: Deferred[None], holding: Holding) -> None:
        self.rest = rest
        self.done = done
        self.holding = holding


@implementer(IPushProducer, IPullProducer)
class Outbox:
    """
    The waiting output of one connection.

    @ivar transport: what it writes to
    """

    __slots__ = (
        "transport",
        "_clock",
        "_limits",
        "_slow",
        "_budget",
        "_send",
        "_state",
        "_queue",
        "_waiting",
        "_held",
        "_handed",
        "_progress",
        "_timer",
        "_made",
    )

    def __init__(
        self,
        transport: Any,
        clock: IReactorTime,
        limits: Limits,
        slow: Callable[[int], None],
        sendBudget: SendBudget,
    ) -> None:
        """
        @param transport: connected, and not written to by anybody else
        @param limits: C{waiting}, C{stalled} and C{closing} count here
        @param slow: called once, with the bytes that waited, when the connection was aborted
            because the peer takes too little
        @param sendBudget: of all connections
        """
        self.transport = transport
        self._clock = clock
        self._limits = limits
        self._slow = slow
        self._budget = sendBudget
        self._state = _IDLE
        self._queue: deque[bytes | memoryview | _Pieces] | None = None
        self._made: tuple[Deferred[None], ...] = ()
        self._waiting = 0
        self._held = 0
        self._handed = 0
        self._progress = 0.0
        self._timer: IDelayedCall | None = None
        self._send: Callable[[bytes], int] | None = None
        if isPlainSocket(transport):
            self._send = transport.getHandle().send
        else:
            sendDirectly(transport)
            transport.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """
        Send bytes after all that were written before. Ignored once the connection is closing. Bytes
        that find nothing waiting are taken however many they are; those that do must fit into
        L{Limits.maxWaiting} with what waits.
        """
        if self._state is _IDLE:
            if self._send is None:
                self._hand(data)
                return
            try:
                sent = self._send(data)
            except OSError:  # it is full, or broken: that is for the transport to find out
                sent = 0
            if sent != len(data):
                self._drain(data, sent)
        elif self._state is _DRAINING:
            self._enqueue(data)
            if self._waiting > self._limits.maxWaiting:
                self.abort()
            else:
                self._budget.shed()

    def _hand(self, data: bytes) -> None:
        """
        Write to a transport that says when it holds enough.
        """
        self.transport.write(data)
        if self._state is _DRAINING:  # it has paused us: it holds that
            self._handed += len(data)
            self._wait(len(data))

    def writePieces(self, pieces: Pieces) -> Deferred[None] | None:
        """
        Send bytes that are made as the peer takes them, in their place between what is written
        before and after. What is kept in memory until they are made counts for
        L{Limits.maxWaitingTotal}, but only the piece that is made for L{Limits.maxWaiting}.

        @return: C{None} if all is handed over; else fires when it is. It does not fire when the
            connection closes first
        """
        while self._state is _IDLE:
            piece = next(pieces, None)
            if piece is None:
                return None
            self.write(piece)
        if self._state is not _DRAINING:
            return None
        done: Deferred[None] = Deferred()
        holding = Holding(self._budget, pieces.own, pieces.texts)
        if self._queue is None:
            self._queue = deque()
        self._queue.append(_Pieces(pieces, done, holding))
        self._hold(holding.size)
        self._budget.shed()
        return done

    def _hold(self, size: int) -> None:
        self._held += size
        self._budget.add(self, 0)

    def _drain(self, data: bytes, sent: int) -> None:
        """
        The socket did not take everything.
        """
        self._enqueue(memoryview(data)[sent:])
        self._startDraining()
        self.transport.registerProducer(self, False)  # calls resumeProducing at once
        self._budget.shed()

    def _startDraining(self) -> None:
        self._state = _DRAINING
        self._progress = self._clock.seconds()
        if self._timer is None:
            self._timer = self._clock.callLater(self._limits.maxStall, self._checkProgress)

    def _enqueue(self, data: bytes | memoryview) -> None:
        if self._queue is None:
            self._queue = deque()
        if data:  # a transport says nothing of having sent nothing
            self._queue.append(data)
        self._wait(len(data))

    def _wait(self, size: int) -> None:
        self._waiting += size
        self._budget.add(self, size)

    def resumeProducing(self) -> None:
        """
        The transport has sent what it was given.
        """
        if self._state in (State.CLOSED, State.LOST):
            return
        self._progress = self._clock.seconds()
        self._wait(-self._handed)
        self._handed = 0
        if self._send is not None:
            self._pull()
        else:
            self._push()
        made, self._made = self._made, ()
        for done in made:
            done.callback(None)

    def _pull(self) -> None:
        piece = self._take()
        if piece:
            self._handed = len(piece)
            self._wait(len(piece))
            self.transport.write(piece)
        elif self._state is State.CLOSING:
            self._close()
        else:
            self._state = _IDLE
            self._queue = None
            self.transport.unregisterProducer()

    def _push(self) -> None:
        if self._state is _DRAINING:
            self._state = _IDLE
        while self._queue and self._state is not _DRAINING:
            self._hand(self._take())
        if self._state is State.CLOSING:
            self._close()

    def _take(self) -> bytes:
        """
        @return: the front of the queue, joined: at most L{PIECE} bytes
        """
        pieces: list[bytes | memoryview] = []
        size = 0
        while self._queue and size < PIECE:
            data = self._queue.popleft()
            if isinstance(data, _Pieces):
                self._make(data)
                continue
            if size + len(data) > PIECE:
                view = memoryview(data)
                self._queue.appendleft(view[PIECE - size :])
                data = view[: PIECE - size]
            pieces.append(data)
            size += len(data)
        self._wait(-size)
        return b"".join(pieces)

    def _make(self, pieces: _Pieces) -> None:
        """
        Put the next piece at the front of the queue, or note that there are no more.
        """
        piece = next(pieces.rest, None)
        before = pieces.holding.size
        if piece is None:
            pieces.holding.end()
            self._made += (pieces.done,)
        elif self._queue is not None:
            pieces.holding.keep(len(pieces.rest.texts))
            self._queue.appendleft(pieces)
            self._queue.appendleft(piece)
            self._wait(len(piece))
        self._hold(pieces.holding.size - before)

    def pauseProducing(self) -> None:
        """
        The transport holds enough. Twisted says so again at every write while it does.
        """
        if self._state is _IDLE:
            self._startDraining()

    def stopProducing(self) -> None:
        """
        The connection is lost.
        """
        self.connectionLost()

    def _checkProgress(self) -> None:
        self._timer = None
        if self._state is not _DRAINING:
            return
        now = self._clock.seconds()
        rest = self._limits.maxStall - (now - self._progress)
        if rest < -_LATE:  # the process stood still, and could not send
            self._progress, rest = now, self._limits.maxStall
        if rest <= 0:
            self.abort()
        else:
            self._timer = self._clock.callLater(max(rest, _TICK), self._checkProgress)

    @property
    def waiting(self) -> int:
        """
        The bytes that wait, and those that are kept to be written.
        """
        return self._waiting + self._held

    def abort(self) -> None:
        """
        Abort the connection: its peer takes too little.
        """
        waiting = self.waiting
        self.abortConnection()
        self._slow(waiting)

    def expire(self) -> None:
        """
        Abort the connection if it is still there after L{Limits.closeTimeout} seconds.
        """
        if self._state is not State.LOST:
            self._restartTimer(self._limits.closeTimeout)

    def _restartTimer(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.callLater(delay, self._abort)

    def _abort(self) -> None:
        self._timer = None
        self.abortConnection()

    def loseConnection(self) -> None:
        """
        Close the connection when everything written so far is sent, or abort it when that takes
        longer than L{Limits.closeTimeout} seconds.
        """
        if self._state is _IDLE:
            self.expire()
            self._close()
        elif self._state is _DRAINING:
            self.expire()
            self._state = State.CLOSING

    def _close(self) -> None:
        self._forget()
        self.transport.unregisterProducer()
        if self._send is None:
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()
            self._restartTimer(min(LINGER, self._limits.closeTimeout))

    def abortConnection(self) -> None:
        """
        Close the connection now; what waits is lost. C{loseConnection} would never end on a peer
        that does not read.
        """
        self._forget()
        self.transport.abortConnection()

    def connectionLost(self) -> None:
        """
        The connection is gone: drop what waits and stop the timer.
        """
        self._forget()
        self._state = State.LOST
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        self._state = State.CLOSED
        queue, self._queue = self._queue, None
        for each in queue or ():
            if isinstance(each, _Pieces):
                each.holding.end()
        self._held = 0
        self._wait(-self._waiting)
        self._handed = 0

    def unregisterProducer(self) -> None:
        """
        Do nothing: the outbox is the only producer of its transport, and knows when it is not.
        """

    def getPeer(self) -> IAddress:
        """
        @return: the transport's
        """
        address: IAddress = self.transport.getPeer()
        return address

    def getHost(self) -> IAddress:
        """
        @return: the transport's
        """
        address: IAddress = self.transport.getHost()
        return address
