"""
The messages and changes of one room, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import MsgspecError
from twisted.logger import Logger

from machat.entries import Entry
from machat.entries import entryOf as entryOfDraft
from machat.events import Position
from machat.interfaces import IRoomObserver
from machat.records import Change, RoomRecord, Stored
from machat.store.packing import entryOf
from machat.store.redis.appending import Outgoing
from machat.store.redis.frames import (
    Batch,
    Top,
    changesOf,
    linesOf,
    parseEntry,
    unpackChange,
    unpackLine,
    unpackSanction,
)
from machat.store.redis.state import changesBetween
from machat.store.redis.times import EngineTime
from machat.store.state import ModeratedState
from machat.store.timeline import Timeline

#: The number of entries that are read at once, to catch up.
PAGE = 500


class Page(NamedTuple):
    """
    The changes of a room that a process has missed: the result of C{sync.lua}.

    @ivar timeline: the epochs of the room
    @ivar top: the position of the last entry of the room
    @ivar entries: the entries that the process has missed, or the first L{PAGE} of them
    @ivar total: the number of changes that the room has had
    @ivar record: topic, lock and sanctions; C{None} if they follow from the entries
    @ivar version: the version of the claims
    @ivar claims: the claims; C{None} if they are known
    """

    timeline: Timeline
    top: Top
    name: str
    entries: Sequence[Any]
    total: int
    record: Any
    version: str
    claims: dict[bytes, bytes] | None

    @property
    def full(self) -> bool:
        """
        Whether there may be more entries.
        """
        return len(self.entries) >= PAGE


def pageOf(reply: Any) -> Page:
    """
    @param reply: the reply of C{sync.lua}
    """
    epoch, seq, sub, ancestors, name, entries, total, record, version, claims = reply
    fields = None if claims is None else dict(zip(claims[::2], claims[1::2], strict=True))
    top = Top(int(seq), int(sub))
    ended = ancestors.decode().split()
    last = [Position(*each) for each in zip(ended[::2], map(int, ended[1::2]), strict=True)]
    timeline = Timeline(epoch.decode(), last)
    return Page(timeline, top, name.decode(), entries, int(total), record, version.decode(), fields)


class Item(NamedTuple):
    """
    An entry of the stream.

    @ivar item: what it contains
    """

    top: Top
    item: Entry | Change


class Stream:
    """
    Reports messages and changes to the observer of the room, each once and in order.

    @ivar name: the name of the room
    @ivar top: the position up to which everything has been reported
    @ivar total: the number of changes of the room up to C{top}; -1 before the first page
    @ivar state: the topic, the lock and the sanctions, up to C{top}
    @ivar timeline: the epochs
    """

    _log = Logger()

    def __init__(self, name: str, observer: IRoomObserver, time: EngineTime) -> None:
        self.name = name
        self._time = time
        self._observer = observer
        self.top = Top(0, 0)
        self.total = -1
        self.state = ModeratedState()
        self.timeline = Timeline()

    @property
    def position(self) -> Position:
        """
        The epoch, and the number of the last message.
        """
        return Position(self.timeline.epoch, self.top.seq)

    def typing(self, name: str) -> None:
        """
        Report that a member of another process is typing.
        """
        self._observer.typing(name)

    def take(self, batch: Batch, own: Outgoing | None) -> bool:
        """
        Report a published batch.

        @param own: the batch, if this process has sent it
        @return: C{False}: something before it is missing
        """
        if batch.epoch != self.timeline.epoch:
            return False
        if batch.before != self.top:
            return batch.after <= self.top
        changes = self._time.local(changesOf(batch)) if own is None else own.changes
        lines = linesOf(batch)
        first = self.top.seq + 1
        messages = [
            entryOf(line, self.name, seq, batch.at) for seq, line in enumerate(lines, first)
        ]
        self._report(batch.after, batch.total, messages, changes)
        return True

    def takeOwn(self, outgoing: Outgoing, stored: Stored, before: Top, at: int, total: int) -> bool:
        """
        Report a batch of this process that is stored.

        @param before: the position before it
        @param total: the number of changes of the room, including those of the batch
        @return: C{False}: something before it is missing
        """
        pairs = zip(stored.numbers, outgoing.batch, strict=True)
        messages = [
            entryOfDraft(draft, self.name, seq, at)
            for index, (seq, draft) in enumerate(pairs)
            if index not in stored.duplicates and index not in stored.refusals
        ]
        count = len(outgoing.changes)
        if not messages and not count:
            return True
        after = Top(before.seq + len(messages), count + (0 if messages else before.sub))
        if before != self.top:
            return after <= self.top
        self._report(after, total, messages, outgoing.changes)
        return True

    def begin(self, page: Page) -> None:
        """
        Begin at the top of the room.
        """
        self.name = page.name
        self.timeline = page.timeline
        self.top = page.top
        self.state = ModeratedState(self._recordOf(page))
        self.total = page.total

    def catchUp(self, page: Page, own: Outgoing | None) -> None:
        """
        Report the entries of a page that the room has missed.

        @param own: the batch of this process whose result is not known
        """
        entries = list(self._entries(page, own))
        following = next((each.top.seq for each in entries if not isinstance(each.item, Change)), 0)
        if not following:
            following = self.top.seq + 1 if page.full else page.top.seq + 1
        self._move(page, following)
        messages: list[Entry] = []
        changes: list[Change] = []
        for entry in entries:
            if isinstance(entry.item, Change):
                changes.append(entry.item)
            else:
                if changes or entry.top.seq != self.top.seq + 1:
                    self._observe(messages, changes)
                    messages, changes = [], []
                self._leap(entry.top.seq)
                messages.append(entry.item)
            self.top = entry.top
        self._observe(messages, changes)
        if not page.full:
            self.top = page.top
            record = self._recordOf(page)
            if record is not None:
                self._observe((), changesBetween(self.state.record, record))
            self.total = page.total
        else:
            self.total += sum([isinstance(each.item, Change) for each in entries])

    def _move(self, page: Page, following: int) -> None:
        """
        Continue in the epoch of a page.

        @param following: the number of the next message
        """
        position = self.position
        moved = page.timeline.epoch != position.epoch
        self.timeline = page.timeline
        skips = following != position.seq + 1
        if moved or skips:
            complete = self.timeline.covers(position, page.top.seq)
            if skips and not (moved and position in self.timeline.last):
                complete = False
            self.top = Top(following - 1, 0 if skips else self.top.sub)
            self._observer.moved(self.position, complete)

    def _leap(self, seq: int) -> None:
        """
        Skip numbers that the room has never used.

        @param seq: the number of the next message
        """
        if seq != self.top.seq + 1:
            self.top = Top(seq - 1, 0)
            self._observer.moved(self.position, True)

    def _entries(self, page: Page, own: Outgoing | None) -> Iterator[Item]:
        for raw in page.entries:
            top, fields = parseEntry(raw)
            try:
                if b"c" in fields:
                    yield Item(top, self._changeOf(fields, own))
                else:
                    line = unpackLine(fields[b"d"])
                    yield Item(top, entryOf(line, self.name, top.seq, int(fields[b"t"])))
            except (KeyError, ValueError, MsgspecError):
                self._log.error("an entry in the stream of {room} is not valid", room=self.name)

    def _changeOf(self, fields: dict[bytes, bytes], own: Outgoing | None) -> Change:
        """
        @return: a change; the same object that this process has sent, if it has sent it
        """
        if own is not None:
            writer, number, index = fields[b"w"].split(b" ")
            if writer == own.writer and int(number) == own.number:
                return own.changes[int(index)]
        (change,) = self._time.local([unpackChange(fields[b"c"])])
        return change

    def _recordOf(self, page: Page) -> RoomRecord | None:
        """
        @return: the state of a page; C{None} if it follows from the entries
        """
        if page.record is None:
            return None
        topic, lock, sanctions, listed, key = page.record
        found = []
        for payload in sanctions:
            try:
                found.append(unpackSanction(payload))
            except MsgspecError:
                self._log.error("a sanction of {room} is not valid", room=self.name)
        text = None if topic is None else topic.decode("utf-8", "replace")
        return RoomRecord(
            text,
            lock == b"1",
            self._time.local(found),
            None if listed is None else listed == b"1",
            None if key is None else key.decode("ascii", "replace"),
        )

    def _report(
        self, after: Top, total: int, messages: Sequence[Entry], changes: Sequence[Change]
    ) -> None:
        self.top = after
        self.total = total
        self._observe(messages, changes)

    def _observe(self, messages: Sequence[Entry], changes: Sequence[Change]) -> None:
        if messages or changes:
            self.state.apply(changes)
            self._observer.said(messages, changes)
