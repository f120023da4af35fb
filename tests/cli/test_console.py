"""
Tests for the command C{machat}, as a user starts it.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from typing import IO

from tests.cli.consoles import PipeTestCase
from tests.processes import BIN, PATIENCE, RawClient, start, waitForLine

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
        With C{--commands}, a pipe prints older messages and those that it searches, and waits for
        them and for the list of rooms at the end of its input.
        """
        _, tcp, _ = self.serveBoth()
        eve = RawClient(tcp)
        self.addCleanup(eve.close)
        eve.send(v=1, name="Eve", room="dev")
        for number in range(30):
            eve.send(type="say", text=str(number), id=str(number))
            eve.await_("ack")
        options = ("--room", "dev", "--commands")
        commands = b"/history 5\n/history\n/search 29\n/list\n"
        done = self.machat(f"localhost:{tcp}", commands, *options)
        numbers = [*range(10, 30), *range(5, 10), *range(5), 29]
        self.assertEqual(done.stdout.decode().split("\n")[:-1], [f"Eve: {n}" for n in numbers])
        self.assertIn(b"machat: --- the stored history of dev begins here ---\n", done.stderr)
        self.assertTrue(done.stderr.endswith(b"machat: there are no such rooms in the list\n"))
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
