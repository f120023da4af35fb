"""
Deduplication of messages with an id, so that a message that is sent again is stored once.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from twisted.internet.interfaces import IReactorTime

from machat import names
from machat.events import Draft
from machat.limits import Limits
from machat.records import Stored

#: Room, sender and id of a message; room and sender as L{machat.names.key}.
Key = tuple[str, str, str]


class Seen(NamedTuple):
    """
    A message with an id.

    @ivar until: the time at which the id is forgotten, seconds
    @ivar seq: the number of the message
    """

    until: float
    seq: int


class RecentIds:
    """
    The ids of the last L{Limits.remembered} seconds, at most L{Limits.receipts} for one name in one
    room, and at most L{Limits.receiptsTotal} in total. The oldest ones are removed first.
    """

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._seen: OrderedDict[Key, Seen] = OrderedDict()
        self._ids: dict[tuple[str, str], deque[str]] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def find(self, key: Key) -> int | None:
        """
        @return: the number of the message with this id; C{None} if the id is new
        """
        self._expire()
        seen = self._seen.get(key)
        return None if seen is None else seen.seq

    def add(self, key: Key, seq: int, rest: float | None = None) -> None:
        """
        Remember a message. Its id is new.

        @param rest: the time for which to remember it, in seconds; by default
            L{Limits.remembered}
        """
        if rest is None:
            rest = self._limits.remembered
        self._seen[key] = Seen(self._clock.seconds() + rest, seq)
        ids = self._ids.setdefault(key[:2], deque())
        ids.append(key[2])
        if len(ids) > self._limits.receipts:
            self._forget((*key[:2], ids[0]))
        if len(self._seen) > self._limits.receiptsTotal:
            self._forget(next(iter(self._seen)))

    def _expire(self) -> None:
        now = self._clock.seconds()
        while self._seen:
            key, seen = next(iter(self._seen.items()))
            if seen.until > now:
                return
            self._forget(key)

    def _forget(self, key: Key) -> None:
        del self._seen[key]
        ids = self._ids[key[:2]]
        ids.remove(key[2])
        if not ids:
            del self._ids[key[:2]]


def number(
    room: str,
    batch: Sequence[Draft],
    first: int,
    find: Callable[[Key], int | None],
    add: Callable[[Key, int], object],
) -> tuple[Stored, list[Draft]]:
    """
    Number a batch that contains messages with ids.

    @param room: the key of the room
    @param first: the number of the first new message
    @param find: returns the number of the message with an id; C{None} if the id is new
    @param add: remembers an id and its number
    @return: the result of storing the batch, and the messages that are new
    """
    numbers: list[int] = []
    duplicates: set[int] = set()
    new: list[Draft] = []
    for index, draft in enumerate(batch):
        seq = first + len(new)
        if draft.id is not None:
            key = (room, names.key(draft.sender), draft.id)
            known = find(key)
            if known is not None:
                numbers.append(known)
                duplicates.add(index)
                continue
            add(key, seq)
        numbers.append(seq)
        new.append(draft)
    return Stored(numbers, duplicates), new
