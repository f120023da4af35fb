"""
Tests for L{machat.cli.post}: the command C{machat post}.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from machat.cli import post
from machat.cli.post import BadMessage, parse, readMessage
from tests.cli.consoles import PipeTestCase
from tests.cli.test_console import Relay
from tests.cli.test_failures import Listener
from tests.processes import BIN, PATIENCE, RawClient, freePort, start, waitForLine


class AckCutter(Relay):
    """
    Cuts the first connection instead of passing on an acknowledgement.
    """

    def _cut(self, server: socket.socket, client: socket.socket) -> None:
        if self.cuts:
            threading.Thread(target=self._copy, args=(server, client), daemon=True).start()
            return
        self.cuts += 1
        while (data := server.recv(4_096)) and b'"ack"' not in data:
            client.sendall(data)
        for each in (server, client):
            each.shutdown(socket.SHUT_RDWR)
            each.close()


class MessageTests(SynchronousTestCase):
    """
    The message and the options.
    """

    def read(self, data: bytes) -> str:
        """
        @return: the message that the command reads from this input
        """
        inner, outer = os.pipe()
        os.write(outer, data)
        os.close(outer)
        self.patch(post, "_INPUT", inner)
        try:
            return readMessage(None)
        finally:
            os.close(inner)

    def test_input(self) -> None:
        """
        The whole input is the message, without the newlines at its end.
        """
        for data, text in (
            (b"done\n", "done"),
            (b"done", "done"),
            (b" a\n\n/quit\r\n\n\n", " a\n\n/quit\r"),
            ("caf\u00e9\u2028".encode(), "caf\u00e9\u2028"),
        ):
            self.assertEqual(self.read(data), text)

    def test_invalid(self) -> None:
        """
        An empty message, bytes that are not UTF-8, and too much input are refused.
        """
        for data, why in (
            (b"", "it is empty"),
            (b" \n\n", "it is empty"),
            (b"\xff\n", "it is not UTF-8"),
            (b"x\n" * (post.MAX_LINES + 1), "it has more than 100 lines"),
        ):
            self.assertIn(why, str(self.assertRaises(BadMessage, self.read, data)))
        self.patch(post, "MAX_INPUT", 10)
        self.assertIn(
            "longer than 10 bytes", str(self.assertRaises(BadMessage, self.read, b"x" * 11))
        )
        for text in ("", "\udcff"):
            self.assertRaises(BadMessage, readMessage, text)

    def test_options(self) -> None:
        """
        A message may have any text. The name is the login name by default.
        """
        self.patch(post, "getuser", lambda: "mina")
        for arguments in (["/quit"], ["-"], ["--", "--room"]):
            options = parse(["--room", "ops", *arguments])
            self.assertEqual((options.message, options.client), (arguments[-1], "mina"))
        self.assertEqual(parse(["--room=ops", "--id=a b", "x"]).id, "a b")
        with contextlib.redirect_stderr(io.StringIO()):
            for id in ("", "x" * 61, "\u00e9", "a\n"):
                words = ["--room=ops", f"--id={id}", "x"]
                self.assertEqual(self.assertRaises(SystemExit, parse, words).code, 2)
        self.patch(post, "getuser", lambda: "no name")
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            self.assertEqual(self.assertRaises(SystemExit, parse, ["--room", "x", "y"]).code, 2)
        self.assertIn("--client is required", errors.getvalue())

    def test_passwordInput(self) -> None:
        """
        Credentials are not read from the input that contains the message, under any of its names.
        """
        inner, outer = os.pipe()
        copy = os.dup(inner)
        for descriptor in (inner, outer, copy):
            self.addCleanup(os.close, descriptor)
        self.patch(post, "_INPUT", inner)
        for source in (f"--password-fd={copy}", f"--password-file=/dev/fd/{copy}"):
            with contextlib.redirect_stderr(io.StringIO()) as errors:
                arguments = ["--room=ops", "--client=Mina", source]
                self.assertEqual(self.assertRaises(SystemExit, parse, arguments).code, 2)
            self.assertIn("cannot both be on standard input", errors.getvalue())
            self.assertEqual(parse([*arguments, "text"]).message, "text")


class PostTests(PipeTestCase):
    """
    The command, as cron starts it.
    """

    def post(
        self, address: str, *more: str, data: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """
        @return: the command, after it has ended
        """
        command = [str(BIN / "machat"), "post", "--room", "ops", "--client", "cron"]
        return subprocess.run(
            [*command, "--address", address, *more],
            input=data,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, **environment},
        )

    def ear(self, port: int) -> RawClient:
        """
        @return: a client in the room
        """
        ear = RawClient(port)
        self.addCleanup(ear.close)
        ear.send(v=1, name="ear", room="ops")
        ear.await_("joined")
        return ear

    def test_post(self) -> None:
        """
        The command posts its argument or its input, and prints nothing. Slashes mean nothing.
        """
        _, tcp, ws = self.serveBoth()
        ear = self.ear(tcp)
        for address, more, data, lines in (
            (f"localhost:{tcp}", ("backup done",), b"unread", ["backup done"]),
            (f"ws://localhost:{ws}/mychat", (), b"/quit\n\nb\n", ["/quit", "b"]),
        ):
            done = self.post(address, *more, data=data)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            received: list[str] = []
            while lines[-1] not in received:
                received += ear.await_("message")["text"].split("\n")
            self.assertEqual([line for line in received if line], lines)

    def test_id(self) -> None:
        """
        A repeated command with the same identifier posts the message once.
        """
        _, tcp, _ = self.serveBoth()
        ear = self.ear(tcp)
        for text in ("one", "one", "two"):
            done = self.post(f"localhost:{tcp}", text, "--id", f"backup {text}")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        found = [ear.await_("message")["text"] for _ in range(2)]
        self.assertEqual(found, ["one", "two"])

    def test_sameTime(self) -> None:
        """
        A second command under the same name waits until the first has left.
        """
        server, tcp, _ = self.serveBoth()
        ear = self.ear(tcp)
        other = RawClient(tcp)
        self.addCleanup(other.close)
        other.send(v=1, name="cron", room="ops")
        other.await_("joined")
        waiting = self.stopAtEnd(
            start(
                *(BIN / "machat", "post", "--room=ops", "--client=cron"),
                *(f"--address=localhost:{tcp}", f"--timeout={PATIENCE}", "later"),
            )
        )
        waitForLine(server, "name-taken")
        other.close()
        self.assertEqual(ear.await_("message")["text"], "later")
        self.assertEqual(waiting.communicate(timeout=PATIENCE), ("", ""))
        self.assertEqual(waiting.returncode, 0)

    def test_cut(self) -> None:
        """
        If the connection is cut, the message is sent again with the same id, and appears once.
        """
        _, tcp, _ = self.serveBoth()
        ear = self.ear(tcp)
        relay = AckCutter(tcp, 0)
        self.addCleanup(relay.close)
        done = self.post(f"localhost:{relay.port}", "once", "--timeout", str(PATIENCE))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(relay.cuts, 1)
        last = self.post(f"localhost:{tcp}", "last", "--client=other")
        self.assertEqual(last.returncode, 0, last.stderr)
        self.assertEqual([ear.await_("message")["text"] for _ in range(2)], ["once", "last"])

    def test_password(self) -> None:
        """
        The password is read from a file, a descriptor or the environment. A wrong one is reported.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "password").write_text("secret\n")
        (folder / "users").write_text("cron:secret\n")
        _, tcp, _ = self.serveBoth("--auth", f"file:{folder / 'users'}")
        address = f"localhost:{tcp}"
        for more, data, environment in (
            (("--password-file", str(folder / "password")), b"x\n", {}),
            (("--password-fd", "0", "message"), b"secret\n", {}),
            ((), b"x\n", {"MACHAT_PASSWORD": "secret"}),
        ):
            done = self.post(address, *more, data=data, **environment)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        done = self.post(address, "x", MACHAT_PASSWORD="wrong")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"machat: not posted: bad-credentials: ", done.stderr)
        self.assertNotIn(b"wrong\n", done.stderr)
        done = self.post(address, "x", "--password-file", "/nowhere")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"machat: no credentials: ", done.stderr)

    def listen(self, answer: bytes, close: bool = True) -> str:
        """
        @return: the address of a server that answers each connection like this
        """
        listener = Listener(answer, close)
        self.addCleanup(listener.close)
        return f"localhost:{listener.port}"

    def test_failures(self) -> None:
        """
        Whatever the server does instead of an acknowledgement, the command ends with status 1 and
        one line with the reason.
        """
        _, tcp, _ = self.serveBoth()
        limits = b'"limits":{"line":4096,"history":1,"rooms":9}'
        welcome = b'{"type":"welcome","v":1,"server":"x","session":"s","ping":9,%s}\n' % limits
        place = b'"room":"ops","name":"cron","epoch":"e","seq":0,"count":1'
        joined = b'{"type":"joined",%s}\n' % place
        expected = {
            f"localhost:{freePort()}": "not posted after 4 s: cannot connect: connection refused",
            self.listen(b"", False): "not posted after 4 s: the server does not respond",
            self.listen(b""): "not posted after 4 s: cannot connect: the server closed",
            self.listen(b"HTTP/1.1 400\r\n\r\n"): "not posted: not a MaChat server",
            f"tls:localhost:{tcp}": "not posted: the server does not use TLS",
            self.listen(
                b'{"type":"bye","code":3500,"reconnect":false,"reason":"a\\u001b[2J\\nb"}\n'
            ): "not posted: a [2J b\n",
            self.listen(welcome, False): "not posted after 4 s: the server does not respond",
            self.listen(welcome + joined, False): "not acknowledged, but possibly posted after 4 s",
        }

        def attempt(address: str) -> subprocess.CompletedProcess[bytes]:
            limit = 4 if " after 4 s" in expected[address] else PATIENCE
            return self.post(address, "x", f"--timeout={limit:g}")

        with ThreadPoolExecutor() as pool:  # most of them wait for their timeouts
            results = pool.map(attempt, expected)
            for done, words in zip(results, expected.values(), strict=True):
                errors = done.stderr.decode()
                self.assertEqual((done.returncode, done.stdout), (1, b""), errors)
                self.assertTrue(errors.startswith(f"machat: {words}"), errors)
                self.assertEqual(errors.count("\n"), 1, errors)

    def test_address(self) -> None:
        """
        An address that cannot be used is an error of the command line.
        """
        done = self.post("nowhere:x", "x")
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr.startswith(b"machat: --address nowhere:x: "), done.stderr)

    def test_interrupted(self) -> None:
        """
        After a signal, the command states what is known about the message.
        """
        listener = Listener(b"", False)
        self.addCleanup(listener.close)
        process = self.stopAtEnd(
            start(
                *(BIN / "machat", "post", "--room=ops", "--client=cron"),
                *(f"--address=localhost:{listener.port}", "x"),
            )
        )
        listener.accepted.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, errors), (130, "machat: not posted: interrupted\n"))
