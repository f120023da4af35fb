"""
The flush at the end of a reactor turn: the log takes what was said in each room as one batch.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.errors import FAILED, ChatError
from machat.interfaces import IMessageLog
from machat.metrics import Metrics
from machat.rooms.room import Expected, Room


class Batches:
    """
    The batches of all rooms, from the first message of a turn until the log has taken them. Members
    are delivered to inside L{flush}, and may call the chat from there: what they say belongs to the
    next flush.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        log: IMessageLog,
        metrics: Metrics,
        release: Callable[[Room], object],
        settled: Callable[[], object],
    ) -> None:
        """
        @param release: is called with a room when the log has taken a batch of it, or has failed to
        @param settled: is called when this may have become L{idle}
        """
        self._flushing = False
        self._clock = clock
        self._messageLog = log
        self._metrics = metrics
        self._release = release
        self._settled = settled
        self._dirty: list[Room] = []
        self._appending = 0

    @property
    def pending(self) -> bool:
        """
        Whether something waits for a flush, or a flush is under way.
        """
        return self._flushing or bool(self._dirty)

    @property
    def idle(self) -> bool:
        """
        Whether the log has taken all that was said.
        """
        return not (self._appending or self.pending)

    def wake(self, room: Room) -> None:
        """
        The room's batch has begun: flush it at the end of the turn.
        """
        if not self._dirty:
            self._clock.callLater(0, self.flush)
        self._dirty.append(room)

    def flush(self) -> None:
        """
        Give the log what was said so far. Not to be called from inside an application's callback.
        """
        began = self._clock.seconds()
        dirty, self._dirty = self._dirty, []
        self._flushing = True
        try:
            for room in dirty:
                self._append(room)
        finally:
            self._flushing = False
        self._metrics.flushes.observe(self._clock.seconds() - began)
        self._settled()

    def _append(self, room: Room) -> None:
        batch, expected = room.takePending()
        if not batch:
            return  # a stop has flushed before the turn's own flush
        room.holds += 1
        room.appending += 1
        self._appending += 1
        try:
            self._messageLog.append(room.key, batch).addCallbacks(
                self._kept,
                self._lost,
                callbackArgs=(room, expected),
                errbackArgs=(room, len(batch), expected),
            )
        except Exception:
            self._lost(Failure(), room, len(batch), expected)

    def _kept(self, numbers: range, room: Room, expected: Expected) -> None:
        try:
            for index, kept in expected:
                kept.callback(numbers[index])
        finally:
            self._appended(room)

    def _lost(self, failure: Failure, room: Room, count: int, expected: Expected) -> None:
        self._metrics.logFailures += 1
        self._log.failure(
            "the log did not take {count} messages of {room}", failure, count=count, room=room.name
        )
        for _, kept in expected:
            kept.errback(ChatError(FAILED, "the message could not be kept"))
        self._appended(room)

    def _appended(self, room: Room) -> None:
        self._appending -= 1
        room.appended()
        self._release(room)
        if not self._flushing:
            self._settled()
