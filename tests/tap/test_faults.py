"""
Tests for a server whose disk fails while it runs, as its clients and its operator see it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from secrets import token_hex
from typing import Any
from unittest import SkipTest

from tests.disks import fill, smallDisk
from tests.processes import (
    BIN,
    LOCAL,
    RawClient,
    ServerTestCase,
    askMonitor,
    connect,
    portsOf,
    shortFolder,
    stop,
    waitForLine,
)


class FaultTests(ServerTestCase):
    """
    A server with an SQLite store, a client of each dialect, and the monitor.
    """

    def begin(self, path: str, *options: str) -> None:
        """
        Start the server, and let the clients join.
        """
        common = ("--tcp", LOCAL, "--ws", "none", "--monitor", LOCAL, "--store", f"sqlite:{path}")
        self.server = self.serve(*common, *options)
        self.monitor, tcp = portsOf(self.server, "_Site", "ChatFactory")
        self.mina, self.ada = self.client(tcp), self.client(tcp)
        self.mina.send(v=1, name="Mina", room="dev")
        self.mina.await_("joined")
        self.ada.send(name="Ada", room="dev")
        self.assertEqual(self.mina.await_("presence")["joined"], ["Ada"])

    def client(self, port: int) -> RawClient:
        """
        @return: a client that is closed at the end of the test
        """
        client = RawClient(port)
        self.addCleanup(client.close)
        return client

    def say(self, text: str, id: str) -> Any:
        """
        @return: the answer to Mina's message
        """
        self.mina.send(type="say", text=text, id=id)
        while (event := self.mina.read())["type"] not in ("ack", "error"):
            pass
        return event

    def up(self) -> bool:
        """
        @return: C{machat_store_up}
        """
        status, metrics = askMonitor(self.monitor, "/metrics")
        self.assertEqual(status, 200)
        self.assertRegex(metrics, r"\nmachat_store_up [01]\.0\n")
        return "\nmachat_store_up 1.0\n" in metrics

    def fails(self, text: str, code: str, cause: str) -> None:
        """
        Neither client can send a message for long; each receives one answer. The log has the cause.
        """
        while (error := self.say(text, token_hex(4)))["type"] != "error":
            pass
        self.assertEqual(error["code"], code)
        self.assertIn(cause, error["text"])
        self.assertIn(f"messages cannot be stored: {cause}: ", waitForLine(self.server, "#error]"))
        line = ""
        while not line.startswith("machat:"):
            self.ada.sendText(text)
            while not (line := self.ada.readText()).startswith(("Ada:", "machat:")):
                pass
        self.assertIn(f"machat:error {code} a message was ", line)
        self.assertFalse(self.up())

    def recovers(self) -> None:
        """
        The store is up again by itself, nobody was disconnected, and the numbers continue.
        """
        while not self.up():
            time.sleep(0.1)
        before = self.say("found", "found")["seq"]
        self.assertEqual(self.say("next", "next")["seq"], before + 1)
        while self.ada.readText() != "Mina:next\n":
            pass
        self.assertIn("messages are stored again, after ", stop(self.server)[1])

    def test_full(self) -> None:
        """
        While the disk is full, messages fail. When space is freed, the server recovers.
        """
        directory = smallDisk(self, "1m")
        path = os.path.join(directory, "machat.sqlite")
        self.begin(path)
        self.assertEqual(self.say("kept", "1")["seq"], 1)
        filler = fill(directory)
        self.fails("x" * 40_000, "failed", "the disk is full")
        os.unlink(filler)
        self.recovers()

    def test_readOnly(self) -> None:
        """
        While the file cannot be written, messages fail, and it is not known whether they will be
        found. Afterwards, none of them is there.
        """
        if shutil.which("chattr") is None:
            raise SkipTest("there is no chattr")
        path = os.path.abspath(self.mktemp())
        self.begin(path)
        self.assertEqual(self.say("kept", "1")["seq"], 1)
        names = [path, f"{path}-wal"]
        self.addCleanup(subprocess.run, ["chattr", "-i", *names], capture_output=True)
        if subprocess.run(["chattr", "+i", *names], capture_output=True).returncode:
            raise SkipTest("only root can make a file immutable, and not on every file system")
        self.fails("lost", "unknown", "the disk is read-only")
        subprocess.run(["chattr", "-i", *names], check=True)
        self.recovers()
        rows = sqlite3.connect(path).execute("SELECT max(last), sum(count) FROM batch").fetchall()
        self.assertEqual(rows, [(3, 3)])

    def test_damaged(self) -> None:
        """
        If a read finds that the file is damaged, the monitor and one line of the log report it.
        """
        path = os.path.abspath(self.mktemp())
        self.begin(path)
        for number in range(20):
            self.say("x" * 5000, str(number))
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA wal_checkpoint")
        db.close()
        with open(path, "r+b") as file:
            file.seek(4096)
            file.write(os.urandom(os.path.getsize(path) - 4096))
        for _ in range(2):
            self.mina.send(type="history", room="dev")
            self.assertEqual(self.mina.await_("error")["code"], "failed")
        line = waitForLine(self.server, "#error]")
        self.assertIn("the database is damaged: stop the server, move ", line)
        self.assertFalse(self.up())
        _, out, _ = stop(self.server)
        self.assertNotIn("#error]", out)

    def test_stopWhileLocked(self) -> None:
        """
        A server that stops while it cannot write exits with status 1, and the log has the number
        of messages that are lost.
        """
        path = os.path.abspath(self.mktemp())
        self.begin(path, "--close-timeout", "0.1", "--shutdown-timeout", "0.5")
        db = sqlite3.connect(path, isolation_level=None)
        self.addCleanup(db.close)
        db.execute("BEGIN IMMEDIATE")
        for text in ("one", "two"):
            self.ada.sendText(text)
        self.mina.send(type="ping")
        self.mina.await_("pong")
        status, out, _ = stop(self.server)
        self.assertEqual(status, 1)
        self.assertIn("2 messages were not, or possibly not, stored before the stop", out)

    def test_background(self) -> None:
        """
        The path of a file may be relative to C{--rundir} of a C{twistd} in the background.
        """
        rundir = Path(shortFolder(self))
        command: list[Any] = [
            BIN / "twistd",
            "--rundir",
            rundir,
            "--pidfile",
            rundir / "pid",
            "-l",
            "log",
            "machat",
        ]
        command += ["--tcp", f"unix:{rundir}/socket", "--ws", "none", "--store", "sqlite:chat"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        mina = RawClient(connect(f"{rundir}/socket"))
        self.addCleanup(mina.close)
        process = int((rundir / "pid").read_text())
        self.addCleanup(os.kill, process, signal.SIGKILL)
        mina.send(v=1, name="Mina", room="dev")
        mina.await_("joined")
        self.assertTrue((rundir / "chat").exists())
