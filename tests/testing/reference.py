"""
A small store for the tests of L{machat.testing.StoreTests}: several nodes share data in memory, and
every answer and report comes in a later turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from secrets import token_hex
from typing import Any, TypeVar

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from zope.interface import implementer

from machat import names
from machat.entries import (
    Draft,
    Edit,
    Edited,
    Entry,
    Message,
    React,
    Redact,
    RichDraft,
    Said,
    entryOf,
)
from machat.errors import FAILED, NAME_TAKEN, ROOM_FULL, ChatError, NotStored
from machat.events import Position, Receipt
from machat.interfaces import IQuotas, IRoomObserver, IStore, IStoredRoom
from machat.limits import Limits
from machat.records import (
    Change,
    Claim,
    Claimed,
    Health,
    Imposed,
    KeySet,
    Lifted,
    ListingSet,
    LockSet,
    Names,
    RoomRecord,
    Stored,
    TopicSet,
)
from machat.revisions import revised
from machat.store.numbering import Numbering
from tests.quotas import MemoryQuotas, Numbers

T = TypeVar("T")


class RoomData:
    """
    The data of one room.

    @ivar ids: number and time of each message with an id, by sender and id
    @ivar epochs: the number of the last message of each epoch before the current one
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch, self.life, self.seq = "", "", 0
        self.messages: list[Entry] = []
        self.ids: dict[tuple[str, str], tuple[int, float]] = {}
        self.epochs: dict[str, int] = {}
        self.record = RoomRecord()

    def begin(self, life: str) -> None:
        """
        Begin an epoch if the life has changed.
        """
        if self.life != life:
            if self.epoch:
                self.epochs[self.epoch] = self.seq
                if len(self.epochs) > 64:
                    del self.epochs[next(iter(self.epochs))]
            self.epoch, self.life = token_hex(8), life
            self.record = self.record._replace(locked=False)

    def apply(self, change: Change) -> None:
        """
        Make a change.
        """
        record = self.record
        kept = {(each.kind, each.target): each for each in record.sanctions}
        if isinstance(change, Imposed):
            kept[change.kind, change.target] = change
        elif isinstance(change, Lifted):
            kept.pop((change.kind, change.target), None)
        elif isinstance(change, TopicSet):
            record = record._replace(topic=change.topic)
        elif isinstance(change, LockSet):
            record = record._replace(locked=change.locked)
        elif isinstance(change, ListingSet):
            record = record._replace(listed=change.listed)
        elif isinstance(change, KeySet):
            record = record._replace(key=change.key)
        self.record = record._replace(sanctions=tuple(kept.values()))


class Data:
    """
    The data that all nodes share.

    @ivar claims: the claims by room, in order, with the room object that made each
    @ivar opened: the open rooms of all nodes
    @ivar up: whether the nodes can reach the data
    """

    def __init__(self) -> None:
        self.rooms: dict[str, RoomData] = {}
        self.life = token_hex(8)
        self.claims: dict[str, list[tuple[Claim, ReferenceRoom]]] = {}
        self.opened: list[ReferenceRoom] = []
        self.up = True
        self.numbers = Numbers()

    def copy(self) -> Data:
        """
        @return: a copy of the rooms
        """
        copied = Data()
        copied.rooms = deepcopy(self.rooms)
        return copied


