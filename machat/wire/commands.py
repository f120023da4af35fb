"""
The commands of the C{events} dialect.
"""

from __future__ import annotations

from typing import Any

import msgspec

from machat.commands import AnyCommand, Command, Id
from machat.errors import BAD_COMMAND, TOO_LONG, ChatError

_COMMAND: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyCommand)


class _Identified(msgspec.Struct):
    id: Id | None = None


_IDENTIFIED = msgspec.json.Decoder(_Identified)


def decodeCommand(line: bytes, limit: int) -> Command:
    """
    @param line: one JSON object
    @param limit: the maximum length of a line, bytes
    @return: the command
    @raise ChatError: C{too-long}, or C{bad-command} with a text that names the invalid field, and
        with the command's C{id} if it has one
    """
    if len(line) > limit:
        raise ChatError(TOO_LONG, f"a command may have at most {limit} bytes")
    try:
        command: Command = _COMMAND.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ChatError(BAD_COMMAND, oneLine(str(error)), _idOf(line)) from None
    return command


def _idOf(line: bytes) -> str | None:
    try:
        return _IDENTIFIED.decode(line).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def oneLine(text: str) -> str:
    """
    @return: the text without control characters and with at most 200 characters, so that it can be
        sent back to a client
    """
    return "".join(c if c.isprintable() else " " for c in text)[:200]
