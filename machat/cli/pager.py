"""
A full-screen view of the last lines. It does not move when new lines arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.bindings.scroll import scroll_page_down, scroll_page_up
from prompt_toolkit.layout import BufferControl, HSplit, Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.output import Output

from machat.cli.display import printable
from machat.cli.layout import Fragments


class _Styles(Lexer):
    """
    The styles of lines that were formatted before.
    """

    def __init__(self, lines: Sequence[Fragments]) -> None:
        self._lines = lines

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        return lambda number: list(self._lines[number]) if number < len(self._lines) else []


def _plain(lines: Sequence[Fragments]) -> str:
    return "\n".join(["".join([part for _, part in line]) for line in lines])


class Pager:
    """
    Shows lines until the user leaves it with C{q}, Escape, Enter, Ctrl-C, or PageDown at the end.
    """

    def __init__(
        self,
        lines: Sequence[Fragments],
        new: Callable[[], int],
        older: Callable[[], Awaitable[tuple[list[Fragments], str]]],
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        """
        @param lines: the lines
        @param new: returns the number of lines that have arrived since
        @param older: returns older lines, and the reason why there are no more
        """
        self._lines = list(lines)
        self._older = older
        self._loading: asyncio.Task[None] | None = None
        self._complete = False
        self._text = ""
        self.buffer = Buffer(document=Document(_plain(self._lines)), read_only=True)
        control = BufferControl(self.buffer, lexer=_Styles(self._lines))
        self._new = new
        self.window = Window(control, wrap_lines=True, always_hide_cursor=True)
        status = Window(FormattedTextControl(self.status), height=1, style="reverse")
        self.application: Application[None] = Application(
            Layout(HSplit([self.window, status])),
            key_bindings=self._keys(),
            full_screen=True,
            refresh_interval=1,
            input=input,
            output=output,
        )
        self.application.ttimeoutlen = 0.1  # Escape alone leaves
        self.application.timeoutlen = 0.1

    @property
    def loading(self) -> bool:
        """
        Whether older lines are being loaded.
        """
        return self._loading is not None

    def status(self) -> str:
        """
        @return: the bottom line
        """
        new = self._new()
        more = f"{new} new {'line' if new == 1 else 'lines'} below" if new else ""
        keys = "q: back to the chat; PageUp, PageDown, Home, End: scroll"
        return "; ".join(filter(None, (more, self._text, keys)))

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("q")
        @keys.add("enter")
        @keys.add("escape")
        @keys.add("c-c")
        def leave(event: KeyPressEvent) -> None:
            self.leave()

        @keys.add("pageup")
        def pageUp(event: KeyPressEvent) -> None:
            scroll_page_up(event)
            self._load()

        @keys.add("pagedown")
        def pageDown(event: KeyPressEvent) -> None:
            if self.buffer.document.is_cursor_at_the_end:
                self.leave()
            else:
                scroll_page_down(event)
                self._toEnd(event)

        @keys.add("up")
        def up(event: KeyPressEvent) -> None:
            self.buffer.cursor_up()
            self._load()

        @keys.add("down")
        def down(event: KeyPressEvent) -> None:
            self.buffer.cursor_down()

        @keys.add("home")
        def home(event: KeyPressEvent) -> None:
            self.buffer.cursor_position = 0

        @keys.add("end")
        def end(event: KeyPressEvent) -> None:
            self.buffer.cursor_position = len(self.buffer.text)

        return keys

    def _toEnd(self, event: KeyPressEvent) -> None:
        """
        Go to the end of the last line, if the cursor is in it.
        """
        document = self.buffer.document
        if document.on_last_line:
            self.buffer.cursor_position = len(document.text)

    def _load(self) -> None:
        """
        Load older lines, if the first line is visible, and unless there were none the last time.
        """
        row = self.buffer.document.cursor_position_row
        if (
            self._loading is None
            and not self._complete
            and row < self.application.output.get_size().rows
        ):
            self._text = "loading older messages"
            self._loading = asyncio.ensure_future(self._prepend())

    async def _prepend(self) -> None:
        """
        Insert older lines. The lines on the screen stay where they are.
        """
        try:
            lines, text = await self._older()
        finally:
            self._loading = None
        self._text = printable(text)
        self._lines[:0] = lines
        self._complete = not lines
        if lines:
            position = self.buffer.cursor_position + len(_plain(lines)) + 1
            document = Document(_plain(self._lines), position)
            self.buffer.set_document(document, bypass_readonly=True)
            self.window.vertical_scroll += len(lines)
        self.application.invalidate()

    def leave(self) -> None:
        """
        Close the view.
        """
        if self.application.is_running and not self.application.is_done:
            self.application.exit()

    async def run(self) -> None:
        """
        Show the view until the user leaves it.
        """
        try:
            await self.application.run_async(pre_run=self._begin)
        finally:
            if self._loading is not None:  # the next view would load the same lines again
                self._loading.cancel()

    def _begin(self) -> None:
        """
        Begin one page above the end: a window scrolls until the cursor is in its last line.
        """
        rows = self.application.output.get_size().rows - 1
        row = max(0, self.buffer.document.line_count - 1 - rows)
        self.buffer.cursor_position = self.buffer.document.translate_row_col_to_index(row, 0)
        self._load()
