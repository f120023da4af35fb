"""
The statements of C{docs/design.rst} and C{docs/security.rst}: a custom dialect, names and numbers.
"""

from __future__ import annotations

import json
import re
import sqlite3

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import verify

from examples.tab_dialect import TABS
from machat import wire
from machat.limits import DEFAULTS
from machat.session.refusals import REFUSALS
from machat.store.sqlite.schema import migrate
from machat.tap import Options
from machat.tcp import ChatFactory
from machat.testing import MemoryChat, MemoryClient
from machat.wire import IDialect
from tests.processes import ROOT
from tests.test_layers import LAYERS, PACKAGE

#: The tables of a database, without those that SQLite itself makes.
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"


class DesignTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.page = (ROOT / "docs/design.rst").read_text()

    def test_layers(self) -> None:
        """
        The page has the same table of layers as the test that enforces it, the top layer first.
        """
        table = self.page[self.page.index("Layers\n------") :].split("\n\n")[3]
        rows = re.findall(r"^   \* - (``.*)$", table, re.MULTILINE)
        layers = [re.findall(r"``(\w+)``", row) for row in rows]
        self.assertEqual(layers, LAYERS[::-1])

    def test_walk(self) -> None:
        """
        The functions in the picture exist in the given files.
        """
        picture = (ROOT / "docs/images/walk.svg").read_text()
        steps = re.findall(r'"f".*>(.*\.py)</text>\s*<text class="m".*>(\w+)</text>', picture)
        self.assertEqual(len(steps), 13)
        for files, function in steps:
            for file in files.split(", "):
                self.assertIn(f"def {function}(", (PACKAGE / file).read_text(), file)

    def test_schema(self) -> None:
        """
        The page describes every column of the database of C{SqliteStore}, and no other.
        """
        db = sqlite3.connect(":memory:")
        self.addCleanup(db.close)
        migrate(db, 0)
        tables = [name for (name,) in db.execute(_TABLES)]
        columns = [
            f"{table}.{column[1]}"
            for table in tables
            for column in db.execute(f"PRAGMA table_info({table})")
        ]
        section = self.page[self.page.index("The file of ``SqliteStore``\n---") :]
        described = re.findall(r"^   \* - ``(\w+\.\w+)``$", section, re.MULTILINE)
        self.assertEqual(sorted(described), sorted(columns))

    def test_files(self) -> None:
        """
        The tests and documents that the page names exist.
        """
        for name in re.findall(r"``((?:tests|machat)/\w+\.py)``", self.page):
            self.assertTrue((ROOT / name).is_file(), name)


class SecurityTests(SynchronousTestCase):
    def test_options(self) -> None:
        """
        The options that the page names exist.
        """
        page = (ROOT / "docs/security.rst").read_text()
        named = set(re.findall(r"``--([a-z-]+)", page))
        self.assertGreater(len(named), 15)
        known = {option.rstrip("=") for option in Options().longOpt}
        self.assertEqual(named - known, set())

    def test_limits(self) -> None:
        """
        The numbers on the page are the defaults.
        """
        page = (ROOT / "docs/security.rst").read_text()
        for said, limit in (
            ("64 from one address", DEFAULTS.maxPerAddress),
            ("10 s from the connection", DEFAULTS.joinTimeout),
            ("8,192 bytes of an HTTP request", DEFAULTS.head),
            ("4,096 bytes and", DEFAULTS.hello),
            ("65,536 bytes (", DEFAULTS.maxLine),
            ("20 at once", DEFAULTS.burst),
            ("5 per second", DEFAULTS.rate),
            ("4 KiB that it begins", DEFAULTS.rateBytes / 1024),
            ("256 KiB per second", DEFAULTS.roomRate / 1024),
            ("512 KiB per second", DEFAULTS.addressRate / 1024),
            ("100 refusals", REFUSALS),
            ("256 messages", DEFAULTS.logMessages),
            ("32 rooms", DEFAULTS.maxRooms),
            ("100,000 ids", DEFAULTS.receiptsTotal),
            ("30 s to take", DEFAULTS.maxStall),
        ):
            self.assertIn(said, page)
            self.assertEqual(float(said.split()[0].replace(",", "")), limit, said)


class DialectTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.factory = ChatFactory(self.chat.service, dialects=(TABS, wire.EVENTS))

    def test_interface(self) -> None:
        """
        The example provides L{IDialect}.
        """
        verify.verifyObject(IDialect, TABS)

    def test_meets(self) -> None:
        """
        A client with a custom dialect is in the same room as all others.
        """
        mina = self.chat.tcp("Mina", "dev")
        ada = MemoryClient(self.factory)
        ada.join("Ada", "dev")
        ada.send("hello")
        mina.send("what?")
        self.chat.turn()
        self.assertEqual(mina.received(), ["Ada:hello", "Mina:what?"])
        self.assertEqual(ada.received(), ["dev\t1\t0\tAda\thello", "dev\t2\t0\tMina\twhat?"])

    def test_refused(self) -> None:
        """
        A custom dialect has its own text for a refusal.
        """
        self.chat.tcp("Mina", "dev")
        again = MemoryClient(self.factory)
        again.join("Mina", "dev")
        self.assertEqual(again.received(), ['error\tname-taken\t"Mina" is already in dev'])
        self.assertFalse(again.connected)

    def test_events(self) -> None:
        """
        A hello with a version still selects the C{events} dialect.
        """
        client = MemoryClient(self.factory)
        client.send('{"v": 1, "name": "Mina"}')
        (welcome,) = client.received()
        self.assertEqual(json.loads(welcome)["type"], "welcome")
