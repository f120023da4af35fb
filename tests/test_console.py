"""
Tests for the command C{machat}, as a user starts it.
"""

from __future__ import annotations

import subprocess

from tests.processes import BIN, PATIENCE, ServerTestCase, portsOf
from tests.terminal import Terminal


class PipeTests(ServerTestCase):
    def machat(self, address: str, text: str, *more: str) -> subprocess.CompletedProcess[str]:
        """
        @return: the command, after it has read this text
        """
        command = [str(BIN / "machat"), "--client", "Mina", "--address", address, *more]
        return subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def test_pipe(self) -> None:
        """
        In a pipe it says what it reads, prints what it hears, and ends when all has arrived.
        """
        _, tcp, ws = self.serveBoth()
        for address in (f"localhost:{tcp}", f"ws://localhost:{ws}/mychat"):
            done = self.machat(address, "one\ntwo\n/who\n", "--room", f"room{address[:2]}")
            self.assertEqual(done.stdout, "Mina: one\nMina: two\n", done.stderr)
            self.assertEqual(done.returncode, 0)
            self.assertIn("machat: connected", done.stderr)

    def test_refused(self) -> None:
        """
        A bad address is said in one line; who may not come in hears why.
        """
        done = self.machat("pigeon:x", "")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        _, tcp, _ = self.serveBoth()
        done = self.machat(f"localhost:{tcp}", "hello\n", "--client", "a:b", "--room", "dev")
        self.assertEqual(done.returncode, 1)
        self.assertIn("machat: bad-name: ", done.stderr)


class TerminalTests(ServerTestCase):
    """
    In a real terminal, which tmux is.
    """

    def test_talk(self) -> None:
        """
        Two rooms, a paste of thirty lines, a server that comes back, and goodbye.
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
        terminal.awaitScreen("the server says goodbye: shutdown", "not connected")
        server.communicate()
        self.serve("--tcp", f"tcp:{port}:interface=127.0.0.1", "--ws", "none")
        terminal.awaitScreen("other: 1 here, also in dev")
        terminal.type("back")
        terminal.awaitScreen("[other] Mina: back")
        terminal.type("/quit")
        terminal.awaitScreen("[other] Mina: back")
