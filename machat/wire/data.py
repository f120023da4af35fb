"""
The C{data} of a message: a JSON object that the server forwards without interpreting it.
"""

from __future__ import annotations

from typing import Any

from msgspec import MsgspecError, json

from machat.entries import DATA, NESTING
from machat.errors import BAD_COMMAND, ChatError, TooLong

_decode = json.Decoder(dict[str, Any]).decode


def decodeData(data: bytes) -> bytes:
    """
    Check the C{data} of a message.

    @param data: a JSON value
    @return: the object in one line, with its numbers and strings as they were written; empty for
        C{null} and for no value
    @raise ChatError: C{too-long}: it has more than L{DATA} bytes; C{bad-command}: it is not an
        object, is nested more than L{NESTING} deep, or has a number that a double cannot represent
    """
    if data in (b"", b"null"):
        return b""
    if len(data) > DATA:
        raise TooLong(f"data may have at most {DATA} bytes - at `$.data`")
    try:
        depth = _depthOf(_decode(data))
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        raise ChatError(BAD_COMMAND, "expected a JSON object - at `$.data`") from None
    if depth > NESTING:
        raise ChatError(BAD_COMMAND, f"nested more than {NESTING} deep - at `$.data`")
    return json.format(data, indent=-1)


def _depthOf(value: Any) -> int:
    """
    @return: the nesting of arrays and objects; at most one more than L{NESTING}
    """
    depth, level = 0, [value]
    while level and depth <= NESTING:
        values = [list(each.values()) if isinstance(each, dict) else each for each in level]
        level = [item for each in values for item in each if isinstance(item, (dict, list))]
        depth += 1
    return depth
