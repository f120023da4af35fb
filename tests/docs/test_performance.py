"""
Tests for L{benchmarks.tables}: the tables of F{docs/performance.rst} are those of the files.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.comparisons import COMPARISONS, Comparison, compare
from benchmarks.peers import PEERS
from benchmarks.results import Key, Summary, write
from benchmarks.runner import Entry, Outcome
from benchmarks.shapes import SHAPES
from benchmarks.tables import FIGURES, PAGE, PUBLISHED, TABLES, generate, publish, table

BY_NAME = {shape.name: shape for shape in SHAPES}
MARKS = ".. figures: {0} {1}\n\n.. figures: end\n"


def of(*numbers: float) -> dict[str, float]:
    """
    @return: a median, a minimum and a maximum
    """
    return dict(zip(("median", "least", "most"), numbers, strict=True))


class PageTests(SynchronousTestCase):
    def test_page(self) -> None:
        """
        The page is the one that C{python -m benchmarks.tables} writes.
        """
        page = PAGE.read_text()
        self.assertEqual(page, generate(page, FIGURES))

    def test_tables(self) -> None:
        """
        The page has a place for every table, and each file that it names is used.
        """
        marks = re.findall(r"(?m)^\.\. figures: (\w+) ([\w-]+)$", PAGE.read_text())
        self.assertEqual({name for name, _ in marks}, {*TABLES, *COMPARISONS})
        files = {
            path.stem
            for path in FIGURES.glob("*.json")
            if "results" in json.loads(path.read_text())  # not those of another tool
        }
        self.assertTrue(files <= {file for _, file in marks}, files)

    def test_columns(self) -> None:
        """
        Every column shows a shape that exists.
        """
        for name, (_, columns) in TABLES.items():
            for column in columns:
                self.assertIn(column.shape, {*BY_NAME, "failover"}, name)
        for name, (_, comparisons) in COMPARISONS.items():
            for each in comparisons:
                self.assertIn(each.shape, BY_NAME, name)
                self.assertIn(each.number, PUBLISHED, name)
                for server in (each.first, *each.others):
                    self.assertIn(server.partition(" ")[0], [peer.name for peer in PEERS])


class TableTests(SynchronousTestCase):
    """
    A generated table.
    """

    def test_table(self) -> None:
        """
        A cell shows the median and the range with one unit. Servers and columns without figures are
        omitted, and MaChat comes first.
        """
        figures: dict[Key, Summary] = {
            ("1x100", "nats", "tcp"): {"deliveriesPerCpu": of(9_500, 9_000, 2e6)},
            ("1x100", "machat", "ws"): {
                "deliveriesPerCpu": of(616_000, 481_000, 738_000),
                "kernelShare": of(0.5, 0.5, 0.5),
            },
        }
        self.assertEqual(
            table(TABLES["throughput"][1], figures),
            [
                "=================  =====================  =======",
                "server             1 x 100                1 x 100",
                "=================  =====================  =======",
                "MaChat, WebSocket  616 k (481..738)       50",
                "NATS, TCP          9,500 (9,000..2.00 M)",
                "=================  =====================  =======",
            ],
        )
        self.assertEqual(table(TABLES["throughput"][1], {}), [])

    def test_variants(self) -> None:
        """
        A variant of a server, or another checkout of it, follows the server itself.
        """
        numbers = {"joinsPerCpu": of(9_000, 9_000, 9_000)}
        names = ("machat", "before-machat", "machat-sqlite", "node", "other")
        figures: dict[Key, Summary] = {("joins", name, "tcp"): numbers for name in names}
        lines = table(TABLES["connections"][1], figures)
        self.assertEqual(
            [line.partition("  ")[0] for line in lines[3:-1]],
            ["MaChat, TCP", "MaChat (before), TCP", "MaChat, SQLite, TCP", "Node, TCP"],
        )

    def test_comparison(self) -> None:
        """
        A row compares the medians of two servers. Without the figures of both, it is omitted.
        """
        figures: dict[Key, Summary] = {
            ("1x100", "nats", "tcp"): {"deliveriesPerCpu": of(100, 90, 300)},
            ("1x100", "nats-2", "tcp"): {"deliveriesPerCpu": of(80, 70, 90)},
        }
        known = Comparison("NATS", "1x100", "deliveriesPerCpu", "nats", ["nats-2"], most=1.2)
        unknown = Comparison("others", "1x100", "deliveriesPerCpu", "nats", ["machat"])
        floors = ["floor in Python", "plain Twisted"]
        head = ["comparison", "measured", "target", "met", *floors]
        self.assertEqual(
            compare([known, unknown], figures),
            [head, ["NATS", "1.25", "1.20 or less", "no", "", ""]],
        )
        self.assertEqual(compare([unknown], figures), [])
        figures["1x100", "nats", "ws"] = {"deliveriesPerCpu": of(50, 50, 50)}
        other = Comparison("WebSocket", "1x100", "deliveriesPerCpu", "nats ws", ["nats"])
        self.assertEqual(compare([other], figures), [head, ["WebSocket", "0.50", "", "", "", ""]])

    def test_targets(self) -> None:
        """
        A target is met or not by the number that is shown. The best of several servers is the one
        with the most or the least, as the target requires.
        """
        numbers = {"machat": 0.9951, "nats": 2.0, "redis": 1.0}
        figures: dict[Key, Summary] = {
            ("joins", name, "tcp"): {"joinsPerCpu": of(number, number, number)}
            for name, number in numbers.items()
        }
        for others, least, most, expected in (
            (["nats", "redis", "uws ws"], 1.0, None, ["0.50", "1.00 or more", "no"]),
            (["nats", "redis"], None, 1.0, ["1.00", "1.00 or less", "yes"]),
            (["redis"], 1.0, None, ["1.00", "1.00 or more", "yes"]),
            ([], None, 0.5, ["1.00", "0.50 or less", "no"]),
            ([], None, 1.0, ["1.00", "1.00 or less", "yes"]),
        ):
            one = Comparison("joins", "joins", "joinsPerCpu", "machat", others, least, most)
            self.assertEqual(one.row(figures), ["joins", *expected, "", ""])

    def test_floor(self) -> None:
        """
        A comparison of MaChat has the same one for the floor in Python and for plain Twisted, which
        replace MaChat on both sides.
        """
        numbers = {
            ("machat", "tcp"): 10.0,
            ("machat", "ws"): 9.0,
            ("pyfloor", "tcp"): 20.0,
            ("pyfloor", "ws"): 16.0,
            ("floor", "tcp"): 40.0,
            ("twisted", "tcp"): 4.0,
        }
        figures: dict[Key, Summary] = {
            ("1x100", *key): {"deliveriesPerCpu": of(number, number, number)}
            for key, number in numbers.items()
        }
        for first, other, expected in (
            ("machat", "floor", ["0.25", "", "", "0.50", "0.10"]),
            ("machat ws", "machat", ["0.90", "", "", "0.80", ""]),
            ("pyfloor", "floor", ["0.50", "", "", "", ""]),
        ):
            one = Comparison("flow", "1x100", "deliveriesPerCpu", first, [other])
            self.assertEqual(one.row(figures), ["flow", *expected])

    def test_publish(self) -> None:
        """
        A complete results file is published without its runs. Its tables appear on the page, with
        the number of runs, and disappear without the file.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        outcomes = [Outcome(Entry(BY_NAME["idle"], PEERS[0], "tcp"))]
        outcomes.append(Outcome(Entry(BY_NAME["idle"], PEERS[0], "ws"), skipped="out of time"))
        outcomes[0].runs = [{"bytesPerConnection": size, "other": 1.0} for size in (2e3, 3e3, 4e3)]
        write(outcomes, folder, complete=False)
        target = folder / "figures" / "main.json"
        self.assertRaises(ValueError, publish, [folder / "results.json"], target)
        write(outcomes, folder, complete=True)
        publish([folder / "results.json"], target)
        (published,) = json.loads(target.read_text())["results"]
        self.assertEqual(set(published["summary"]) - PUBLISHED, set())
        self.assertNotIn("runs", published)
        empty = "before\n\n" + MARKS.format("connections", "main") + "\nafter\n"
        page = generate(empty, target.parent)
        for text in ("MaChat, TCP  3.0 (2.0..4.0)", "Medians of 3 runs", "before", "after"):
            self.assertIn(text, page)
        self.assertEqual(generate(page, target.parent), page)
        self.assertEqual(generate(page, folder), empty)
