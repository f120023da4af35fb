"""
Tests for L{machat.transport.reuseport}.
"""

from __future__ import annotations

import errno
import socket

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from machat.transport.reuseport import ReusePortEndpoint, openSockets, resume, suspend


class FakeReactor:
    """
    Adopts listening sockets.

    @ivar adopted: their addresses and families
    """

    def __init__(self) -> None:
        self.adopted: list[tuple[str, int, int]] = []
        self.sockets: list[socket.socket] = []

    def close(self) -> None:
        for each in self.sockets:
            each.close()

    def adoptStreamPort(self, descriptor: int, family: int, factory: object) -> str:
        adopted = socket.fromfd(descriptor, family, socket.SOCK_STREAM)
        self.sockets.append(adopted)
        self.adopted.append((*adopted.getsockname()[:2], family))
        return "port"


class EndpointTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.addCleanup(self.reactor.close)

    def listen(self, text: str) -> tuple[str, int, int]:
        """
        @return: the host, port and family on which an endpoint of Twisted's listens
        """
        endpoint = serverFromString(self.reactor, text)
        self.assertIsInstance(endpoint, ReusePortEndpoint)
        self.assertEqual(self.successResultOf(endpoint.listen(Factory())), "port")
        return self.reactor.adopted[-1]

    def test_string(self) -> None:
        """
        Twisted finds the endpoint, for IPv4 and IPv6.
        """
        host, _, family = self.listen("reuseport:0:interface=127.0.0.1")
        self.assertEqual((host, family), ("127.0.0.1", socket.AF_INET))
        host, _, family = self.listen("reuseport:0")
        self.assertEqual((host, family), ("0.0.0.0", socket.AF_INET))
        host, _, family = self.listen(r"reuseport:0:interface=\:\:1")
        self.assertEqual((host, family), ("::1", socket.AF_INET6))

    def test_twice(self) -> None:
        """
        Several processes listen on one port. A port without C{SO_REUSEPORT} is not shared.
        """
        _, port, _ = self.listen("reuseport:0:interface=127.0.0.1")
        self.listen(f"reuseport:{port}:interface=127.0.0.1")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            text = f"reuseport:{taken.getsockname()[1]}:interface=127.0.0.1"
            failed = serverFromString(self.reactor, text).listen(Factory())
            error = self.failureResultOf(failed, OSError).value
            self.assertEqual(error.errno, errno.EADDRINUSE)

    def test_invalid(self) -> None:
        """
        Invalid arguments are refused.
        """
        for text in ("reuseport:many", "reuseport:1:backlog=x"):
            self.assertRaises(ValueError, serverFromString, self.reactor, text)
        self.assertRaises(TypeError, serverFromString, self.reactor, "reuseport:1:color=red")

    def test_unsupported(self) -> None:
        """
        A platform without C{SO_REUSEPORT} is reported.
        """
        self.patch(socket, "SO_REUSEPORT", None)
        delattr(socket, "SO_REUSEPORT")
        error = self.assertRaises(ValueError, serverFromString, self.reactor, "reuseport:1")
        self.assertEqual(
            str(error), "this platform has no SO_REUSEPORT, so processes cannot share a port"
        )


class SocketTests(SynchronousTestCase):
    def open(self, *arguments: object) -> list[socket.socket]:
        """
        @return: sockets that are closed at the end of the test
        """
        opened = openSockets(*arguments)  # type: ignore[arg-type]
        for each in opened:
            self.addCleanup(each.close)
        return opened

    def test_onePort(self) -> None:
        """
        All sockets have the same port, also if any free port will do.
        """
        opened = self.open(3, "127.0.0.1", 0)
        self.assertEqual(len({each.getsockname() for each in opened}), 1)

    def test_taken(self) -> None:
        """
        A port that another server shares is taken, unless it is to be shared with that server.
        """
        port = self.open(1, "127.0.0.1", 0)[0].getsockname()[1]
        error = self.assertRaises(OSError, openSockets, 2, "127.0.0.1", port)
        self.assertEqual(error.errno, errno.EADDRINUSE)
        self.open(2, "127.0.0.1", port, 10, True)

    def test_suspend(self) -> None:
        """
        While a socket is suspended, the others get all new connections. Then it listens again, on
        the same address. Both can be repeated.
        """
        first, second = self.open(2, "127.0.0.1", 0)
        address = first.getsockname()
        for _ in range(2):
            suspend(first)
        for _ in range(20):
            with socket.create_connection(address):
                second.accept()[0].close()
        suspend(second)
        self.assertRaises(ConnectionRefusedError, socket.create_connection, address)
        for _ in range(2):
            resume(first)
        self.assertEqual(first.getsockname(), address)
        with socket.create_connection(address):
            first.accept()[0].close()

    def test_suspendQueue(self) -> None:
        """
        The connections in the queue of a suspended socket end, so that their clients reconnect.
        """
        (only,) = self.open(1, "127.0.0.1", 0)
        with socket.create_connection(only.getsockname()) as waiting:
            suspend(only)
            self.assertRaises(ConnectionResetError, waiting.recv, 1)
