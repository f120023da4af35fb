"""
Tests for L{machat.tap.sharing}.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.error import CannotListenError
from twisted.trial.unittest import TestCase

from machat.tap.endpoints import Endpoint
from machat.tap.sharing import SharedSockets, checkShareable
from tests.processes import shortFolder


class ShareableTests(TestCase):
    def test_types(self) -> None:
        """
        Endpoints on ports and UNIX sockets are shareable, also with the PROXY protocol; others are
        refused with the possible types.
        """
        for text in ("tcp:1", "tcp6:1", "reuseport:1", "unix:/run/machat", "haproxy:tcp:1"):
            checkShareable(Endpoint(reactor, text))
        error = self.assertRaises(ValueError, checkShareable, Endpoint(reactor, "stdio:"))
        self.assertEqual(
            str(error),
            "workers cannot share this type of endpoint; use tcp:, tcp6:, ssl:, tls:, reuseport:,"
            " unix: or systemd:",
        )

    def test_unsupported(self) -> None:
        """
        A platform without C{SO_REUSEPORT} shares no ports.
        """
        self.patch(socket, "SO_REUSEPORT", None)
        delattr(socket, "SO_REUSEPORT")
        self.assertRaises(ValueError, checkShareable, Endpoint(reactor, "tcp:1"))
        checkShareable(Endpoint(reactor, "unix:/run/machat"))


class SharedSocketsTests(TestCase):
    def open(self, text: str) -> SharedSockets:
        """
        @return: the sockets of an endpoint for two workers
        """
        sockets = SharedSockets(Endpoint(reactor, text))
        self.addCleanup(sockets.close)
        sockets.open(2)
        return sockets

    def addressOf(self, descriptor: int) -> object:
        """
        @return: the address of a listening socket
        """
        with socket.socket(fileno=os.dup(descriptor)) as found:
            return found.getsockname()

    def test_ports(self) -> None:
        """
        Each worker has a socket of its own on the same port.
        """
        sockets = self.open("tcp:0:interface=127.0.0.1")
        first, second = sockets.descriptor(1), sockets.descriptor(2)
        self.assertNotEqual(first, second)
        self.assertEqual(self.addressOf(first), self.addressOf(second))
        sockets.suspend(1)
        sockets.resume(1)

    def test_taken(self) -> None:
        """
        A port that other workers serve is taken, except for C{reuseport:}.
        """
        sockets = self.open("reuseport:0:interface=127.0.0.1")
        with socket.socket(fileno=os.dup(sockets.descriptor(1))) as found:
            port = found.getsockname()[1]
        self.open(f"reuseport:{port}:interface=127.0.0.1")
        error = self.assertRaises(OSError, self.open, f"tcp:{port}:interface=127.0.0.1")
        self.assertEqual(error.errno, errno.EADDRINUSE)

    @inlineCallbacks
    def test_unix(self) -> Any:
        """
        All workers share a UNIX socket, which listens in spite of a suspended worker. It is removed
        at the end, and cannot be opened twice.
        """
        path = f"{shortFolder(self)}/socket"
        sockets = self.open(f"unix:{path}")
        self.assertEqual(sockets.descriptor(1), sockets.descriptor(2))
        self.assertEqual(self.addressOf(sockets.descriptor(1)), path)
        sockets.suspend(1)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
        self.assertRaises(CannotListenError, self.open, f"unix:{path}")
        yield sockets.close()
        self.assertFalse(os.path.lexists(path))
