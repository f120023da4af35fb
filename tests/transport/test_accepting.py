"""
Tests for L{machat.transport.accepting}.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, ILoggingContext, IReadDescriptor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port
from twisted.internet.testing import MemoryReactor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import verify

from machat.transport.accepting import ACCEPTS, Accepted, Acceptor, mayAccept


class _Recorders(Factory):
    """
    Records the addresses of the connections, and the transports.
    """

    def __init__(self) -> None:
        self.addresses: list[Any] = []
        self.made: list[Any] = []
        self.refuses = False
        self.fault: BaseException | None = None
        self.accepted: Callable[[], object] = lambda: None

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        self.addresses.append(addr)
        if self.fault is not None:
            raise self.fault
        return None if self.refuses else _Recorder(self)


class _Recorder(Protocol):
    """
    A connection of L{_Recorders}.
    """

    def __init__(self, recorders: _Recorders) -> None:
        self._recorders = recorders

    def connectionMade(self) -> None:
        self._recorders.made.append(self.transport)
        self._recorders.accepted()


class AcceptorTests(SynchronousTestCase):
    """
    Ports on the loopback interface.
    """

    def setUp(self) -> None:
        self.reactor: Any = MemoryReactor()
        self.factory = _Recorders()
        self.port = self.listen()
        self.acceptor = Acceptor(self.port)

    def listen(self, host: str = "127.0.0.1") -> Any:
        """
        @return: a port
        """
        port: Any = Port(0, self.factory, 200, host, reactor=self.reactor)
        port.startListening()
        self.addCleanup(lambda: port.connected and port.connectionLost(Failure(OSError())))
        return port

    def connect(self) -> socket.socket:
        """
        @return: a client
        """
        client = socket.create_connection(("127.0.0.1", self.port.getHost().port))
        self.addCleanup(client.close)
        return client

    def tearDown(self) -> None:
        for transport in self.factory.made:
            transport.socket.close()

    def test_interfaces(self) -> None:
        """
        An acceptor is a descriptor of the reactor, with the descriptor of its port.
        """
        for interface in (IReadDescriptor, ILoggingContext):
            verify.verifyObject(interface, self.acceptor)
        self.assertEqual(self.acceptor.fileno(), self.port.fileno())
        self.assertEqual(self.acceptor.logPrefix(), self.port.logPrefix())

    def test_which(self) -> None:
        """
        An acceptor takes the place of a port that creates Twisted's own connections, with IPv4.
        """
        self.assertTrue(mayAccept(self.port))
        self.port.transport = Accepted
        self.assertFalse(mayAccept(self.port))
        self.assertFalse(mayAccept(self.listen("::1")))

    def test_accept(self) -> None:
        """
        All connections that wait are accepted, in their order, and do not block. The factory
        receives the address that the transport returns.
        """
        clients = [self.connect() for _ in range(3)]
        self.acceptor.doRead()
        made = self.factory.made
        names = [client.getsockname() for client in clients]
        self.assertEqual([(each.getPeer().host, each.getPeer().port) for each in made], names)
        self.assertEqual([each.getPeer() for each in made], self.factory.addresses)
        self.assertEqual([each.sessionno for each in made], [0, 1, 2])
        self.assertEqual({type(each) for each in made}, {Accepted})
        self.assertEqual([each.socket.getblocking() for each in made], [False] * 3)
        self.assertEqual([str(each) for each in made], ["_Recorder"] * 3)

    def test_closed(self) -> None:
        """
        If a connection closes the port, no more are accepted.
        """
        for _ in range(2):
            self.connect()
        self.reactor.callLater = lambda *arguments: None
        self.factory.accepted = self.port.stopListening
        self.acceptor.doRead()
        self.assertEqual(len(self.factory.made), 1)

    def test_bound(self) -> None:
        """
        In one turn, a port accepts a limited number of connections.
        """
        for _ in range(ACCEPTS + 1):
            self.connect()
        self.acceptor.doRead()
        self.assertEqual(len(self.factory.made), ACCEPTS)
        self.acceptor.doRead()
        self.assertEqual(len(self.factory.made), ACCEPTS + 1)

    def test_refused(self) -> None:
        """
        A connection for which the factory has no protocol is closed.
        """
        self.factory.refuses = True
        client = self.connect()
        self.acceptor.doRead()
        self.assertEqual(client.recv(1), b"")

    def test_fault(self) -> None:
        """
        An exception of the factory is logged, and the port accepts the next connection.
        """
        for fault in (ValueError("no"), SystemExit(1)):
            self.factory.fault = fault
            self.connect()
            self.acceptor.doRead()
            self.assertEqual(len(self.flushLoggedErrors(type(fault))), 1)
        self.factory.fault = None
        self.connect()
        self.acceptor.doRead()
        self.assertEqual(len(self.factory.made), 1)

    def test_error(self) -> None:
        """
        If a connection cannot be accepted, the port handles that as without an acceptor.
        """
        read: list[int] = []
        self.port.doRead = lambda: read.append(1)
        for error in (errno.EMFILE, errno.ECONNABORTED, errno.EPERM):
            self.port.socket = _Failing(OSError(error, os.strerror(error)), self.port.socket)
            self.acceptor.doRead()
        self.assertEqual(len(read), 3)

    def test_ownAccept(self) -> None:
        """
        The port itself can still accept with its changed socket.
        """
        client = self.connect()
        self.port.doRead()
        self.assertEqual(self.factory.addresses[0].port, client.getsockname()[1])
        self.assertEqual(len(self.factory.made), 1)

    def test_stop(self) -> None:
        """
        When the reactor stops, the port ends.
        """
        self.acceptor.connectionLost(Failure(OSError()))
        self.assertFalse(self.port.connected)


class _Failing:
    """
    A listening socket that accepts nothing.
    """

    def __init__(self, error: OSError, listening: Any) -> None:
        self._error = error
        self._listening = listening

    def accept(self) -> Any:
        raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listening, name)
