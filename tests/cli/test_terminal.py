"""
Tests for the command C{machat} in a terminal.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.processes import (
    BIN,
    ServerTestCase,
    freePort,
    shortFolder,
)
from tests.terminal import Terminal


class TerminalTests(ServerTestCase):
    """
    Tests in a real terminal, provided by tmux.
    """

    def test_talk(self) -> None:
        """
        A session with two rooms, thirty lines, a server that restarts, and a normal exit.
        """
        server, port = self.serveLines()
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
        terminal.awaitScreen("[other] Mina: line 0\n", *(f"  | line {n}\n" for n in range(1, 30)))
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
        _, port = self.serveLines()
        eve = self.rawClient(port, "Eve")
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
        Pasted text is one message, or several if it has more than a hundred lines, whatever it
        begins with. All arrive even if the user quits at once. A slash that is typed begins a
        command. Alt+Enter begins another line.
        """
        _, port = self.serveLines("--rate", "20", "--burst", "1")
        ear = self.rawClient(port, "ear")
        terminal = self.open(port)
        terminal.awaitScreen("joined dev, 2 here")
        self.paste(terminal, "/quit")
        terminal.awaitScreen("Mina: /quit")
        terminal.tmux("send-keys", "-l", "/join ")
        self.paste(terminal, "other")
        terminal.awaitScreen("joined other", "also in dev")
        terminal.type("/leave")
        terminal.awaitScreen("left other")
        terminal.tmux("send-keys", "-l", "one")
        terminal.tmux("send-keys", "M-Enter")
        terminal.type("/quit")
        terminal.awaitScreen("Mina: one\n  | /quit\n")
        lines = ["/quit", "/leave", "//", "", "x", *map(str, range(400)), "/quit"]
        self.paste(terminal, "\n".join(lines) + "\n")
        terminal.type("/quit")
        terminal.awaitScreen("status 0")
        texts = [ear.await_("message")["text"] for _ in range(7)]
        self.assertEqual(texts[:2], ["/quit", "one\n/quit"])
        self.assertEqual("\n".join(texts[2:]).split("\n"), lines)

    def test_suspend(self) -> None:
        """
        Ctrl-Z suspends the command.
        """
        _, port = self.serveLines()
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
        _, port = self.serveLines()
        terminal = self.open(port, "--no-times", "--no-numbers")
        terminal.awaitScreen("\njoined dev, 1 here: Mina", "dev: 1 here")
        terminal.type("/quit")
        terminal = self.open(port)
        terminal.awaitScreen("dev: 1 here")
        eve = self.rawClient(port, "Eve")
        text = "\U0001f469\u200d\U0001f4bb \u0645\u06cc\u200c\u062e \u202e end"
        eve.send(type="say", text=text)
        screen = terminal.awaitScreen("Eve: ", " end")
        self.assertRegex(screen, r"(?m)^\d\d:\d\d #1 Eve: ")
        self.assertNotIn("x200", screen)
        self.assertIn("\\x202e", screen)

    def test_changes(self) -> None:
        """
        A reply, an edit, a reaction and a removal, by message number.
        """
        _, port = self.serveLines()
        terminal = self.open(port, "--no-times")
        terminal.awaitScreen("dev: 1 here")
        terminal.type("shall we?")
        terminal.awaitScreen("#1 Mina: shall we?")
        for typed, shown in (
            ("/reply 1 yes", "  > #1 Mina: shall we?\n#2 Mina: yes\n"),
            ("/edit no", "Mina edited #2: no\n"),
            ("/react 1 \U0001f44d", "Mina reacts to #1 with \U0001f44d\n"),
            ("/redact 2 sorry", "Mina removed #2: sorry\n"),
        ):
            terminal.type(typed)
            terminal.awaitScreen(shown)

    def test_scrollback(self) -> None:
        """
        PageUp shows earlier lines. They do not move when new ones arrive, which are printed when
        the user returns. Tab completes a name.
        """
        server, port = self.serveLines()
        eve = self.rawClient(port, "Eve")
        terminal = self.open(port, "--no-times")
        terminal.awaitScreen("dev: 2 here")
        terminal.tmux("send-keys", "-l", "E")
        terminal.tmux("send-keys", "Tab")
        terminal.type("hi")
        terminal.awaitScreen("Mina: Eve: hi\n")
        for number in range(100):
            eve.send(type="say", text=f"line {number}")
        terminal.awaitScreen("Eve: line 99\n")
        terminal.tmux("send-keys", "PageUp")
        before = terminal.awaitScreen("PageUp, PageDown", "Eve: line 50\n")
        eve.send(type="say", text="Mina, look")
        after = terminal.awaitScreen("1 new line below; q")
        self.assertEqual(after.splitlines()[-40:-1], before.splitlines()[-40:-1])
        terminal.tmux("send-keys", "q")
        terminal.awaitScreen("Eve: line 99\n", "Eve: Mina, look\n", "dev: 2 here")
        terminal.tmux("send-keys", "PageUp")
        terminal.awaitScreen("PageUp, PageDown")
        server.terminate()
        terminal.awaitScreen("new lines below")
        terminal.tmux("send-keys", "C-c")
        terminal.awaitScreen("Eve: Mina, look\n", "not connected")

    def test_older(self) -> None:
        """
        PageUp at the first line loads older messages. The lines on the screen do not move.
        """
        _, port = self.serveLines()
        eve = self.rawClient(port, "Eve")
        for number in range(80):
            eve.send(type="say", text=f"line {number}.", id=str(number))
        eve.await_("ack")
        terminal = self.open(port, "--no-times")
        terminal.awaitScreen("Eve: line 79.\n")
        terminal.tmux("send-keys", "PageUp")
        terminal.awaitScreen("Eve: line 58.\n", "Eve: line 79.\n")
        terminal.tmux("send-keys", "PageUp")
        terminal.awaitScreen("Eve: line 20.\n", "Eve: line 40.\n")
        terminal.tmux("send-keys", "PageUp")
        screen = terminal.awaitScreen(
            "#1 Eve: line 0.\n", "the stored history of dev begins here; q"
        )
        self.assertNotIn("line 70.", screen)
        terminal.tmux("send-keys", "q")
        screen = terminal.awaitScreen("Eve: line 79.\n", "dev: 2 here")
        self.assertNotIn("line 20.", screen)

    def test_settings(self) -> None:
        """
        The times are switched off and on, Tab completes a room, and the bottom line counts the
        messages of another room. A mention rings the bell. Control characters of others do not
        reach the terminal.
        """
        _, port = self.serveLines()
        eve = self.rawClient(port, "Eve")
        terminal = self.open(port)
        terminal.awaitScreen("dev: 2 here")
        output = Path(shortFolder(self)) / "output"
        terminal.tmux("pipe-pane", f"cat > {output}")
        terminal.type("/times off")
        terminal.awaitScreen("\ntimes: off")
        eve.send(type="say", text="\x1b]0;owned\x07\x1b[2J\x9b31mred\rEve\x08\u202e")
        escaped = r"\x1b]0;owned\x07\x1b[2J\x9b31mred\x0dEve\x08\x202e"
        terminal.awaitScreen(f"\n#1 Eve: {escaped}\n")
        terminal.type("/join tea")
        terminal.awaitScreen("tea: 1 here, also in dev")
        eve.send(type="say", text="one")
        terminal.awaitScreen("tea: 1 here, also in dev (1 new)")
        self.assertNotIn(b"\x07", output.read_bytes())
        eve.send(type="say", text="mina?")
        terminal.awaitScreen("tea: 1 here, also in dev (2 new)")
        terminal.tmux("send-keys", "-l", "/join d")
        terminal.tmux("send-keys", "Tab")
        terminal.awaitScreen("> /join dev")
        terminal.type("")
        terminal.awaitScreen("dev: 2 here, also in tea")
        terminal.type("/times on")
        terminal.type("there")
        self.assertRegex(terminal.awaitScreen("Mina: there\n"), r"(?m)^\d\d:\d\d #4 \[dev\] Mina")
        shown = output.read_bytes()
        self.assertEqual(shown.count(b"\x07"), 1)
        for hostile in (b"\x1b]", b"\x1b[2J", b"\xc2\x9b", b"\x08\xe2\x80\xae"):
            self.assertNotIn(hostile, shown)

    def test_signal(self) -> None:
        """
        After a signal, the terminal is in its former state, even if earlier lines are shown.
        """
        _, port = self.serveLines()
        command = f"{BIN}/machat --client Mina --room dev --address localhost:{port}"
        terminal = Terminal(self, f"sh -c 'echo pid $$; exec {command}'; echo status $?; stty -a")
        screen = terminal.awaitScreen("pid ", "dev: 1 here")
        terminal.tmux("send-keys", "PageUp")
        terminal.awaitScreen("PageUp, PageDown")
        os.kill(int(screen.partition("pid ")[2].split()[0]), signal.SIGTERM)
        terminal.awaitScreen("joined dev", "status 130", " icanon", " echo ")
        self.assertEqual(terminal.tmux("display", "-p", "#{alternate_on} #{cursor_flag}"), "0 1\n")
