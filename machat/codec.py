"""
The objects of the C{events} dialect as a client writes and reads them: commands to bytes, and bytes
to events.
"""

from __future__ import annotations

from typing import Any

import msgspec

from machat.commands import Command
from machat.events import AnyEvent, Event, Message

#: The version of the C{events} dialect, and its WebSocket subprotocol.
VERSION = 1
SUBPROTOCOL = "machat.v1"

_EVENT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)
_MESSAGE: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Message)

#: The maximum length of an event other than a message, bytes. An event with five hundred names has
#: 70 KiB. The limit is needed because a list of short strings takes sixteen times the memory of its
#: JSON.
LONGEST = 1_048_576


def decodeEvent(data: bytes) -> Event | None:
    """
    @param data: one JSON object from a server of the C{events} dialect
    @return: the event, or C{None} if its type is unknown, or it is invalid or too long
    """
    try:
        event: Event = (_EVENT if len(data) <= LONGEST else _MESSAGE).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return event


def encodeCommand(command: Command) -> bytes:
    """
    @return: the command as one JSON object, without fields that are C{None}
    """
    fields: dict[str, Any] = msgspec.to_builtins(command)
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})
