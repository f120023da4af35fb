"""
Print the transcript of a conversation between a browser and a terminal on two servers with one
Redis. One of the servers is killed during the conversation::

    python -m tools.twonodes

Requires C{redis-server}, C{haproxy}, C{tmux}, Chromium and C{playwright}.
"""

from __future__ import annotations

import sys
import time
import unittest
from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.browser import PageTestCase, expect, expectTexts, lookAgain, say, texts
from tests.processes import BIN, LOCAL, find, freePort, portsOf, start, waitForLine
from tests.store.redis.engine import Engine
from tests.terminal import Terminal

#: HAProxy in front of the WebSockets of two servers. The second one is used if the first is down.
PROXY = """
defaults
    mode tcp
    timeout connect 1s
    timeout client 75s
    timeout server 75s
    retries 3
    option redispatch 1
listen machat
    bind 127.0.0.1:{port}
    server first 127.0.0.1:{first} check inter 200ms fall 1
    server second 127.0.0.1:{second} check inter 200ms backup
"""


def exchange(page: Any, terminal: Terminal, name: str, text: str) -> None:
    """
    Send a message, and wait until both users have it.

    @param page: Mina's page
    @param terminal: the terminal of the other user
    @param name: the sender
    """
    if name == "Mina":
        say(page, text)
    else:
        terminal.type(text)
    expect(page.locator(".message:not(.pending) .text").last).to_have_text(text)
    terminal.awaitScreen(f"{name}: {text}")


class Conversation(PageTestCase):
    """
    Mina in a browser, through HAProxy, and Grace in a terminal.
    """

    def note(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:5.1f} s] {text}", flush=True)

    def node(self, engine: Engine) -> tuple[Popen[str], int, int]:
        """
        @return: a server and its ports
        """
        ends = ("--tcp", LOCAL, "--ws", LOCAL)
        server = self.serve("--store", f"redis:{engine.socket}", *ends)
        tcp, ws = portsOf(server, "ChatFactory", "ChatWebSocketFactory")
        return server, tcp, ws

    def proxy(self, first: int, second: int) -> int:
        """
        @return: the port of HAProxy
        """
        port, file = freePort(), Path(self.mktemp())
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(PROXY.format(port=port, first=first, second=second))
        self.stopAtEnd(start(find("haproxy"), "-db", "-f", file))
        return port

    def speak(self, page: Any, terminal: Terminal, said: Sequence[tuple[str, str]]) -> None:
        """
        Have both say something, and wait until both have it.
        """
        for name, text in said:
            exchange(page, terminal, name, text)
            self.note(f"{name}: {text}")

    def runTest(self) -> None:
        """
        Have the conversation.
        """
        self.began = time.monotonic()
        engine = Engine()
        self.addCleanup(engine.remove)
        engine.start()
        (first, _, ws), (second, tcp, other) = self.node(engine), self.node(engine)
        port = self.proxy(ws, other)
        command = f"{BIN}/machat --client Grace --room dev --address localhost:{tcp}"
        terminal = Terminal(self, command, columns=70, rows=24)
        terminal.awaitScreen("dev: 1 here")
        self.note("Grace has joined in a terminal, on server 2")
        page = self.enter("Mina", port)
        waitForLine(first, "Mina joins dev")
        self.note("Mina has joined in a browser, through HAProxy, on server 1")
        before = [("Mina", "Is the release out?"), ("Grace", "Ten minutes ago.")]
        self.speak(page, terminal, before)
        first.kill()
        self.note("server 1 is killed (SIGKILL)")
        terminal.type("I am restarting the build machine now.")
        say(page, "No errors here so far.")
        lookAgain(page)
        waitForLine(second, "Mina joins dev")
        self.note("Mina's browser is connected to server 2, with her name")
        terminal.awaitScreen("Mina: No errors here so far.")
        expect(page.locator(".pending")).to_have_count(0)
        self.speak(page, terminal, [("Grace", "Everything is back."), ("Mina", "I saw nothing.")])
        found = texts(page)
        expectTexts(page, found)
        print("\nthe browser:", *found, sep="\n  ")
        lost = page.locator(".divider.gap").count()
        print(f"  (gaps: {lost}, messages: {len(found)}, different: {len(set(found))})")
        print("\nthe terminal:", terminal.tmux("capture-pane", "-p").strip(), sep="\n")
        self.assertEqual((lost, len(found), len(set(found))), (0, 6, 6))


def main() -> int:
    """
    @return: the exit status
    """
    return 0 if unittest.TextTestRunner().run(Conversation()).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
