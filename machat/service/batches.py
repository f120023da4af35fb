"""
The flush at the end of a reactor turn: the log takes the new messages of each room as one batch.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.clock import ChatClock
from machat.errors import FAILED, ChatError
from machat.events import Draft, Receipt
from machat.interfaces import IMessageLog
from machat.metrics import Metrics
from machat.rooms.room import Expected, Room


class Batches:
    """
    The batches of all rooms, from the first message of a turn until the log has taken them.
    L{flush} calls the members, and a member may send messages from inside that call. Such messages
    belong to the next flush.
    """

    _log = Logger()

    def __init__(
        self,
        clock: ChatClock,
        log: IMessageLog,
        metrics: Metrics,
        closeIfDeserted: Callable[[Room], object],
        settled: Callable[[], object],
    ) -> None:
        """
        @param closeIfDeserted: called with a room without members when the log has taken or refused
            one of its batches
        @param settled: called when this may have become L{idle}
        """
        self._flushing = False
        self._clock = clock
        self._messageLog = log
        self._metrics = metrics
        self._closeIfDeserted = closeIfDeserted
        self._settled = settled
        self._dirty: list[Room] = []
        self._appending = 0

    @property
    def pending(self) -> bool:
        """
        Whether messages wait for a flush, or a flush is in progress.
        """
        return self._flushing or bool(self._dirty)

    @property
    def idle(self) -> bool:
        """
        Whether the log has taken all messages.
        """
        return not (self._appending or self.pending)

    def wake(self, room: Room) -> None:
        """
        Flush the room's batch at the end of the turn. Call this before the first message of a batch
        is added.
        """
        if not self._dirty:
            self._clock.callAtEndOfTurn(self.flush)
        self._dirty.append(room)

    def flush(self) -> None:
        """
        Pass all pending messages to the log. Do not call this from inside an application's
        callback.
        """
        began = self._clock.seconds()
        dirty, self._dirty = self._dirty, []
        self._flushing = True
        try:
            for room in dirty:
                batch, room.pending = room.pending, []
                expected, room.expected = room.expected, []
                if batch:  # a stop may have flushed it before
                    self._append(room, batch, expected)
        finally:
            self._flushing = False
        self._metrics.flushes.observe(self._clock.seconds() - began)
        self._settled()

    def _append(self, room: Room, batch: list[Draft], expected: Expected) -> None:
        room.appending += 1
        self._appending += 1
        try:
            self._messageLog.append(room.key, batch).addCallbacks(
                self._appended,
                self._lost,
                callbackArgs=(room, batch, expected),
                errbackArgs=(room, batch, expected),
            )
        except Exception:
            self._lost(Failure(), room, batch, expected)

    def _appended(self, numbers: range, room: Room, batch: list[Draft], expected: Expected) -> None:
        """
        Fire the receipts of a batch that the log has stored.
        """
        try:
            for index, receipt in expected:
                receipt.callback(Receipt(batch[index].room, numbers[index]))
        finally:
            self._end(room)

    def _lost(self, failure: Failure, room: Room, batch: list[Draft], expected: Expected) -> None:
        self._metrics.logFailures += 1
        self._log.failure(
            "the message log failed to store {count} messages of {room}",
            failure,
            count=len(batch),
            room=room.name,
        )
        for _, receipt in expected:
            receipt.errback(ChatError(FAILED, "the message could not be stored"))
        self._end(room)

    def _end(self, room: Room) -> None:
        self._appending -= 1
        room.appending -= 1
        if room.late:
            room.caughtUp()
        if not room.members:
            self._closeIfDeserted(room)
        if not self._flushing:
            self._settled()
