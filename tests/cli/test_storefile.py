"""
Tests for L{machat.cli.storefile} and L{machat.store.sqlite.inspect}: the command C{machat-store}.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from twisted.trial.unittest import TestCase

from machat.cli.storefile import main
from machat.events import Draft
from machat.records import Imposed
from machat.store.sqlite import SqliteStore, inspect
from machat.tap.options import globalReactor
from tests.disks import smallDisk
from tests.processes import BIN
from tests.store.test_memory import Observer


class StoreFileTests(TestCase):
    """
    The command, with the file of a store that runs, and after it has stopped.
    """

    async def setUp(self) -> None:  # type: ignore[override]
        self.path = os.path.abspath(self.mktemp())
        reactor: Any = globalReactor()
        self.store = SqliteStore(self.path, reactor)
        await self.store.start()
        self.addCleanup(self.store.stop)
        for name in ("Dev", "Ops"):
            room = await self.store.open(name.lower(), name, Observer(lambda messages: None))
            await room.append([Draft(name, "Mina", text) for text in ("one", "\u2028\x1b[2J")])
            await room.append([], [Imposed("mute", "bob", 4e9, "Bob", None)])

    def run_(self, *arguments: str) -> tuple[int, str, str]:
        """
        @return: the exit status, the output and the errors of C{machat-store}
        """
        raw = io.BytesIO()
        output = io.TextIOWrapper(raw, "utf-8", write_through=True)
        self.patch(sys, "argv", ["machat-store", *arguments])
        status: object = 0
        with contextlib.redirect_stdout(output):
            try:
                main()
            except SystemExit as end:
                status = end.code
        written = raw.getvalue().decode()
        if isinstance(status, str):
            return 1, written, f"{status}\n"
        return cast(int, status), written, ""

    def test_command(self) -> None:
        """
        The command is installed, and writes its errors to standard error.
        """
        command = [sys.executable, str(BIN / "machat-store"), "check", "/nowhere/x"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "machat-store: /nowhere/x: No such file or directory\n")

    def test_check(self) -> None:
        """
        A file that a server uses can be checked.
        """
        status, output, errors = self.run_("check", self.path)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(output, f"{self.path} is in order: 4 messages in 2 rooms\n")

    async def test_damaged(self) -> None:
        """
        Each fault of a damaged file is reported, and the exit status is 1.
        """
        await self.store.stop()
        db = sqlite3.connect(self.path)
        db.execute("UPDATE batch SET data = x'ff' WHERE room = 1")
        db.execute("UPDATE batch SET count = 3 WHERE room = 2")
        db.commit()
        db.close()
        status, output, errors = self.run_("check", self.path)
        self.assertEqual(status, 1)
        self.assertEqual(errors, f"machat-store: {self.path} is damaged: restore a backup\n")
        self.assertIn("Dev: the batch that ends at 2 cannot be decoded", output)
        self.assertIn("Ops: the batch that ends at 2 overlaps the one before it", output)

    def test_stats(self) -> None:
        """
        The statistics have the numbers of messages, rooms and sanctions.
        """
        status, output, _ = self.run_("stats", self.path)
        self.assertEqual(status, 0)
        for text in ("messages:  4", "sanctions: 2", "rooms:     2", "2 messages", "bytes: Dev"):
            self.assertIn(text, output)

    def test_export(self) -> None:
        """
        Each message is a line of JSON without control characters.
        """
        status, output, _ = self.run_("export", self.path)
        self.assertEqual((status, "\x1b" in output), (0, False))
        messages = [json.loads(line) for line in output.split("\n")[:-1]]
        self.assertEqual([each["room"] for each in messages], ["Dev", "Dev", "Ops", "Ops"])
        self.assertEqual([each["seq"] for each in messages], [1, 2, 1, 2])
        self.assertEqual(messages[1]["text"], "\u2028\x1b[2J")
        _, output, _ = self.run_("export", self.path, "--room", "OPS")
        self.assertEqual(len(output.split("\n")[:-1]), 2)

    def test_exportUnknown(self) -> None:
        """
        The export of a room that does not exist fails, so that a wrong name is noticed.
        """
        status, output, errors = self.run_("export", self.path, "--room", "nowhere")
        self.assertEqual((status, output), (1, ""))
        self.assertEqual(errors, f"machat-store: {self.path} has no room nowhere\n")

    async def test_backup(self) -> None:
        """
        A backup is made while the server runs. It is private, complete, and one file.
        """
        target = f"{self.path}.backup"
        status, output, errors = self.run_("backup", self.path, target)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(os.stat(target).st_mode & 0o777, 0o600)
        self.assertEqual(self.run_("export", target), self.run_("export", self.path))
        self.assertIn("in order: 4 messages", self.run_("check", target)[1])
        left = {each.name for each in Path(target).parent.glob(f"{Path(target).name}*")}
        self.assertTrue(left <= {Path(target).name, f"{Path(target).name}-shm"}, left)

    def test_backupUnderLoad(self) -> None:
        """
        A backup ends although the server commits something after each step of it. It contains what
        was stored when it began.
        """
        server = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(server.close)
        steps: list[object] = []

        class Source:
            """
            The connection for reading. It copies one page at a time.
            """

            def __init__(self, db: sqlite3.Connection) -> None:
                self.execute = db.execute
                self._db = db

            def backup(self, copy: sqlite3.Connection, pages: int) -> None:
                self._db.backup(copy, pages=1, progress=self._stepped)

            def _stepped(self, *progress: int) -> None:
                steps.append(progress)
                assert len(steps) < 1000, "the backup does not end"
                server.execute("INSERT OR REPLACE INTO meta VALUES ('probe', randomblob(8))")

        original = inspect.reading

        @contextlib.contextmanager
        def reading(path: str) -> Iterator[Source]:
            with original(path) as db:
                yield Source(db)

        self.patch(inspect, "reading", reading)
        target = f"{self.path}.backup"
        inspect.backup(self.path, target)
        self.assertGreater(len(steps), 5)
        probes = sqlite3.connect(target).execute("SELECT * FROM meta WHERE name = 'probe'")
        self.assertEqual(probes.fetchall(), [])

    def test_backupFull(self) -> None:
        """
        If the disk of the copy is full, the error names the copy, and nothing remains of it.
        """
        directory = smallDisk(self, "64k")
        target = os.path.join(directory, "copy")
        status, _, errors = self.run_("backup", self.path, target)
        self.assertEqual(status, 1)
        self.assertTrue(
            errors.startswith(f"machat-store: {target} cannot be written: the disk is full: "),
            errors,
        )
        self.assertEqual(os.listdir(directory), [])

    def test_refused(self) -> None:
        """
        A file that is not a store, or a target that exists, is refused in one line, and nothing is
        changed.
        """
        letter = os.path.abspath(self.mktemp())
        Path(letter).write_text("This is a letter.")
        for arguments, text in (
            (("check", letter), "not a database of MaChat"),
            (("stats", f"{letter}.missing"), "No such file or directory"),
            (("backup", self.path, letter), "exists: choose another name"),
            (("backup", self.path, "/nowhere/x"), "No such file or directory"),
        ):
            status, _, errors = self.run_(*arguments)
            self.assertEqual(status, 1, arguments)
            self.assertTrue(errors.startswith("machat-store: ") and text in errors, errors)
            self.assertEqual(errors.count("\n"), 1)
        self.assertEqual(Path(letter).read_text(), "This is a letter.")
