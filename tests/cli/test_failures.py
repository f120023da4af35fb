"""
Tests for the command C{machat}: failed connections.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.cli.consoles import PipeTestCase
from tests.processes import PATIENCE, freePort, makeCertificate, portsOf


class Listener:
    """
    A server that answers each connection with the same bytes.

    @ivar accepted: set after the first connection
    """

    def __init__(self, answer: bytes, close: bool = True) -> None:
        """
        @param close: whether to close each connection after the answer
        """
        self._answer = answer
        self._close = close
        self._kept: list[socket.socket] = []
        self.accepted = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.accepted.set()
            with contextlib.suppress(OSError):
                connection.recv(65_536)
                connection.sendall(self._answer)
            self._kept.append(connection)
            if self._close:
                connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """
        Stop listening.
        """
        for each in (self._socket, *self._kept):
            each.close()


class FailedTests(PipeTestCase):
    """
    Reasons for a missing connection.
    """

    def listen(self, answer: bytes, close: bool = True) -> int:
        """
        @return: the port of a L{Listener}
        """
        listener = Listener(answer, close)
        self.addCleanup(listener.close)
        return listener.port

    def fails(self, address: str, words: str, *more: str, retries: bool = False) -> None:
        """
        Check that a pipe fails to connect and reports this reason once.

        @param retries: whether it tries again, until the timeout ends it
        """
        room = ("--room", "dev", "--timeout", "5" if retries else str(PATIENCE))
        done = self.machat(address, b"one\ntwo\n", *room, *more)
        self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr)
        errors = done.stderr.decode()
        self.assertEqual(errors.count("cannot connect: "), 1, errors)
        again = "; trying again" if retries else ""
        self.assertIn(f"machat: cannot connect: {words}{again}\n", errors)
        self.assertEqual("giving up" in errors, retries, errors)

    def test_unreachable(self) -> None:
        """
        After a temporary error the command tries again, for as long as the option says.
        """
        refused = "connection refused: no server at this address"
        closed = "the server closed the connection without a response"
        busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
        reasons = {
            f"localhost:{freePort()}": refused,
            f"ws://localhost:{freePort()}/mychat": refused,
            "nowhere.invalid:1": "the host name is unknown",
            f"localhost:{self.listen(b'')}": closed,
            f"ws://localhost:{self.listen(busy)}/mychat": "HTTP 503 Service Unavailable",
        }
        with ThreadPoolExecutor() as pool:  # each waits for its timeout
            list(pool.map(partial(self.fails, retries=True), reasons, reasons.values()))

    def test_silent(self) -> None:
        """
        The command gives up on a silent server as well.
        """
        addresses = [
            f"localhost:{self.listen(b'', False)}",
            f"ws://localhost:{self.listen(b'', False)}/mychat",
        ]
        room = ("--room", "dev", "--timeout", "4")
        with ThreadPoolExecutor() as pool:
            for done in pool.map(lambda address: self.machat(address, b"x\n", *room), addresses):
                self.assertEqual(done.returncode, 1)
                self.assertIn(b"giving up", done.stderr)
                self.assertIn(b"1 line was not acknowledged", done.stderr)

    def test_foreign(self) -> None:
        """
        A server that is not a chat server ends the command at once.
        """
        ssh = self.listen(b"SSH-2.0-OpenSSH_9.2\x1b[2J\r\n", False)
        foreign = "not a MaChat server: it"
        said = "'SSH-2.0-OpenSSH_9.2\\x1b[2J\\r'"
        self.fails(f"localhost:{ssh}", f"{foreign} sent {said}")
        self.fails(f"ws://localhost:{ssh}", f"{foreign} responded {said[:-3]}'")
        alert = self.listen(b"\x15\x03\x01\x00\x02\x02\x46")
        self.fails(
            f"localhost:{alert}",
            f"{foreign} uses TLS: try tls:HOST:PORT or wss://...",
        )
        bare = self.listen(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", False)
        self.fails(f"ws://localhost:{bare}", "not a MaChat server: HTTP Upgrade header missing")
        endless = self.listen(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 50_000, False)
        self.fails(
            f"ws://localhost:{endless}", f"{foreign[:-2]}the header of its response is too long"
        )

    def test_http(self) -> None:
        """
        The status of a refused WebSocket is reported, with the server's explanation if it sends
        one.
        """
        head = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: "
        port = self.listen(head + b"12\r\n\r\nno\x1b[2J\nmore\n", False)
        self.fails(f"ws://localhost:{port}/mychat", "HTTP 403 Forbidden: no [2J")
        html = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<html>"
        self.fails(f"ws://localhost:{self.listen(html)}/mychat", "HTTP 404 Not Found")
        moved = b"HTTP/1.1 301 Moved\r\nLocation: https://example.com/\r\n\r\n"
        port = self.listen(moved)
        self.fails(f"ws://localhost:{port}/", "HTTP 301 Moved, see https://example.com/")

    def test_server(self) -> None:
        """
        MaChat's own refusals of a path and of an origin are reported in the same way.
        """
        _, tcp, ws = self.serveBoth()
        done = self.machat(f"ws://localhost:{ws}/wrong", b"x\n", "--room", "dev")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"machat: cannot connect: HTTP 404 ", done.stderr)
        for origin in ("https://evil.example",):
            done = self.machat(
                f"ws://localhost:{ws}/mychat", b"x\n", "--room=dev", "--origin", origin
            )
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"machat: cannot connect: HTTP 403 ", done.stderr)
        done = self.machat(f"localhost:{ws}", b"x\n", "--room", "dev")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"this is a WebSocket endpoint, at /mychat", done.stderr)

    def certified(self, named: bool = True) -> tuple[int, int, str]:
        """
        @param named: whether the certificate names C{localhost}
        @return: the ports of a server, and the file of its certificate
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        key, certificate = self.mktemp(), str(folder / "cert.pem")
        makeCertificate(key, certificate, named=named)
        ssl = f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
        server = self.serve("--tcp", ssl, "--ws", ssl)
        tcp, ws = portsOf(server, "ChatFactory (TLS)", "ChatWebSocketFactory (TLS)")
        return tcp, ws, certificate

    def test_certificate(self) -> None:
        """
        A certificate that is not trusted, or names another host, ends the command; a trusted one
        is accepted, from a file or from a folder.
        """
        tcp, ws, certificate = self.certified()
        untrusted = "the server's certificate is not trusted"
        self.fails(f"tls:localhost:{tcp}", untrusted)
        self.fails(f"wss://localhost:{ws}/mychat", untrusted)
        folder = str(Path(certificate).parent)
        private = f"tls:127.0.0.1:{tcp}:trustRoots={folder}"
        self.fails(private, "the server's certificate is for another host")
        plain = self.machat(f"localhost:{tcp}", b"x\n", "--room", "dev", "--timeout", "5")
        self.assertEqual((plain.returncode, plain.stdout), (1, b""))
        # Twisted 24 sends a TLS alert before it closes the connection.
        closed = "the server closed the connection without a response"
        self.assertRegex(plain.stderr.decode(), f"cannot connect: .*({closed}|it uses TLS)")
        for room, (address, environment) in enumerate(
            (
                (f"tls:localhost:{tcp}:trustRoots={folder}", {}),
                (f"tls:localhost:{tcp}", {"SSL_CERT_FILE": certificate}),
                (f"wss://localhost:{ws}/mychat", {"SSL_CERT_FILE": certificate}),
            )
        ):
            done = self.machat(address, b"x\n", "--room", f"room{room}", **environment)
            self.assertEqual((done.returncode, done.stdout), (0, b"Mina: x\n"), done.stderr)

    def test_unnamed(self) -> None:
        """
        A certificate that names no host is valid for none, trusted or not.
        """
        tcp, ws, certificate = self.certified(False)
        for address in (f"tls:localhost:{tcp}", f"wss://localhost:{ws}/mychat"):
            done = self.machat(address, b"x\n", "--room", "dev", SSL_CERT_FILE=certificate)
            self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr)
            self.assertIn(b"the server's certificate contains no host name", done.stderr)

    def test_plain(self) -> None:
        """
        A server without TLS is not accepted as one with TLS.
        """
        _, tcp, ws = self.serveBoth()
        for address in (f"tls:localhost:{tcp}", f"wss://localhost:{ws}/mychat"):
            done = self.machat(address, b"x\n", "--room", "dev")
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"machat: cannot connect: the server does not use TLS", done.stderr)

    def test_ssl(self) -> None:
        """
        An endpoint that checks no certificate is refused.
        """
        for address in ("ssl:localhost:1", "SSL:localhost:1:hostname=localhost"):
            done = self.machat(address, b"", "--room", "dev")
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"Use tls:HOST:PORT", done.stderr)
