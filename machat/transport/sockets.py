"""
The sockets of the connections of one chat, polled together.

Twisted's reactor calls each readable transport through its logger: for each read, it determines the
transport's log prefix, copies the logging context and checks the descriptor, before it calls
C{doRead}. L{Sockets} is one object in the reactor for all connections of a chat. It has an
C{epoll} instance of its own, see L{Turns}, and calls the transports directly. For one read this
replaces about 250 of Twisted's bytecode instructions by 20.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    ILoggingContext,
    IReactorFDSet,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.tcp import Connection, Port, Server
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.addresses import describe
from machat.clock import ChatClock
from machat.transport.accepting import Accepted, Acceptor, mayAccept
from machat.transport.keepalive import keepAlive, keepAliveAll
from machat.transport.turns import Turns, mayLead

_IN = getattr(select, "EPOLLIN", 0)
_OUT = getattr(select, "EPOLLOUT", 0)
_READ = Server.bufferSize  # finding it anew takes as long as a third of C{recv}
_ENDED = getattr(select, "EPOLLHUP", 0) | getattr(select, "EPOLLERR", 0)


@implementer(IReadDescriptor, IReactorFDSet, ILoggingContext)
class Sockets:
    """
    A part of a reactor: the sockets of the connections that were L{adopt}ed. It is in the reactor
    while it has any.

    @ivar leads: whether to poll in the place of the reactor, see L{Turns}. This is for processes
        that do nothing but serve a chat: an application's reactor is left as it is
    """

    _log = Logger()

    def __init__(self, clock: ChatClock) -> None:
        """
        @param clock: for L{callAfterwards}
        """
        self.leads = False
        self._clock = clock
        self._afterwards: list[Callable[[], object]] | None = None
        self._reactor: Any = None
        self._theirs = _TheirReactor(self)
        self._epoll: Any = None
        self._turns: Turns | None = None
        self._readers: dict[int, Any] = {}
        self._writers: dict[int, Any] = {}
        self._acceptors: dict[Any, Acceptor] = {}
        self._inheriting: set[Any] = set()

    def adopt(self, transport: Any) -> None:
        """
        Enable keepalive, see L{keepAlive}, and poll the socket of a connection, instead of its
        reactor. The latter is not done if there is no C{epoll} on this system, or if the transport
        is of another kind.

        @param transport: a connected transport, which reads or will be made to read at once
        """
        port = getattr(transport, "server", None)
        if type(transport) is Accepted and port in self._inheriting:
            return  # nearly always
        if port not in self._inheriting and keepAlive(transport) and port is not None:
            self._inheriting.add(port)  # those that it accepts later have inherited them too
        while not isinstance(transport, Connection):  # it may be below TLS
            transport = getattr(transport, "transport", None)
            if transport is None:
                return
        reactor: Any = transport.reactor
        if reactor is not self._theirs and self._mayPoll(reactor):
            transport.stopReading()
            transport.reactor = self._theirs
            transport.startReading()
        if transport.reactor is self._theirs:
            plain: Any = transport  # 150 bytes less than the two strings of each connection
            plain.logstr = plain.repstr = type(plain.protocol).__name__

    def adoptPort(self, port: Any) -> None:
        """
        Adopt all connections that a port accepts from now on. This saves the two system calls with
        which each of them would otherwise leave the reactor. They inherit the keepalive options of
        the port. As soon as one of them has, the others are not asked, which saves a system call
        for each.

        @param port: an L{twisted.internet.interfaces.IListeningPort}
        """
        keepAliveAll(port)
        if isinstance(port, Port) and self._mayPoll(port.reactor):
            port.stopReading()
            port.reactor = self._theirs  # for its connections
            port.startReading()

    def _mayPoll(self, reactor: Any) -> bool:
        """
        @return: whether the sockets of a reactor can be polled here: it is the first one, and polls
            descriptors
        """
        if self._reactor is None and hasattr(select, "epoll"):
            self._reactor = reactor
        return self._reactor is reactor and bool(IReactorFDSet.providedBy(reactor))

    @property
    def reactor(self) -> Any:
        """
        The reactor that polls this object; C{None} before the first socket or port.
        """
        return self._reactor

    def logPrefix(self) -> str:
        """
        See C{ILoggingContext}.
        """
        return "sockets"

    def fileno(self) -> int:
        """
        @return: the descriptor by which the reactor knows this object
        """
        known = self._epoll if self._turns is None else self._turns.place
        return -1 if known is None else int(known.fileno())

    def callAfterwards(self, callable: Callable[[], object]) -> None:
        """
        Call a function when all sockets that are ready have been served. This costs less than a
        timer of the reactor, which is used if no sockets are being served.
        """
        if self._afterwards is None:
            self._clock.callAtEndOfTurn(callable)
        else:
            self._afterwards.append(callable)

    def doRead(self) -> None:
        """
        Serve all sockets that are ready.
        """
        self._serveAll(self._epoll.poll(0))

    def _serveAll(self, events: Sequence[tuple[int, int]]) -> None:
        """
        Let all transports read or write whose sockets are ready, then make the calls of
        L{callAfterwards}. Calls that these add wait for the reactor, so that other descriptors have
        their turn.
        """
        self._afterwards = []
        try:
            self._readAll(events)
        finally:
            calls, self._afterwards = self._afterwards, None
            for call in calls:
                try:
                    call()
                except Exception:
                    self._log.failure("an exception was raised at the end of a turn")

    def _readAll(self, events: Sequence[tuple[int, int]]) -> None:
        readers = self._readers
        for descriptor, event in events:
            reader: Any = readers.get(descriptor)
            kind = type(reader)
            if event != _IN or (kind is not Accepted and kind is not Server):
                self._serve(descriptor, event)
                continue
            try:  # the same as its doRead, in two calls less
                data = reader.socket.recv(_READ)
            except BlockingIOError:
                continue
            except OSError:
                self._disconnect(reader, CONNECTION_LOST, True)
                continue
            if not data:
                self._disconnect(reader, CONNECTION_DONE, True)
                continue
            try:
                reader.protocol.dataReceived(data)
            except BaseException as error:
                self._disconnect(reader, self._failed(reader, error), True)

    def _serve(self, descriptor: int, event: int) -> None:
        """
        Do what a reactor does for one descriptor.
        """
        reader, writer = self._readers.get(descriptor), self._writers.get(descriptor)
        served = reader or writer
        why: Any = None
        reads = False
        if served is None:  # an earlier one may have removed it
            if self._turns is not None:
                self._turns.noteReady(descriptor)
            return
        if event & _ENDED and not event & _IN:
            reads = reader is not None
            why = ConnectionDone() if reads else ConnectionLost()
        else:
            try:
                if event & _IN and reader is not None:
                    why = reader.doRead()
                    reads = True
                if not why and event & _OUT and descriptor in self._writers:
                    why = served.doWrite()
                    reads = False
            except BaseException as error:
                why = self._failed(served, error)
        if why:
            self._disconnect(served, why, reads)

    def _failed(self, served: Any, error: BaseException) -> BaseException:
        self._log.failure(
            "a connection from {peer} raised an exception",
            peer=describe(served.getPeer()),
            log_system=served.logPrefix(),
        )
        return error

    def _disconnect(self, served: Any, why: BaseException, reads: bool) -> None:
        """
        Report the end of a connection to its transport.

        @param reads: whether it ended while it was read. The client may then still read
        """
        self.removeReader(served)
        done = type(why) is ConnectionDone
        try:
            if reads and done and IHalfCloseableDescriptor.providedBy(served):
                served.readConnectionLost(Failure(why))
            else:
                self.removeWriter(served)
                served.connectionLost(Failure(why))
        except Exception as error:
            self._failed(served, error)

    def addReader(self, reader: IReadDescriptor) -> None:
        if isinstance(reader, Port):
            if reader not in self._acceptors and mayAccept(reader):
                self._acceptors[reader] = Acceptor(reader)
            self._reactor.addReader(self._acceptors.get(reader, reader))
            return
        self._add(reader, self._readers, self._writers, _IN)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        self._add(writer, self._writers, self._readers, _OUT)

    def _add(self, added: Any, those: dict[int, Any], others: dict[int, Any], event: int) -> None:
        descriptor = added.fileno()
        if descriptor in those:
            return
        if self._epoll is None:
            self._enter()
        if descriptor in others:
            self._epoll.modify(descriptor, _IN | _OUT)
        else:
            self._epoll.register(descriptor, event)
        those[descriptor] = added

    def removeReader(self, reader: IReadDescriptor) -> None:
        if isinstance(reader, Port):
            self._reactor.removeReader(self._acceptors.pop(reader, reader))
            return
        self._remove(reader, self._readers, self._writers, _OUT)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        self._reactor.removeWriter(writer)  # it may have waited there when it was adopted
        self._remove(writer, self._writers, self._readers, _IN)

    def _remove(
        self, removed: Any, those: dict[int, Any], others: dict[int, Any], rest: int
    ) -> None:
        descriptor = removed.fileno()
        if those.get(descriptor) is not removed:
            return
        del those[descriptor]
        if descriptor in others:
            self._epoll.modify(descriptor, rest)
        else:
            self._epoll.unregister(descriptor)
            if not (those or others):
                self._leave()

    def _enter(self) -> None:
        self._epoll = select.epoll()
        if self.leads and mayLead(self._reactor):
            self._turns = Turns(self._reactor, self._epoll, self._serveAll)
        self._reactor.addReader(self)

    def _leave(self) -> None:
        """
        Leave the reactor, because there are no more sockets.
        """
        self._reactor.removeReader(self)
        if self._turns is not None:
            self._turns.end()
            self._turns = None
        self._epoll.close()
        self._epoll = None

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        sockets = {**self._readers, **self._writers}
        self._readers.clear()
        self._writers.clear()
        if self._epoll is not None:
            self._leave()
        return list(sockets.values())

    def getReaders(self) -> list[IReadDescriptor]:
        return list(self._readers.values())

    def getWriters(self) -> list[IWriteDescriptor]:
        return list(self._writers.values())

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor stops: end all connections.
        """
        for each in self.removeAll():
            try:
                each.connectionLost(reason)
            except Exception as error:
                self._failed(each, error)


@implementer(IReactorFDSet)
class _TheirReactor:
    """
    The reactor of the adopted transports: their sockets are in L{Sockets}, and everything else,
    such as C{callLater}, is in the reactor. Without C{__getattr__}, the attributes of L{Sockets}
    are found faster, which saves a lone message 2 % of its instructions.
    """

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self.addReader = sockets.addReader
        self.addWriter = sockets.addWriter
        self.removeReader = sockets.removeReader
        self.removeWriter = sockets.removeWriter
        self.removeAll = sockets.removeAll
        self.getReaders = sockets.getReaders
        self.getWriters = sockets.getWriters

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sockets.reactor, name)
