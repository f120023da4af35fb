"""
Tests for the command C{machat}, as a user starts it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.processes import BIN, PATIENCE, ServerTestCase, portsOf


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

    def setUp(self) -> None:
        if shutil.which("tmux") is None:
            raise SkipTest("tmux is not installed")
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.tmux_ = ["tmux", "-S", str(Path(folder) / "socket"), "-f", os.devnull]

    def tmux(self, *arguments: str) -> str:
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [*self.tmux_, *arguments], capture_output=True, text=True, env=environment, check=True
        )
        return done.stdout

    def awaitScreen(self, *texts: str) -> str:
        """
        @return: what the terminal shows, once all of this is there
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            screen = self.tmux("capture-pane", "-p", "-S", "-100")
            if all(text in screen for text in texts):
                return screen
            self.assertLess(time.monotonic(), deadline, screen)
            time.sleep(0.05)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def test_talk(self) -> None:
        """
        Two rooms, a paste of thirty lines, a server that comes back, and goodbye.
        """
        server = self.serve("--tcp", "tcp:0:interface=127.0.0.1", "--ws", "none")
        (port,) = portsOf(server, "ChatFactory")
        command = f"{BIN}/machat --client Mina --room dev --address localhost:{port}; sleep 60"
        self.tmux("new-session", "-d", "-x", "90", "-y", "40", command)
        self.addCleanup(self.tmux, "kill-server")
        self.awaitScreen("joined dev, 1 here: Mina", "dev: 1 here")
        self.type("hello")
        self.awaitScreen("Mina: hello")
        self.type("/join other")
        self.awaitScreen("joined other", "other: 1 here, also in dev")
        self.tmux("set-buffer", "".join(f"line {n}\n" for n in range(30)))
        self.tmux("paste-buffer", "-p")
        self.tmux("send-keys", "Enter")
        self.awaitScreen(*(f"[other] Mina: line {n}\n" for n in range(30)))
        server.terminate()
        self.awaitScreen("the server says goodbye: shutdown", "not connected")
        server.communicate()
        self.serve("--tcp", f"tcp:{port}:interface=127.0.0.1", "--ws", "none")
        self.awaitScreen("other: 1 here, also in dev")
        self.type("back")
        self.awaitScreen("[other] Mina: back")
        self.type("/quit")
        self.awaitScreen("[other] Mina: back")
