"""
A room of a store that passes everything on.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import implementer

from machat.entries import Entry
from machat.events import Draft, Position, Receipt
from machat.interfaces import IStoredRoom
from machat.records import Change, Claim, Claimed, Names, RoomRecord, Stored


@implementer(IStoredRoom)
class PassingRoom:
    """
    Passes all operations on to another room. Subclasses change some of them.

    @ivar room: the other room
    """

    def __init__(self, room: IStoredRoom) -> None:
        self.room = room

    @property
    def name(self) -> str:
        """
        See L{IStoredRoom}.
        """
        return self.room.name

    @property
    def position(self) -> Position:
        """
        See L{IStoredRoom}.
        """
        return self.room.position

    @property
    def record(self) -> RoomRecord:
        """
        See L{IStoredRoom}.
        """
        return self.room.record

    def append(self, batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Deferred[Stored]:
        return self.room.append(batch, changes)

    def read(self, after: int, limit: int) -> Deferred[Sequence[Entry]]:
        return self.room.read(after, limit)

    def covers(self, position: Position) -> bool:
        return self.room.covers(position)

    def find(self, sender: str, id: str) -> Deferred[Receipt | None]:
        return self.room.find(sender, id)

    def claim(self, claim: Claim, most: int) -> Deferred[Claimed]:
        return self.room.claim(claim, most)

    def release(self, claim: Claim) -> None:
        self.room.release(claim)

    def members(self, limit: int) -> Deferred[Names]:
        return self.room.members(limit)

    def typing(self, name: str) -> None:
        self.room.typing(name)

    def close(self) -> None:
        self.room.close()
