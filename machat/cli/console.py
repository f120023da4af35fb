"""
The command C{machat}: a chat client for terminals and pipes.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.task import react

from machat import __version__
from machat.cli import post
from machat.cli.connecting import (
    CLOSE_TIMEOUT,
    INTERRUPTED,
    PASSWORD,
    NoCredentials,
    addAddress,
    addCredentials,
    credentials,
    seconds,
)
from machat.cli.doctor import command as doctor
from machat.cli.pipe import Pipe
from machat.cli.stdio import tell
from machat.cli.terminal import Terminal
from machat.client import ChatClient
from machat.clock import useMonotonic
from machat.commands import Auth

#: The commands other than the chat itself. They end with L{SystemExit}.
_COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {"post": post.main, "doctor": doctor.run}


def parser() -> ArgumentParser:
    """
    @return: the parser of the command line
    """
    description = "Chat in a terminal or a pipe. Type /help in the chat for a list of commands."
    more = (
        "machat post --help describes the command that posts one message, for example from cron; "
        "machat doctor --help describes the command that finds out why a client cannot connect."
    )
    parser = ArgumentParser(prog="machat", description=description, epilog=more)
    add = parser.add_argument
    add("--version", action="version", version=f"MaChat {__version__}")
    add("--client", required=True, metavar="NAME", help="your name")
    add("--room", action="append", metavar="ROOM", help="a room to join; may be repeated")
    addAddress(parser)
    addCredentials(parser).add_argument(
        "--password",
        action="store_true",
        help=f"ask for a password on the terminal; in a pipe use {PASSWORD} or another option",
    )
    add(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="exit after this time without progress: without a connection, or without an "
        "acknowledgement. By default, a pipe exits 30 seconds after the end of its input",
    )
    add("--commands", action="store_true", help="in a pipe, execute commands (lines with a slash)")
    for name, shown in (("--times", "time"), ("--numbers", "number")):
        add(
            name,
            action=BooleanOptionalAction,
            default=None,
            help=f"show the {shown} of each message; by default on in a terminal and off in a pipe",
        )
    add(
        "--bell",
        action=BooleanOptionalAction,
        default=True,
        help="in a terminal, ring the bell when a message mentions you",
    )
    return parser


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
    command = _COMMANDS.get("".join(sys.argv[1:2]))
    if command is not None:
        command(sys.argv[2:])
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    options = parse(sys.argv[1:], interactive)
    try:
        options.credentials = credentials(options)
        options.account = options.credentials() != Auth()
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
