"""
A store with a real file, real threads and a clock that the test sets.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, TypeVar

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from machat import names
from machat.entries import Entry
from machat.errors import ChatError
from machat.events import Draft
from machat.interfaces import IRoomObserver
from machat.limits import DEFAULTS, Limits
from machat.records import Change, Stored
from machat.store.sqlite import SQLITE_DEFAULTS, SqliteStore
from tests.processes import PATIENCE
from tests.store.observers import LocalObserver

T = TypeVar("T")

#: A file system in memory, because these tests do not depend on the disk.
_MEMORY = "/dev/shm"

#: The time at which a test begins, Unix time.
NOW = 1_800_000_000.0


class Turns(Clock):
    """
    The part of a reactor that the store uses. C{callFromThread} calls are made by L{turn}.
    """

    def __init__(self) -> None:
        Clock.__init__(self)
        self.rightNow = NOW
        self._calls: SimpleQueue[tuple[Callable[..., Any], Any]] = SimpleQueue()

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:
        """
        See C{IReactorFromThreads}.
        """
        self._calls.put((function, arguments))

    def turn(self) -> None:
        """
        Wait for the next call from a thread, and make it.
        """
        function, arguments = self._calls.get(timeout=PATIENCE)
        function(*arguments)
        self.advance(0)

    def wait(self, deferred: Deferred[T]) -> T:
        """
        @return: the result of the C{Deferred}
        """
        results: list[Any] = []
        deferred.addBoth(results.append)
        self.advance(0)
        while not results:
            self.turn()
        if isinstance(results[0], Failure):
            results[0].raiseException()
        result: T = results[0]
        return result


@implementer(IRoomObserver)
class Seen(LocalObserver):
    """
    An observer that remembers what is reported.
    """

    def __init__(self) -> None:
        self.messages: list[Entry] = []
        self.changes: list[Change] = []

    def said(self, messages: Sequence[Entry], changes: Sequence[Change]) -> None:
        self.messages += messages
        self.changes += changes

    def texts(self) -> list[str]:
        """
        @return: the texts of the messages
        """
        return [message.text for message in self.messages]


def makeFolder(case: SynchronousTestCase) -> str:
    """
    @return: a new folder, in memory if possible, which is removed at the end of the test
    """
    folder = tempfile.mkdtemp(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
    case.addCleanup(shutil.rmtree, folder)
    return folder


class StoreCase(SynchronousTestCase):
    """
    A test with a store.
    """

    limits: dict[str, Any] = {}

    def setUp(self) -> None:
        self.path = os.path.join(makeFolder(self), "chat.sqlite")
        self.reactor = Turns()
        self._started: list[SqliteStore] = []

    def tearDown(self) -> None:
        for store in self._started:
            self.reactor.wait(store.stop())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def make(self, **options: Any) -> SqliteStore:
        """
        @return: a store that is not started
        """
        limits: Limits = replace(DEFAULTS, **{**SQLITE_DEFAULTS, **self.limits})
        return SqliteStore(self.path, self.reactor, limits, **options)

    def start(self, **options: Any) -> SqliteStore:
        """
        @return: a store that is started, and stopped at the end of the test
        """
        store = self.make(**options)
        self.reactor.wait(store.start())
        self._started.append(store)
        self.quiet(store)
        return store

    def restart(self, store: SqliteStore) -> SqliteStore:
        """
        Stop a store.

        @return: a new one on the same file
        """
        self.reactor.wait(store.stop())
        self._started.remove(store)
        return self.start()

    def open(self, store: SqliteStore, name: str = "Dev", network: str = "192.0.2.1") -> Any:
        """
        @return: an open room, and its observer
        """
        seen = Seen()
        return self.reactor.wait(store.open(names.key(name), name, seen, network)), seen

    def say(self, room: Any, *texts: str | Draft, changes: Sequence[Change] = ()) -> Stored:
        """
        @return: the result of storing a batch of messages
        """
        stored: Stored = self.reactor.wait(room.append(batch(room, *texts), changes))
        return stored

    def read(self, room: Any, after: int = 0, limit: int = 1_000_000) -> list[str]:
        """
        @return: the texts of the stored messages
        """
        return [message.text for message in self.reactor.wait(room.read(after, limit))]

    def refused(self, deferred: Deferred[Any]) -> ChatError:
        """
        @return: the error with which an operation fails
        """
        return self.assertRaises(ChatError, self.reactor.wait, deferred)  # type: ignore[no-any-return]

    def quiet(self, store: SqliteStore) -> None:
        """
        Wait until the store has nothing to do.
        """
        for _ in range(4):
            self.reactor.advance(0)
        while store.writer.busy or store._reader.busy or store._scanner.busy:
            self.reactor.turn()

    def sql(self, statement: str, *arguments: Any) -> list[Any]:
        """
        @return: the rows that another connection reads
        """
        db = sqlite3.connect(self.path, isolation_level=None)
        try:
            return db.execute(statement, arguments).fetchall()
        finally:
            db.close()


def batch(room: Any, *texts: str | Draft) -> list[Draft]:
    """
    @return: messages, from Mina if only their texts are given
    """
    return [each if isinstance(each, Draft) else Draft(room.name, "Mina", each) for each in texts]
