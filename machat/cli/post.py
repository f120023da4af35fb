"""
The command C{machat post}: it posts one message, and waits for the acknowledgement of the server.

The command prints nothing if the message is acknowledged, because cron mails every output.
"""

from __future__ import annotations

import os
import random
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import suppress
from getpass import getuser
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.task import deferLater, react

from machat import names
from machat.cli.connecting import (
    CLOSE_TIMEOUT,
    INTERRUPTED,
    NoCredentials,
    addAddress,
    addCredentials,
    credentials,
    seconds,
)
from machat.cli.stdio import tell
from machat.client import ChatClient, Connected, Ended, Failed, Lost, Unknown
from machat.clock import useMonotonic
from machat.errors import BAD_COMMAND, FAILED, NAME_TAKEN, ROOM_FULL, UNKNOWN, ChatError
from machat.events import Bye, Error, Event

#: The maximum length of a message from standard input, bytes, and its maximum number of lines. The
#: limits of the server are usually lower.
MAX_INPUT = 1_048_576
MAX_LINES = 100

#: The maximum length of an id, characters. Those of lines are longer.
MAX_ID = 60

#: The time limit, seconds.
TIMEOUT = 30.0

#: The longest delay before another attempt to join the room, seconds. The shortest is half of it.
REJOIN = 2.0

#: The file descriptor of standard input.
_INPUT = 0

#: The reason if there is no other.
SILENT = "the server does not respond"

#: The refusals of a join that another attempt may not get.
_TEMPORARY = (NAME_TAKEN, ROOM_FULL, FAILED, UNKNOWN)


class BadMessage(Exception):
    """
    The message cannot be read or posted. The text states why.
    """


def parser() -> ArgumentParser:
    """
    @return: the parser of the command line
    """
    parser = ArgumentParser(
        prog="machat post",
        description="Post one message, and wait for the acknowledgement of the server. The exit "
        "status is 0 only if the message was acknowledged.",
    )
    add = parser.add_argument
    add(
        "message",
        nargs="?",
        help="the message; by default it is read from standard input. Write -- before a message "
        "that may begin with a hyphen",
    )
    add("--room", required=True, metavar="ROOM", help="the room")
    add("--client", metavar="NAME", help="your name; by default your login name")
    addAddress(parser)
    addCredentials(parser)
    add(
        "--id",
        type=_id,
        metavar="ID",
        help=f"identifies the message, so that it is posted once even if the command is repeated: "
        f"up to {MAX_ID} printable ASCII characters",
    )
    add(
        "--timeout",
        type=seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help=f"give up after this time; {TIMEOUT:g} by default",
    )
    parser.set_defaults(password=False)
    return parser


def _id(text: str) -> str:
    """
    @raise ValueError: the text cannot identify a message
    """
    if not (0 < len(text) <= MAX_ID and text.isascii() and text.isprintable()):
        raise ValueError(text)
    return text


def parse(arguments: Sequence[str]) -> Namespace:
    """
    Parse the command line.

    @return: the options
    """
    options = parser().parse_args(arguments)
    if options.client is None:
        try:
            options.client = names.checkName(getuser())
        except (ChatError, OSError, KeyError, ImportError):
            parser().error("--client is required, because the login name is not a valid name")
    if options.message is None:
        if os.isatty(_INPUT):
            parser().error("give a message as an argument or on standard input")
        if _readsInput(options):
            parser().error("the credentials and the message cannot both be on standard input")
    return options


def _readsInput(options: Namespace) -> bool:
    """
    @return: whether the option for credentials names standard input
    """
    for source in (options.password_fd, options.password_file, options.token_file):
        if source is not None:
            with suppress(OSError):
                return os.path.samestat(os.stat(source), os.fstat(_INPUT))
    return False


def readMessage(argument: str | None) -> str:
    """
    @param argument: the message; C{None}: read it from standard input. Newlines at its end do not
        belong to it
    @raise BadMessage: it is not valid
    @raise OSError: standard input cannot be read
    """
    data = b"" if argument is not None else _readInput()
    try:
        text = data.decode() if argument is None else argument
        text.encode()
    except UnicodeError:
        raise BadMessage("it is not UTF-8") from None
    text = text.rstrip("\n")
    if not text.strip():
        raise BadMessage("it is empty")
    if text.count("\n") >= MAX_LINES:
        raise BadMessage(f"it has more than {MAX_LINES} lines: use machat --client NAME")
    return text


def _readInput() -> bytes:
    data = b""
    while piece := os.read(_INPUT, 65_536):
        data += piece
        if len(data) > MAX_INPUT:
            raise BadMessage(f"it is longer than {MAX_INPUT} bytes")
    return data


