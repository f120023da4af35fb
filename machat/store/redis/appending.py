"""
Batches on their way into the engine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import MsgspecError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from machat import names
from machat.entries import Draft, RichDraft
from machat.errors import MaybeStored, NotStored
from machat.limits import Limits
from machat.records import Change, Stored
from machat.store.redis.frames import Top, packChange, packDraft
from machat.store.redis.keys import RoomKeys

UNAVAILABLE = "the store is not available"


class Outgoing:
    """
    A batch that the room has passed to the store.

    @ivar batch: its messages
    @ivar changes: its changes
    @ivar writer: this process
    @ivar number: its number among the batches of this process in this room
    @ivar mark: a part of the first line of the published batch: see C{append.lua}
    @ivar sent: whether it was sent to the engine, and there is no reply yet
    @ivar doubtful: whether it was sent before, over a connection that was lost
    @ivar due: the time at which it fails
    @ivar keys: the keys for the script
    @ivar words: the arguments for the script
    @ivar result: fires with the result
    """

    __slots__ = (
        "batch",
        "changes",
        "writer",
        "number",
        "mark",
        "sent",
        "doubtful",
        "due",
        "keys",
        "words",
        "result",
    )

    def __init__(
        self,
        batch: Sequence[Draft],
        changes: Sequence[Change],
        writer: bytes,
        number: int,
        keys: RoomKeys,
    ) -> None:
        """
        @raise NotStored: a string is not valid Unicode
        """
        self.batch = batch
        self.changes = changes
        self.writer = writer
        self.number = number
        self.mark = b" %b %d " % (writer, number)
        self.sent = self.doubtful = False
        self.due = 0.0
        self.result: Deferred[Stored] = Deferred()
        self.keys: list[bytes] = list(keys.six)
        self.words: list[Any] = []
        try:
            self._pack(keys)
        except (UnicodeError, MsgspecError):
            raise NotStored("not valid Unicode") from None

    def _pack(self, keys: RoomKeys) -> None:
        places: dict[str, int] = {}
        for draft in self.batch:
            payload = packDraft(draft)
            if draft.id is None and not isinstance(draft, RichDraft):
                self.words += (payload, b"", 0)
                continue
            sender = names.key(draft.sender)
            place = places.get(sender)
            if place is None:
                self.keys.append(keys.ids(sender))
                place = places[sender] = len(self.keys)
            self.words += (payload, (draft.id or "").encode(), place)
        for change in self.changes:
            self.words += packChange(change)

    def stored(self, before: Top, duplicates: bytes) -> Stored:
        """
        Note that the engine has stored the batch.

        @param before: the position before it
        @param duplicates: see C{append.lua}
        @return: the result
        """
        count = len(self.batch)
        if not duplicates:
            return Stored(range(before.seq + 1, before.seq + 1 + count))
        old: dict[int, int] = {}
        refusals: dict[int, str] = {}
        for pair in duplicates.decode().split(","):
            place, refused, code = pair.partition("!")
            if refused:
                refusals[int(place)] = code
            else:
                place, _, seq = pair.partition("=")
                old[int(place)] = int(seq)
        numbers, following = [], before.seq
        for index in range(count):
            if index in refusals:
                numbers.append(0)
                continue
            if index not in old:
                following += 1
            numbers.append(old.get(index, following))
        return Stored(numbers, old.keys(), refusals)

    def fail(self, unsure: bool = False) -> None:
        """
        Report a failure, unless the result is known.

        @param unsure: whether the batch may be stored, even if every attempt has been refused
        """
        if not self.result.called:
            kind = MaybeStored if unsure or self.sent or self.doubtful else NotStored
            self.result.errback(kind(UNAVAILABLE))


class Deadlines:
    """
    The batches that are not stored yet, in the order of their deadlines.

    @ivar waiting: the number of their messages
    """

    def __init__(self, clock: IReactorTime, seconds: float, late: Callable[[], object]) -> None:
        """
        @param seconds: the time within which a batch is stored or fails
        @param late: called when this time is over for a batch
        """
        self._late = late
        self._clock = clock
        self._seconds = seconds
        self._queue: deque[Outgoing] = deque()
        self._timer: IDelayedCall | None = None
        self._empty: list[Deferred[None]] = []

    @property
    def waiting(self) -> int:
        return sum([len(each.batch) for each in self._queue if not each.result.called])

    def add(self, outgoing: Outgoing) -> None:
        """
        Begin to wait for a batch.
        """
        outgoing.due = self._clock.seconds() + self._seconds
        self._queue.append(outgoing)
        if self._timer is None:
            self._timer = self._clock.callLater(self._seconds, self._expired)

    def settled(self) -> None:
        """
        Forget the first batches that are stored or have failed.
        """
        while self._queue and self._queue[0].result.called:
            self._queue.popleft()
        if not self._queue:
            empty, self._empty = self._empty, []
            for each in empty:
                each.callback(None)

    def whenEmpty(self) -> Deferred[None]:
        """
        @return: fires when all batches are stored or have failed
        """
        empty: Deferred[None] = Deferred()
        self._empty.append(empty)
        self.settled()
        return empty

    def _expired(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        while self._queue and self._queue[0].due <= now:
            late = self._queue.popleft()
            if not late.result.called:
                self._late()
                late.fail()
        self.settled()
        if self._queue and self._timer is None:
            self._timer = self._clock.callLater(self._queue[0].due - now, self._expired)

    def close(self) -> None:
        """
        Fail all batches.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        queue, self._queue = self._queue, deque()
        for each in queue:
            each.fail()
        self.settled()


def limitWords(limits: Limits) -> list[int]:
    """
    @return: the limits of the log and of the ids, for C{append.lua}
    """
    return [
        min(limits.logMessages, 2**50),
        min(limits.logBytes, 2**50),
        int(min(limits.logAge * 1000, 2**50)),
        max(1, int(min(limits.remembered * 1000, 2**50))),
        min(limits.receipts, 2**50),
    ]
