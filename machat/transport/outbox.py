"""
The send queue of one connection: bounded, in order, and empty as long as the peer reads.

An outbox sends bytes immediately, in one of the ways of L{machat.transport.senders}, as long as
nothing waits. The bytes that the socket does not accept wait in a
L{machat.transport.queue.SendQueue}, from which the outbox takes one piece each time that the
transport asks for more.

Everything that is written to the connection has to go through its outbox. For this reason an outbox
can take the place of a protocol's transport.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import isfinite
from typing import Any, Protocol

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
from machat.transport.direct import isPlainSocket
from machat.transport.queue import SendQueue
from machat.transport.senders import Sender, SocketSender, TransportSender
from machat.wire.pieces import Pieces

#: The shortest timer for the check of progress, seconds. A shorter delay may be lost in rounding
#: when it is added to the clock's time.
_TICK = 0.001

#: If the check of progress is late by more than this, seconds, the process has stood still. The
#: time without progress then starts again.
_LATE = 1.0


class State(Enum):
    """
    The state of an outbox. C{IDLE} sends bytes, C{DRAINING} queues them. C{CLOSING} sends what is
    queued but accepts no more. C{CLOSED} waits for the end of the connection. In C{LOST}, the
    connection has ended.
    """

    IDLE = 0
    DRAINING = 1
    CLOSING = 2
    CLOSED = 3
    LOST = 4


_IDLE = State.IDLE
_DRAINING = State.DRAINING
_ENDED = (State.CLOSED, State.LOST)


class Owner(Protocol):
    """
    The protocol of a connection, as its outbox sees it. A reference to it takes 64 bytes less than
    one to its method.
    """

    def slow(self, waiting: int) -> None:
        """
        The connection has been aborted, because the peer reads too slowly. This is called once.

        @param waiting: the number of waiting bytes
        """


@implementer(IPushProducer, IPullProducer)
class Outbox:
    """
    The send queue of one connection.

    @ivar transport: the transport of the connection
    """

    __slots__ = (
        "transport",
        "_clock",
        "_limits",
        "_owner",
        "_budget",
        "_made",
        "_send",
        "_state",
        "_queue",
        "_waiting",
        "_handed",
        "_progress",
        "_timer",
    )

    def __init__(
        self,
        transport: Any,
        clock: IReactorTime,
        limits: Limits,
        owner: Owner,
        sendBudget: SendBudget,
    ) -> None:
        """
        @param transport: a connected transport, to which nothing else writes
        @param limits: C{maxWaiting}, C{maxStall} and C{closeTimeout} apply
        @param sendBudget: the budget of all connections
        """
        self.transport = transport
        self._clock = clock
        self._limits = limits
        self._owner = owner
        self._budget = sendBudget
        self._state = _IDLE
        self._queue: SendQueue | None = None
        self._waiting = 0
        self._handed = 0
        self._progress = 0.0
        self._timer: IDelayedCall | None = None
        self._made: Sender | None = None
        if isPlainSocket(transport):
            self._send: Callable[[bytes], int] = transport.getHandle().send
        else:
            self._made = TransportSender(transport)
            self._send = self._made.send
            transport.registerProducer(self, True)

    @property
    def send(self) -> Callable[[bytes], int] | None:
        """
        See L{machat.interfaces.IOutbox}. Transports other than plain sockets may call back.
        """
        return None if isinstance(self._made, TransportSender) else self._send

    @property
    def _sender(self) -> Sender:
        """
        The sender. That of a plain socket is made when bytes have to wait for the first time, or to
        close the connection, because it takes 56 bytes.
        """
        if self._made is None:
            self._made = SocketSender(self.transport)
        return self._made

    def write(self, data: bytes) -> None:
        """
        Send bytes after everything that was written before. They are ignored once the connection is
        closing. If nothing waits, any number of bytes is accepted; otherwise they must fit into
        L{Limits.maxWaiting} together with the bytes that wait.
        """
        if self._state is _IDLE:
            try:
                sent = self._send(data)
            except OSError:  # the socket is full or broken, which the transport will find out
                sent = 0
            if sent != len(data):
                self.sent(data, sent)
        elif self._state is _DRAINING:
            self._enqueue(data)
            if self._waiting > self._limits.maxWaiting:
                self.abort()
            else:
                self._budget.shed()

    def writePieces(self, pieces: Pieces) -> Deferred[None] | None:
        """
        Send bytes that are made piece by piece, as the peer reads them. They are sent in order with
        all other writes. The memory that is held for the pieces still to be made counts towards
        L{Limits.maxWaitingTotal}. Only the piece that has been made counts towards
        L{Limits.maxWaiting}.

        @return: C{None} if all bytes have been passed on; otherwise fires when they have. It does
            not fire if the connection closes first
        """
        while self._state is _IDLE:
            piece = next(pieces, None)
            if piece is None:
                return None
            self.write(piece)
        if self._state is not _DRAINING:
            return None
        if self._queue is None:
            self._queue = SendQueue()
        done = self._queue.addPieces(pieces, Holding(self._budget, pieces.own, pieces.texts))
        self._count()
        self._budget.shed()
        return done

    def sent(self, data: bytes, sent: int) -> None:
        """
        See L{machat.interfaces.IOutbox}: begin to drain.
        """
        if self._state in _ENDED:
            return
        self._startDraining()
        if self._sender.paused:
            self._handed = len(data) - sent
            self._count()
        else:
            self._enqueue(memoryview(data)[sent:])
            self._sender.startDraining(self)
            self._budget.shed()

    def _enter(self, state: State) -> None:
        self._state = state
        if state is _IDLE or state is State.LOST:
            self._budget.busy.discard(self._send)
        else:
            self._budget.busy.add(self._send)

    def _startDraining(self) -> None:
        self._enter(_DRAINING)
        self._progress = self._clock.seconds()
        if self._timer is None:
            self._timer = self._clock.callLater(self._limits.maxStall, self._checkProgress)

    def _enqueue(self, data: bytes | memoryview) -> None:
        if self._queue is None:
            self._queue = SendQueue()
        self._queue.add(data)
        self._count()

    def _count(self) -> None:
        """
        Update the number of waiting bytes.
        """
        waiting = self._handed + (0 if self._queue is None else self._queue.size)
        change, self._waiting = waiting - self._waiting, waiting
        self._budget.add(self, change)

    def resumeProducing(self) -> None:
        """
        The transport has sent everything that it was given.
        """
        if self._state in _ENDED:
            return
        self._progress = self._clock.seconds()
        self._handed = 0
        self._sender.paused = False
        queue = self._queue
        self._drain()
        if queue is not None:
            for done in queue.takeFinished():
                done.callback(None)

    def _drain(self) -> None:
        """
        Pass the queue to the transport, until the transport has buffered enough.
        """
        while not self._sender.paused and self._state not in _ENDED:
            piece = b"" if self._queue is None else self._queue.take()
            if piece:
                self._sender.hand(piece)
                if self._sender.paused and self._state not in _ENDED:
                    self._handed = len(piece)
            elif self._state is State.CLOSING:
                self._close()
            else:
                self._enter(_IDLE)
                self._queue = None
                self._sender.stopDraining()
                break
        self._count()

    def pauseProducing(self) -> None:
        """
        The transport has buffered enough. Twisted repeats this call at every write while that is
        so.
        """
        self._sender.paused = True
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
        if rest < -_LATE:
            self._progress, rest = now, self._limits.maxStall
        if rest <= 0:
            self.abort()
        else:
            self._timer = self._clock.callLater(max(rest, _TICK), self._checkProgress)

    @property
    def waiting(self) -> int:
        """
        The size of the bytes that wait, and of the memory that is held for pieces still to be made.
        """
        return self._waiting + (0 if self._queue is None else self._queue.held)

    def abort(self) -> None:
        """
        Abort the connection, because its peer reads too slowly. Nothing happens if it has been
        aborted or closed before, such as by a callback of L{SendBudget.shed}.
        """
        if self._state in _ENDED:
            return
        waiting = self.waiting
        self.abortConnection()
        self._owner.slow(waiting)

    def expire(self) -> None:
        """
        Abort the connection if it still exists after L{Limits.closeTimeout} seconds.
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
        Close the connection when everything written so far has been sent. Abort it if that takes
        longer than L{Limits.closeTimeout} seconds.
        """
        if self._state is _IDLE:
            self.expire()
            self._close()
        elif self._state is _DRAINING:
            self.expire()
            self._enter(State.CLOSING)

    def _close(self) -> None:
        self._forget()
        linger = self._sender.close()
        if isfinite(linger):
            self._restartTimer(min(linger, self._limits.closeTimeout))

    def abortConnection(self) -> None:
        """
        Close the connection immediately and drop what waits. C{loseConnection} would not end as
        long as the peer does not read.
        """
        if self._state is not State.LOST:
            self._forget()
            self.transport.abortConnection()

    def connectionLost(self) -> None:
        """
        The connection is lost: drop what waits and stop the timer.
        """
        self._forget()
        self._enter(State.LOST)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        self._enter(State.CLOSED)
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.clear()
        self._handed = 0
        self._count()

    def unregisterProducer(self) -> None:
        """
        Do nothing: the outbox is the only producer of its transport.
        """

    def getPeer(self) -> IAddress:
        """
        @return: the address of the transport's peer
        """
        address: IAddress = self.transport.getPeer()
        return address

    def getHost(self) -> IAddress:
        """
        @return: the local address of the transport
        """
        address: IAddress = self.transport.getHost()
        return address
