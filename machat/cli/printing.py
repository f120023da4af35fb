"""
Prints messages above the input line of a terminal.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from prompt_toolkit.application import in_terminal, run_in_terminal
from prompt_toolkit.application.current import get_app_session
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.formatted_text.utils import split_lines
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import default_ui_style
from twisted.internet.defer import Deferred

from machat.cli.display import Line
from machat.cli.layout import Fragments, layout
from machat.cli.older import Older
from machat.cli.pager import Pager
from machat.cli.scrollback import MAX_LINES, Scrollback
from machat.cli.settings import Settings

#: The number of lines that may wait to be printed before reading from the server pauses.
MAX_WAITING = 200


class Printer:
    """
    Prints lines, and shows the last ones in a full-screen view. While this view is open, new lines
    wait; of more than L{MAX_LINES}, only the last ones are printed afterwards.

    @ivar scrollback: the last lines
    @ivar older: loads older lines for the view
    """

    def __init__(
        self,
        settings: Settings,
        pause: Callable[[], object],
        resume: Callable[[], object],
    ) -> None:
        """
        @param settings: what is shown
        @param pause: called when too many lines are waiting
        @param resume: called when all of them are printed
        """
        self._settings = settings
        self._pause = pause
        self._resume = resume
        self.scrollback = Scrollback()
        self.older: Callable[[], Coroutine[Any, Any, Older]] | None = None
        self._lines: list[Line] = []
        self._skipped = 0
        self._printing: asyncio.Task[None] | None = None
        self._pager: Pager | None = None
        self._paging: asyncio.Task[None] | None = None

    def show(self, line: Line) -> None:
        """
        Print a line.
        """
        if line.at is None:
            line = line._replace(at=int(time.time() * 1000))
        self.scrollback.add(line)
        self._lines.append(line)
        if self._printing is None:
            self._printing = asyncio.ensure_future(self._print())
        if self._pager is not None:
            self._skipped += len(self._lines) - MAX_LINES if len(self._lines) > MAX_LINES else 0
            del self._lines[:-MAX_LINES]
        elif len(self._lines) >= MAX_WAITING:
            self._pause()

    @property
    def current(self) -> bool:
        """
        Whether all lines are on the screen.
        """
        return not self._lines and self._printing is None and self._paging is None

    async def finish(self) -> None:
        """
        Close the view, and wait until everything is printed.
        """
        self.leave()
        for task in (self._paging, self._printing):
            if task is not None:
                await task

    def leave(self) -> None:
        """
        Close the view, if it is open.
        """
        if self._pager is not None:
            self._pager.leave()

    def page(self) -> None:
        """
        Open the view.
        """
        if self._paging is None:
            self._paging = asyncio.ensure_future(self._page())

    async def _page(self) -> None:
        before = self.scrollback.total
        lines = self._split(self.scrollback)
        self._pager = Pager(lines, lambda: self.scrollback.total - before, self._loadOlder)
        self._resume()  # the view limits the number of lines that wait
        try:
            async with in_terminal():
                await self._pager.run()
        finally:
            self._pager = self._paging = None

    async def _loadOlder(self) -> tuple[list[Fragments], str]:
        """
        @return: older lines, and the reason why there are no more
        """
        if self.older is None:
            return [], ""
        loading = Deferred.fromCoroutine(self.older())
        lines, text = await loading.asFuture(asyncio.get_running_loop())
        return self._split(lines), text

    def _split(self, lines: Iterable[Line]) -> list[Fragments]:
        """
        @return: the lines of the screen
        """
        parts = [self._layout(line)[:-1] for line in lines]  # without the last newline
        found = [each for part in parts for each in split_lines(part)]
        return [[(style, text) for style, text, *_ in line] for line in found]

    async def _print(self) -> None:
        while self._lines:
            lines, self._lines = self._lines, []
            skipped, self._skipped = self._skipped, 0
            if skipped:
                lines.insert(0, Line(f"--- {skipped} more lines are not shown ---"))
            parts = [part for line in lines for part in self._layout(line)]
            bell = self._settings.bell and any(line.mention for line in lines)
            await run_in_terminal(partial(self._write, FormattedText(parts), bell))
            self._resume()
        self._printing = None

    def _layout(self, line: Line) -> Fragments:
        return layout(line, self._settings, datetime.now().astimezone())

    def _write(self, text: FormattedText, bell: bool) -> None:
        output = get_app_session().output
        print_formatted_text(output, text, default_ui_style())
        if bell:
            output.bell()
        output.flush()
