"""
The command C{machat-token}: it creates and inspects the tokens of C{--auth jwt:}.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from machat import __version__
from machat.auth.issuing import LIFETIME, createToken, inspectToken
from machat.auth.tokens import Key, keySet, secret
from machat.errors import ChatError

#: The maximum length of a token on standard input, bytes.
_LONGEST = 65_536

#: The file descriptor of standard input.
_INPUT = 0

#: The exit status if the signature was not checked.
UNCHECKED = 3


def parser() -> ArgumentParser:
    """
    @return: the parser of the command line
    """
    parser = ArgumentParser(
        prog="machat-token", description="Create and inspect tokens for --auth jwt:."
    )
    parser.add_argument("--version", action="version", version=f"MaChat {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _addCreate(commands.add_parser("create", help="write a token to standard output"))
    _addInspect(commands.add_parser("inspect", help="show a token, and whether it is valid"))
    return parser


def _addCreate(command: ArgumentParser) -> None:
    add = command.add_argument
    add("--key-file", required=True, metavar="FILE", help="the secret, as in jwt:keyfile=FILE")
    add("--name", required=True, help="the name of the user")
    add(
        "--lifetime",
        type=int,
        default=3600,
        metavar="SECONDS",
        help=f"the time for which it is valid, up to {LIFETIME}; 3600 by default",
    )
    for right, text in (
        ("rooms", "a room that the user may join; by default all"),
        ("say", "a room in which the user may speak; by default all"),
        ("mod", "a room that the user moderates; by default none"),
    ):
        add(f"--{right}", action="append", metavar="PATTERN", help=f"{text}; may be repeated")
    add("--read-only", action="store_true", help="the user may speak in no room")
    add("--aud", metavar="AUDIENCE", help="the audience, if the server requires one")
    add("--iss", metavar="ISSUER", help="the issuer, if the server requires one")
    command.set_defaults(function=_create)


def _addInspect(command: ArgumentParser) -> None:
    add = command.add_argument
    add("token", nargs="?", help="the token; by default it is read from standard input")
    keys = command.add_mutually_exclusive_group().add_argument
    keys("--key-file", metavar="FILE", help="the secret of the server")
    keys("--jwks", metavar="FILE", help="the public keys of the server")
    add("--aud", metavar="AUDIENCE", help="the audience that the server requires")
    add("--iss", metavar="ISSUER", help="the issuer that the server requires")
    command.set_defaults(function=_inspect)


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Execute the command line.

    @param arguments: by default those of the process
    @raise SystemExit: something was not done. A message never contains a key
    """
    options = parser().parse_args(arguments)
    try:
        options.function(options)
    except ChatError as error:
        sys.exit(f"machat-token: {error.code}: {error.text}")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.exit(f"machat-token: {where}{error.strerror}")
    except ValueError as error:
        sys.exit(f"machat-token: {error}")


def _create(options: Namespace) -> None:
    (key,) = _secret(options.key_file)
    if options.read_only and options.say:
        raise ValueError("--read-only and --say contradict each other")
    say = False if options.read_only else options.say
    found = {"rooms": options.rooms, "say": say, "mod": options.mod}
    found |= {"aud": options.aud, "iss": options.iss}
    rights = {name: value for name, value in found.items() if value is not None}
    print(createToken(key, options.name, time.time(), options.lifetime, rights))


def _secret(path: str) -> list[Key]:
    """
    @raise ValueError: the file has no secret. The message contains no part of it
    """
    try:
        return secret(Path(path).read_text("utf-8-sig").strip())
    except ValueError as error:  # also UnicodeDecodeError, whose text contains the file
        reason = "it is not UTF-8" if isinstance(error, UnicodeError) else error
        raise ValueError(f"{path}: {reason}") from None


def _inspect(options: Namespace) -> None:
    found = inspectToken(_token(options.token), _keys(options), options.aud, options.iss)
    signature = {True: "valid", False: "invalid", None: "not checked"}[found.signed]
    shown: dict[str, Any] = {"header": found.header, "claims": found.claims}
    shown |= {"expires": _time(found.claims.get("exp")), "signature": signature}
    shown["accepted"] = None if found.signed is None else found.accepted
    if found.refusal is not None:
        shown["refusal"] = found.refusal
    print(json.dumps(shown, indent=2))  # in ASCII: a token may contain control characters
    if found.signed is None:
        sys.exit(UNCHECKED)
    if not found.accepted:
        sys.exit(1)


def _keys(options: Namespace) -> list[Key]:
    if options.key_file is not None:
        return _secret(options.key_file)
    if options.jwks is None:
        return []
    try:
        return keySet(Path(options.jwks).read_text("utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{options.jwks}: {error}") from None


def _token(argument: str | None) -> str:
    if argument is None:
        data = b""
        while len(data) <= _LONGEST and (piece := os.read(_INPUT, _LONGEST)):
            data += piece
        if len(data) > _LONGEST:
            raise ValueError(f"the input is longer than {_LONGEST} bytes")
        argument = data.decode("ascii", "replace")
    return argument.strip()


def _time(expires: object) -> str | None:
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        return None
    try:
        at = datetime.fromtimestamp(expires, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None
    seconds = round(expires - time.time())
    when = f"in {seconds} s" if seconds >= 0 else f"{-seconds} s ago"
    return f"{at:%Y-%m-%d %H:%M:%S} UTC, {when}"
