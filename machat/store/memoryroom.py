"""
A room of the store in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from machat import names
from machat.entries import (
    Edit,
    Entry,
    React,
    Redact,
    RichDraft,
    Said,
    arePlain,
    entryOf,
)
from machat.events import Draft, Message, Position, Receipt
from machat.interfaces import IPromptRoom, IRoomObserver
from machat.limits import Limits
from machat.records import Change, RoomRecord, Stored
from machat.revisions import revised
from machat.store.deduplication import RecentIds, number
from machat.store.numbering import Numbering
from machat.store.roomlog import RoomLog
from machat.store.roster import Roster, RosterRoom
from machat.store.shares import Share, Shares
from machat.store.state import ModeratedState
from machat.store.timeline import Timeline


class Owner(Protocol):
    """
    The store, as its rooms see it.

    @ivar now: returns Unix time
    @ivar ids: the ids of recent messages
    @ivar limits: the limits of the chat
    @ivar age: the maximum age of a message, ms
    @ivar shares: the memory of all rooms
    """

    now: Callable[[], float]
    ids: RecentIds
    limits: Limits
    age: int
    shares: Shares

    def relieve(self) -> None:
        """
        Free memory: all rooms together exceed the limit.
        """

    def refresh(self, room: MemoryRoom) -> None:
        """
        Drop the messages of a room that have become too old.
        """

    def closed(self, room: MemoryRoom) -> None:
        """
        A room was closed.
        """


@implementer(IPromptRoom)
class MemoryRoom(RoomLog, RosterRoom):
    """
    A room of a L{MemoryStore}, open or not.

    @ivar key: the room's key
    @ivar life: the life of the store under which the room was opened last
    @ivar share: the share to which its memory belongs
    @ivar idle: the time when it was closed, Unix time
    @ivar delivered: the number of the last message that was delivered, see
        L{machat.interfaces.IDeliveries}
    """

    __slots__ = (
        "key",
        "life",
        "share",
        "idle",
        "delivered",
        "roster",
        "observer",
        "_store",
        "_timeline",
        "_state",
    )

    def __init__(self, store: Owner, key: str, name: str, share: Share) -> None:
        RoomLog.__init__(self, key, name)
        self.key = key
        self.life = b""
        self.share = share
        self.idle = 0.0
        self.delivered = 0
        self.roster = Roster()
        self.observer: IRoomObserver | None = None
        self._store = store
        self._timeline = Timeline()
        self._state: ModeratedState | None = None

    @property
    def position(self) -> Position:
        """
        See L{IStoredRoom}.
        """
        return Position(self._timeline.epoch, self.seq)

    @property
    def record(self) -> RoomRecord:
        """
        See L{IStoredRoom}.
        """
        return RoomRecord() if self._state is None else self._state.record

    def begin(self, life: bytes, epoch: str) -> None:
        """
        Begin an epoch, unless the room has one of this life. The numbers continue.
        """
        if self.life is not life:
            oldest = self.kept[0].seq if self.kept else self.seq + 1
            self._timeline.begin(epoch, self.seq, oldest)
            self.life = life

    def append(self, batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Deferred[Stored]:
        return succeed(self.appendNow(batch, changes))

    def appendNow(self, batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Stored:
        store, first, before = self._store, self.seq + 1, self.bytes
        now = store.now  # calling an attribute that is not a method takes longer
        at = int(now() * 1000.0)
        entries: Sequence[Entry]
        if len(batch) == 1 and type(draft := batch[0]) is Draft and draft.id is None:
            entries = (Message(self.name, first, draft.sender, draft.text, at),)
            self.add(entries, draft.text + draft.sender)
            stored = Stored((first,))
        elif arePlain(batch):
            stored, strings, entries = self._number(batch, first, at)
            self.add(entries, strings)
        else:
            store.refresh(self)
            before = self.bytes
            stored, entries = self._addAny(batch, at)
        kept, limits, oldest = self.kept, store.limits, at - store.age
        if (
            len(kept) > limits.logMessages
            or self.bytes > limits.logBytes
            or (kept and kept[0].at < oldest)
        ):
            self.trim(limits, oldest)
        more, shares = self.bytes - before, store.shares
        self.share.bytes += more
        shares.bytes += more
        if shares.bytes > shares.limit:
            store.relieve()
        if changes:
            self._change(changes)
        if self.observer is not None and (entries or changes):
            self.observer.said(entries, changes)
        return stored

    def _addAny(self, batch: Sequence[Draft], at: int) -> tuple[Stored, Sequence[Entry]]:
        """
        Add entries of any kind.

        @return: the result of storing them, and the entries that are new
        """
        ids = self._store.ids
        numbering = Numbering(self.key, self.seq + 1, ids.find, ids.add)
        entries: list[Entry] = []
        for draft in batch:
            if numbering.add(draft, self.message):
                if isinstance(draft, RichDraft) and not isinstance(draft.content, Said):
                    self._revise(draft.content, draft.sender)
                entry = entryOf(draft, self.name, self.seq + 1, at)
                self.addAny(entry)
                entries.append(entry)
        return numbering.stored, entries

    def _revise(self, change: Edit | Redact | React, name: str) -> None:
        message = self.message(change.target)
        assert message is not None, "the numbering has found it"
        if not isinstance(change, React):
            self.forgetEdit(change.target)
        self.replace(revised(message, change, name))

    def _number(
        self, batch: Sequence[Draft], first: int, at: int
    ) -> tuple[Stored, str, list[Message]]:
        """
        @param first: the first number
        @param at: the time of the messages
        @return: the result of storing the batch, the joined strings of its new messages, and those
            messages
        """
        store, name = self._store, self.name
        if any([draft.id is not None for draft in batch]):
            stored, batch = number(self.key, batch, first, store.ids.find, store.ids.add)
        else:
            stored = Stored(range(first, first + len(batch)))
        messages = [
            Message(name, seq, draft.sender, draft.text, at)
            for seq, draft in enumerate(batch, first)
        ]
        return stored, "".join([draft.text + draft.sender for draft in batch]), messages

    def _change(self, changes: Sequence[Change]) -> None:
        self._state = self._state or ModeratedState()
        self._state.apply(changes)

    def lasting(self, now: float) -> bool:
        """
        @return: whether the room has mutes or bans, so that it must not be forgotten
        """
        if self._state is None:
            return False
        self._state.expire(now)
        return bool(self._state.sanctions)

    def read(self, after: int, limit: int) -> Deferred[Sequence[Entry]]:
        self._store.refresh(self)
        return succeed(self.window(after, limit))

    def covers(self, position: Position) -> bool:
        return self._timeline.covers(position, self.seq)

    def find(self, sender: str, id: str) -> Deferred[Receipt | None]:
        seq = self._store.ids.find((self.key, names.key(sender), id))
        return succeed(None if seq is None else Receipt(self.name, seq, duplicate=True))

    def close(self) -> None:
        self.observer = None
        if self._state is not None:
            self._state.locked = False
        self._store.closed(self)
