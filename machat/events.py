"""
The values that cross from a client to a room and back. All are immutable.
"""

from __future__ import annotations

from msgspec import Struct


class Hello(Struct, frozen=True):
    """
    The first thing a client says.

    @ivar v: the version of the C{events} dialect, or C{None} for the C{text} dialect
    """

    name: str
    room: str
    v: int | None = None


class Draft(Struct, frozen=True, gc=False):
    """
    A message as it was said: no log has numbered it yet.
    """

    room: str
    sender: str
    text: str


class Message(Struct, frozen=True, gc=False):
    """
    A message as everybody sees it.

    @ivar room: the room's name
    @ivar seq: its number in the room: 1, 2, 3 ... for the life of the room's epoch
    @ivar sender: the name of the member who said it
    @ivar text: what was said: one line, no newline
    @ivar at: when the log took it, milliseconds since the Unix epoch
    """

    room: str
    seq: int
    sender: str
    text: str
    at: int


class Position(Struct, frozen=True, gc=False):
    """
    A place in a room's log.

    @ivar epoch: names the life of the counter; when it changes, C{seq} begins anew
    @ivar seq: the last number given, 0 before the first
    """

    epoch: str
    seq: int


class Joined(Struct, frozen=True):
    """
    What a member who has joined knows of the room.

    @ivar room: the room's name, as its first member wrote it
    @ivar name: the member's own name
    @ivar position: the top of the log; the next message has C{position.seq + 1} or more
    @ivar count: members in the room, this one counted
    """

    room: str
    name: str
    position: Position
    count: int
