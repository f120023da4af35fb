"""
Tests for the thread that reads the whole database.
"""

from __future__ import annotations

import sqlite3
from threading import Event

from machat.store.sqlite.scanner import Scanner
from tests.processes import PATIENCE
from tests.store.sqlite.machine import StoreCase

#: Does not end by itself.
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


class ScannerTests(StoreCase):
    """
    Tests for L{Scanner}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.store = self.start()
        self.scanner = Scanner(self.reactor.callFromThread, 1.0)
        self.scanner.start(self.path)
        self.addCleanup(self.scanner.stop)

    def test_read(self) -> None:
        """
        A function gets a connection that can only read. An exception is logged and passed on.
        """
        read = self.scanner.read(lambda db: db.execute("SELECT count(*) FROM room").fetchone())
        self.assertTrue(self.scanner.busy)
        self.assertEqual(self.reactor.wait(read), (0,))
        self.assertFalse(self.scanner.busy)
        failing = self.scanner.read(lambda db: db.execute("DELETE FROM room"))
        self.assertRaises(sqlite3.OperationalError, self.reactor.wait, failing)

    def test_independent(self) -> None:
        """
        Messages are stored and read while it reads.
        """
        go = Event()
        self.addCleanup(go.set)
        scan = self.scanner.read(lambda db: go.wait(PATIENCE))
        room, _ = self.open(self.store)
        self.say(room, "a")
        self.assertEqual(self.read(room), ["a"])
        self.assertNoResult(scan)

    def test_stop(self) -> None:
        """
        A stop interrupts it, and nothing is reported afterwards.
        """
        running, ended = Event(), Event()

        def endless(db: sqlite3.Connection) -> None:
            db.set_progress_handler(running.set, 1)
            try:
                db.execute(ENDLESS)
            finally:
                ended.set()

        scans = [self.scanner.read(endless), self.scanner.read(lambda db: None)]
        self.assertTrue(running.wait(PATIENCE))
        self.scanner.stop()
        self.assertTrue(ended.wait(PATIENCE))
        for _ in range(2):
            self.reactor.turn()
        for scan in scans:
            self.assertNoResult(scan)
