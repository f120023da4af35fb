"""
The command C{machat}: a chat client for terminals and pipes.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.task import react

from machat import __version__
from machat.cli.pipe import Pipe
from machat.cli.stdio import askPassword, tell
from machat.cli.terminal import Terminal
from machat.client import ChatClient
from machat.clock import useMonotonic
from machat.commands import Auth

#: The environment variable that can contain a password.
PASSWORD = "MACHAT_PASSWORD"

#: The maximum length of a password, bytes.
MAX_PASSWORD = 4_096

#: The exit status after a signal.
INTERRUPTED = 130

#: The maximum time to close the connection at the end, seconds.
CLOSE_TIMEOUT = 5.0


class NoCredentials(Exception):
    """
    The credentials that the options name are not available.
    """


def parser() -> ArgumentParser:
    """
    @return: the parser of the command line
    """
    description = "Chat in a terminal or a pipe. Type /help in the chat for a list of commands."
    parser = ArgumentParser(prog="machat", description=description)
    add = parser.add_argument
    add("--version", action="version", version=f"MaChat {__version__}")
    add("--client", required=True, metavar="NAME", help="your name")
    add("--room", action="append", metavar="ROOM", help="a room to join; may be repeated")
    add(
        "--address",
        default="localhost:8989",
        help="host:port, tls:host:port, ws://... or wss://..., or a Twisted client endpoint",
    )
    shown = parser.add_mutually_exclusive_group().add_argument
    shown(
        "--password",
        action="store_true",
        help=f"ask for a password on the terminal; in a pipe use {PASSWORD} or an option below",
    )
    shown(
        "--password-file", type=Path, metavar="FILE", help="a file whose first line is the password"
    )
    shown("--password-fd", type=int, metavar="N", help="read a password from file descriptor N")
    shown("--token-file", type=Path, metavar="FILE", help="a file that contains a token")
    add("--origin", help="the Origin header of a WebSocket handshake")
    add(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="exit after this time without progress: without a connection, or without an "
        "acknowledgement. By default, a pipe exits 30 seconds after the end of its input",
    )
    add("--commands", action="store_true", help="in a pipe, execute commands (lines with a slash)")
    add(
        "--times",
        action=BooleanOptionalAction,
        default=None,
        help="show the time of each message; by default on in a terminal and off in a pipe",
    )
    return parser


def seconds(text: str) -> float:
    """
    Parse a number of seconds.

    @raise ValueError: the number is not between 0 and 1e9
    """
    value = float(text)
    if not 0 < value < 1e9:
        raise ValueError(text)
    return value


def parse(arguments: Sequence[str], interactive: bool = True) -> Namespace:
    """
    Parse the command line.

    @param interactive: whether standard input and output are a terminal
    @return: the options
    """
    options = parser().parse_args(arguments)
    if interactive and options.commands:
        parser().error("--commands is for pipes; a terminal always executes commands")
    if not interactive and not options.room and not options.commands:
        parser().error("--room is required in a pipe")
    return options


def credentials(options: Namespace) -> Callable[[], Auth]:
    """
    @return: a function that returns the credentials. A password is read now; a file is read at each
        call
    @raise NoCredentials: the password is missing or invalid
    @raise OSError: a file cannot be read, or there is no terminal
    """
    if options.token_file is not None:
        path: Path = options.token_file
        return lambda: Auth(token=path.read_text("utf-8").strip())
    if options.password_file is not None:
        path = options.password_file
        return lambda: Auth(password=firstLine(path.read_bytes()[: MAX_PASSWORD + 1]))
    if options.password_fd is not None:
        password = firstLine(readLine(options.password_fd))
    elif options.password and sys.stdin.isatty():
        password = askPassword(f"{options.client}'s password: ")
    elif PASSWORD in os.environ:
        password = os.environ[PASSWORD]
    elif options.password:
        raise NoCredentials(
            "there is no terminal on which to ask for a password: "
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
    Read the first line byte by byte, so that other programs can read the rest.
    """
    line = b""
    while len(line) <= MAX_PASSWORD and (byte := os.read(descriptor, 1)):
        line += byte
        if byte == b"\n":
            break
    return line


def firstLine(data: bytes) -> str:
    """
    @return: the password in the first line
    @raise NoCredentials: the line is not a valid password
    """
    line = data.partition(b"\n")[0].removesuffix(b"\r")
    if not 0 < len(line) <= MAX_PASSWORD:
        raise NoCredentials(f"a password must be a line of 1 to {MAX_PASSWORD} bytes")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise NoCredentials("the password is not UTF-8") from None


async def chat(reactor: Any, options: Namespace, face: Terminal | Pipe) -> None:
    """
    Run the chat until it ends.

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
        with suppress(Late):  # the server does not read, and does not have to
            await client.stopService().addTimeout(CLOSE_TIMEOUT, reactor)
    sys.exit(status)


def main() -> None:
    """
    Run the command C{machat}.
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
        asyncioreactor.install()  # prompt_toolkit reads the keys with asyncio
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
