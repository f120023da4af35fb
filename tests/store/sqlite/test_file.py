"""
Tests for the file, and for the reasons why a store refuses to start.
"""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import stat
import subprocess
import sys
from typing import Any
from unittest import SkipTest

from twisted.internet.defer import Deferred

from machat.store.sqlite import SqliteStore, StoreError
from machat.store.sqlite.schema import APPLICATION, MIGRATIONS, VERSION
from tests.store.sqlite.machine import StoreCase


class OpeningTests(StoreCase):
    """
    Tests for files that can or cannot be used.
    """

    def refuse(self, pattern: str) -> None:
        """
        The store does not start, with one line that names the file, and changes nothing.
        """
        before = self.files()
        error = self.assertRaises(StoreError, self.reactor.wait, self.make().start())
        self.assertRegex(str(error), pattern)
        self.assertIn(self.path, str(error))
        self.assertNotIn("\n", str(error))
        self.assertEqual(self.files(), before)

    def files(self) -> dict[str, bytes]:
        """
        @return: the contents of the files, except the lock and the memory that connections share
        """
        directory = os.path.dirname(self.path)
        found = {}
        for name in os.listdir(directory):
            if not name.endswith((".lock", "-shm")):
                with open(os.path.join(directory, name), "rb") as file:
                    found[name] = file.read()
        return {name: data for name, data in found.items() if data or not name.endswith("-wal")}

    def write(self, data: bytes) -> None:
        """
        Write the file.
        """
        with open(self.path, "wb") as file:
            file.write(data)

    def fill(self, count: int = 30) -> bytes:
        """
        Store some messages, and stop.

        @return: the content of the file
        """
        store = self.start()
        room, _ = self.open(store)
        for _ in range(count):
            self.say(room, *["x" * 500] * 10)
        self.reactor.wait(store.stop())
        self._started.remove(store)
        with open(self.path, "rb") as file:
            return file.read()

    def test_private(self) -> None:
        """
        Only the owner can read the files.
        """
        store = self.start()
        self.say(self.open(store)[0], "a")
        for suffix in ("", "-wal", "-shm", ".lock"):
            mode = os.stat(self.path + suffix).st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o600, suffix)

    def test_settings(self) -> None:
        """
        The file is marked as a store of MaChat, and the connection has the documented settings.
        """
        store = self.start()
        self.assertEqual(self.sql("PRAGMA application_id"), [(APPLICATION,)])
        self.assertEqual(self.sql("PRAGMA user_version"), [(VERSION,)])
        self.assertEqual(self.sql("PRAGMA auto_vacuum"), [(2,)])
        self.assertEqual(self.sql("PRAGMA journal_mode"), [("wal",)])
        self.assertEqual(self.synchronous(store), 2)
        self.reactor.wait(store.stop())
        self._started.remove(store)
        self.assertEqual(self.synchronous(self.start(synchronous="normal")), 1)

    def synchronous(self, store: SqliteStore) -> int:
        """
        @return: the setting of the connection that writes: 1 is NORMAL, 2 is FULL
        """
        worker, database = store.writer._worker, store.writer._database
        assert worker is not None and database is not None
        found: Deferred[int] = Deferred()
        worker.call(lambda: database.db.execute("PRAGMA synchronous").fetchone()[0], found.callback)
        return self.reactor.wait(found)

    def test_limits(self) -> None:
        """
        Without other limits, a store has those of the documentation.
        """
        limits = SqliteStore(self.path, self.reactor)._limits
        self.assertEqual((limits.logMessages, limits.logTotal), (10_000, 1_073_741_824))

    def test_lock(self) -> None:
        """
        A file system without locks is refused. A full disk does not prevent the lock.
        """
        module = sys.modules["machat.store.sqlite.file"]

        def fail(*arguments: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        self.patch(module.fcntl, "flock", fail)
        self.refuse("No locks available: choose a local file system")
        self.patch(module.fcntl, "flock", lambda *arguments: None)
        self.patch(module.os, "pwrite", fail)
        self.start()

    def test_synchronous(self) -> None:
        """
        There are two values for C{synchronous}.
        """
        self.assertRaises(ValueError, self.make, synchronous="off")

    def test_empty(self) -> None:
        """
        An empty file is used as a new one.
        """
        self.write(b"")
        self.say(self.open(self.start())[0], "a")

    def test_text(self) -> None:
        """
        A text file is refused.
        """
        for data in (b"x", b"Dear diary,\n" * 1000):
            self.write(data)
            self.refuse("is not a database of MaChat: choose another file")

    def test_directory(self) -> None:
        """
        A path that is a directory, and one whose directory does not exist, are refused.
        """
        os.mkdir(self.path)
        error = self.assertRaises(StoreError, self.reactor.wait, self.make().start())
        self.assertIn(f"cannot open {self.path}: Is a directory", str(error))
        self.path = os.path.join(self.mktemp(), "chat.sqlite")
        error = self.assertRaises(StoreError, self.reactor.wait, self.make().start())
        self.assertIn("No such file or directory", str(error))
        self.assertIn(os.path.basename(self.path), str(error))

    def test_otherProgram(self) -> None:
        """
        A database of another program is refused.
        """
        self.sql("CREATE TABLE bookmarks (url)")
        self.refuse("is a database of another program")

    def test_newer(self) -> None:
        """
        A newer schema is refused.
        """
        self.fill(1)
        self.sql(f"PRAGMA user_version = {VERSION + 1}")
        self.refuse("was written by a newer MaChat .* update MaChat")

    def test_truncated(self) -> None:
        """
        A file that has been cut off is refused.
        """
        data = self.fill()
        for size in (len(data) // 2, 5000, 100):
            self.write(data[:size])
            self.refuse("damaged")

    def test_truncatedLarge(self) -> None:
        """
        This is detected also in a file that is too large to be checked completely.
        """
        data = self.fill()
        self.write(data[: len(data) // 2])
        self.patch(sys.modules["machat.store.sqlite.file"], "CHECKED", 0)
        self.refuse("damaged")

    def test_randomBytes(self) -> None:
        """
        Random bytes in the middle of the file are detected.
        """
        data = bytearray(self.fill())
        data[40_000:60_000] = random.Random(1).randbytes(20_000)
        self.write(bytes(data))
        self.refuse("damaged")

    def test_missing(self) -> None:
        """
        If the database is missing but its WAL is not, nothing is created in its place.
        """
        with open(f"{self.path}-wal", "wb") as file:
            file.write(b"x" * 100)
        self.refuse("missing or empty")

    def test_link(self) -> None:
        """
        The file may be a symbolic link. The lock, the WAL and the check for a missing database are
        those of its target.
        """
        target = f"{self.path}.target"
        os.symlink(target, self.path)
        store = self.start()
        second = SqliteStore(target, self.reactor)
        self.assertRaises(StoreError, self.reactor.wait, second.start())
        self.assertTrue(os.path.exists(f"{target}-wal"))
        self.reactor.wait(store.stop())
        os.truncate(target, 0)
        with open(f"{target}-wal", "wb") as file:
            file.write(b"x" * 100)
        self.refuse("missing or empty")

    def test_permissions(self) -> None:
        """
        A file that this process may not write to is refused.
        """
        self.fill(1)
        os.chmod(self.path, 0o400)
        if os.access(self.path, os.W_OK):
            raise SkipTest("permissions do not apply to root")
        self.refuse("Permission denied")

    def test_readOnly(self) -> None:
        """
        A database on a read-only file system is refused.
        """
        original = sqlite3.connect

        def connect(path: str, **options: Any) -> sqlite3.Connection:
            db: sqlite3.Connection = original(path, **options)
            db.execute("PRAGMA query_only = ON")
            return db

        self.patch(sqlite3, "connect", connect)
        error = self.assertRaises(StoreError, self.reactor.wait, self.make().start())
        self.assertEqual(
            str(error).partition(" (")[0],
            "the disk is read-only: give this process write permission for"
            f" {self.path} and its directory",
        )

    def test_secondServer(self) -> None:
        """
        A second server is refused, in this process or another, until the first has stopped. Other
        programs can read the database.
        """
        store = self.start()
        self.say(self.open(store)[0], "a")
        self.refuse(rf"is in use by another server \(process {os.getpid()}\): stop it")
        os.symlink(os.path.basename(self.path), f"{self.path}.link")
        self.path += ".link"
        error = self.assertRaises(StoreError, self.reactor.wait, self.make().start())
        self.assertIn("in use", str(error))
        self.path = self.path.removesuffix(".link")
        self.assertEqual(self.sql("SELECT count(*) FROM batch"), [(1,)])
        code = (
            "import sys; from machat.store.sqlite.file import Lock\n"
            "try: Lock(sys.argv[1])\nexcept Exception as error: print(error)"
        )
        output = subprocess.run(
            [sys.executable, "-c", code, self.path], capture_output=True, text=True, check=True
        )
        self.assertIn("in use by another server", output.stdout)
        self.restart(store)

    def test_stopFirst(self) -> None:
        """
        A store can be stopped before it has started, and started again afterwards.
        """
        store = self.make()
        self.reactor.wait(store.stop())
        starting = store.start()
        self.reactor.wait(store.stop())
        self.assertEqual(self.successResultOf(starting), None)
        self.reactor.wait(store.start())
        self._started.append(store)
        self.say(self.open(store)[0], "a")
        self.assertEqual(os.path.exists(f"{self.path}-wal"), True)

    def test_relative(self) -> None:
        """
        A relative path leads to the same file when the process changes its directory.
        """
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(os.path.dirname(self.path))
        self.path = os.path.basename(self.path)
        store = self.start()
        os.chdir(before)
        room, _ = self.open(store)
        self.say(room, "a")
        self.assertEqual(self.read(room), ["a"])

    def test_noWal(self) -> None:
        """
        After a stop, the database is one complete file.
        """
        self.fill(1)
        self.assertFalse(os.path.exists(f"{self.path}-wal"))

    def test_reader(self) -> None:
        """
        If the second connection cannot be opened, the lock is released.
        """

        def openReader(path: str, patience: float) -> None:
            raise sqlite3.OperationalError("unable to open database file")

        module = sys.modules["machat.store.sqlite.store"]
        self.patch(module, "openReader", openReader)
        self.assertRaises(sqlite3.OperationalError, self.reactor.wait, self.make().start())
        self.patch(module, "openReader", sys.modules["machat.store.sqlite.file"].openReader)
        self.start()


class MigrationTests(StoreCase):
    """
    Tests for the migration of an older schema.
    """

    def test_migrated(self) -> None:
        """
        An older database is brought to the current version in one transaction.
        """
        store = self.start()
        self.say(self.open(store)[0], "a")
        self.reactor.wait(store.stop())
        self._started.remove(store)
        schema = sys.modules["machat.store.sqlite.schema"]
        added = ("ALTER TABLE room ADD COLUMN color TEXT", "UPDATE room SET color = 'red'")
        self.patch(schema, "MIGRATIONS", [*MIGRATIONS, added])
        self.patch(schema, "VERSION", VERSION + 1)
        self.patch(sys.modules["machat.store.sqlite.file"], "VERSION", VERSION + 1)
        store = self.start()
        self.assertEqual(self.sql("SELECT color FROM room"), [("red",)])
        self.assertEqual(self.sql("PRAGMA user_version"), [(VERSION + 1,)])
        self.assertEqual(self.read(self.open(store)[0]), ["a"])

    def test_failed(self) -> None:
        """
        If a migration fails, nothing has changed.
        """
        self.reactor.wait((store := self.start()).stop())
        self._started.remove(store)
        schema = sys.modules["machat.store.sqlite.schema"]
        self.patch(
            schema, "MIGRATIONS", [*MIGRATIONS, ("ALTER TABLE room ADD COLUMN color", "nonsense")]
        )
        self.patch(schema, "VERSION", VERSION + 1)
        error = self.assertRaises(StoreError, self.reactor.wait, self.make().start())
        self.assertIn(self.path, str(error))
        self.assertEqual(self.sql("PRAGMA user_version"), [(VERSION,)])
        self.assertNotIn("color", str(self.sql("SELECT sql FROM sqlite_master")))
