"""
Tests for L{machat.tap.adopted}.
"""

from __future__ import annotations

import os
import socket
import stat
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from machat.tap.adopted import AdoptedEndpoint
from tests.processes import shortFolder


class Greeter(Protocol):
    """
    Greets, and closes the connection.
    """

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")
        self.transport.loseConnection()


class Reader(Protocol):
    """
    Collects what it receives.
    """

    def __init__(self) -> None:
        self.received = b""
        self.done: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        self.done.callback(self.received)


class UNIXTests(TestCase):
    """
    A UNIX socket of another process.
    """

    @inlineCallbacks
    def test_unchanged(self) -> Any:
        """
        The socket is served. Its mode does not change, and it stays open for the other process
        after this process has stopped listening.
        """
        path = f"{shortFolder(self)}/socket"
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path)
            os.chmod(path, 0o600)
            opened.listen(100)
            endpoint = AdoptedEndpoint(reactor, os.dup(opened.fileno()), socket.AF_UNIX)
            port = yield endpoint.listen(Factory.forProtocol(Greeter))
            client = UNIXClientEndpoint(reactor, path)
            reader = yield client.connect(Factory.forProtocol(Reader))
            self.assertEqual((yield reader.done), b"hello")
            yield port.stopListening()
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            with socket.socket(socket.AF_UNIX) as other:
                other.connect(path)
                opened.accept()[0].close()
