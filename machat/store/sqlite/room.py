"""
An open room of the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from machat import names
from machat.entries import (
    Edit,
    Entry,
    Message,
    React,
    Redact,
    RichDraft,
    arePlain,
    entryOf,
)
from machat.events import Draft, Position, Receipt
from machat.interfaces import IRoomObserver, IStoredRoom
from machat.records import (
    Change,
    Imposed,
    KeySet,
    Lifted,
    ListingSet,
    RoomRecord,
    Stored,
    TopicSet,
)
from machat.revisions import revised
from machat.store.deduplication import Key, number
from machat.store.numbering import Numbering
from machat.store.roster import Roster, RosterRoom
from machat.store.sqlite.codec import encodeDrafts
from machat.store.sqlite.database import LIFT
from machat.store.sqlite.jobs import Append, Look
from machat.store.sqlite.records import Group, Head, Opened, Statement, Tail
from machat.store.sqlite.revisions import Revision, targetsOf
from machat.store.sqlite.schema import BATCH_BYTES
from machat.store.state import ModeratedState
from machat.store.timeline import Timeline

if TYPE_CHECKING:
    from machat.store.sqlite.store import SqliteStore

#: The time by which the system's clock may be set back so that the times of the messages of a room
#: still do not decrease, ms. After a larger change they follow the clock.
STEADY = 3_600_000

_IMPOSE = "INSERT OR REPLACE INTO sanction VALUES (?, ?, ?, ?, ?, ?)"
_SET_TOPIC = "UPDATE room SET topic = ? WHERE id = ?"
_SET_LISTED = "UPDATE room SET listed = ? WHERE id = ?"
_SET_KEY = "UPDATE room SET password = ? WHERE id = ?"


@implementer(IStoredRoom)
class SqliteRoom(RosterRoom):
    """
    An open room.

    @ivar id: its row in the database
    @ivar head: its beginning in the database
    @ivar tail: its end in the database
    """

    __slots__ = (
        "id",
        "key",
        "name",
        "head",
        "tail",
        "roster",
        "_next",
        "_store",
        "_observer",
        "_state",
        "_timeline",
    )

    _log = Logger()

    def __init__(
        self, store: SqliteStore, key: str, opened: Opened, observer: IRoomObserver
    ) -> None:
        self.id = opened.id
        self.key = key
        self.name = opened.name
        self.head: Head = opened.head
        self.tail: Tail = opened.tail
        self._next = opened.tail
        self._store = store
        self._observer: IRoomObserver | None = observer
        self.roster = Roster()
        self._state = ModeratedState(opened.record)
        self._timeline = Timeline(opened.epoch, opened.ancestors)

    @property
    def position(self) -> Position:
        """
        See L{IStoredRoom}.
        """
        return Position(self._timeline.epoch, self.tail.seq)

    @property
    def record(self) -> RoomRecord:
        """
        See L{IStoredRoom}.
        """
        return self._state.record

    def append(self, batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Deferred[Stored]:
        targets = targetsOf(batch) if not arePlain(batch) else ()
        if targets:
            return Deferred.fromCoroutine(self._appendAny(batch, changes, targets))
        result: Deferred[Stored] = Deferred()
        self._store.writer.add(Append(result, self, batch, changes))
        return result

    async def _appendAny(
        self, batch: Sequence[Draft], changes: Sequence[Change], targets: Sequence[int]
    ) -> Stored:
        """
        Append a batch that changes messages. The caller appends nothing else meanwhile, so the
        messages cannot change before; but they may be deleted.
        """
        found: Deferred[dict[int, Message | None]] = Deferred()
        result: Deferred[Stored] = Deferred()
        self._store.writer.add(Look(found, self._store.looking(self, targets)))
        self._store.writer.add(Append(result, self, batch, changes, await found))
        return await result

    def read(self, after: int, limit: int) -> Deferred[Sequence[Entry]]:
        return self._store.read(self, after, limit)

    def covers(self, position: Position) -> bool:
        return self._timeline.covers(position, self.tail.seq)

    def find(self, sender: str, id: str) -> Deferred[Receipt | None]:
        seq = self._store.writer.ids.find((self.key, names.key(sender), id))
        return succeed(None if seq is None else Receipt(self.name, seq, duplicate=True))

    def close(self) -> None:
        self._observer = None
        self._store.closed(self)

    def number(
        self,
        batch: Sequence[Draft],
        group: Group,
        ids: dict[Key, int],
        states: dict[int, Message | None] | None,
    ) -> tuple[Stored, Sequence[Entry]]:
        """
        Number messages and add them to a transaction.

        @param ids: the new ids of the transaction. The ids of these messages are added
        @param states: see L{Append}
        @return: the result of storing them, and the messages that are new
        """
        if not batch:
            return Stored(()), ()
        first = self._next.seq + 1
        before = self._next.at
        at = max(before, group.now) if before - group.now < STEADY else group.now
        found: dict[Key, int] = {}
        revisions: list[Revision] = []
        recent = self._store.writer.ids

        def find(key: Key) -> int | None:
            return found.get(key) or ids.get(key) or recent.find(key)

        if states is not None:
            numbering = Numbering(self.key, first, find, found.__setitem__)
            batch, revisions = self._changing(batch, first, numbering, states)
            stored = numbering.stored
        elif any([draft.id is not None for draft in batch]):
            stored, batch = number(self.key, batch, first, find, found.__setitem__)
        else:
            stored = Stored(range(first, first + len(batch)))
        data = encodeDrafts(batch)  # the only step that may raise
        ids.update(found)
        if not batch:
            return stored, ()
        name = self.name
        total = self._next.total + len(data) + BATCH_BYTES + sum([each.size for each in revisions])
        self._next = Tail(first + len(batch) - 1, total, at)
        group.revisions += revisions
        group.rows.append((self.id, self._next.seq, len(batch), at, self._next.total, data))
        return stored, [entryOf(draft, name, seq, at) for seq, draft in enumerate(batch, first)]

    def _changing(
        self,
        batch: Sequence[Draft],
        first: int,
        numbering: Numbering,
        states: dict[int, Message | None],
    ) -> tuple[list[Draft], list[Revision]]:
        """
        Number a batch that changes messages.

        @param first: the first number
        @return: the new entries, and the changes
        """
        new: list[Draft] = []
        revisions: list[Revision] = []
        for draft in batch:
            if not numbering.add(draft, states.get):
                continue
            seq = first + len(new)
            new.append(draft)
            content = draft.content if isinstance(draft, RichDraft) else None
            if not isinstance(content, (Edit, Redact, React)):
                entry = entryOf(draft, self.name, seq, 0)
                states[seq] = entry if isinstance(entry, Message) else None
                continue
            revisions.append(Revision(self.id, seq, content, draft.sender))
            message = states[content.target]
            assert message is not None, "the numbering has found it"
            gone = isinstance(content, Redact)
            states[content.target] = None if gone else revised(message, content, draft.sender)
        return new, revisions

    def statements(self, changes: Sequence[Change]) -> list[Statement]:
        """
        @return: the statements that store changes
        @raise UnicodeEncodeError: a text contains a surrogate
        """
        found: list[Statement] = []
        for change in changes:
            match change:
                case Imposed():
                    values = (change.kind, change.target, change.until, change.name, change.by)
                    found.append((_IMPOSE, (self.id, *values)))
                case Lifted():
                    found.append((LIFT, (self.id, change.kind, change.target)))
                case TopicSet():
                    found.append((_SET_TOPIC, (change.topic, self.id)))
                case ListingSet():
                    found.append((_SET_LISTED, (change.listed, self.id)))
                case KeySet():
                    found.append((_SET_KEY, (change.key, self.id)))
        for _, values in found:
            for value in values:
                if isinstance(value, str):
                    value.encode()
        return found

    def revert(self) -> None:
        """
        A transaction has failed.
        """
        self._next = self.tail

    def apply(self, messages: Sequence[Entry], changes: Sequence[Change]) -> None:
        """
        A transaction has succeeded.
        """
        self.tail = tail = self._next
        if changes:
            self._state.apply(changes)
            self._state.expire(self._store.upkeep.now())
        head, store = self.head, self._store
        if tail.seq - head.seq >= store.trimMessages or tail.total - head.total > store.trimBytes:
            store.upkeep.trim(self)

    def report(self, messages: Sequence[Entry], changes: Sequence[Change]) -> None:
        """
        Report stored messages and changes to the observer.
        """
        if self._observer is not None:
            try:
                self._observer.said(messages, changes)
            except Exception:
                self._log.failure("the observer of {room} failed", room=self.name)
