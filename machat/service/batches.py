"""
The flush at the end of a reactor turn: the store takes the new messages of each room as one batch.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.clock import ChatClock
from machat.errors import FAILED, UNKNOWN, ChatError
from machat.metrics import Metrics
from machat.records import Stored
from machat.rooms.batch import Batch
from machat.rooms.room import Room


class Batches:
    """
    The batches of all rooms, from the first message of a turn until the store has taken them.
    L{flush} calls the members, and a member may send messages from inside that call. Such messages
    belong to the next flush. The store has at most one batch of a room at a time. Messages that
    arrive meanwhile form the next one.

    @ivar failed: the number of messages that were not, or possibly not, stored
    """

    _log = Logger()

    def __init__(
        self,
        clock: ChatClock,
        metrics: Metrics,
        closeIfDeserted: Callable[[Room], object],
        settled: Callable[[], object],
        callAfterwards: Callable[[Callable[[], object]], object],
    ) -> None:
        """
        @param closeIfDeserted: called with a room without members when the store has taken or
            refused one of its batches
        @param settled: called when this may have become L{idle}
        @param callAfterwards: calls a function at the end of this turn
        """
        self._flushing = False
        self._clock = clock
        self._metrics = metrics
        self._closeIfDeserted = closeIfDeserted
        self._settled = settled
        self._callAfterwards = callAfterwards
        self._dirty: list[Room] = []
        self._waiting: list[Room] = []
        self._storing = 0
        self.failed = 0

    @property
    def pending(self) -> bool:
        """
        Whether messages wait for a flush, or a flush is in progress.
        """
        return self._flushing or bool(self._dirty or self._waiting)

    @property
    def idle(self) -> bool:
        """
        Whether the store has taken all messages.
        """
        return not (self._storing or self.pending)

    def begin(self, room: Room) -> Batch:
        """
        @return: a new batch for a room that has none. It is flushed at the end of the turn, or
            after the batch that is being stored
        """
        batch = room.batch = Batch()
        if room.storing is None:
            if not self._dirty:
                self._callAfterwards(self.flush)
            self._dirty.append(room)
        return batch

    def _resume(self) -> None:
        """
        Flush the rooms whose messages have waited for the store, one turn later: the answers to the
        batch that has just been delivered then belong to the next batch, and not to the one after
        it. Otherwise a large and a small batch would alternate.
        """
        if self._waiting and not self._dirty:
            self._callAfterwards(self.flush)
        self._dirty += self._waiting
        self._waiting = []

    def flushAll(self) -> None:
        """
        L{flush} all messages now, also those that have waited for the store.
        """
        self._dirty += self._waiting
        self._waiting = []
        self.flush()

    def flush(self) -> None:
        """
        Pass all pending messages to the store. Do not call this from inside an application's
        callback.
        """
        seconds = self._clock.seconds  # calling an attribute that is not a method takes longer
        began = seconds()
        dirty, self._dirty = self._dirty, []
        self._flushing = True
        try:
            for room in dirty:
                batch = room.batch
                if batch is not None and room.storing is None:  # a stop may have flushed it before
                    self._append(room, batch)
        finally:
            self._flushing = False
        self._metrics.flushes.observe(seconds() - began)
        self._settled()

    def _append(self, room: Room, batch: Batch) -> None:
        room.batch, room.storing = None, batch
        stored: Stored | None = None
        try:
            if room.prompt is not None:
                stored = room.prompt.appendNow(batch.drafts, batch.changes)
            else:
                self._appendLater(room, batch)
        except Exception:
            self._failed(Failure(), room, batch)
        else:
            if stored is not None:
                if batch.awaited or room.doubtful:
                    self._settle(stored, room, batch)
                self._end(room)
        if batch.late:
            batch.taken()

    def _appendLater(self, room: Room, batch: Batch) -> None:
        assert room.stored is not None, "only members and moderators of an open room add to it"
        storing = room.stored.append(batch.drafts, batch.changes)
        self._storing += 1
        storing.addBoth(self._answered, room, batch)

    def _answered(self, result: Stored | Failure, room: Room, batch: Batch) -> None:
        try:
            if isinstance(result, Failure):
                self._failed(result, room, batch)
            else:
                self._settle(result, room, batch)
                self._end(room)
        finally:
            self._storing -= 1
            if not self._flushing:
                self._settled()

    def _settle(self, stored: Stored, room: Room, batch: Batch) -> None:
        """
        Fire the receipts of a batch that the store has.
        """
        room.doubtful = ()  # what is stored of them was reported before this batch
        if batch.awaited:
            try:
                batch.stored(room.name, stored)
            except Exception:
                self._log.failure("a batch of {room} is stored, but not settled", room=room.name)

    def _failed(self, failure: Failure, room: Room, batch: Batch) -> None:
        self._metrics.storeFailures += 1
        self.failed += len(batch.drafts)
        error = failure.value
        if not isinstance(error, ChatError):
            self._log.failure(
                "the store raised an exception for {count} messages of {room}",
                failure,
                count=len(batch.drafts),
                room=room.name,
            )
            error = ChatError(FAILED, "the store failed")
        if error.code == UNKNOWN and batch.changes:
            room.doubtful = [*room.doubtful, *batch.changes]
        try:
            batch.failed(room.name, error)
        finally:
            self._end(room)

    def _end(self, room: Room) -> None:
        room.storing = None
        if room.batch is not None:
            if not self._waiting:
                self._callAfterwards(self._resume)
            self._waiting.append(room)
        if not room.members:
            self._closeIfDeserted(room)
