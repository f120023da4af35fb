"""
The contract of a store, for L{SqliteStore}.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from machat.interfaces import IStore
from machat.limits import Limits
from machat.records import Claim, Claimed
from machat.store.sqlite import SqliteStore
from machat.testing import StoreTests
from tests.processes import PATIENCE
from tests.store.sqlite.machine import NOW, makeFolder


class ThreadClock(Clock):
    """
    A clock that the test sets, with the threads of the reactor.
    """

    rightNow = NOW

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:
        """
        See C{IReactorFromThreads}.
        """
        reactor.callFromThread(function, *arguments)  # type: ignore[attr-defined]


class SqliteStoreTests(StoreTests, TestCase):
    """
    The contract, with a file in memory. If the store is paused, its commits fail.
    """

    reactor = reactor
    clock: ThreadClock
    examples = 10
    paused = False

    def setUp(self) -> None:
        self.clock = ThreadClock()
        self.directory = makeFolder(self)
        self._files = 0

    def path(self) -> str:
        """
        @return: the path of a new file
        """
        self._files += 1
        return os.path.join(self.directory, f"{self._files}.sqlite")

    def makeStore(self, limits: Limits) -> IStore:
        return SqliteStore(self.path(), self.clock, limits)

    async def inTime(self, deferred: Deferred[Any]) -> Any:
        if self.paused:
            return await StoreTests.inTime(self, deferred)
        return await self.wait(deferred)  # without the clock, which would be faster than a thread

    async def test_faultClaim(self) -> None:
        """
        Names are not stored, so a fault of the disk does not affect them.
        """
        store = await self.start()
        room, _ = await self.open(store)
        await self.pause(store)
        claimed = await self.wait(room.claim(Claim("Mina", "mina"), 9))
        self.assertEqual(claimed, Claimed(True, 1))

    async def restart(self, store: IStore, clean: bool) -> IStore:
        assert isinstance(store, SqliteStore)
        if clean:
            await self.wait(store.stop())
            return SqliteStore(store._path, self.clock, store._limits)
        path = self.path()
        for suffix in ("", "-wal"):
            shutil.copy(store._path + suffix, path + suffix)
        return await self._killed(store, path)

    async def backUp(self, store: IStore) -> Any:
        assert isinstance(store, SqliteStore)
        path = self.path()
        source, target = sqlite3.connect(store._path), sqlite3.connect(path)
        source.backup(target)
        source.close()
        target.close()
        return path

    async def restore(self, store: IStore, backup: Any) -> IStore:
        assert isinstance(store, SqliteStore)
        path = self.path()
        shutil.copy(backup, path)
        return await self._killed(store, path)

    async def _killed(self, store: SqliteStore, path: str) -> SqliteStore:
        for room in store._opened.values():
            room._observer = None
        await self.wait(store.stop())
        return SqliteStore(path, self.clock, store._limits)

    async def pause(self, store: IStore) -> None:
        assert isinstance(store, SqliteStore)

        def commit(db: sqlite3.Connection) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        self.paused = True
        assert store.writer._database is not None
        store.writer._database._commit = commit

    async def resume(self, store: IStore) -> None:
        assert isinstance(store, SqliteStore)
        self.paused = False
        if store.writer._database is not None:
            store.writer._database._commit = lambda db: db.execute("COMMIT")

    async def tidy(self, store: IStore) -> None:
        assert isinstance(store, SqliteStore)
        threads = (store.writer, store._scanner)
        for _ in range(4):  # each may have something to do when the other one has ended
            await self.advance(0)
            await self.until(lambda: not any([each.busy for each in threads]), "the upkeep")


class SlowSqliteStoreTests(SqliteStoreTests):
    """
    The same. If the store is paused, its commits hang.
    """

    examples = 3

    async def pause(self, store: IStore) -> None:
        assert isinstance(store, SqliteStore) and store.writer._database is not None
        self.paused = True
        go = self._go = threading.Event()
        self.addCleanup(go.set)

        def commit(db: sqlite3.Connection) -> None:
            go.wait(PATIENCE)
            db.execute("COMMIT")

        store.writer._database._commit = commit

    async def resume(self, store: IStore) -> None:
        self.paused = False
        self._go.set()
