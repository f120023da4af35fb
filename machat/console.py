"""
The command C{machat}: a chat in a terminal, or in a pipe.
"""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from getpass import getpass
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.patch_stdout import patch_stdout
from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from machat.client import ChatClient
from machat.clock import useMonotonic
from machat.commands import Auth
from machat.talk import Line, Talk, colour

_COLOURS = (
    ("ansired", "ansigreen", "ansiyellow", "ansiblue", "ansimagenta", "ansicyan")
    + ("ansibrightred", "ansibrightgreen", "ansibrightyellow")
    + ("ansibrightblue", "ansibrightmagenta", "ansibrightcyan")
)

#: Seconds that the last messages of a pipe may take to be acknowledged.
LAST_WORDS = 30.0


def parse(arguments: Sequence[str]) -> Namespace:
    """
    @return: the options
    """
    parser = ArgumentParser(prog="machat", description="Chat. Type /help when you are in.")
    add = parser.add_argument
    add("--client", required=True, metavar="NAME", help="who you are")
    add("--room", action="append", metavar="ROOM", help="where to begin; may be repeated")
    add(
        "--address",
        default="localhost:8989",
        help="host:port, ws://... or wss://..., or a Twisted client endpoint",
    )
    add("--password", action="store_true", help="ask for a password")
    add("--token-file", type=Path, metavar="FILE", help="a file with a token to show")
    add("--origin", help="the Origin to send with a WebSocket's request")
    return parser.parse_args(arguments)


def credentials(options: Namespace) -> Callable[[], Auth]:
    """
    @return: what to show: the password is asked for now, the token's file is read each time
    """
    if options.token_file is not None:
        path: Path = options.token_file
        return lambda: Auth(token=path.read_text().strip())
    shown = Auth(password=getpass(f"{options.client}'s password: ")) if options.password else Auth()
    return lambda: shown


class Terminal:
    """
    Messages above, and a line to edit below.
    """

    def __init__(self, reactor: Any) -> None:
        self.talk = Talk(self._show, self._quit)
        self._status = 0
        self._reading: asyncio.Task[None] | None = None
        self._session: PromptSession[str] = PromptSession(
            bottom_toolbar=lambda: self.talk.status,
            erase_when_done=True,  # what was said comes back as a message
            refresh_interval=1,
        )

    async def run(self) -> int:
        """
        @return: the exit status
        """
        self._reading = asyncio.ensure_future(self._read())
        await Deferred.fromFuture(self._reading)
        return self._status

    async def _read(self) -> None:
        try:
            with patch_stdout(raw=True):
                while True:
                    self.talk.typed(await self._session.prompt_async("> "))
        except (EOFError, KeyboardInterrupt, asyncio.CancelledError):
            pass

    def _quit(self, status: int) -> None:
        self._status = status
        if self._reading is not None:
            self._reading.cancel()

    def _show(self, line: Line) -> None:
        fragments: list[tuple[str, str]] = []
        if line.room is not None:
            fragments.append(("ansibrightblack", f"[{line.room}] "))
        if line.sender is None:
            fragments.append(("ansibrightblack", line.text))
        else:
            style = f"bold {_COLOURS[colour(line.sender)]}"
            fragments += [(style, line.sender), ("", f": {line.text}")]
        print_formatted_text(FormattedText(fragments))


class Pipe(LineReceiver):
    """
    Lines from standard input, lines to standard output. Our own words go to standard error.
    """

    delimiter = b"\n"
    MAX_LENGTH = 65_536

    def __init__(self, reactor: Any) -> None:
        self.talk = Talk(self._show, self._quit)
        self._reactor = reactor
        self._over: Deferred[int] = Deferred()

    async def run(self) -> int:
        """
        @return: the exit status
        """
        StandardIO(self, reactor=self._reactor)
        return await self._over

    def lineReceived(self, line: bytes) -> None:
        self.talk.typed(line.decode(errors="replace"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The input has ended: what was said has to arrive, then it is over.
        """
        settled = self.talk.settled().addTimeout(LAST_WORDS, self._reactor)
        settled.addCallbacks(lambda _: self._quit(self.talk.failed), lambda _: self._quit(1))

    def _quit(self, status: int) -> None:
        if not self._over.called:
            self._over.callback(status)

    def _show(self, line: Line) -> None:
        if line.sender is None:
            print(f"machat: {line.text}", file=sys.stderr, flush=True)
        else:
            room = f"[{line.room}] " if line.room is not None else ""
            print(f"{room}{line.sender}: {line.text}", flush=True)


async def chat(reactor: Any, options: Namespace, kind: type[Terminal] | type[Pipe]) -> None:
    """
    Chat until it is over.

    @raise SystemExit: always, with the exit status
    """
    useMonotonic(reactor)
    face = kind(reactor)
    try:
        client = ChatClient(
            reactor,
            options.address,
            options.client,
            face.talk.heard,
            origin=options.origin,
            credentials=options.credentials,
        )
    except ValueError as error:
        sys.exit(f"machat: --address {options.address}: {error}")
    face.talk.begin(client, options.room or ())
    try:
        status = await face.run()
    finally:
        await client.stopService()
    sys.exit(status)


def main() -> None:
    """
    The command.
    """
    options = parse(sys.argv[1:])
    try:
        options.credentials = credentials(options)
        options.credentials()
    except (OSError, EOFError, KeyboardInterrupt) as error:
        sys.exit(f"machat: no credentials: {error}")
    kind: type[Terminal] | type[Pipe] = Pipe
    if sys.stdin.isatty() and sys.stdout.isatty():
        asyncioreactor.install()  # which prompt_toolkit reads the keys with
        kind = Terminal
    react(lambda reactor: Deferred.fromCoroutine(chat(reactor, options, kind)))
