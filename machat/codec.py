"""
The objects of the C{events} dialect as a client writes and reads them: commands to bytes, and bytes
to events.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec.structs import replace

from machat.commands import Command
from machat.entries import NO_JSON, RichMessage, plainest
from machat.events import AnyEvent, Event, History

#: The version of the C{events} dialect, and its WebSocket subprotocol.
VERSION = 1
SUBPROTOCOL = "machat.v1"

_EVENT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)
_MESSAGE: msgspec.json.Decoder[Any] = msgspec.json.Decoder(RichMessage)

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
    if type(event) is RichMessage:
        return plainest(event)
    if type(event) is History:
        return replace(event, messages=tuple([plainest(each) for each in event.messages]))
    return event


@cache
def _layoutOf(kind: type[Command]) -> tuple[dict[str, Any], tuple[tuple[str, str, bool], ...]]:
    """
    @return: the first field of each command of a type; and the other fields, each as the name of
        its attribute and on the wire, and whether it is required
    """
    tag = kind.__struct_config__.tag
    fields = msgspec.structs.fields(kind)
    names = tuple([(each.name, each.encode_name, each.required) for each in fields])
    return {} if tag is None else {"type": tag}, names


def encodeCommand(command: Command) -> bytes:
    """
    @return: the command as one JSON object, without optional fields that are C{None}
    """
    first, names = _layoutOf(type(command))
    fields = first.copy()
    for name, encoded, required in names:
        value = getattr(command, name)
        if required or (value is not None and value is not NO_JSON):
            fields[encoded] = value
    return msgspec.json.encode(fields)
