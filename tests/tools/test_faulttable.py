"""
Tests for L{tools.faulttable}: the table of F{docs/scaling.rst} is that of the file.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tools.faulttable import COLUMNS, FILE, PAGE, generate, tableOf
from tools.mishaps import FAULTS, REPLICATED
from tools.verdict import COUNTS


class TableTests(SynchronousTestCase):
    def test_page(self) -> None:
        """
        The table of the page is that of the file. The file has all faults, and no guarantee is
        broken.
        """
        page, rows = PAGE.read_text(), json.loads(FILE.read_text())
        self.assertEqual(page, generate(page, rows))
        self.assertIn(tableOf(rows)[1], page)
        self.assertEqual({*FAULTS, *REPLICATED} - set(rows), set())
        for name, row in rows.items():
            self.assertEqual([row[count] for count in COUNTS[4:]], [0] * len(COUNTS[4:]), name)

    def test_columns(self) -> None:
        """
        Each count is in one column.
        """
        found = [name for names in COLUMNS.values() for name in names]
        self.assertEqual(sorted(found), sorted([*COUNTS, "lasted", "held", "resumed"]))
