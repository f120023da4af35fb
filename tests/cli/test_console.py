"""
Tests for the command C{machat}, as a user starts it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO

from tests.processes import (
    BIN,
    LOCAL,
    PATIENCE,
    RawClient,
    ServerTestCase,
    freePort,
    makeCertificate,
    portsOf,
    start,
    waitForLine,
)
from tests.terminal import Terminal

#: Lines that a pipe has to leave unchanged.
ODD = (
    b"/quit\n/leave\n/join elsewhere\n// comment\n\n"
    b"a\xe2\x80\xa8/join eves\xe2\x80\xa8b\nform\x0cfeed\n"
    b"next\xc2\x85line\n\rcarriage\r\n\x00\x1b[2J\xc2\x9b\n/var/log/x: y\n\xef\xbb\xbfbom \ntail"
)


class Relay:
    """
    Relays connections to a server, and cuts each after a number of bytes from the server.

    @ivar cuts: how many were cut
    """

    def __init__(self, server: int, length: int) -> None:
        self.cuts = 0
        self._server = server
        self._length = length
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                threading.Thread(target=self._copy, args=(client, server), daemon=True).start()
                self._cut(server, client)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4_096):
                target.sendall(data)

    def _cut(self, server: socket.socket, client: socket.socket) -> None:
        left = self._length
        with contextlib.suppress(OSError):
            while left > 0 and (data := server.recv(min(left, 4_096))):
                client.sendall(data)
                left -= len(data)
        self.cuts += 1
        for each in (server, client):
            each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        """
        Stop the relay.
        """
        self._socket.close()


class PipeTestCase(ServerTestCase):
    def machat(
        self, address: str, data: bytes, *more: str, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """
        @return: the command, after it has read this input
        """
        command = [str(BIN / "machat"), "--client", "Mina", "--address", address, *more]
        return subprocess.run(
            command,
            input=data,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "LC_ALL": "C", **environment},
        )


class PipeTests(PipeTestCase):
    def test_pipe(self) -> None:
        """
        In a pipe, the command posts its input, prints the messages, and ends when every message
        has arrived.
        """
        _, tcp, ws = self.serveBoth()
        for address in (f"localhost:{tcp}", f"ws://localhost:{ws}/mychat"):
            done = self.machat(address, b"one\ntwo\n", "--room", f"room{address[:2]}")
            self.assertEqual(done.stdout, b"Mina: one\nMina: two\n", done.stderr)
            self.assertEqual(done.returncode, 0)
            self.assertIn(b"machat: connected", done.stderr)

    def test_history(self) -> None:
        """
        With C{--commands}, a pipe prints older messages, and waits for them at the end of its
        input.
        """
        _, tcp, _ = self.serveBoth()
        eve = RawClient(tcp)
        self.addCleanup(eve.close)
        eve.send(v=1, name="Eve", room="dev")
        for number in range(30):
            eve.send(type="say", text=str(number), id=str(number))
            eve.await_("ack")
        options = ("--room", "dev", "--commands")
        done = self.machat(f"localhost:{tcp}", b"/history 5\n/history\n", *options)
        numbers = [*range(10, 30), *range(5, 10), *range(5)]
        self.assertEqual(done.stdout.decode().split("\n")[:-1], [f"Eve: {n}" for n in numbers])
        self.assertIn(b"machat: --- the stored history of dev begins here ---\n", done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_asItIs(self) -> None:
        """
        Lines end only at newlines, are never commands, and arrive byte for byte, at other clients
        of both dialects and in the output of the pipe.
        """
        _, tcp, ws = self.serveBoth()
        for address in (f"localhost:{tcp}", f"ws://localhost:{ws}/mychat"):
            room = f"room{address[:2]}"
            ear = RawClient(tcp)
            self.addCleanup(ear.close)
            ear.sendBytes(b'{"name": "ear", "room": "%s"}\nhello\n' % room.encode())
            self.assertEqual(ear.readUntil(b"\n"), b"ear:hello\n")
            done = self.machat(address, ODD, "--room", room)
            self.assertEqual(done.returncode, 0, done.stderr)
            expected = ODD.split(b"\n")
            out = b"".join(b"Mina: %s\n" % line for line in expected)
            self.assertEqual(done.stdout, b"ear: hello\n" + out)
            for line in expected:
                self.assertEqual(ear.readUntil(b"\n"), b"Mina:%s\n" % line)

    def test_many(self) -> None:
        """
        Any number of lines arrives, in order, once each.
        """
        _, tcp, ws = self.serveBoth()
        lines = [b"%d" % number for number in range(10_000)]
        for address in (f"localhost:{tcp}", f"ws://localhost:{ws}/mychat"):
            done = self.machat(address, b"\n".join(lines), "--room", f"room{address[:2]}")
            self.assertEqual(done.stdout, b"".join(b"Mina: %s\n" % line for line in lines))
            self.assertEqual((done.returncode, done.stderr.count(b"\n")), (0, 2), done.stderr)

    def test_rate(self) -> None:
        """
        If the server accepts few lines per second, the command waits and reports this.
        """
        _, tcp, _ = self.serveBoth("--rate", "20", "--burst", "1")
        done = self.machat(f"localhost:{tcp}", b"x\n" * 70, "--room", "dev")
        self.assertEqual((done.returncode, done.stdout.count(b"\n")), (0, 70), done.stderr)
        self.assertRegex(
            done.stderr,
            rb"(?m)^machat: the server accepts 20 lines per second: .* lines are waiting, which ",
        )

    def test_refusedLines(self) -> None:
        """
        A line that is too long, by itself or as JSON, or not valid text is reported with its
        number; the others arrive, and the exit status reports the failure.
        """
        _, tcp, ws = self.serveBoth()
        data = (
            b"one\n"
            + b"x" * 300_000
            + b"\n\xff\xfe\n"
            + b"\x01" * 20_000
            + b"\nlast\n"
            + b"y" * 70_000
        )
        for address in (f"localhost:{tcp}", f"ws://localhost:{ws}/mychat"):
            done = self.machat(address, data, "--room", f"room{address[:2]}")
            self.assertEqual(done.stdout, b"Mina: one\nMina: last\n", done.stderr)
            self.assertEqual(done.returncode, 1)
            for words in (
                b"machat: line 2 was not sent: it is longer than 65536 bytes\n",
                b"machat: line 3 was not sent: it is not UTF-8\n",
                b"machat: refused: the message is longer than the server accepts (line 4)\n",
                b"machat: line 6 was not sent: it is longer than 65536 bytes\n",
                b"machat: 4 lines were not acknowledged\n",
            ):
                self.assertIn(words, done.stderr)

    def test_commands(self) -> None:
        """
        With an option, lines can be commands, and each runs after all lines above it.
        """
        _, tcp, _ = self.serveBoth()
        data = b"here\n/join other\n//there\n/leave\nback\n/quit\nnever\n"
        done = self.machat(f"localhost:{tcp}", data, "--room", "dev", "--commands")
        self.assertEqual(
            done.stdout, b"Mina: here\n[other] Mina: /there\nMina: back\n", done.stderr
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"machat: 1 line was not acknowledged\n", done.stderr)

    def test_times(self) -> None:
        """
        With an option, each message is printed with its time.
        """
        _, tcp, _ = self.serveBoth()
        done = self.machat(f"localhost:{tcp}", b"x\n", "--room", "dev", "--times")
        self.assertRegex(
            done.stdout, rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d Mina: x\n$"
        )

    def test_refused(self) -> None:
        """
        An invalid address is reported in one line, and a refused client reports the reason and the
        lines that were not sent.
        """
        done = self.machat("pigeon:x", b"", "--room", "dev")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        _, tcp, _ = self.serveBoth()
        done = self.machat(f"localhost:{tcp}", b"hello\n", "--client", "a:b", "--room", "dev")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"machat: bad-name: ", done.stderr)
        done = self.machat(f"localhost:{tcp}", b"a\nb\n", "--room", "not a room")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"machat: refused: ", done.stderr)

    def test_noRoom(self) -> None:
        """
        Without a room, a pipe is refused, because its lines cannot be posted.
        """
        done = self.machat("localhost:1", b"hello\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"--room is required in a pipe", done.stderr)

    def test_cut(self) -> None:
        """
        Interrupted connections lose no line and duplicate none.
        """
        _, tcp, _ = self.serveBoth()
        relay = Relay(tcp, 40_000)
        self.addCleanup(relay.close)
        lines = [b"%d" % number for number in range(1_000)]
        done = self.machat(f"localhost:{relay.port}", b"\n".join(lines), "--room", "dev")
        out = b"".join(b"Mina: %s\n" % line for line in lines)
        self.assertEqual((done.stdout, done.returncode), (out, 0), done.stderr)
        self.assertGreater(relay.cuts, 2)

    def test_slowReader(self) -> None:
        """
        Output that is not read for a while is not lost, and does not fill the memory.
        """
        _, tcp, _ = self.serveBoth()
        ear = RawClient(tcp)
        self.addCleanup(ear.close)
        ear.send(v=1, name="ear", room="dev")
        ear.await_("joined")
        pipe = start(BIN / "machat", "--client=Mina", "--room=dev", f"--address=localhost:{tcp}")
        self.stopAtEnd(pipe)
        assert pipe.stdin is not None and pipe.stdout is not None
        lines = [f"{number}{'x' * 1_000}\n" for number in range(1_000)]
        writing = threading.Thread(target=self.write, args=(pipe.stdin, lines))
        writing.start()
        for _ in range(100):  # larger than the buffer of a pipe
            ear.await_("message")
        self.assertEqual(pipe.stdout.read(), "".join(f"Mina: {line}" for line in lines))
        writing.join()
        self.assertEqual(pipe.wait(PATIENCE), 0)
        pipe.stdin = None

    def write(self, file: IO[str], lines: list[str]) -> None:
        """
        Write these lines, and close the input.
        """
        with file:
            file.writelines(lines)

    def test_noReader(self) -> None:
        """
        If the output is no longer read, the lines that were read arrive, and the command ends.
        """
        _, tcp, _ = self.serveBoth()
        pipe = start(BIN / "machat", "--client=Mina", "--room=dev", f"--address=localhost:{tcp}")
        self.stopAtEnd(pipe)
        assert pipe.stdin is not None and pipe.stdout is not None
        pipe.stdin.write("one\n")
        pipe.stdin.flush()
        self.assertEqual(pipe.stdout.readline(), "Mina: one\n")
        pipe.stdout.close()
        self.assertEqual(pipe.wait(PATIENCE), 1)
        pipe.stdout = None

    def test_signal(self) -> None:
        """
        When the command is interrupted, it reports how many lines did not arrive.
        """
        server, tcp, _ = self.serveBoth("--rate", "1", "--burst", "1")
        pipe = start(BIN / "machat", "--client=Mina", "--room=dev", f"--address=localhost:{tcp}")
        self.stopAtEnd(pipe)
        assert pipe.stdin is not None and pipe.stdout is not None
        pipe.stdin.write("x\n" * 500)
        pipe.stdin.flush()
        for _ in range(2):  # the first line is acknowledged before the second arrives
            self.assertEqual(pipe.stdout.readline(), "Mina: x\n")
        pipe.send_signal(signal.SIGINT)
        report = waitForLine(pipe, "not acknowledged", pipe.stderr)
        self.assertRegex(
            report, r"^machat: 4\d\d lines were not acknowledged; the rest of the input"
        )
        server.kill()  # which reads one line a second, and notices the end after the last
        self.assertEqual(pipe.wait(PATIENCE), 130)

    def test_nothing(self) -> None:
        """
        Without any lines, the command still joins the room.
        """
        _, tcp, _ = self.serveBoth()
        done = self.machat(f"localhost:{tcp}", b"", "--room", "dev")
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        self.assertIn(b"joined dev", done.stderr)


class Listener:
    """
    A server that answers each connection with the same bytes.
    """

    def __init__(self, answer: bytes, close: bool = True) -> None:
        """
        @param close: whether to close each connection after the answer
        """
        self._answer = answer
        self._close = close
        self._kept: list[socket.socket] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
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
        room = ("--room", "dev", "--timeout", "3" if retries else str(PATIENCE))
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
        room = ("--room", "dev", "--timeout", "2")
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
        self.assertIn(b"machat: cannot connect: not a MaChat server: ", done.stderr)

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
        plain = self.machat(f"localhost:{tcp}", b"x\n", "--room", "dev", "--timeout", "3")
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
            done = self.machat(address, b"x\n", "--room", "dev", "--timeout", "3")
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


class PasswordTests(PipeTestCase):
    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.file = folder / "password"
        self.file.write_bytes("s\u00e9cret \r\nmore\n".encode())
        users = folder / "users"
        users.write_text("Mina:s\u00e9cret \n", "utf-8")
        _, self.tcp, _ = self.serveBoth("--auth", f"file:{users}")

    def says(self, *more: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        """
        @return: the result of posting two lines
        """
        room = ("--room", "dev")
        return self.machat(f"localhost:{self.tcp}", b"a\nb\n", *room, *more, **environment)

    def test_password(self) -> None:
        """
        A pipe reads its password from a file, the environment or a descriptor, and posts all of
        its input.
        """
        for more, environment in (
            (("--password-file", str(self.file)), {}),
            ((), {"MACHAT_PASSWORD": "s\u00e9cret "}),
            (("--password",), {"MACHAT_PASSWORD": "s\u00e9cret "}),
        ):
            done = self.says(*more, LC_ALL="C.UTF-8", **environment)
            self.assertEqual(done.stdout[-16:], b"Mina: a\nMina: b\n", done.stderr)
            self.assertEqual(done.returncode, 0)

    def test_descriptor(self) -> None:
        """
        Only one line is read from a descriptor, so it may be the standard input.
        """
        data = "s\u00e9cret \na\n".encode()
        done = self.machat(f"localhost:{self.tcp}", data, "--room", "dev", "--password-fd", "0")
        self.assertEqual((done.returncode, done.stdout), (0, b"Mina: a\n"), done.stderr)

    def test_refused(self) -> None:
        """
        Without these sources the command does not run, and takes no other input for a password.
        """
        empty = self.file.with_name("empty")
        empty.touch()
        latin = self.file.with_name("latin")
        latin.write_bytes(b"\xe9\n")
        for more, words in (
            (("--password",), b"use --password-file, --password-fd or MACHAT_PASSWORD"),
            (("--password-file", "/nowhere"), b"No such file"),
            (("--password-file", str(empty)), b"a password must be a line of 1 to 4096 bytes"),
            (("--password-file", str(latin)), b"the password is not UTF-8"),
            (("--password-fd", "99"), b"Bad file descriptor"),
            (("--password", "--token-file", "x"), b"not allowed with argument"),
        ):
            done = self.says(*more)
            self.assertEqual((done.returncode, done.stdout), (2, b""), done.stderr)
            self.assertIn(words, done.stderr)

    def test_wrong(self) -> None:
        """
        A wrong password ends the command.
        """
        done = self.says(MACHAT_PASSWORD="wrong")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"bad-credentials", done.stderr)
        self.assertIn(b"2 lines were not acknowledged", done.stderr)


class TerminalTests(ServerTestCase):
    """
    Tests in a real terminal, provided by tmux.
    """

    def test_talk(self) -> None:
        """
        A session with two rooms, a paste of thirty lines, a server that restarts, and a normal
        exit.
        """
        server = self.serve("--tcp", "tcp:0:interface=127.0.0.1", "--ws", "none")
        (port,) = portsOf(server, "ChatFactory")
        command = f"{BIN}/machat --client Mina --room dev --address localhost:{port}"
        terminal = Terminal(self, command)
        terminal.awaitScreen("joined dev, 1 here: Mina", "dev: 1 here")
        terminal.type("hello")
        terminal.awaitScreen("Mina: hello")
        terminal.type("/join other")
        terminal.awaitScreen("joined other", "other: 1 here, also in dev")
        terminal.tmux("set-buffer", "".join(f"line {n}\n" for n in range(30)))
        terminal.tmux("paste-buffer", "-p")
        terminal.tmux("send-keys", "Enter")
        terminal.awaitScreen(*(f"[other] Mina: line {n}\n" for n in range(30)))
        server.terminate()
        terminal.awaitScreen("the server closed the connection: shutdown", "not connected")
        server.communicate()
        self.serve("--tcp", f"tcp:{port}:interface=127.0.0.1", "--ws", "none")
        terminal.awaitScreen("other: 1 here, also in dev")
        terminal.type("back")
        terminal.awaitScreen("[other] Mina: back")
        terminal.type("/quit")
        terminal.awaitScreen("[other] Mina: back")

    def test_history(self) -> None:
        """
        Tab completes a command's name; older messages appear below the others, in order.
        """
        server = self.serve("--tcp", LOCAL, "--ws", "none")
        (port,) = portsOf(server, "ChatFactory")
        eve = RawClient(port)
        self.addCleanup(eve.close)
        eve.send(v=1, name="Eve", room="dev")
        for number in range(24):
            eve.send(type="say", text=f"line {number}", id=str(number))
            eve.await_("ack")
        terminal = self.open(port)
        terminal.awaitScreen("Eve: line 23\n")
        terminal.tmux("send-keys", "-l", "/hi")
        terminal.tmux("send-keys", "Tab")
        terminal.awaitScreen("> /history")
        terminal.type("")
        screen = terminal.awaitScreen("--- end of the older messages ---")
        self.assertRegex(
            screen,
            "(?s)4 older messages of dev ---.*begins here.*line 0\n.*line 1\n.*line 2\n.*line 3\n",
        )

    def paste(self, terminal: Terminal, text: str) -> None:
        """
        Paste a text, as a terminal with bracketed paste does, and press Enter.
        """
        terminal.tmux("set-buffer", text)
        terminal.tmux("paste-buffer", "-p")
        terminal.tmux("send-keys", "Enter")

    def open(self, port: int, *more: str) -> Terminal:
        """
        @return: a terminal in which Mina has joined, which shows the exit status afterwards
        """
        command = f"{BIN}/machat --client Mina --room dev --address localhost:{port}"
        return Terminal(self, f"{command} {' '.join(more)}; echo status $?")

    def test_paste(self) -> None:
        """
        Pasted lines are messages, whatever they begin with, and all arrive even if the user quits
        at once. A slash that is typed begins a command.
        """
        server = self.serve("--tcp", LOCAL, "--ws", "none", "--rate", "20", "--burst", "1")
        (port,) = portsOf(server, "ChatFactory")
        ear = RawClient(port)
        self.addCleanup(ear.close)
        ear.send(v=1, name="ear", room="dev")
        terminal = self.open(port)
        terminal.awaitScreen("joined dev, 2 here")
        self.paste(terminal, "/quit")
        terminal.awaitScreen("Mina: /quit")
        terminal.tmux("send-keys", "-l", "/join ")
        self.paste(terminal, "other")
        terminal.awaitScreen("joined other", "also in dev")
        terminal.type("/leave")
        terminal.awaitScreen("left other")
        lines = ["/quit", "/leave", "//", "", "x", *map(str, range(60)), "/quit"]
        self.paste(terminal, "\n".join(lines) + "\n")
        terminal.type("/quit")
        terminal.awaitScreen("lines are still waiting", "status 0")
        texts = [ear.await_("message")["text"] for _ in range(1 + len(lines))]
        self.assertEqual(texts, ["/quit", *lines])

    def test_suspend(self) -> None:
        """
        Ctrl-Z suspends the command.
        """
        server = self.serve("--tcp", LOCAL, "--ws", "none")
        (port,) = portsOf(server, "ChatFactory")
        terminal = Terminal(self, "bash --norc -i")
        terminal.type(f"{BIN}/machat --client Mina --room dev --address localhost:{port}")
        terminal.awaitScreen("joined dev, 1 here: Mina", "dev: 1 here")
        terminal.tmux("send-keys", "C-z")
        terminal.awaitScreen("Stopped")
        terminal.type("fg")
        terminal.type("hello")
        self.assertNotIn("^Z", terminal.awaitScreen("Mina: hello"))

    def test_notConnected(self) -> None:
        """
        Without a connection the terminal shows the reason, and keeps and shows the typed lines.
        """
        port = freePort()
        terminal = self.open(port)
        terminal.awaitScreen(
            "cannot connect: connection refused: no server at this address; trying again"
        )
        terminal.type("hello")
        terminal.awaitScreen("(not sent yet) hello", "not connected, 1 waiting")
        self.serve("--tcp", f"tcp:{port}:interface=127.0.0.1", "--ws", "none")
        screen = terminal.awaitScreen("Mina: hello")
        self.assertEqual(screen.count("cannot connect"), 1)
        terminal.tmux("send-keys", "C-d")
        terminal.awaitScreen("status 0")

    def test_timeout(self) -> None:
        """
        The command gives up after a time, and prints the lines that were not sent.
        """
        terminal = self.open(freePort(), "--timeout", "5")
        terminal.awaitScreen("cannot connect: ")
        terminal.type("hello")
        terminal.awaitScreen("giving up", "machat: 1 line was not acknowledged", "status 1")

    def test_final(self) -> None:
        """
        If another attempt cannot help, the command ends.
        """
        terminal = self.open(1, "--address", "ssl:localhost:1")
        terminal.awaitScreen("ssl: does not check the server's certificate", "status 1")
        _, _, ws = self.serveBoth()
        terminal = self.open(1, "--address", f"ws://localhost:{ws}/wrong")
        terminal.awaitScreen("cannot connect: HTTP 404", "status 1")

    def test_times(self) -> None:
        """
        Messages are shown with their time unless an option forbids it, and printable characters
        are shown unchanged.
        """
        server = self.serve("--tcp", LOCAL, "--ws", "none")
        (port,) = portsOf(server, "ChatFactory")
        terminal = self.open(port, "--no-times")
        terminal.awaitScreen("\njoined dev, 1 here: Mina", "dev: 1 here")
        terminal.type("/quit")
        terminal = self.open(port)
        terminal.awaitScreen("dev: 1 here")
        eve = RawClient(port)
        self.addCleanup(eve.close)
        eve.send(v=1, name="Eve", room="dev")
        text = "\U0001f469\u200d\U0001f4bb \u0645\u06cc\u200c\u062e \u202e end"
        eve.send(type="say", text=text)
        screen = terminal.awaitScreen("Eve: ", " end")
        self.assertRegex(screen, r"(?m)^\d\d:\d\d Eve: ")
        self.assertNotIn("x200", screen)
        self.assertIn("\\x202e", screen)