@implementer(IStoredRoom)
class ReferenceRoom:
    """
    An open room of one node.
    """

    def __init__(self, store: ReferenceStore, key: str, observer: IRoomObserver) -> None:
        self.store = store
        self.key = key
        self.observer = observer
        self.data = store.data.rooms[key]
        self.open = True

    @property
    def name(self) -> str:
        """
        See L{IStoredRoom}.
        """
        return self.data.name

    @property
    def position(self) -> Position:
        """
        See L{IStoredRoom}.
        """
        return Position(self.data.epoch, self.data.seq)

    @property
    def record(self) -> RoomRecord:
        """
        See L{IStoredRoom}.
        """
        return self.data.record

    @property
    def claims(self) -> list[tuple[Claim, ReferenceRoom]]:
        """
        The claims of this room on all nodes.
        """
        return self.store.data.claims.setdefault(self.key, [])

    def typing(self, name: str) -> None:
        self.reportAll("typing", name, apart=self)

    def report(self, method: str, *arguments: Any) -> None:
        """
        Call the observer in the next turn.
        """

        def call() -> None:
            if self.open:
                getattr(self.observer, method)(*arguments)

        self.store.clock.callLater(0, call)

    def reportAll(self, method: str, *arguments: Any, apart: object = None) -> None:
        """
        Call the observers of all nodes, apart from one room.
        """
        for room in self.store.data.opened:
            if room.key == self.key and room is not apart:
                room.report(method, *arguments)

    def append(self, batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Deferred[Stored]:
        return self.store.later(lambda: self._append(batch, changes))

    def _append(self, batch: Sequence[Draft], changes: Sequence[Change]) -> Stored:
        if not self.store.data.up:
            raise NotStored("the data cannot be reached")
        now = self.store.clock.seconds()
        numbering = Numbering(
            self.key,
            self.data.seq + 1,
            lambda key: self._known(*key[1:]),
            lambda key, seq: self.data.ids.__setitem__(key[1:], (seq, now)),
        )
        messages: list[Entry] = []
        for draft in batch:
            if numbering.add(draft, self._message):
                self.data.seq += 1
                if isinstance(draft, RichDraft) and not isinstance(draft.content, Said):
                    self._revise(draft.content, draft.sender)
                entry = entryOf(draft, self.name, self.data.seq, int(now * 1000))
                self.data.messages.append(entry)
                messages.append(entry)
        self.store.trim()
        for change in changes:
            self.data.apply(change)
        self.reportAll("said", messages, changes)
        return numbering.stored

    def _message(self, seq: int) -> Message | None:
        for entry in self.data.messages:
            if entry.seq == seq and isinstance(entry, Message) and not entry.redacted:
                return entry
        return None

    def _revise(self, change: Edit | Redact | React, name: str) -> None:
        for index, entry in enumerate(self.data.messages):
            if isinstance(entry, Message) and entry.seq == change.target:
                self.data.messages[index] = revised(entry, change, name)
            elif isinstance(entry, Edited) and entry.target == change.target:
                self._replaceText(index, entry, change)

    def _replaceText(self, index: int, entry: Edited, change: Edit | Redact | React) -> None:
        if not isinstance(change, React):
            self.data.messages[index] = replace(entry, text="", replaced=True)

    def _known(self, sender: str, id: str) -> int | None:
        seq, at = self.data.ids.get((names.key(sender), id), (0, 0.0))
        recent = self.store.clock.seconds() - at <= self.store.limits.remembered
        return seq if seq and recent else None

    def read(self, after: int, limit: int) -> Deferred[Sequence[Entry]]:
        self.store.trim()
        found = [message for message in self.data.messages if message.seq > after]
        return self.store.later(lambda: found[:limit])

    def covers(self, position: Position) -> bool:
        top = self.data.seq if position.epoch == self.data.epoch else None
        last = self.data.epochs.get(position.epoch, top)
        return last is not None and position.seq <= last

    def find(self, sender: str, id: str) -> Deferred[Receipt | None]:
        seq = self._known(sender, id)
        receipt = None if seq is None else Receipt(self.name, seq, duplicate=True)
        return self.store.later(lambda: receipt)

    def claim(self, claim: Claim, most: int) -> Deferred[Claimed]:
        return self.store.later(lambda: self._claim(claim, most))

    def _claim(self, claim: Claim, most: int) -> Claimed:
        if not self.store.data.up:
            raise ChatError(FAILED, "the data cannot be reached")
        held = [each for each in self.claims if each[0].key == claim.key]
        for old, room in held:
            if claim.replaces is not None and old.secret == claim.replaces:
                self.claims.remove((old, room))
                room.report("lost", old, "the name was taken over")
                held = []
        if held and not all(each.known for each in (claim, *[old for old, _ in held])):
            raise ChatError(NAME_TAKEN, "the name is taken")
        if len(self.claims) >= most:
            raise ChatError(ROOM_FULL, "the room is full")
        self.claims.append((claim, self))
        if not held:
            self.reportAll("presence", [claim.name], [], apart=self)
        return Claimed(not held, len(self._names()))

    def release(self, claim: Claim) -> None:
        for each in self.claims:
            if each[0] is claim:
                self.claims.remove(each)
                if claim.key not in self._names():
                    self.reportAll("presence", [], [claim.name], apart=self)
                return

    def _names(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for claim, _ in self.claims:
            found.setdefault(claim.key, claim.name)
        return found

    def members(self, limit: int) -> Deferred[Names]:
        found = list(self._names().values())
        return self.store.later(lambda: Names(len(found), found[:limit]))

    def close(self) -> None:
        self.open = False
        self.store.data.opened.remove(self)
        if not self.claims:
            self.data.record = self.record._replace(locked=False)


@implementer(IStore)
class ReferenceStore:
    """
    A node.
    """

    shared = True

    def __init__(self, clock: Clock, limits: Limits, data: Data | None = None) -> None:
        self.clock = clock
        self.limits = limits
        self.data = Data() if data is None else data
        self.since = clock.seconds()
        self._quotas = MemoryQuotas(clock, self.data.numbers)

    @property
    def quotas(self) -> IQuotas:
        """
        See L{IStore}.
        """
        self._quotas.up = self.data.up
        return self._quotas

    def later(self, operation: Callable[[], T]) -> Deferred[T]:
        """
        @return: fires with the result of the operation in the next turn
        """
        return deferLater(self.clock, 0, operation)

    def start(self) -> Deferred[None]:
        return self.later(lambda: None)

    def stop(self) -> Deferred[None]:
        return self.later(self.end)

    def end(self) -> None:
        """
        Close all rooms of this node, and release their claims.
        """
        for room in [room for room in self.data.opened if room.store is self]:
            for claim, owner in list(room.claims):
                if owner is room:
                    room.release(claim)
            room.close()

    def health(self) -> Health:
        up = self.data.up
        return Health(up, self.since, 0, "" if up else "the data cannot be reached: wait")

    def size(self) -> None:
        """
        The size is not counted.
        """

    def open(
        self, key: str, name: str, observer: IRoomObserver, network: str | None = None
    ) -> Deferred[IStoredRoom]:
        return self.later(lambda: self._open(key, name, observer))

    def _open(self, key: str, name: str, observer: IRoomObserver) -> IStoredRoom:
        if not self.data.up:
            raise ChatError(FAILED, "the data cannot be reached")
        self.data.rooms.setdefault(key, RoomData(name)).begin(self.data.life)
        room = ReferenceRoom(self, key, observer)
        self.data.opened.append(room)
        present = [claim.name for claim, owner in room.claims if owner is not room]
        if present:
            room.report("presence", present, [])
        return room

    def trim(self) -> None:
        """
        Delete the messages that exceed the limits.
        """
        oldest = (self.clock.seconds() - self.limits.logAge) * 1000
        total = 0
        for room in self.data.rooms.values():
            size, kept = 0, []
            for message in reversed(room.messages[-self.limits.logMessages :]):
                size += len(message.text) + 100
                total += len(message.text) + 100
                if size > self.limits.logBytes or message.at < oldest:
                    break
                if total <= self.limits.logTotal:
                    kept.append(message)
            room.messages = kept[::-1]

    def restarted(self, data: Data | None = None) -> ReferenceStore:
        """
        @return: a store with the same data, or with older data, in a new process
        """
        self.end()
        data = self.data if data is None else data.copy()
        data.life = token_hex(8)
        return ReferenceStore(self.clock, self.limits, data)
