"""
The dialects: the encodings of events for each kind of member.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from zope.interface import implementer

from machat.entries import Edited, Entry, Message, Redacted, RichMessage, arePlain
from machat.events import Bye, Error, Event, Moved
from machat.names import RESERVED
from machat.wire.frames import frame
from machat.wire.interfaces import IDialect

#: The text of a L{Moved} in the C{text} dialect, if messages are lost.
LOST = "the server lost messages of this room that were already delivered"


def linesOf(entry: Entry) -> list[str]:
    """
    @return: the lines for an entry in the C{text} dialect, each with its newline. A line of the
        server never begins with a name: a member named C{bye} must not be able to imitate a
        L{Bye}
    """
    if type(entry) is Message:
        return [f"{entry.sender}:{entry.text}\n"]
    if isinstance(entry, RichMessage):
        if entry.text or entry.data is None:
            return [f"{entry.sender}:{line}\n" for line in entry.text.split("\n")]
    elif isinstance(entry, Edited):
        text = entry.text.replace("\n", " / ")
        return [f"{RESERVED}:user {entry.by} edited a message: {text}\n"]
    elif isinstance(entry, Redacted):
        whose = "" if entry.author is None else f" from {entry.author}"
        why = "" if entry.reason is None else f": {entry.reason}"
        return [f"{RESERVED}:user {entry.by} removed a message{whose}{why}\n"]
    return []


@implementer(IDialect)
class TextLines:
    """
    The C{text} dialect on a byte stream.
    """

    transport = "tcp"
    name = "text"

    def encode(self, entries: Sequence[Entry]) -> bytes:
        if len(entries) == 1 and type(entry := entries[0]) is Message:  # most, in small rooms
            return f"{entry.sender}:{entry.text}\n".encode()
        if arePlain(entries):
            return "".join([f"{m.sender}:{m.text}\n" for m in entries]).encode()
        return "".join([line for entry in entries for line in linesOf(entry)]).encode()

    def encodeEvent(self, event: Event) -> bytes | None:
        if isinstance(event, Error):
            return f"{RESERVED}:error {event.code} {event.text}\n".encode()
        if isinstance(event, Bye):
            return f"{RESERVED}:bye {event.reason}\n".encode()
        if isinstance(event, Moved) and event.lost:
            return f"{RESERVED}:{LOST}\n".encode()
        return None


@implementer(IDialect)
class TextFrames(TextLines):
    """
    The C{text} dialect on a WebSocket, with one text frame per message.
    """

    transport = "websocket"

    def encode(self, entries: Sequence[Entry]) -> bytes:
        if len(entries) == 1 and type(entry := entries[0]) is Message:  # most, in small rooms
            return frame(f"{entry.sender}:{entry.text}\n".encode())
        if arePlain(entries):
            return b"".join([frame(f"{m.sender}:{m.text}\n".encode()) for m in entries])
        lines = [line for entry in entries for line in linesOf(entry)]
        return b"".join([frame(line.encode()) for line in lines])

    def encodeEvent(self, event: Event) -> bytes | None:
        line = super().encodeEvent(event)
        return None if line is None else frame(line)


_ENCODER = msgspec.json.Encoder()
_encode = _ENCODER.encode


#: The size of a message on the wire without its text and its two names, bytes: the names of the
#: fields, two numbers and a frame header.
_FIELDS = 128

#: The maximum size of one character of a name, bytes.
_CHARACTER = 4

#: The bytes of the quotes around a text in JSON.
_QUOTES = 2


def weigh(text: str, room: str, sender: str, count: int = 1) -> int:
    """
    @param text: the text of one message, or the joined texts of several
    @param count: the number of messages
    @return: the size of the messages in the dialect that needs the most bytes
    """
    each = _CHARACTER * (len(room) + len(sender)) + _FIELDS + _QUOTES
    return len(_encode(text)) - _QUOTES + count * each


@implementer(IDialect)
class EventLines:
    """
    The C{events} dialect on a byte stream.
    """

    transport = "tcp"
    name = "events"

    def encode(self, entries: Sequence[Entry]) -> bytes:
        return _ENCODER.encode_lines(entries)

    def encodeEvent(self, event: Event) -> bytes:
        return _encode(event) + b"\n"


@implementer(IDialect)
class EventFrames:
    """
    The C{events} dialect on a WebSocket, with one text frame per event.
    """

    transport = "websocket"
    name = "events"

    def encode(self, entries: Sequence[Entry]) -> bytes:
        return b"".join([frame(_encode(entry)) for entry in entries])

    def encodeEvent(self, event: Event) -> bytes:
        return frame(_encode(event))


@implementer(IDialect)
class Typed:
    """
    The dialect of members inside the process, which receive the Python objects.
    """

    transport = "memory"
    name = "typed"

    def encode(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        return entries

    def encodeEvent(self, event: Event) -> Sequence[Event]:
        return (event,)


TEXT = TextLines()
TEXT_FRAMES = TextFrames()
EVENTS = EventLines()
EVENTS_FRAMES = EventFrames()
TYPED = Typed()
