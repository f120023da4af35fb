"""
Tests for L{benchmarks.estimate}: the tables of F{docs/scaling.rst} are those of the file.
"""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.estimate import FILE, PAGE, TABLES, costsOf, generate


class SizingTests(SynchronousTestCase):
    def test_page(self) -> None:
        """
        The tables of the page are those of the file, and the page has all of them.
        """
        page, figures = PAGE.read_text(), json.loads(FILE.read_text())
        self.assertEqual(page, generate(page, figures))
        for name in TABLES:
            self.assertIn(f".. sizing: {name}\n", page)

    def test_costs(self) -> None:
        """
        The costs are those of the transport on which they are larger.
        """
        results = [
            {
                "shape": {"name": shape},
                "peer": peer,
                "count": 1,
                "summary": {name: {"median": median}},
            }
            for shape, name, peer, median in (
                ("idle", "bytesPerConnection", "machat-redis", 3_000),
                ("idle", "bytesPerConnection", "machat-redis", 4_000),
                ("idle", "bytesPerConnection", "nats", 9_000),
                ("joins", "joinsPerCpu", "machat-redis", 1_000),
                ("200x5", "deliveriesPerCpu", "machat-redis", 100_000),
                ("200x5", "deliveriesPerCpu", "machat-redis", 200_000),
            )
        ]
        file = Path(self.mktemp())
        file.write_text(json.dumps({"results": results}))
        self.assertEqual(costsOf(file), {"connection": 4_000, "join": 1e-3, "delivery": 1e-5})
        file.write_text(json.dumps({"results": results[:2]}))
        self.assertRaises(KeyError, costsOf, file)
