"""
Tests for L{machat.tap.endpoints}.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import _SystemdParser
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.systemd import ListenFDs
from twisted.trial.unittest import SynchronousTestCase

from machat.tap.endpoints import Endpoint, given
from machat.transport.proxy import ProxiedFactory
from machat.transport.reuseport import BACKLOG
from tests.processes import makeCertificate


class EndpointTests(SynchronousTestCase):
    """
    Tests for L{Endpoint}.
    """

    def setUp(self) -> None:
        self.key = self.mktemp()
        makeCertificate(self.key, self.key + ".pem")
        with open(self.key) as key, open(self.key + ".pem", "a") as both:
            both.write(key.read())
        self.factory = Factory()

    def listen(self, text: str) -> tuple[Any, ...]:
        """
        @return: the arguments with which a reactor is asked to listen
        """
        reactor = MemoryReactor()
        self.successResultOf(Endpoint(reactor, text).listen(self.factory))
        servers: list[tuple[Any, ...]] = [*reactor.tcpServers, *reactor.unixServers]
        (arguments,) = servers
        return arguments

    def test_backlog(self) -> None:
        """
        The listen queue is long, unless the string sets its length.
        """
        ssl = f"privateKey={self.key}:certKey={self.key}.pem"
        for text, at, backlog in (
            ("tcp:8989", 2, BACKLOG),
            ("tcp:8989:127.0.0.1", 2, BACKLOG),
            ("tcp:8989:127.0.0.1:7", 2, 7),
            ("tcp:8989:backlog=7", 2, 7),
            ("tcp:port=8989", 2, BACKLOG),
            (r"tcp:8989:interface=\:\:1", 2, BACKLOG),
            ("tcp6:8989", 2, BACKLOG),
            ("tcp6:8989:7", 2, 7),
            ("unix:/run/machat", 2, BACKLOG),
            ("unix:/run/machat:660:7", 2, 7),
            (r"unix:/run/backlog\=7", 2, BACKLOG),
            (f"ssl:8990:{ssl}", 2, BACKLOG),
            (f"ssl:8990:{ssl}:backlog=7", 2, 7),
            ("tls:.:8990:interface=127.0.0.1", 2, BACKLOG),
            ("tls:.:8990:7", 2, 7),
            ("haproxy:tcp:8989", 2, BACKLOG),
            ("haproxy:tcp:8989:backlog=7", 2, 7),
            (f"haproxy:ssl:8990:{ssl}", 2, BACKLOG),
            ("haproxy:unix:/run/machat", 2, BACKLOG),
        ):
            self.assertEqual(self.listen(text)[at], backlog, text)

    def test_order(self) -> None:
        """
        The header of a proxy is read before TLS.
        """
        ssl = f"ssl:8990:privateKey={self.key}:certKey={self.key}.pem"
        for text in (ssl, "tls:.:8990"):
            served = self.listen(text)[1]
            self.assertIsInstance(served, TLSMemoryBIOFactory)
            self.assertIs(served.wrappedFactory, self.factory)
            served = self.listen(f"haproxy:{text}")[1]
            self.assertIsInstance(served, ProxiedFactory)
            self.assertIs(served.wrapped.wrappedFactory, self.factory)
        self.assertIs(self.listen("haproxy:tcp:8989")[1].wrapped, self.factory)
        self.assertIs(self.listen("tcp:8989")[1], self.factory)

    def test_mode(self) -> None:
        """
        A UNIX socket is accessible to everyone, unless the string sets its mode.
        """
        self.assertEqual(self.listen("unix:/run/machat")[3:], (0o666, True))
        self.assertEqual(self.listen("unix:/run/machat:mode=660")[3:], (0o660, True))

    def test_systemd(self) -> None:
        """
        A socket of the service manager keeps its own queue.
        """
        self.patch(_SystemdParser, "_sddaemon", ListenFDs([], []))
        error = self.assertRaises(
            ValueError, Endpoint, MemoryReactor(), "systemd:domain=INET:name=tcp"
        )
        self.assertIn("did not pass this socket", str(error))

    def test_inherited(self) -> None:
        """
        A socket of the parent keeps the options of its endpoint, such as TLS and the PROXY
        protocol. Its address is the actual one.
        """
        with socket.create_server(("127.0.0.1", 0)) as listening:
            text = f"haproxy:ssl:0:privateKey={self.key}:certKey={self.key}.pem"
            inherited = f"inherited:{listening.fileno()}:{text}"
            endpoint = Endpoint(MemoryReactor(), inherited)
            self.assertEqual(endpoint.descriptor, listening.fileno())
            self.assertEqual((endpoint.host, endpoint.proxied), ("127.0.0.1", True))
            self.assertIsNotNone(endpoint.certificates)
            self.assertEqual((given(inherited), given(text)), (text, text))
            unix = Endpoint(MemoryReactor(), f"inherited:{listening.fileno()}:unix:/run/machat")
            self.assertIsNone(unix.path)  # the path is the parent's to remove

    def test_files(self) -> None:
        """
        A private key or a certificate that cannot be used is reported with its file. A key with a
        password is refused before OpenSSL asks the terminal for it.
        """
        pem, damaged = f"{self.key}.pem", self.mktemp()
        block = "-----BEGIN {0}-----\nAAAA\n-----END {0}-----\n"
        for key, certificate, text, why in (
            (damaged, pem, "x", f"{damaged} contains no private key in PEM format"),
            (self.key, damaged, "", f"{damaged} contains no certificate in PEM format"),
            (damaged, pem, block.format("ENCRYPTED PRIVATE KEY"), "openssl pkey"),
            (damaged, pem, "Proc-Type: 4,ENCRYPTED", "a password"),
            ("/nowhere", pem, "", "/nowhere: No such file or directory"),
        ):
            Path(damaged).write_text(text)
            given = f"ssl:0:privateKey={key}:certKey={certificate}"
            error = self.assertRaises(ValueError, Endpoint, MemoryReactor(), given)
            self.assertIn(why, str(error))
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "a.pem").write_text(block.format("PRIVATE KEY"))
        self.addCleanup((folder / "a.pem").unlink)  # test_order reads all folders
        error = self.assertRaises(ValueError, Endpoint, MemoryReactor(), f"tls:{folder}:0")
        self.assertIn(str(folder / "a.pem"), str(error))

    def test_refused(self) -> None:
        """
        An endpoint that cannot listen is refused in advance.
        """
        self.assertRaises(TypeError, Endpoint, MemoryReactor(), "tcp:1:interfaces=x")
        self.assertRaises(TypeError, Endpoint, MemoryReactor(), "tls:.:1:certKey=x")
        for text, why in (
            ("tcp:99999999", "port must be a number from 0 to 65535"),
            ("tcp:-1", "port must be"),
            ("tcp:x", "port must be"),
            ("haproxy:tcp:65536", "port must be"),
            ("tcp6:65536", "port must be"),
            ("tls:.:65536", "port must be"),
            ("tcp:1:backlog=99999999999", "backlog must be a number from 0 to 65535"),
            ("tcp:1:backlog=many", "backlog must be"),
            ("unix:x:mode=999", "mode must be a number from 0 to 777"),
            ("unix:x:mode=77777777777777", "mode must be"),
            ("unix:" + "x" * 108, "107 bytes at most"),
            ("haproxy:haproxy:tcp:1", "haproxy: appears twice"),
            ("tls", "no directory with certificates"),
            ("tls:/nowhere:1", "no directory with certificates: /nowhere"),
            ("nonsense", ""),
            ("", ""),
            ("haproxy:", ""),
        ):
            error = self.assertRaises(ValueError, Endpoint, MemoryReactor(), text)
            self.assertIn(why, str(error), text)
