"""
The commands that add entries to a room, from the arguments of an application.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Raw, json

from machat.commands import Say
from machat.entries import NO_JSON


def say(
    text: str,
    data: Mapping[str, Any] | None = None,
    reply: int | None = None,
    id: str | None = None,
) -> Say:
    """
    @param text: up to 100 lines
    @param data: an object for programs, at most 4,096 bytes as JSON
    @param reply: the number of the message that this one answers
    @param id: see L{machat.commands.Say}; C{None}: the client makes one
    @raise TypeError: JSON cannot represent C{data}
    """
    encoded = NO_JSON if data is None else Raw(json.encode(data))
    return Say(text=text, data=encoded, reply=reply, id=id)
