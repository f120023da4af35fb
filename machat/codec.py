"""
The objects of the C{events} dialect as a client writes and reads them: commands to bytes, and bytes
to events.
"""

from __future__ import annotations

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


def encodeCommand(command: Command) -> bytes:
    """
    @return: the command as one JSON object, without fields that are C{None}
    """
    config = command.__struct_config__
    fields: dict[str, Any] = {} if config.tag is None else {"type": config.tag}
    for field in msgspec.structs.fields(command):
        value = getattr(command, field.name)
        if value is not None and value is not NO_JSON:
            fields[field.encode_name] = value
    return msgspec.json.encode(fields)
