"""
A real terminal, provided by tmux.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

from tests.processes import PATIENCE, ServerTestCase, find, shortFolder

T = TypeVar("T")


class Terminal:
    """
    A terminal with one command in it.
    """

    def __init__(self, case: ServerTestCase, command: str, columns: int = 90, rows: int = 40):
        """
        @param case: the test, which closes the terminal at its end
        @raise SkipTest: tmux is not installed
        """
        path = f"{shortFolder(case)}/socket"
        self._command = [find("tmux"), "-S", path, "-f", os.devnull]
        size = ("-x", str(columns), "-y", str(rows))
        self.tmux("new-session", "-d", *size, f"{command}; sleep 60")
        case.addCleanup(self.tmux, "kill-server")

    def tmux(self, *arguments: str) -> str:
        """
        @return: the output of tmux
        """
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [*self._command, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        return done.stdout

    def awaitScreen(self, *texts: str) -> str:
        """
        @return: the screen, as soon as it shows all of these texts
        """

        def screen() -> str | None:
            shown = self.tmux("capture-pane", "-p", "-S", "-100")
            return shown if all(text in shown for text in texts) else None

        return self.await_(screen, f"no {texts}")

    def await_(self, look: Callable[[], T | None], missing: str) -> T:
        """
        Call a function until it finds something.

        @param missing: the report if it finds nothing. The screen follows
        @return: the first result that is not C{None}
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            found = look()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{missing}:\n{self.tmux('capture-pane', '-p', '-S', '-100')}")
            time.sleep(0.05)

    def type(self, text: str) -> None:
        """
        Type a line.
        """
        self.tmux("send-keys", "-l", "--", text)
        self.tmux("send-keys", "Enter")
