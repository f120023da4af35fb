"""
Tests for faults of the disk while the store runs.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from machat.errors import FAILED, MaybeStored, NotStored
from machat.events import Draft
from machat.store.sqlite import SqliteStore, reader, writer
from machat.store.sqlite.database import MEASURE
from machat.store.sqlite.faults import certain, explain
from tests.disks import fill, smallDisk
from tests.processes import PATIENCE
from tests.store.sqlite.machine import Seen, StoreCase, batch


class FaultCase(StoreCase):
    """
    A test that reads the log.
    """

    def setUp(self) -> None:
        StoreCase.setUp(self)
        self.events: list[LogEvent] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            self.events.append(event)

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def lines(self) -> list[str]:
        """
        @return: the levels of the events that the store has logged
        """
        return [
            event["log_level"].name
            for event in self.events
            if event["log_namespace"].startswith("machat.store")
            and event["log_level"] >= LogLevel.info
        ]


class SlowTests(FaultCase):
    """
    Tests for a disk that is slow.
    """

    def hold(self, store: SqliteStore) -> threading.Event:
        """
        Let the next commits wait.

        @return: set it to end this
        """
        go = threading.Event()
        self.addCleanup(go.set)

        def commit(db: sqlite3.Connection) -> None:
            go.wait(PATIENCE)
            db.execute("COMMIT")

        self.patch(store.writer._database, "_commit", commit)
        return go

    def test_running(self) -> None:
        """
        While a commit takes long, the reactor runs, and messages can be read. Batches that arrive
        meanwhile share the next transaction.
        """
        store = self.start()
        room, seen = self.open(store)
        other, _ = self.open(store, "Other")
        self.say(room, "a")
        go = self.hold(store)
        first = room.append(batch(room, "b"))
        self.reactor.advance(0)
        second = other.append(batch(other, "c"))
        self.assertEqual(self.read(room), ["a"])
        self.assertEqual(store.health().waiting, 2)
        self.assertEqual(seen.texts(), ["a"])
        go.set()
        self.reactor.wait(first)
        self.reactor.wait(second)
        self.assertEqual(seen.texts(), ["a", "b"])
        self.assertEqual(store.health().waiting, 0)

    def test_deadline(self) -> None:
        """
        After the time limit, a batch in the transaction may have been stored, and one that waits is
        not. The store is down. If the transaction succeeds, its messages are reported, and the
        store is up.
        """
        store = self.start(seconds=2)
        room, seen = self.open(store)
        other, unseen = self.open(store, "Other")
        go = self.hold(store)
        running = room.append(batch(room, "a"))
        self.reactor.advance(0)
        waiting = other.append(batch(other, "b"))
        late = store.open("late", "Late", unseen)
        self.reactor.advance(2)
        error = self.refused(running)
        self.assertIsInstance(error, MaybeStored)
        self.assertEqual(error.text, "possibly not stored: the disk did not answer within 2 s")
        self.assertIsInstance(self.refused(waiting), NotStored)
        self.assertEqual(self.refused(late).code, FAILED)
        health = store.health()
        self.assertFalse(health.up)
        self.assertIn(self.path, health.reason)
        again = room.append(batch(room, "c"))
        go.set()
        self.assertEqual(list(self.reactor.wait(again).numbers), [2])
        self.assertEqual(seen.texts(), ["a", "c"])
        self.assertEqual(unseen.texts(), [])
        self.assertTrue(store.health().up)
        self.assertEqual(self.lines(), ["error", "info"])

    def test_idempotent(self) -> None:
        """
        A message that is sent again with its id, while the first attempt may still succeed, is
        stored once.
        """
        store = self.start(seconds=2)
        room, seen = self.open(store)
        go = self.hold(store)
        first = room.append([Draft("Dev", "Mina", "a", "1")])
        self.reactor.advance(0)
        self.reactor.advance(2)
        self.assertIsInstance(self.refused(first), MaybeStored)
        again = room.append([Draft("Dev", "Mina", "a", "1")])
        go.set()
        stored = self.reactor.wait(again)
        self.assertEqual((list(stored.numbers), stored.duplicates), ([1], {0}))
        self.assertEqual(seen.texts(), ["a"])

    def test_readDeadline(self) -> None:
        """
        A read fails at the time limit.
        """
        store = self.start(seconds=2)
        room, _ = self.open(store)
        self.say(room, "a")
        go = threading.Event()
        self.addCleanup(go.set)
        store._reader.read(lambda db: go.wait(PATIENCE)).addErrback(lambda _: None)
        reading = room.read(0, 10)
        self.reactor.advance(2)
        self.assertEqual(self.refused(reading).code, FAILED)
        go.set()
        self.assertEqual(self.read(room), ["a"])

    def test_stop(self) -> None:
        """
        The store stops when everything that was appended is stored.
        """
        store = self.start()
        room, seen = self.open(store)
        go = self.hold(store)
        first = room.append(batch(room, "a"))
        self.reactor.advance(0)
        other = room.append(batch(room, "b"))
        stopping = store.stop()
        self.assertIsInstance(self.refused(room.append(batch(room, "c"))), NotStored)
        go.set()
        for each in (first, other, stopping):
            self.reactor.wait(each)
        self.assertEqual(seen.texts(), ["a", "b"])
        self.assertEqual(self.refused(room.read(0, 1)).code, FAILED)

    def test_hungStop(self) -> None:
        """
        The store stops at the time limit if the disk does not answer. It keeps its lock as long as
        the disk may still change.
        """
        store = self.start(seconds=2)
        room, _ = self.open(store)
        go = self.hold(store)
        storing = room.append(batch(room, "a"))
        self.reactor.advance(0)
        stopping = store.stop()
        self.reactor.advance(2)
        self.assertIsInstance(self.refused(storing), MaybeStored)
        self.reactor.wait(stopping)
        self._started.remove(store)
        with self.assertRaisesRegex(Exception, "in use by another server"):
            self.reactor.wait(self.make().start())
        go.set()
        while store.writer.busy:
            self.reactor.turn()
        assert store._lock is not None
        store._lock.release()

    def test_openingLate(self) -> None:
        """
        A room whose opening has failed at the time limit is not open when the transaction succeeds.
        """
        store = self.start(seconds=2)
        go = self.hold(store)
        late = store.open("late", "Late", Seen())
        self.reactor.advance(0)
        self.reactor.advance(2)
        self.assertEqual(self.refused(late).code, FAILED)
        go.set()
        self.quiet(store)
        self.assertEqual(store._opened, {})

    def test_full(self) -> None:
        """
        The numbers of operations and of reads that wait are limited.
        """
        self.patch(writer, "QUEUE", 2)
        self.patch(reader, "QUEUE", 2)
        store = self.start()
        room, _ = self.open(store)
        self.say(room, "a")
        go = self.hold(store)
        self.addCleanup(go.set)
        appends = [room.append(batch(room, "b"))]
        self.reactor.advance(0)
        appends += [room.append(batch(room, "c")) for _ in range(3)]
        error = self.refused(appends.pop())
        self.assertIsInstance(error, NotStored)
        self.assertEqual(error.text, "not stored: too many operations wait for the disk")
        reads = [store._reader.read(lambda db: go.wait(PATIENCE)) for _ in range(3)]
        self.assertEqual(self.refused(reads.pop()).code, FAILED)
        go.set()
        for each in (*appends, *reads):
            self.reactor.wait(each)

    def test_lockedByAnother(self) -> None:
        """
        If another program locks the database for too long, the messages are not stored.
        """
        store = self.start(seconds=0.2)
        room, _ = self.open(store)
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        error = self.refused(room.append(batch(room, "a")))
        self.assertEqual(
            (type(error), error.text),
            (NotStored, "not stored: another program has locked the database"),
        )
        other.execute("ROLLBACK")
        self.say(room, "b")
        self.assertEqual(self.read(room), ["b"])


class ErrorTests(FaultCase):
    """
    Tests for errors.
    """

    def breakCommit(self, store: SqliteStore, text: str) -> list[str]:
        """
        Let commits fail.

        @return: empty the list to end this
        """
        errors = [text]

        def commit(db: sqlite3.Connection) -> None:
            if errors:
                raise sqlite3.OperationalError(errors[0])
            db.execute("COMMIT")

        self.patch(store.writer._database, "_commit", commit)
        return errors

    def test_notStored(self) -> None:
        """
        If the disk is full, the batch is not stored, the health names cause and remedy, and one
        line is logged. The numbers continue without a gap.
        """
        store = self.start()
        room, seen = self.open(store)
        errors = self.breakCommit(store, "database or disk is full")
        for text in ("a", "b"):
            error = self.refused(room.append([Draft("Dev", "Mina", text, "1")]))
            self.assertIsInstance(error, NotStored)
            self.assertEqual(error.text, "not stored: the disk is full")
        self.assertEqual(room.position.seq, 0)
        health = store.health()
        self.assertFalse(health.up)
        self.assertEqual(
            health.reason,
            f"the disk is full: free space on the file system of {self.path}"
            " (database or disk is full)",
        )
        self.assertEqual(self.lines(), ["error"])
        errors.clear()
        stored = self.say(room, Draft("Dev", "Mina", "a", "1"))
        self.assertEqual(list(stored.numbers), [1])
        self.assertEqual(seen.texts(), ["a"])
        self.assertEqual(self.lines(), ["error", "info"])

    def test_maybeStored(self) -> None:
        """
        If the disk reports an error during the commit, the batch may be found after a crash.
        """
        store = self.start()
        room, _ = self.open(store)
        errors = self.breakCommit(store, "disk I/O error")
        self.assertIsInstance(self.refused(room.append(batch(room, "a"))), MaybeStored)
        errors.clear()
        self.assertEqual(list(self.say(room, "b").numbers), [1])

    def test_probe(self) -> None:
        """
        The store finds out by itself that the fault has ended.
        """
        store = self.start()
        room, _ = self.open(store)
        errors = self.breakCommit(store, "database or disk is full")
        self.refused(room.append(batch(room, "a")))
        for _ in range(2):
            self.reactor.advance(1)
            self.quiet(store)
            self.assertFalse(store.health().up)
        errors.clear()
        self.reactor.advance(1)
        self.quiet(store)
        self.assertTrue(store.health().up)
        self.assertEqual(self.lines(), ["error", "info"])

    def test_probeLater(self) -> None:
        """
        While a transaction is in progress, the store does not try to write anything else.
        """
        store = self.start()
        room, seen = self.open(store)
        errors = self.breakCommit(store, "database or disk is full")
        self.refused(room.append(batch(room, "a")))
        errors.clear()
        storing = room.append(batch(room, "b"))
        self.reactor.advance(0)
        self.reactor.advance(1)
        self.reactor.wait(storing)
        self.reactor.advance(1)
        self.quiet(store)
        self.assertEqual(seen.texts(), ["b"])
        self.assertTrue(store.health().up)

    def test_rollback(self) -> None:
        """
        If even the rollback fails, it is tried again before the next transaction.
        """
        store = self.start()
        room, _ = self.open(store)
        database = store.writer._database
        assert database is not None
        connection = database.db

        class Broken:
            in_transaction = True

            def execute(self, statement: str, *arguments: Any) -> Any:
                if statement in ("COMMIT", "ROLLBACK"):
                    raise sqlite3.OperationalError("disk I/O error")
                return connection.execute(statement, *arguments)

            def __getattr__(self, name: str) -> Any:
                return getattr(connection, name)

        database.db = Broken()  # type: ignore[assignment]
        self.refused(room.append(batch(room, "a")))
        database.db = connection
        self.assertEqual(list(self.say(room, "b").numbers), [1])

    def test_almostFull(self) -> None:
        """
        While the disk has space for short messages only, the store stays down, and the log has one
        line. It is up when the disk has space for messages of the size that failed.
        """
        store = self.start()
        room, _ = self.open(store)
        space = [1000]

        def commit(db: sqlite3.Connection) -> None:
            query = "SELECT data FROM batch WHERE room = 1 UNION SELECT value FROM meta"
            if max(len(row[0]) for row in db.execute(query)) > space[0]:
                raise sqlite3.OperationalError("database or disk is full")
            db.execute("COMMIT")

        self.patch(store.writer._database, "_commit", commit)
        for _ in range(3):
            self.assertIsInstance(self.refused(room.append(batch(room, "x" * 2000))), NotStored)
            self.say(room, "short")
            self.reactor.advance(1)
            self.quiet(store)
            self.assertFalse(store.health().up)
        self.assertEqual(self.lines(), ["error"])
        space[0] = 3000
        self.reactor.advance(1)
        self.quiet(store)
        self.assertTrue(store.health().up)
        self.assertEqual(self.lines(), ["error", "info"])
        self.say(room, "x" * 2000)
        self.assertEqual(self.sql("SELECT max(length(value)) FROM meta"), [(16,)])

    def test_probeUnderLoad(self) -> None:
        """
        The attempt to write is made although messages wait all the time.
        """
        store = self.start()
        room, _ = self.open(store)
        errors = self.breakCommit(store, "database or disk is full")
        self.refused(room.append(batch(room, "x" * 2000)))
        errors.clear()
        waiting = [room.append(batch(room, "a"))]
        self.reactor.advance(1)
        for _ in range(5):
            waiting.append(room.append(batch(room, "a")))
            self.reactor.wait(waiting[-2])
        self.assertTrue(store.health().up)
        self.reactor.wait(waiting[-1])

    def test_measured(self) -> None:
        """
        A transaction has succeeded although the measurement after it fails.
        """
        store = self.start()
        room, _ = self.open(store)
        database = store.writer._database
        assert database is not None

        def used() -> int:
            raise sqlite3.OperationalError("database or disk is full")

        self.patch(database, "used", used)
        self.say(room, "x" * MEASURE)
        self.assertEqual(list(self.say(room, "b").numbers), [2])
        self.assertTrue(store.health().up)

    def test_open(self) -> None:
        """
        A room that cannot be stored cannot be opened. The next attempt may succeed.
        """
        store = self.start()
        errors = self.breakCommit(store, "attempt to write a readonly database")
        error = self.refused(store.open("dev", "Dev", None))  # type: ignore[arg-type]
        self.assertEqual(
            (error.code, error.text), (FAILED, "the store is not available: the disk is read-only")
        )
        errors.clear()
        self.open(store)

    def test_damaged(self) -> None:
        """
        A read that finds damaged data fails, and the store goes on.
        """
        store = self.start()
        room, _ = self.open(store)
        self.say(room, "a")
        self.sql("UPDATE batch SET data = x'ff'")
        self.assertEqual(self.refused(room.read(0, 1)).code, FAILED)
        self.say(room, "b")
        self.assertEqual(self.read(room, 1), ["b"])

    def test_moved(self) -> None:
        """
        If the file is moved or replaced, nothing is stored in it until it is back.
        """
        store = self.start()
        room, _ = self.open(store)
        os.rename(self.path, f"{self.path}.old")
        error = self.refused(room.append(batch(room, "a")))
        self.assertEqual(error.text, "not stored: the database was moved or deleted")
        with open(self.path, "xb"):
            pass
        self.assertIsInstance(self.refused(room.append(batch(room, "b"))), NotStored)
        self.assertIn(f"move it back to {self.path}", store.health().reason)
        os.rename(f"{self.path}.old", self.path)
        self.say(room, "c")
        self.assertEqual(self.read(room), ["c"])
        self.assertTrue(store.health().up)

    def test_fullDisk(self) -> None:
        """
        On a file system that is full, messages are not stored until space is freed.
        """
        directory = smallDisk(self, "1m")
        self.path = os.path.join(directory, "chat.sqlite")
        store = self.start()
        room, seen = self.open(store)
        stored = 0
        filler = fill(directory)
        while store.health().up:
            try:
                stored += len(self.say(room, "x" * 10_000).numbers)
            except NotStored as error:
                self.assertEqual(error.text, "not stored: the disk is full")
        os.unlink(filler)
        self.reactor.advance(1)
        self.quiet(store)
        self.assertTrue(store.health().up)
        self.say(room, "y")
        self.assertEqual(len(self.read(room)), stored + 1)
        self.assertEqual([each.seq for each in seen.messages], list(range(1, stored + 2)))


class ExplainTests(SynchronousTestCase):
    """
    Tests for the texts.
    """

    def test_oneLine(self) -> None:
        """
        Each fault is one line with a cause and a remedy.
        """
        for text in (
            "database or disk is full",
            "attempt to write a readonly database",
            "disk I/O error",
            "database disk image is malformed",
            "file is not a database",
            "database is locked",
            "unable to open database file",
            "the file was moved",
        ):
            cause, reason = explain(sqlite3.OperationalError(text), "/var/x")
            self.assertTrue(reason.startswith(f"{cause}: "))
            self.assertIn("/var/x", reason)
            self.assertIn(f"({text})", reason)
            self.assertNotIn("internal", reason)

    def test_noSpaceForIndex(self) -> None:
        """
        An error of the -shm file means that the disk is full.
        """
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
        self.assertEqual(explain(error, "/var/x").cause, "the disk is full")

    def test_internal(self) -> None:
        """
        An error of another kind is an internal error.
        """
        fault = explain(RuntimeError("a\nb"), "/var/x")
        self.assertEqual(fault, ("an internal error", "an internal error with /var/x: a b"))

    def test_certain(self) -> None:
        """
        Only an error of the disk during the commit leaves the result open.
        """
        error = sqlite3.OperationalError("disk I/O error")
        self.assertFalse(certain(error, True))
        self.assertTrue(certain(error, False))
        self.assertTrue(certain(sqlite3.OperationalError("database or disk is full"), True))
