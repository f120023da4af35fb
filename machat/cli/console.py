"""
The command C{machat}: a chat in a terminal, or in a pipe.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from getpass import getpass
from pathlib import Path
from typing import Any

from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.task import react

from machat import __version__
from machat.cli.pipe import Pipe
from machat.cli.stdio import tell
from machat.cli.terminal import Terminal
from machat.client import ChatClient
from machat.clock import useMonotonic
from machat.commands import Auth

#: The environment's variable with a password.
PASSWORD = "MACHAT_PASSWORD"

#: The longest password to read, bytes.
LONGEST = 4_096

#: The exit status after a signal has ended it.
INTERRUPTED = 130

#: Seconds that the last connection may take to close.
CLOSING = 5.0


class NoCredentials(Exception):
    """
    The credentials that the options name cannot be had.
    """


def parser() -> ArgumentParser:
    """
    @return: the parser of the command line
    """
    parser = ArgumentParser(prog="machat", description="Chat. Type /help when you are in.")
    add = parser.add_argument
    add("--version", action="version", version=f"MaChat {__version__}")
    add("--client", required=True, metavar="NAME", help="who you are")
    add("--room", action="append", metavar="ROOM", help="where to begin; may be repeated")
    add(
        "--address",
        default="localhost:8989",
        help="host:port, tls:host:port, ws://... or wss://..., or a Twisted client endpoint",
    )
    shown = parser.add_mutually_exclusive_group().add_argument
    shown(
        "--password",
        action="store_true",
        help=f"ask for a password on the terminal; in a pipe use {PASSWORD} or one of the next",
    )
    shown(
        "--password-file", type=Path, metavar="FILE", help="a file whose first line is a password"
    )
    shown("--password-fd", type=int, metavar="N", help="read a password's line from descriptor N")
    shown("--token-file", type=Path, metavar="FILE", help="a file with a token to show")
    add("--origin", help="the Origin to send with a WebSocket's request")
    add(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="give up when nothing has got through for so long: no connection, or no answer to "
        "what was sent. By default a pipe does so 30 seconds after the end of its input",
    )
    add("--commands", action="store_true", help="obey lines of a pipe that begin with a slash")
    add(
        "--times",
        action=BooleanOptionalAction,
        default=None,
        help="show when things were said; on in a terminal, off in a pipe, if not set",
    )
    return parser


def seconds(text: str) -> float:
    """
    @raise ValueError: this is no time to wait
    """
    value = float(text)
    if not 0 < value < 1e9:
        raise ValueError(text)
    return value


def parse(arguments: Sequence[str], interactive: bool = True) -> Namespace:
    """
    @param interactive: whether this is for a L{Terminal}
    @return: the options
    """
    options = parser().parse_args(arguments)
    if interactive and options.commands:
        parser().error("--commands is for pipes; in a terminal they are always obeyed")
    if not interactive and not options.room and not options.commands:
        parser().error("--room: a pipe needs a room")
    return options


def credentials(options: Namespace) -> Callable[[], Auth]:
    """
    @return: what to show: a password is read now, a file each time
    @raise NoCredentials: there is nobody to ask for a password
    @raise OSError: a file cannot be read
    """
    if options.token_file is not None:
        path: Path = options.token_file
        return lambda: Auth(token=path.read_text("utf-8").strip())
    if options.password_file is not None:
        path = options.password_file
        return lambda: Auth(password=firstLine(path.read_bytes()[: LONGEST + 1]))
    if options.password_fd is not None:
        password = firstLine(readLine(options.password_fd))
    elif options.password and sys.stdin.isatty():
        password = getpass(f"{options.client}'s password: ")
    elif PASSWORD in os.environ:
        password = os.environ[PASSWORD]
    elif options.password:
        raise NoCredentials(
            "there is no terminal to ask for a password on: "
            f"use --password-file, --password-fd or {PASSWORD}"
        )
    else:
        return Auth
    if not password:
        raise NoCredentials("the password is empty")
    shown = Auth(password=password)
    return lambda: shown


def readLine(descriptor: int) -> bytes:
    """
    @return: the first line, and nothing that comes after it
    """
    line = b""
    while len(line) <= LONGEST and (byte := os.read(descriptor, 1)):
        line += byte
        if byte == b"\n":
            break
    return line


def firstLine(data: bytes) -> str:
    """
    @raise NoCredentials: it is not a password's
    """
    line = data.partition(b"\n")[0].removesuffix(b"\r")
    if not 0 < len(line) <= LONGEST:
        raise NoCredentials(f"a password is a line of 1 to {LONGEST} bytes")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise NoCredentials("the password is not UTF-8") from None


async def chat(reactor: Any, options: Namespace, face: Terminal | Pipe) -> None:
    """
    Chat until it is over.

    @raise SystemExit: always, with the exit status
    """
    useMonotonic(reactor)
    try:
        client = ChatClient(
            reactor,
            options.address,
            options.client,
            face.conversation.received,
            origin=options.origin,
            credentials=options.credentials,
        )
    except ValueError as error:
        sys.exit(f"machat: --address {options.address}: {error}")
    try:
        status = await face.run(client, options.room or ())
    finally:
        with suppress(Late):  # the server does not read, and need not
            await client.stopService().addTimeout(CLOSING, reactor)
    sys.exit(status)


def main() -> None:
    """
    The command.
    """
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    options = parse(sys.argv[1:], interactive)
    try:
        options.credentials = credentials(options)
        options.credentials()
    except (NoCredentials, OSError, ValueError, EOFError, KeyboardInterrupt) as error:
        tell(f"no credentials: {error}")
        sys.exit(2)
    if interactive:
        asyncioreactor.install()  # which prompt_toolkit reads the keys with
    faces: list[Terminal | Pipe] = []

    def begin(reactor: Any) -> Deferred[None]:
        faces.append(Terminal(reactor, options) if interactive else Pipe(reactor, options))
        return Deferred.fromCoroutine(chat(reactor, options, *faces))

    try:
        react(begin)
    except SystemExit:
        if faces and faces[0].interrupted:
            sys.exit(INTERRUPTED)
        raise