class Post:
    """
    One message on its way to the server.

    @ivar failure: why the message is not acknowledged, as one line of text
    @ivar interrupted: whether a signal has ended the command
    """

    def __init__(self, reactor: Any, options: Namespace, text: str) -> None:
        """
        @param options: see L{parse}
        @raise ValueError: the address is invalid
        """
        self._reactor = reactor
        self._options = options
        self._text = text
        self._sent = False
        self._acknowledged = 0
        self._lines = 1
        self._reason = SILENT
        self._refusal: str | None = None
        self.interrupted = False
        self.failure: str | None = None
        self._client = ChatClient(
            reactor,
            options.address,
            options.client,
            self._received,
            presence=False,
            origin=options.origin,
            credentials=options.credentials,
        )

    async def run(self) -> int:
        """
        Post the message.

        @return: the exit status
        """
        self._reactor.addSystemEventTrigger("before", "shutdown", self._interrupt)
        self._client.startService()
        posting = Deferred.fromCoroutine(self._post())
        posting.addTimeout(self._options.timeout, self._reactor)
        try:
            await posting
        except Late:
            self.failure = f"{self._outcome()} after {self._options.timeout:g} s: {self._reason}"
        except Ended as error:
            self.failure = f"{self._outcome()}: {self._refusal or error}"
        except Unknown as error:
            self.failure = f"the outcome is unknown: {error}"
        except ChatError as error:
            self.failure = f"not posted: {error.code}: {error.text}"
        finally:
            with suppress(Late):  # the server does not read, and does not have to
                await self._client.stopService().addTimeout(CLOSE_TIMEOUT, self._reactor)
        return 0 if self.failure is None else 1

    def _outcome(self) -> str:
        """
        @return: what is known about a message that is not acknowledged
        """
        if self._acknowledged:
            return f"only {self._acknowledged} of {self._lines} lines were acknowledged"
        return "not acknowledged, but possibly posted" if self._sent else "not posted"

    def report(self) -> None:
        """
        Write the reason of a failure to standard error.
        """
        if self.failure is not None:
            tell(self.failure)

    async def _post(self) -> None:
        room = await self._join()
        self._sent = True
        try:
            await self._client.say(room, self._text, id=self._options.id)
        except ChatError as error:
            if error.code != BAD_COMMAND or "\n" not in self._text:
                raise
            await self._postLines(room)

    async def _join(self) -> str:
        """
        Join the room. Another C{machat post} may have the name for a moment.

        @return: the name of the room
        """
        while True:
            try:
                return (await self._client.join(self._options.room)).room
            except ChatError as error:
                if error.code not in _TEMPORARY:
                    raise
                self._reason = f"{error.code}: {error.text}"
            await deferLater(self._reactor, random.uniform(REJOIN / 2, REJOIN))

    async def _postLines(self, room: str) -> None:
        """
        Post the lines as messages of their own, to a server whose messages are single lines.
        """
        lines = [line for line in self._text.split("\n") if line.strip()]
        self._lines = len(lines)
        for number, line in enumerate(lines, 1):
            id = self._options.id and f"{self._options.id} {number}"
            await self._client.say(room, line, id=id)
            self._acknowledged += 1

    def _received(self, event: Event) -> None:
        """
        Keep the reason why the message is not posted.
        """
        if isinstance(event, Connected):
            self._reason = SILENT
        elif isinstance(event, Lost):
            self._reason = "the connection was lost"
        elif isinstance(event, Failed):
            self._reason = f"cannot connect: {event.text}"
        elif isinstance(event, Bye):
            self._reason = f"the server closed the connection: {event.reason}"
        elif isinstance(event, Error):
            self._reason = self._refusal = f"{event.code}: {event.text}"

    def _interrupt(self) -> None:
        """
        Record that a signal ends the command.
        """
        if self.failure is None and self._client.running:
            self.interrupted = True
            self.failure = f"{self._outcome()}: interrupted"


def main(arguments: Sequence[str]) -> None:
    """
    Run the command C{machat post}.

    @raise SystemExit: always, with the exit status
    """
    options = parse(arguments)
    try:
        options.credentials = credentials(options)
        options.credentials()
    except (NoCredentials, OSError, ValueError) as error:
        tell(f"no credentials: {error}")
        sys.exit(2)
    try:
        text = readMessage(options.message)
    except (BadMessage, OSError) as error:
        tell(f"the message was not posted: {error}")
        sys.exit(1)
    posts: list[Post] = []

    async def begin(reactor: Any) -> None:
        useMonotonic(reactor)
        try:
            posts.append(Post(reactor, options, text))
        except ValueError as error:
            tell(f"--address {options.address}: {error}")
            sys.exit(2)
        sys.exit(await posts[0].run())

    try:
        react(begin)
    except SystemExit:
        for post in posts:
            post.report()
            if post.interrupted:
                sys.exit(INTERRUPTED)
        raise
