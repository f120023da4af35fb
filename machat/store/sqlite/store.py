"""
The store in an SQLite database.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.clock import chatClock
from machat.entries import Entry, Message
from machat.errors import FAILED, ChatError
from machat.interfaces import IDeliveries, IRoomObserver, IStore, IStoredRoom
from machat.interfaces.deliveries import Undelivered
from machat.limits import DEFAULTS, Limits
from machat.records import Health, Size
from machat.revisions import messageIn
from machat.store.deduplication import RecentIds
from machat.store.sqlite.codec import SeenId
from machat.store.sqlite.database import Database
from machat.store.sqlite.deliveries import Deliveries
from machat.store.sqlite.file import SYNCHRONOUS, Lock, openDatabase, openReader
from machat.store.sqlite.jobs import Open
from machat.store.sqlite.reader import Range, Reader, readMessages
from machat.store.sqlite.records import Opened, Wanted
from machat.store.sqlite.room import SqliteRoom
from machat.store.sqlite.scanner import Scanner
from machat.store.sqlite.upkeep import Upkeep
from machat.store.sqlite.worker import Worker
from machat.store.sqlite.writer import Writer

T = TypeVar("T")

#: The limits of a chat with this store that differ from L{DEFAULTS}.
SQLITE_DEFAULTS = {
    "logMessages": 10_000,
    "logBytes": 67_108_864,
    "logAge": 2_592_000.0,
    "logTotal": 1_073_741_824,
}

#: By this part of its limits, a room may exceed them until its oldest messages are deleted.
SLACK = 8


class _Files(NamedTuple):
    """
    The result of opening the file in the thread of the writer.

    @ivar newest: the time of the newest message, ms since 1970
    @ivar used: the bytes in use in the file
    """

    lock: Lock
    database: Database
    secret: bytes
    ids: Sequence[tuple[float, SeenId]]
    newest: int
    used: int


@implementer(IStore, IDeliveries)
class SqliteStore:
    """
    Keeps the messages, their ids, the topics and the sanctions in a file. One server may use the
    file at a time. Others may read it.

    A batch is stored when its transaction is committed. All batches that wait, of all rooms, share
    one transaction. The limits C{logMessages}, C{logBytes}, C{logAge} and C{logTotal} of L{Limits}
    apply. A room's messages are deleted in batches when the room exceeds C{logMessages} or
    C{logBytes} by an eighth; until then, L{IStoredRoom.read} does not return them. C{logTotal}
    limits the bytes in use in the file, without the WAL.

    @ivar writer: the queue of the writer
    @ivar upkeep: deletes what exceeds the limits
    @ivar trimMessages: the number of messages of a room above which its oldest are deleted
    @ivar trimBytes: the same for bytes
    """

    shared = False
    quotas = None

    def __init__(
        self,
        path: str,
        reactor: Any,
        limits: Limits | None = None,
        synchronous: str = "full",
        seconds: float = 10.0,
    ) -> None:
        """
        @param path: the file. Its directory must exist. Other files are created beside it, with its
            name and C{-wal}, C{-shm} or C{.lock}
        @param reactor: provides C{IReactorTime} and C{IReactorFromThreads}
        @param limits: the limits of the chat; by default L{DEFAULTS} with L{SQLITE_DEFAULTS}
        @param synchronous: C{full}: a power failure loses nothing that has been stored; C{normal}:
            it may lose the last messages, which the clients concerned detect
        @param seconds: the time limit of each operation
        @raise ValueError: C{synchronous} is neither C{full} nor C{normal}
        """
        if synchronous not in SYNCHRONOUS:
            raise ValueError(f"synchronous must be one of {', '.join(SYNCHRONOUS)}")
        self._path = path
        self._synchronous = synchronous
        self._seconds = seconds
        self._limits = limits = limits or replace(DEFAULTS, **SQLITE_DEFAULTS)
        self._clock = chatClock(reactor)
        self._fromThread = self._clock.reactor.callFromThread  # type: ignore[attr-defined]
        self._opened: dict[int, SqliteRoom] = {}
        self._secret = b""
        self._starting: Deferred[None] | None = None
        self._lock: Lock | None = None
        self._database: Database | None = None
        self._threads: list[Worker] = []
        self.trimMessages = limits.logMessages + limits.logMessages // SLACK
        self.trimBytes = limits.logBytes + limits.logBytes // SLACK
        self.writer = Writer(
            self._clock, path, seconds, RecentIds(self._clock, limits), limits.remembered
        )
        self._reader = Reader(self._clock, path, seconds, self.writer.condition.unreadable)
        self._deliveries = Deliveries(self._reader, self.writer)
        self._scanner = Scanner(self._fromThread, seconds / 2)
        self.upkeep = Upkeep(self._clock, limits, self.writer, self._scanner, self._opened)

    def start(self) -> Deferred[None]:
        started: Deferred[None] = Deferred()
        self._starting = started
        self._path = os.path.abspath(self._path)  # the process may change its directory later
        now = int(self._clock.now() * 1000)
        writer = Worker("machat-store-writer", self._fromThread)
        reader = Worker("machat-store-reader", self._fromThread)
        self._threads = [writer, reader]

        def opened(files: Any) -> None:
            if isinstance(files, Failure):
                self._endThreads()
                self._starting = None
                started.errback(files)
            else:
                self._lock, self._database = files.lock, files.database
                reader.call(
                    partial(openReader, self._path, self._seconds / 2), partial(read, files)
                )

        def read(files: _Files, db: Any) -> None:
            self._starting = None
            if isinstance(db, Failure):
                self._close().addCallback(lambda _: started.errback(db))
            else:
                self._reader.start(reader, db)
                self._begin(files, writer)
                started.callback(None)

        writer.call(partial(self._openFiles, now), opened)
        return started

    def _openFiles(self, now: int) -> _Files:
        """
        In the thread of the writer: open the database.
        """
        lock = Lock(self._path)
        try:
            db = openDatabase(self._path, self._synchronous, self._seconds / 2)
            database = Database(db, self._path)
            limits = self._limits
            ids = database.recentIds(now, limits.receiptsTotal, int(limits.remembered * 1000))
            return _Files(
                lock, database, database.secret(), ids, database.newest(), database.used()
            )
        except BaseException:
            lock.release()
            raise

    def _begin(self, files: _Files, worker: Worker) -> None:
        self._secret = files.secret
        ids = self.writer.ids = RecentIds(self._clock, self._limits)
        for rest, seen in files.ids:
            ids.add((seen.room, seen.sender, seen.id), seen.seq, rest)
        self.writer.start(worker, files.database, files.used)
        self._scanner.start(self._path)
        self.upkeep.start(files.database, files.newest)

    def stop(self) -> Deferred[None]:
        if self._starting is not None:
            started: Deferred[None] = Deferred()
            self._starting.addBoth(_after, started)
            return started.addCallback(lambda _: self.stop())
        if not self._threads:
            return succeed(None)
        self.upkeep.stop()
        self._scanner.stop()
        return self.writer.stop().addCallback(self._stopped)

    def _stopped(self, free: bool) -> Deferred[None] | None:
        """
        @param free: whether the thread of the writer answers. Otherwise, it keeps the lock
        """
        self._opened.clear()
        db = self._reader.stop()
        if free:
            read: Deferred[Any] = Deferred()
            self._threads[1].call(db.close if db is not None else bool, read.callback)
            read.addTimeout(self._seconds, self._clock)
            return read.addBoth(lambda _: self._close())
        self._threads = []
        return None

    def _close(self) -> Deferred[None]:
        """
        Close the database and release the lock.
        """
        closed: Deferred[None] = Deferred()
        lock, database = self._lock, self._database
        assert lock is not None and database is not None

        def close() -> None:
            try:
                database.db.close()
            finally:
                lock.release()

        self._threads[0].call(close, lambda _: closed.callback(None))
        self._endThreads()
        return closed

    def _endThreads(self) -> None:
        for worker in self._threads:
            worker.stop()
        self._threads = []

    def health(self) -> Health:
        return self.writer.condition.health()

    def size(self) -> Size | None:
        """
        @return: the rooms and messages as counted within the last minutes, and the bytes in use in
            the file; C{None} if they have not been counted yet
        """
        counted = self.upkeep.counted
        return None if counted is None else Size(*counted, self.writer.used)

    def open(
        self, key: str, name: str, observer: IRoomObserver, network: str | None = None
    ) -> Deferred[IStoredRoom]:
        if self._starting is not None:
            started: Deferred[None] = Deferred()
            self._starting.addBoth(_after, started)
            return started.addCallback(lambda _: self.open(key, name, observer, network))
        payer = None
        if network is not None:
            payer = blake2b(network.encode(), digest_size=8, key=self._secret).digest()

        def make(opened: Opened) -> SqliteRoom:
            room = self._opened[opened.id] = SqliteRoom(self, key, opened, observer)
            return room

        job: Open
        result: Deferred[IStoredRoom] = Deferred(lambda _: job.withdraw())
        job = Open(result, Wanted(key, name, payer), make)
        self.writer.add(job)
        return result

    def undelivered(self, limit: int) -> Deferred[Sequence[Undelivered]]:
        return Deferred.fromCoroutine(self._deliveries.undelivered(limit))

    def claimDelivery(self, key: str) -> Deferred[int | None]:
        return self._deliveries.claimDelivery(key)

    def delivered(self, key: str, seq: int, more: bool) -> Deferred[None]:
        return self._deliveries.delivered(key, seq)

    def closed(self, room: SqliteRoom) -> None:
        """
        A room was closed.
        """
        if self._opened.get(room.id) is room:
            del self._opened[room.id]

    def read(self, room: SqliteRoom, after: int, limit: int) -> Deferred[Sequence[Entry]]:
        """
        See L{IStoredRoom.read}.
        """
        if not self._threads:
            return fail(ChatError(FAILED, "the server is stopping"))
        limits, tail = self._limits, room.tail
        after = max(after, tail.seq - limits.logMessages)
        if after >= tail.seq or limit <= 0:
            return succeed([])
        range = Range(after, tail.seq, tail.total - limits.logBytes, self.upkeep.oldest())
        return self._reader.read(lambda db: readMessages(db, room.id, room.name, range, limit))

    def looking(
        self, room: SqliteRoom, targets: Sequence[int]
    ) -> Callable[[sqlite3.Connection], dict[int, Message | None]]:
        """
        @param targets: numbers
        @return: a function for L{Look}, which reads the messages with these numbers. It returns
            C{None} for a number without a message that can be changed
        """
        limits, tail, oldest = self._limits, room.tail, self.upkeep.oldest()

        def look(db: sqlite3.Connection) -> dict[int, Message | None]:
            found: dict[int, Message | None] = {}
            for target in targets:
                after = max(target - 1, tail.seq - limits.logMessages)
                range = Range(after, sys.maxsize, tail.total - limits.logBytes, oldest)
                entries = readMessages(db, room.id, room.name, range, 1)
                found[target] = messageIn(entries, target)
            return found

        return look


def _after(result: T, then: Deferred[None]) -> T:
    then.callback(None)
    return result
