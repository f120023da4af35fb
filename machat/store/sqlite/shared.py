"""
Parts of a store that do not depend on where it keeps its data.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from twisted.internet.interfaces import IReactorTime

from machat.errors import NAME_TAKEN, ROOM_FULL, ChatError
from machat.events import Position
from machat.limits import Limits
from machat.records import (
    Change,
    Claim,
    Claimed,
    Imposed,
    Lifted,
    LockSet,
    Names,
    RoomRecord,
    TopicSet,
)

#: Room, sender and id of a message; room and sender as L{machat.names.key}.
Key = tuple[str, str, str]

#: The maximum number of earlier epochs that a room remembers.
REMEMBERED = 64


class Timeline:
    """
    The earlier epochs of one room, oldest first, each with the number of its last message that is
    still, or was, a message of the room. A client that was disconnected in one of them misses
    nothing if it has no message above that number.
    """

    __slots__ = ("_last",)

    def __init__(self, last: Iterable[Position] = ()) -> None:
        """
        @param last: the last position of each epoch
        """
        self._last = {position.epoch: position.seq for position in last}

    @property
    def last(self) -> list[Position]:
        """
        The last position of each epoch, oldest first.
        """
        return [Position(epoch, seq) for epoch, seq in self._last.items()]

    def end(self, position: Position, oldest: int) -> None:
        """
        Record the end of an epoch. Forget the epochs from which no client can recover.

        @param position: its last position
        @param oldest: the number of the oldest message that is stored
        """
        self._last[position.epoch] = position.seq
        self._last = {epoch: seq for epoch, seq in self._last.items() if seq >= oldest - 1}
        for epoch in list(self._last)[:-REMEMBERED]:
            del self._last[epoch]

    def covers(self, position: Position) -> bool:
        """
        @return: whether the position belongs to an earlier epoch, and all messages up to it are, or
            were, messages of this room
        """
        return position.seq <= self._last.get(position.epoch, -1)


class ModeratedState:
    """
    The topic, the lock and the sanctions of one room.

    @ivar sanctions: the mutes and bans by their kinds and targets
    """

    __slots__ = ("topic", "locked", "sanctions")

    def __init__(self, record: RoomRecord | None = None) -> None:
        record = record or RoomRecord()
        self.topic = record.topic
        self.locked = record.locked
        self.sanctions = {(each.kind, each.target): each for each in record.sanctions}

    @property
    def record(self) -> RoomRecord:
        """
        The current state.
        """
        return RoomRecord(self.topic, self.locked, tuple(self.sanctions.values()))

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

    def expire(self, now: float) -> None:
        """
        Remove the sanctions that have ended.

        @param now: Unix time
        """
        for place in [place for place, each in self.sanctions.items() if each.until <= now]:
            del self.sanctions[place]


class Roster:
    """
    The claims of one room.
    """

    __slots__ = ("_claims", "_total")

    def __init__(self) -> None:
        self._claims: dict[str, tuple[Claim, ...]] = {}
        self._total = 0

    def __len__(self) -> int:
        """
        @return: the number of claims
        """
        return self._total

    def claim(self, room: str, claim: Claim, most: int) -> Claimed:
        """
        See L{machat.interfaces.IStoredRoom.claim}.

        @param room: the name of the room, for the text of a refusal
        @raise ChatError: C{name-taken}; C{room-full}
        """
        held = self._claims.get(claim.key, ())
        if held and not (claim.known and held[0].known):
            raise ChatError(NAME_TAKEN, f'"{held[0].name}" is already in {room}')
        if self._total >= most:
            raise ChatError(ROOM_FULL, f"{room} has {most} members")
        self._claims[claim.key] = (*held, claim)
        self._total += 1
        return Claimed(not held, len(self._claims))

    def release(self, claim: Claim) -> None:
        """
        End a claim, if it holds its name.
        """
        held = self._claims.get(claim.key, ())
        if claim in held:
            self._total -= 1
            if len(held) == 1:
                del self._claims[claim.key]
            else:
                self._claims[claim.key] = tuple([each for each in held if each is not claim])

    def names(self, limit: int) -> Names:
        """
        See L{machat.interfaces.IStoredRoom.members}.
        """
        return Names(
            len(self._claims), [held[0].name for held in islice(self._claims.values(), limit)]
        )


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

        @param rest: the time for which to remember it; by default L{Limits.remembered}
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
