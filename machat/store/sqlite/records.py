"""
The values that the writer receives and returns: the content of a transaction, and rooms as they are
stored.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from machat.events import Position
from machat.records import RoomRecord
from machat.store.sqlite.revisions import Revision

#: A statement and its arguments.
Statement = tuple[str, tuple[Any, ...]]


class Tail(NamedTuple):
    """
    The end of a room.

    @ivar seq: the number of its last message
    @ivar total: the bytes of all messages that the room has ever had
    @ivar at: the time of the last message, ms since 1970
    """

    seq: int = 0
    total: int = 0
    at: int = 0


class Head(NamedTuple):
    """
    The beginning of a room.

    @ivar seq: the number of its first stored message; without messages, the next number
    @ivar total: the C{total} before it
    """

    seq: int
    total: int


class Wanted(NamedTuple):
    """
    A room to open.

    @ivar network: a keyed hash
    """

    key: str
    name: str
    network: bytes | None


class Opened(NamedTuple):
    """
    A room as it is stored.
    """

    id: int
    name: str
    epoch: str
    head: Head
    tail: Tail
    record: RoomRecord
    ancestors: Sequence[Position]


class Group:
    """
    The content of one transaction.

    @ivar rows: rows of the table C{batch}, without C{id}
    @ivar statements: other statements, with their arguments
    @ivar wanted: rooms to open
    @ivar revisions: changes of messages
    @ivar looks: functions that read something first
    @ivar ids: the ids of the messages, encoded; C{None} if there are none
    @ivar until: the time until which they are remembered, ms since 1970
    @ivar now: Unix time in ms
    @ivar opened: the rooms that were opened, in the order of C{wanted}
    @ivar committing: whether C{COMMIT} has begun
    @ivar used: the bytes in use in the file afterwards; C{None} if that was not measured
    """

    def __init__(self, now: int) -> None:
        self.rows: list[tuple[int, int, int, int, int, bytes]] = []
        self.statements: list[Statement] = []
        self.wanted: list[Wanted] = []
        self.ids: bytes | None = None
        self.revisions: list[Revision] = []
        self.looks: list[Callable[[sqlite3.Connection], None]] = []
        self.until = 0
        self.now = now
        self.opened: list[Opened] = []
        self.committing = False
        self.used: int | None = None

    @property
    def size(self) -> int:
        """
        The bytes of its messages.
        """
        return sum([len(row[-1]) for row in self.rows])
