"""
The part of a room's state that moderators change.
"""

from __future__ import annotations

from collections.abc import Sequence

from machat.records import (
    Change,
    Imposed,
    KeySet,
    Lifted,
    ListingSet,
    LockSet,
    RoomRecord,
    TopicSet,
)


class ModeratedState:
    """
    The topic, the lock, the listing, the key and the sanctions of one room.

    @ivar sanctions: the mutes and bans by their kinds and targets
    """

    __slots__ = ("topic", "locked", "listed", "key", "sanctions")

    def __init__(self, record: RoomRecord | None = None) -> None:
        record = record or RoomRecord()
        self.topic = record.topic
        self.locked = record.locked
        self.listed = record.listed
        self.key = record.key
        self.sanctions = {(each.kind, each.target): each for each in record.sanctions}

    @property
    def record(self) -> RoomRecord:
        """
        The current state.
        """
        sanctions = tuple(self.sanctions.values())
        return RoomRecord(self.topic, self.locked, sanctions, self.listed, self.key)

    def apply(self, changes: Sequence[Change]) -> None:
        """
        Make changes. A kick changes nothing here.
        """
        for change in changes:
            match change:
                case Imposed():
                    self.sanctions[change.kind, change.target] = change
                case Lifted():
                    self.sanctions.pop((change.kind, change.target), None)
                case TopicSet():
                    self.topic = change.topic
                case LockSet():
                    self.locked = change.locked
                case ListingSet():
                    self.listed = change.listed
                case KeySet():
                    self.key = change.key

    def expire(self, now: float) -> None:
        """
        Remove the sanctions that have ended.

        @param now: Unix time
        """
        for place in [place for place, each in self.sanctions.items() if each.until <= now]:
            del self.sanctions[place]
