"""
The queue of the reader, which has a connection and a thread of its own: a slow commit does not
delay it.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from machat.clock import ChatClock
from machat.entries import Entry
from machat.errors import FAILED, ChatError
from machat.store.sqlite.codec import decodeEntries
from machat.store.sqlite.faults import Fault, explain, late
from machat.store.sqlite.revisions import current
from machat.store.sqlite.schema import BATCH_BYTES
from machat.store.sqlite.worker import Deadline, Worker

#: The maximum number of reads that wait.
QUEUE = 20_000


class _Read:
    __slots__ = ("due", "deferred")

    def __init__(self, due: float, deferred: Deferred[Any]) -> None:
        self.due = due
        self.deferred: Deferred[Any] | None = deferred


class Reader:
    """
    Reads in the order of the requests.
    """

    def __init__(
        self,
        clock: ChatClock,
        path: str,
        seconds: float,
        unreadable: Callable[[Fault], object],
    ) -> None:
        """
        @param seconds: the time limit of each read
        @param unreadable: called with each fault
        """
        self._unreadable = unreadable
        self._path = path
        self._seconds = seconds
        self._reads: deque[_Read] = deque()
        self._deadline = Deadline(clock, seconds, self._expire)
        self._worker: Worker | None = None
        self._db: sqlite3.Connection | None = None

    def start(self, worker: Worker, db: sqlite3.Connection) -> None:
        """
        Accept requests.
        """
        self._worker, self._db = worker, db

    @property
    def busy(self) -> bool:
        """
        Whether the thread has something to do.
        """
        return bool(self._reads)

    def stop(self) -> sqlite3.Connection | None:
        """
        Accept no more requests. Those that wait fail.

        @return: the connection, which the thread has to close
        """
        db, self._worker, self._db = self._db, None, None
        self._deadline.stop()
        self._fail(list(self._reads), "the server is stopping")
        return db

    def read(self, function: Callable[[sqlite3.Connection], Any]) -> Deferred[Any]:
        """
        @param function: called in the thread of the reader
        @return: fires with its result; fails with L{ChatError} C{failed}
        """
        deferred: Deferred[Any] = Deferred()
        if self._worker is None or len(self._reads) >= QUEUE:
            full = self._worker is not None
            cause = "too many requests wait for the disk" if full else "the server is stopping"
            deferred.errback(_refusal(cause))
            return deferred
        read = _Read(self._deadline.begin(), deferred)
        self._reads.append(read)
        self._worker.call(partial(self._call, function, read, self._db), self._done)
        return deferred

    def _call(self, function: Callable[[sqlite3.Connection], Any], read: _Read, db: Any) -> Any:
        """
        In the thread: call the function, unless its result is no longer needed.
        """
        return None if read.deferred is None else function(db)

    def _done(self, result: Any) -> None:
        """
        The oldest read has ended.
        """
        deferred = self._reads.popleft().deferred
        if deferred is None:
            return
        if isinstance(result, Failure):
            fault = explain(result.value, self._path)
            self._unreadable(fault)
            deferred.errback(_refusal(fault.cause))
        else:
            deferred.callback(result)

    def _expire(self, now: float) -> float | None:
        expired = [read for read in self._reads if read.due <= now]
        self._fail(expired, late(self._path, self._seconds).cause)
        return min([read.due for read in self._reads if read.deferred is not None], default=None)

    def _fail(self, reads: Sequence[_Read], cause: str) -> None:
        for read in reads:
            deferred, read.deferred = read.deferred, None
            if deferred is not None:
                deferred.errback(_refusal(cause))


def _refusal(cause: str) -> ChatError:
    return ChatError(FAILED, f"the stored messages cannot be read: {cause}")


class Range(NamedTuple):
    """
    The messages that may be returned.

    @ivar after: the number before the first one
    @ivar last: the number of the last one
    @ivar total: the C{total} before the first one
    @ivar at: the age limit, as a value of C{Message.at}
    """

    after: int
    last: int
    total: int
    at: int


def readMessages(
    db: sqlite3.Connection, id: int, name: str, range: Range, limit: int
) -> list[Entry]:
    """
    @param id: the room
    @param name: its name
    @param limit: the maximum number of messages
    @return: the first messages in the range
    """
    found: list[Entry] = []
    after = range.after
    rows = db.execute(
        "SELECT last - count + 1, at, data FROM batch WHERE room = ? AND last > ? AND last <= ?"
        f" AND total - length(data) - {BATCH_BYTES} >= ? AND at >= ? ORDER BY last",
        (id, *range),
    )
    for first, at, data in rows:
        messages = decodeEntries(name, first, at, data)
        if first <= after:
            del messages[: after + 1 - first]
        found += messages
        if len(found) >= limit:
            break
    rows.close()
    return current(db, id, found[:limit])
