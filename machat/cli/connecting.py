"""
The options and the credentials with which the commands connect to a chat.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from machat.cli.stdio import askPassword
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


def addAddress(parser: ArgumentParser) -> None:
    """
    Add the options that name the server.
    """
    parser.add_argument(
        "--address",
        default="localhost:8989",
        help="host:port, tls:host:port, ws://... or wss://..., or a Twisted client endpoint",
    )
    parser.add_argument("--origin", help="the Origin header of a WebSocket handshake")


def addCredentials(parser: ArgumentParser) -> Any:
    """
    Add the options that name the credentials.

    @return: the mutually exclusive group of these options
    """
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--password-file", type=Path, metavar="FILE", help="a file whose first line is the password"
    )
    group.add_argument(
        "--password-fd", type=int, metavar="N", help="read a password from file descriptor N"
    )
    group.add_argument(
        "--token-file", type=Path, metavar="FILE", help="a file that contains a token"
    )
    return group


def seconds(text: str) -> float:
    """
    Parse a number of seconds.

    @raise ValueError: the number is not between 0 and 1e9
    """
    value = float(text)
    if not 0 < value < 1e9:
        raise ValueError(text)
    return value


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
