"""
Tests for L{machat.tap.stores}, the option C{--store}, and a server that keeps its messages in a
file.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.plugin import IPlugin
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.interfaces import IStoreFactory
from machat.limits import DEFAULTS
from machat.store.memory import MemoryStore
from machat.store.sqlite import SQLITE_DEFAULTS, SqliteStore
from machat.tap.options import Options, globalReactor
from machat.tap.stores import makeStore, storeFactories
from tests.processes import LOCAL, RawClient, ServerTestCase, portsOf, stop, twistd, waitForLine


class StoresTests(SynchronousTestCase):
    """
    Tests for the kinds of stores and for the options.
    """

    def options(self, *arguments: str) -> Options:
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def refusal(self, *arguments: str) -> str:
        """
        @return: the error for invalid arguments
        """
        self.patch(sys, "__stderr__", io.StringIO())
        return str(self.assertRaises(UsageError, self.options, *arguments))

    def test_factories(self) -> None:
        """
        The kinds of stores are plugins with unique names.
        """
        factories: list[Any] = list(storeFactories())
        for factory in factories:
            verifyObject(IStoreFactory, factory)
            verifyObject(IPlugin, factory)
        names = [factory.name for factory in factories]
        self.assertTrue({"memory", "sqlite"} <= {*names})
        self.assertEqual(len(names), len({*names}))

    def test_make(self) -> None:
        """
        A description selects the kind of store, and is checked.
        """
        self.assertIsInstance(makeStore("memory:", Clock(), DEFAULTS), MemoryStore)
        reactor: Any = globalReactor()
        for description in ("sqlite:a.sqlite", "sqlite:a:b.sqlite:synchronous=normal"):
            self.assertIsInstance(makeStore(description, reactor, DEFAULTS), SqliteStore)
        for description, text in (
            ("memory:x", "takes no argument"),
            ("sqlite:", "name the file"),
            ("sqlite:x:synchronous=off", "synchronous must be one of"),
            ("sqlite", "must begin with one of"),
            ("ram:", "must begin with one of memory:, "),
        ):
            error = self.assertRaises(ValueError, makeStore, description, Clock(), DEFAULTS)
            self.assertIn(text, str(error))

    def test_limits(self) -> None:
        """
        The defaults of the limits depend on the store, and options override them.
        """
        self.assertEqual(self.options()["limits"].logMessages, DEFAULTS.logMessages)
        limits = self.options("--store", "sqlite:x", "--log-age", "1h")["limits"]
        self.assertEqual(limits.logMessages, SQLITE_DEFAULTS["logMessages"])
        self.assertEqual(limits.logAge, 3600)

    def test_refused(self) -> None:
        """
        An invalid store is refused with a line that contains it.
        """
        self.assertIn("--store ram: must begin with", self.refusal("--store", "ram"))
        self.assertIn("--store sqlite:: name the file", self.refusal("--store", "sqlite:"))
        refusal = self.refusal("--separate", "--store", "sqlite:x")
        self.assertEqual(refusal, "--separate: two chats cannot use one store: run two servers")

    def test_help(self) -> None:
        """
        C{--help-stores} describes all kinds.
        """
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.assertRaises(SystemExit, self.options, "--help-stores")
        for factory in storeFactories():
            self.assertIn(f"  {factory.name}:{factory.argument}\n", printed.getvalue())
        self.assertIn("Defaults: --log-messages 10000, --log-bytes 67108864", printed.getvalue())


class FileTests(ServerTestCase):
    """
    A server that keeps its messages in a file.
    """

    def serveFile(self, path: str) -> int:
        """
        @return: the port of a new server
        """
        self.server = self.serve("--tcp", LOCAL, "--ws", "none", "--store", f"sqlite:{path}")
        (port,) = portsOf(self.server, "ChatFactory")
        return port

    def test_killed(self) -> None:
        """
        After SIGKILL and a restart, the acknowledged messages have the same numbers, a client
        recovers exactly those that it missed, and an id is not posted twice.
        """
        path = os.path.abspath(self.mktemp())
        mina = RawClient(self.serveFile(path))
        mina.send(v=1, name="Mina", room="dev")
        joined = mina.await_("joined")
        for id in "123":
            mina.send(type="say", text=f"text {id}", id=id)
            self.assertEqual(mina.await_("ack")["seq"], int(id))
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()
        again = RawClient(self.serveFile(path))
        again.send(v=1, name="Mina", room="dev", since={"epoch": joined["epoch"], "seq": 1})
        back = again.await_("joined")
        self.assertEqual((back["recovered"], back["missed"], back["seq"]), (True, 2, 3))
        self.assertNotEqual(back["epoch"], joined["epoch"])
        self.assertEqual([again.await_("message")["text"] for _ in "23"], ["text 2", "text 3"])
        for id, seq, duplicate in (("3", 3, True), ("4", 4, False)):
            again.send(type="say", text=f"text {id}", id=id)
            ack = again.await_("ack")
            self.assertEqual((ack["seq"], ack["duplicate"]), (seq, duplicate))

    def test_unusable(self) -> None:
        """
        A server whose file cannot be used exits with status 1, and one line states the reason.
        """
        path = os.path.abspath(self.mktemp())
        Path(path).write_text("This is a letter.")
        server = self.stopAtEnd(twistd("--tcp", LOCAL, "--ws", "none", "--store", f"sqlite:{path}"))
        waitForLine(server, "Main loop terminated")
        status, _, errors = stop(server)
        self.assertEqual(status, 1)
        self.assertIn(f"machat: --store: {path} is not a database of MaChat", errors)
        self.assertEqual(Path(path).read_text(), "This is a letter.")
