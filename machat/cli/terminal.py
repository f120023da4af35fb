"""
The command C{machat} in a terminal: messages above, and an input line below.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.shortcuts import CompleteStyle
from twisted.internet.defer import Deferred

from machat.cli.completion import ConversationCompleter
from machat.cli.conversation import Conversation
from machat.cli.display import Line, printable
from machat.cli.older import OlderLines
from machat.cli.printing import Printer
from machat.cli.progress import ProgressTimer
from machat.cli.settings import Settings
from machat.cli.splitting import split
from machat.cli.stdio import plural, tell
from machat.client import ChatClient

#: The maximum length of a command before the server has sent its limits, bytes.
MAX_COMMAND = 65_536

#: The maximum time to restore the state of the terminal after a signal, seconds.
RESTORE_TIMEOUT = 2.0


class Terminal:
    """
    A conversation in a terminal. It uses the terminal's bracketed paste to distinguish pasted from
    typed text.

    @ivar conversation: the conversation
    @ivar interrupted: whether a signal has ended the conversation
    """

    def __init__(self, reactor: Any, options: Any) -> None:
        """
        @param options: see L{machat.cli.console.parse}
        """
        settings = Settings(options.times is not False, options.numbers is not False, options.bell)
        self._printer = Printer(settings, self._pause, self._resume)
        self.conversation = Conversation(self._printer.show, self._quit, settings=settings)
        self._printer.older = OlderLines(self.conversation, self._printer.scrollback).load
        self._reactor = reactor
        self._timeout: float | None = options.timeout
        self._account: bool = options.account
        self._client: ChatClient | None = None
        self.interrupted = False
        self._over = False
        self._status = 0
        self._reading: asyncio.Task[None] | None = None
        self._pasted = False
        self._session: PromptSession[str] = PromptSession(
            bottom_toolbar=lambda: self.conversation.status,
            erase_when_done=True,  # each sent line is shown as a message
            refresh_interval=1,
            enable_suspend=True,
            key_bindings=self._keys(),
            completer=ConversationCompleter(self.conversation),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
        )
        self._session.default_buffer.on_text_changed += self._changed
        self._session.app.key_processor.before_key_press += self._pressed

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add(Keys.BracketedPaste)
        def paste(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            pasted = self._pasted or buffer.cursor_position == 0
            buffer.insert_text(event.data.replace("\r\n", "\n").replace("\r", "\n"))
            self._pasted = pasted and bool(buffer.text)

        @keys.add(Keys.Escape, Keys.Enter)
        def newline(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add(Keys.PageUp)
        def page(event: KeyPressEvent) -> None:
            self._printer.page()

        return keys

    def _changed(self, buffer: Buffer) -> None:
        if not buffer.text:
            self._pasted = False
        elif self._pasted or not buffer.text.startswith("/"):
            self.conversation.typing()

    def _pressed(self, processor: object) -> None:
        self.conversation.away.present()

    async def run(self, client: ChatClient, rooms: Iterable[str]) -> int:
        """
        Run the conversation.

        @return: the exit status
        """
        self._client = client
        self.conversation.reading.enabled = self._account
        self._reactor.addSystemEventTrigger("before", "shutdown", self._interrupt)
        self.conversation.note("/help lists the commands")
        self._reading = asyncio.ensure_future(self._read())
        self.conversation.away.present()
        self.conversation.begin(client, rooms)
        timer = ProgressTimer(self._reactor, self._progressState, self._tick)
        await Deferred.fromFuture(self._reading)
        timer.stop()
        await Deferred.fromFuture(asyncio.ensure_future(self._printer.finish()))
        self._over = True
        waiting = self.conversation.queue.waiting
        if waiting:
            tell(f"{plural(waiting)} not acknowledged")
        return 1 if waiting else self._status

    def _pause(self) -> None:
        if self._client is not None:
            self._client.pause()

    def _resume(self) -> None:
        if self._client is not None:
            self._client.resume()

    def _interrupt(self) -> Deferred[None] | None:
        """
        Record that a signal ends the conversation.

        @return: fires when the terminal is in its former state
        """
        self.interrupted = not self._over
        if self._over:
            return None
        self._quit(1)
        return Deferred.fromFuture(asyncio.ensure_future(self._restore()))

    async def _restore(self) -> None:
        tasks = [asyncio.ensure_future(self._printer.finish())]
        if self._reading is not None:
            tasks.append(self._reading)
        await asyncio.wait(tasks, timeout=RESTORE_TIMEOUT)

    async def _read(self) -> None:
        with patch_stdout(raw=True), suppress(KeyboardInterrupt, asyncio.CancelledError):
            # An input line in the first row would leave a copy in the scrollback of some terminals.
            await asyncio.shield(asyncio.ensure_future(self._printer.finish()))
            while True:
                try:
                    text = await self._session.prompt_async("> ")
                except EOFError:
                    text = "/quit"
                pasted, self._pasted = self._pasted, False
                self._take(text, pasted)

    def _take(self, text: str, pasted: bool) -> None:
        if text.startswith("/") and not (pasted or text.startswith("//")):
            self.conversation.typed(text)
            return
        if not pasted:
            text = text.removeprefix("/")
        elif "\n" in text:
            text = text.removesuffix("\n")
        limits = self._client.limits if self._client is not None else None
        longest = MAX_COMMAND if limits is None else limits.line
        for each in split(text, longest) if text or pasted else ():
            self._echo(each)
            self.conversation.say(each)

    def _echo(self, text: str) -> None:
        """
        Show a line that cannot be sent yet.
        """
        if text and self.conversation.room is not None and not self.conversation.ready:
            lines = "\n".join(map(printable, text.split("\n")))
            self._printer.show(Line(f"(not sent yet) {lines}"))

    def _progressState(self) -> object:
        return None if self._client is not None and self._client.connected else "a connection"

    def _tick(self, seconds: float) -> None:
        if self._printer.current:
            self.conversation.markRead()
        if self._timeout is not None and seconds >= self._timeout:
            self._printer.show(Line(f"no connection for {seconds:.0f} s: giving up"))
            self._quit(1)

    def _quit(self, status: int) -> None:
        self._status = status
        if self._printer.current:
            self.conversation.markRead(last=True)
        self._printer.leave()
        if self._reading is not None:
            self._reading.cancel()
