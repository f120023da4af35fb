"""
The wire protocol: decodes bytes to commands and encodes events to bytes, without I/O or Twisted.

In the C{text} dialect, a client sends one JSON object and then lines; the server sends each line to
all members as C{name:line}, and its own lines with the name C{machat}. In the C{events} dialect,
everything is a JSON object. Both begin with a hello, and both work on a byte stream, with one
message per line, and on a WebSocket, with one message per text frame.
"""

from machat.codec import SUBPROTOCOL, VERSION, decodeEvent, encodeCommand
from machat.wire.commands import decodeCommand
from machat.wire.data import decodeData
from machat.wire.dialects import EVENTS, EVENTS_FRAMES, TEXT, TEXT_FRAMES, TYPED, weigh
from machat.wire.frames import LARGEST_PLAIN, frame, takeTextFrame, takeTextFrames
from machat.wire.hello import (
    PATH,
    decodeHello,
    hasVersion,
    mayEnd,
    splitHello,
    takeHello,
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
    "decodeData",
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
    "takeHello",
    "takeTextFrame",
    "takeTextFrames",
    "weigh",
]
