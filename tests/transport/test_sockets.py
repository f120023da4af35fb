"""
Tests for L{machat.transport.sockets}.
"""

from __future__ import annotations

import errno
import select
import socket
from typing import Any

from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    ILoggingContext,
    IReactorFDSet,
    IReadDescriptor,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.tcp import Port, Server
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer, verify

from machat.clock import ChatClock
from machat.transport.sockets import Sockets


class _Recorder(Protocol):
    """
    Records what a transport reports.
    """

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.lost: list[type] = []
        self.fault: BaseException | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received.append(data)
        if self.fault is not None:
            raise self.fault

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.append(type(reason.value))


@implementer(IHalfCloseableProtocol)
class _HalfClosing(_Recorder):
    """
    Records the two halves of the end of a connection.
    """

    def readConnectionLost(self) -> None:
        self.received.append(b"end")

    def writeConnectionLost(self) -> None:
        self.received.append(b"closed")


class _OtherServer(Server):
    """
    A connection that is read with its own C{doRead}.
    """


class _Failing:
    """
    A socket that cannot be read.
    """

    def __init__(self, connected: socket.socket, error: OSError) -> None:
        self._connected = connected
        self._error = error

    def recv(self, size: int) -> bytes:
        raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connected, name)


class SocketsTests(SynchronousTestCase):
    """
    Connections on pairs of sockets.
    """

    def setUp(self) -> None:
        if not hasattr(select, "epoll"):
            self.skipTest("no epoll on this system")
        self.reactor: Any = MemoryReactor()
        self.clock = Clock()
        self.sockets = Sockets(ChatClock(self.clock))
        self.port: Any = None

    def connect(
        self, protocol: _Recorder | None = None, kind: type[Server] = Server
    ) -> tuple[Any, _Recorder, socket.socket]:
        """
        @return: a transport that was adopted, its protocol, and the other end
        """
        here, there = socket.socketpair()
        self.addCleanup(there.close)
        self.addCleanup(here.close)
        protocol = protocol or _Recorder()
        transport: Any = kind(here, protocol, ("", 0), self.port, 0, self.reactor)
        protocol.makeConnection(transport)
        self.sockets.adopt(transport)
        return transport, protocol, there

    def test_interfaces(self) -> None:
        """
        A group is a descriptor of its reactor, and a reactor of its sockets.
        """
        for interface in (IReadDescriptor, IReactorFDSet, ILoggingContext):
            verify.verifyObject(interface, self.sockets)

    def test_membership(self) -> None:
        """
        A group is in the reactor, in place of its sockets, as long as it has any.
        """
        first, _, _ = self.connect()
        second, _, _ = self.connect()
        self.assertEqual(self.reactor.getReaders(), [self.sockets])
        self.assertEqual(self.sockets.getReaders(), [first, second])
        first.stopReading()
        self.assertEqual(self.reactor.getReaders(), [self.sockets])
        second.stopReading()
        self.assertEqual(self.reactor.getReaders(), [])
        self.assertEqual(self.sockets.fileno(), -1)
        first.startReading()
        self.assertEqual(self.reactor.getReaders(), [self.sockets])

    def test_read(self) -> None:
        """
        All sockets that have data are read, and no others.
        """
        _, one, there = self.connect()
        _, other, elsewhere = self.connect()
        there.send(b"a")
        self.sockets.doRead()
        elsewhere.send(b"b")
        there.send(b"c")
        self.sockets.doRead()
        self.assertEqual((one.received, other.received), ([b"a", b"c"], [b"b"]))

    def test_write(self) -> None:
        """
        A transport that waits for its socket writes when the socket is writable, also while it does
        not read.
        """
        for reads in (True, False):
            transport, _, there = self.connect()
            transport.write(b"abc")
            if not reads:
                transport.pauseProducing()
            self.assertEqual(self.sockets.getWriters(), [transport])
            self.sockets.doRead()
            self.assertEqual(there.recv(10), b"abc")
            self.assertEqual(self.sockets.getWriters(), [])

    def test_bothWays(self) -> None:
        """
        A transport reads and writes in one turn, and continues to read.
        """
        transport, protocol, there = self.connect()
        there.send(b"a")
        transport.write(b"b")
        self.sockets.doRead()
        there.send(b"c")
        self.sockets.doRead()
        self.assertEqual((there.recv(10), protocol.received), (b"b", [b"a", b"c"]))

    def test_paused(self) -> None:
        """
        A paused transport is not read.
        """
        transport, protocol, there = self.connect()
        self.connect()
        transport.pauseProducing()
        there.send(b"a")
        self.sockets.doRead()
        self.assertEqual(protocol.received, [])
        transport.resumeProducing()
        self.sockets.doRead()
        self.assertEqual(protocol.received, [b"a"])

    def test_removedMeanwhile(self) -> None:
        """
        A transport that an earlier one stops in the same turn is not read.
        """
        transports: list[Any] = []

        class Stops(_Recorder):
            def dataReceived(self, data: bytes) -> None:
                super().dataReceived(data)
                for each in transports:
                    each.stopReading()

        made = [self.connect(Stops()) for _ in range(2)]
        transports += [transport for transport, _, _ in made]
        for _, _, there in made:
            there.send(b"a")
        self.sockets.doRead()
        self.assertEqual(sum([protocol.received for _, protocol, _ in made], []), [b"a"])

    def test_closed(self) -> None:
        """
        The end of a connection is reported once.
        """
        _, protocol, there = self.connect()
        there.close()
        self.sockets.doRead()
        self.assertEqual([each.__name__ for each in protocol.lost], ["ConnectionDone"])
        self.assertEqual(self.reactor.getReaders(), [])

    def test_readFails(self) -> None:
        """
        A socket that cannot be read ends its connection, unless it only has no data. The errors of
        the protocol are not mistaken for those of the socket.
        """
        for error, lost in (
            (BlockingIOError(errno.EAGAIN, "no data"), []),
            (ConnectionResetError(errno.ECONNRESET, "reset"), ["ConnectionLost"]),
        ):
            for kind in (Server, _OtherServer):
                transport, protocol, there = self.connect(kind=kind)
                there.send(b"a")
                transport.socket = _Failing(transport.socket, error)
                self.sockets.doRead()
                self.assertEqual([each.__name__ for each in protocol.lost], lost)
                transport.stopReading()
        for kind in (Server, _OtherServer):
            _, protocol, there = self.connect(None, kind)
            protocol.fault = BlockingIOError()
            there.send(b"a")
            self.sockets.doRead()
            self.assertEqual([each.__name__ for each in protocol.lost], ["BlockingIOError"])
        self.assertEqual(len(self.flushLoggedErrors(BlockingIOError)), 2)

    def test_halfClosed(self) -> None:
        """
        A client that only stops sending still receives.
        """
        transport, protocol, there = self.connect(_HalfClosing())
        there.shutdown(socket.SHUT_WR)
        self.sockets.doRead()
        self.assertEqual((protocol.received, protocol.lost), ([b"end"], []))
        transport.write(b"abc")
        self.sockets.doRead()
        self.assertEqual(there.recv(10), b"abc")

    def test_lostWhileWriting(self) -> None:
        """
        A paused transport whose peer is gone is disconnected when it has something to write.
        """
        transport, protocol, there = self.connect()
        transport.pauseProducing()
        transport.write(b"abc")
        there.close()
        self.sockets.doRead()
        self.assertEqual([each.__name__ for each in protocol.lost], ["ConnectionLost"])

    def test_exception(self) -> None:
        """
        An exception ends its connection, is logged, and does not affect others.
        """
        _, one, there = self.connect()
        _, other, elsewhere = self.connect()
        one.fault = ValueError("x")
        there.send(b"a")
        elsewhere.send(b"b")
        self.sockets.doRead()
        self.assertEqual(one.lost, [ValueError])
        self.assertEqual((other.received, other.lost), ([b"b"], []))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_names(self) -> None:
        """
        All connections of a protocol share their log prefix and their representation.
        """
        first, second = self.connect()[0], self.connect()[0]
        self.assertEqual((first.logPrefix(), repr(first)), ("_Recorder", "_Recorder"))
        self.assertIs(first.logPrefix(), second.logPrefix())

    def test_aborted(self) -> None:
        """
        The other methods of the reactor remain available: a transport aborts with C{callLater}.
        """
        calls: list[Any] = []
        self.reactor.callLater = lambda delay, call, *args: calls.append((call, args))
        transport, protocol, _ = self.connect()
        transport.abortConnection()
        ((call, args),) = calls
        call(*args)
        self.assertEqual([each.__name__ for each in protocol.lost], ["ConnectionAborted"])
        self.assertEqual(self.reactor.getReaders(), [])

    def test_stop(self) -> None:
        """
        When the reactor stops, it ends the connections of a group like all others.
        """
        made = [self.connect()[1] for _ in range(2)]
        self.sockets.connectionLost(Failure(ConnectionError()))
        self.assertEqual([protocol.lost for protocol in made], [[ConnectionError]] * 2)
        self.assertEqual(self.reactor.getReaders(), [])

    def test_writing(self) -> None:
        """
        A transport that waits for the reactor when it is adopted does not wait there forever.
        """
        here, there = socket.socketpair()
        self.addCleanup(there.close)
        protocol = _Recorder()
        transport: Any = Server(here, protocol, ("", 0), self.port, 0, self.reactor)
        protocol.makeConnection(transport)
        transport.write(b"abc")
        self.sockets.adopt(transport)
        self.assertEqual(self.reactor.getWriters(), [transport])
        transport.doWrite()
        self.assertEqual(self.reactor.getWriters(), [])
        transport.connectionLost(Failure(ConnectionError()))

    def test_port(self) -> None:
        """
        The connections of a port begin in the group. The port stays in the reactor, in the form of
        its acceptor.
        """
        protocols: list[_Recorder] = []

        class Recorders(Factory):
            def buildProtocol(self, addr: object) -> _Recorder:
                protocols.append(_Recorder())
                return protocols[-1]

        port: Any = Port(0, Recorders(), interface="127.0.0.1", reactor=self.reactor)
        port.startListening()
        self.sockets.adoptPort(port)
        (acceptor,) = self.reactor.getReaders()
        self.assertEqual(acceptor.fileno(), port.fileno())
        there = socket.create_connection(port.socket.getsockname())
        self.addCleanup(there.close)
        acceptor.doRead()
        self.assertCountEqual(self.reactor.getReaders(), [acceptor, self.sockets])
        (transport,) = self.sockets.getReaders()
        self.sockets.adopt(transport)  # has no effect
        there.send(b"a")
        self.sockets.doRead()
        self.assertEqual(protocols[0].received, [b"a"])
        port.pauseProducing()
        self.assertEqual(self.reactor.getReaders(), [self.sockets])
        port.resumeProducing()
        self.assertEqual(len(self.reactor.getReaders()), 2)
        port.stopReading()
        port.connectionLost(Failure(ConnectionError()))
        self.sockets.connectionLost(Failure(ConnectionError()))
        self.assertEqual(self.reactor.getReaders(), [])

    def test_accepted(self) -> None:
        """
        A connection of an adopted port has the same addresses and log prefix as one of another
        port, with IPv4 and IPv6.
        """
        for host in ("127.0.0.1", "::1"):
            seen: list[list[Any]] = []
            for adopted in (False, True):
                factory = Factory.forProtocol(Protocol)
                others = {*self.reactor.getReaders(), self.sockets}
                port: Any = Port(0, factory, interface=host, reactor=self.reactor)
                port.startListening()
                self.addCleanup(port.connectionLost, Failure(ConnectionError()))
                if adopted:
                    self.sockets.adoptPort(port)
                there = socket.create_connection(port.socket.getsockname()[:2])
                self.addCleanup(there.close)
                (listening,) = set(self.reactor.getReaders()) - others
                listening.doRead()
                group: Any = self.sockets if adopted else self.reactor
                transport: Any = next(
                    each for each in group.getReaders() if isinstance(each, Server)
                )
                name = there.getsockname()
                self.assertEqual(transport.getPeer().port, name[1])
                self.assertEqual(transport.getHost().port, port.getHost().port)
                self.sockets.adopt(transport)
                peer = transport.getPeer()
                seen.append(
                    [
                        (type(peer), peer.type, peer.host, transport.hostname),
                        (transport.sessionno, transport.connected, transport.server is port),
                        (transport.logPrefix(), repr(transport)),
                    ]
                )
                transport.connectionLost(Failure(ConnectionError()))
            self.assertEqual(*seen)

    def test_keepAlive(self) -> None:
        """
        All connections have the options of keepalive, also those that were established before the
        port was adopted, as those of an inherited port may be.
        """

        class Adopting(Protocol):
            def connectionMade(this) -> None:
                self.sockets.adopt(this.transport)

        port: Any = Port(0, Factory.forProtocol(Adopting), interface="127.0.0.1")
        port.reactor = self.reactor
        other: Any = Port(0, Factory.forProtocol(Adopting), interface="127.0.0.1")
        other.reactor = self.reactor
        for each in (port, other):
            each.startListening()
            self.addCleanup(each.connectionLost, Failure(ConnectionError()))
        connect = [port, other, None, port, port, other]
        for each in connect:
            if each is None:
                self.sockets.adoptPort(port)
                self.sockets.adoptPort(other)
            else:
                there = socket.create_connection(each.socket.getsockname())
                self.addCleanup(there.close)
        port.doRead()
        other.doRead()
        accepted: list[Any] = self.sockets.getReaders()
        self.assertEqual(len(accepted), 5)
        for each in accepted:
            handle = each.getHandle()
            self.assertTrue(handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            self.assertTrue(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        self.sockets.connectionLost(Failure(ConnectionError()))

    def test_afterwards(self) -> None:
        """
        A function that is to be called afterwards is called once, after all ready sockets have been
        served. If it asks for another call, or no sockets are served, the reactor makes that call.
        """
        _, one, there = self.connect()
        _, other, elsewhere = self.connect()
        calls: list[list[bytes]] = []

        def again() -> None:
            calls.append([])
            if len(calls) == 1:
                self.sockets.callAfterwards(again)

        def received(data: bytes) -> None:
            one.received.append(data)
            self.sockets.callAfterwards(lambda: calls.append(one.received + other.received))

        one.dataReceived = other.dataReceived = received  # type: ignore[method-assign]
        there.send(b"a")
        elsewhere.send(b"b")
        self.sockets.doRead()
        self.assertEqual(calls, [[b"a", b"b"], [b"a", b"b"]])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        calls.clear()
        self.sockets.callAfterwards(again)
        self.assertEqual(calls, [])
        self.clock.advance(0)
        self.assertEqual(len(calls), 2)

    def test_afterwardsFails(self) -> None:
        """
        An exception of one of these functions is logged, and affects neither the others nor the
        connections. If one of them asks for another call, the reactor makes that call.
        """
        calls: list[str] = []

        class Fails(_Recorder):
            def dataReceived(this, data: bytes) -> None:
                self.sockets.callAfterwards(lambda: 1 // 0)
                self.sockets.callAfterwards(lambda: calls.append("called"))
                self.sockets.callAfterwards(lambda: self.sockets.callAfterwards(again))

        def again() -> None:
            calls.append("again")

        _, _, there = self.connect(Fails())
        there.send(b"a")
        self.sockets.doRead()
        self.assertEqual(calls, ["called"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.clock.advance(0)
        self.assertEqual(calls, ["called", "again"])

    def test_others(self) -> None:
        """
        Other transports are left alone.
        """
        self.sockets.adopt(StringTransport())
        self.sockets.adoptPort(object())
        self.assertEqual(self.reactor.getReaders(), [])
