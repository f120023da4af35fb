"""
The wire: bytes to commands and events to bytes. Pure: nothing here does I/O or keeps state.

The C{text} dialect is that of the original MaChat. A client sends one JSON object, then lines; the
server answers each line to everybody as C{name:line}. Its own words come from the name C{machat}.
The C{events} dialect has a JSON object for everything. Both begin with a hello, and both come on a
byte stream, where a line is a message, and on a WebSocket, where a text frame is.
"""

from machat.wire.commands import decodeCommand, encodeCommand
from machat.wire.dialects import EVENTS, EVENTS_FRAMES, TEXT, TEXT_FRAMES, TYPED, decodeEvent, weigh
from machat.wire.frames import LARGEST_PLAIN, frame, takeTextFrames
from machat.wire.hello import (
    PATH,
    SUBPROTOCOL,
    VERSION,
    decodeHello,
    hasVersion,
    mayEnd,
    splitHello,
)
from machat.wire.interfaces import IDialect
from machat.wire.lines import decodeLine, isText, skipNewline

__all__ = [
    "EVENTS",
    "EVENTS_FRAMES",
    "IDialect",
    "LARGEST_PLAIN",
    "PATH",
    "SUBPROTOCOL",
    "TEXT",
    "TEXT_FRAMES",
    "TYPED",
    "VERSION",
    "decodeCommand",
    "decodeEvent",
    "decodeHello",
    "decodeLine",
    "encodeCommand",
    "frame",
    "hasVersion",
    "isText",
    "mayEnd",
    "skipNewline",
    "splitHello",
    "takeTextFrames",
    "weigh",
]
