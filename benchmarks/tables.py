"""
Generates the tables of F{docs/performance.rst} from the files in F{docs/figures}::

    python -m benchmarks.tables                                     # write the page again
    python -m benchmarks.tables --publish results/results.json main # and F{docs/figures/main.json}

A table is between the comments C{.. figures: TABLE FILE} and C{.. figures: end}. It has a row for
each server that the file has figures of, and is omitted if there is none.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.comparisons import COMPARISONS, compare
from benchmarks.peers import FOLDER, PEERS
from benchmarks.results import Key, Summary

_DOCS = FOLDER.parent / "docs"

#: The generated page, and the folder of its files.
PAGE = _DOCS / "performance.rst"
FIGURES = _DOCS / "figures"

#: The names of transports, and of the peers whose name is not the name of a product.
_TRANSPORTS = {"tcp": "TCP", "ws": "WebSocket", "tls": "TLS"}
_NAMES = {
    "machat": "MaChat",
    "events": "MaChat, events",
    "machat-sqlite": "MaChat, SQLite",
    "machat-redis": "MaChat, Redis",
    "machat-redis-2": "MaChat, Redis, 2 nodes",
    "floor": "floor in C",
    "pyfloor": "floor in Python",
    "redis": "Redis",
    "uws": "uWebSockets",
    "nats": "NATS",
    "nats-2": "NATS, 2 nodes",
    "socketio-2": "Socket.IO, 2 nodes",
    "nchan": "Nchan",
    "go": "Go",
    "node": "Node",
    "twisted": "plain Twisted",
    "inspircd": "InspIRCd",
    "words": "twisted.words",
    "redis-streams": "Redis Streams",
    "jetstream": "JetStream",
}

_MARKED = re.compile(r"(?ms)^\.\. figures: (\w+) ([\w-]+)\n.*?^\.\. figures: end\n")


def _count(number: float) -> str:
    if number >= 1e6:
        return f"{number / 1e6:.2f} M"
    return f"{number / 1e3:.0f} k" if number >= 1e4 else f"{number:,.0f}"


def _milliseconds(number: float) -> str:
    return f"{number:.2f}" if number < 1 else f"{number:.1f}" if number < 10 else f"{number:.0f}"


def _scaled(factor: float, places: int) -> Callable[[float], str]:
    return lambda number: f"{number * factor:,.{places}f}"


@dataclass(frozen=True)
class Column:
    """
    A number in one shape.

    @ivar spread: whether to show the minimum and maximum
    """

    heading: str
    shape: str
    number: str
    form: Callable[[float], str]
    spread: bool = False

    def cell(self, summary: Summary) -> str:
        """
        @return: the median, with the spread if it is wanted and known
        """
        found = summary.get(self.number)
        if found is None:
            return ""
        median, least, most = (self.form(found[key]) for key in ("median", "least", "most"))
        if not self.spread or least == most:
            return median
        unit = median.partition(" ")[2]
        if unit and {least.partition(" ")[2], most.partition(" ")[2]} == {unit}:
            least, most = least.removesuffix(f" {unit}"), most.removesuffix(f" {unit}")
        return f"{median} ({least}..{most})"


def _flow(*shapes: str, spread: bool) -> list[Column]:
    titles = [shape.replace("x", " x ").replace("-", ", ") for shape in shapes]
    pairs = zip(titles, shapes, strict=True)
    return [Column(title, shape, "deliveriesPerCpu", _count, spread) for title, shape in pairs]


def _latency(title: str, shape: str) -> list[Column]:
    return [
        Column(f"{title}: {key}", shape, key, _milliseconds, spread=True) for key in ("p50", "p99")
    ]


_FLOW = ("1x10", "1x100", "1x1000", "1x5000", "200x5", "2000x2", "1x100-1k", "1x100-16k")
_SHARE = _scaled(100, 0)

#: The title and the columns of each table.
TABLES: dict[str, tuple[str, Sequence[Column]]] = {
    "throughput": (
        "Deliveries per CPU second of the server. Last columns: the kernel's share in per cent.",
        [
            *_flow("1x10", "1x100", "1x1000", spread=True),
            Column("1 x 100", "1x100", "kernelShare", _SHARE),
            Column("1 x 1000", "1x1000", "kernelShare", _SHARE),
        ],
    ),
    "small": (
        "Small rooms: deliveries per CPU second. Last columns: the kernel's share in per cent.",
        [
            *_flow("200x5", "2000x2", spread=True),
            Column("200 x 5", "200x5", "kernelShare", _SHARE),
            Column("2000 x 2", "2000x2", "kernelShare", _SHARE),
        ],
    ),
    "servers": ("Deliveries per CPU second of the server.", _flow(*_FLOW, spread=False)),
    "user": (
        "CPU time outside the kernel for each message, in microseconds.",
        [
            Column(name, shape, "userPerMessage", _scaled(1e6, 1), spread=True)
            for name, shape in (
                ("1 x 1000", "1x1000"),
                ("200 x 5", "200x5"),
                ("2000 x 2", "2000x2"),
            )
        ],
    ),
    "kernel": (
        "CPU time in the kernel for each delivery, in microseconds.",
        [
            Column(name, shape, "kernelPerDelivery", _scaled(1e6, 2), spread=True)
            for name, shape in (("1 x 10", "1x10"), ("1 x 1000", "1x1000"), ("2000 x 2", "2000x2"))
        ],
    ),
    "latency": (
        "Latency at a fixed rate of messages per second in each room, in milliseconds.",
        [
            *_latency("50 in 1 x 1000", "rate-1x1000"),
            *_latency("20 in 200 x 5", "rate-200x5"),
        ],
    ),
    "sparse": (
        "One message per second in each of 500 rooms of 4: latency in milliseconds, and CPU time.",
        [
            *_latency("1 in 500 x 4", "sparse-500x4"),
            Column("CPU %", "sparse-500x4", "cpu", _scaled(100, 1), spread=True),
        ],
    ),
    "connections": (
        "Memory of 10,000 idle connections in ten rooms, and joins.",
        [
            Column(
                "kB per connection", "idle", "bytesPerConnection", _scaled(1e-3, 1), spread=True
            ),
            Column("joins per CPU second", "joins", "joinsPerCpu", _count, spread=True),
        ],
    ),
    "stalls": (
        "Growth of memory while 1 or 50 readers stall, and latency of the others in milliseconds.",
        [
            Column("1: MB", "stall-1", "growth", _scaled(1e-6, 1)),
            Column("1: p99", "stall-1", "p99", _milliseconds),
            Column("50: MB", "stall-50", "growth", _scaled(1e-6, 1)),
            Column("50: p99", "stall-50", "p99", _milliseconds),
        ],
    ),
    "nodes": (
        "Deliveries per CPU second of the nodes.",
        _flow("1x100", "1x100-busy", "200x5", spread=True),
    ),
    "batches": (
        "Messages that a member reads at once, and CPU time of the engine in per cent of a core.",
        [
            Column("1 x 100", "1x100", "deliveriesPerRead", _scaled(1, 1), spread=True),
            Column("200 x 5", "200x5", "deliveriesPerRead", _scaled(1, 1), spread=True),
            Column("1 x 100: engine", "1x100", "engineCpu", _scaled(100, 1), spread=True),
            Column("200 x 5: engine", "200x5", "engineCpu", _scaled(100, 1), spread=True),
        ],
    ),
    "rates": (
        "Latency at 50 messages per second in 1 x 1000, in ms; joins per CPU second of the nodes.",
        [
            Column("p50", "rate-1x1000", "p50", _milliseconds, spread=True),
            Column("p99", "rate-1x1000", "p99", _milliseconds, spread=True),
            Column("engine, %", "rate-1x1000", "engineCpu", _scaled(100, 1)),
            Column("joins", "joins", "joinsPerCpu", _count, spread=True),
        ],
    ),
    "failover": (
        "Clients join at once, then their node is killed: seconds until all have joined the other.",
        [
            Column("first joins, s", "failover", "joined", _scaled(1, 2), spread=True),
            Column(
                "joins after the failure, s", "failover", "rejoined", _scaled(1, 2), spread=True
            ),
            Column("refused connections", "failover", "refused", _scaled(1, 0), spread=True),
        ],
    ),
    "stored": (
        "Stored and acknowledged messages in 200 rooms with one sender each, 8 in flight.",
        [
            Column("per second", "stored-200x1", "deliveriesPerSecond", _count, spread=True),
            Column("per CPU second", "stored-200x1", "deliveriesPerCpu", _count, spread=True),
        ],
    ),
    "restart": (
        "A restart with 1,000,000 messages of 1,024 bytes, and joins that recover 10 messages.",
        [
            Column("startup, s", "restart-1g", "startup", _scaled(1, 2), spread=True),
            Column("join: p50, ms", "restart-1g", "joinP50", _milliseconds),
            Column("join: p99, ms", "restart-1g", "joinP99", _milliseconds),
            Column("file, MB", "restart-1g", "fileSize", _scaled(1e-6, 0)),
            Column("bytes per message", "restart-1g", "bytesPerMessage", _count),
        ],
    ),
}

#: The numbers that a published file contains.
PUBLISHED = {column.number for _, columns in TABLES.values() for column in columns}


def labelOf(peer: str, transport: str, variant: str = "") -> str:
    """
    @return: the name of a row
    """
    name = _NAMES.get(peer, peer)
    return f"{name}{variant and f' ({variant})'}, {_TRANSPORTS[transport]}"


def variantsOf(peer: str, figures: Mapping[Key, Summary]) -> list[str]:
    """
    @return: the names that C{--variant} and C{--checkout} have given to a peer; first C{""}
    """
    known = {each.name for each in PEERS}
    measured = {name for _, name, _ in figures} - known
    suffix = f"-{peer}"
    return ["", *sorted([each.removesuffix(suffix) for each in measured if each.endswith(suffix)])]


def table(columns: Sequence[Column], figures: Mapping[Key, Summary]) -> list[str]:
    """
    @return: the lines of a table in reStructuredText, with the servers in the order of L{PEERS};
        without lines and columns that have no figure
    """
    rows = [["server", *(column.heading for column in columns)]]
    for peer in PEERS:
        for variant, transport in product(variantsOf(peer.name, figures), peer.dialects):
            name = f"{variant}-{peer.name}" if variant else peer.name
            summaries = [figures.get((column.shape, name, transport), {}) for column in columns]
            cells = [column.cell(each) for column, each in zip(columns, summaries, strict=True)]
            if any(cells):
                rows.append([labelOf(peer.name, transport, variant), *cells])
    return _lines(rows)


def _lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """
    @param rows: the cells, with those of the head first
    @return: the lines of a table without empty columns; none without rows
    """
    if len(rows) <= 1:
        return []
    shown = [index for index in range(len(rows[0])) if any(row[index] for row in rows[1:])]
    rows = [[row[index] for index in shown] for row in rows]
    widths = [max(len(row[index]) for row in rows) for index in range(len(shown))]
    line = "  ".join("=" * width for width in widths)
    padded = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [line, padded[0], line, *padded[1:], line]


def about(file: Mapping[str, Any]) -> str:
    """
    @return: a sentence on the runs and the machine
    """
    machine, runs = file["machine"], {each["count"] for each in file["results"]}
    number = f"{min(runs)} to {max(runs)}" if len(runs) > 1 else str(max(runs))
    measured = "One run" if runs == {1} else f"Medians of {number} runs"
    system = " ".join(machine["system"].split()[:2])
    commit = f", MaChat {machine['commit']}" if machine.get("commit") else ""
    return f"{measured}; {machine['cpus']} cores, {system}, Python {machine['python']}{commit}."


def load(path: Path) -> tuple[str, dict[Key, Summary]]:
    """
    @return: what the sentence of L{about} describes, and the figures of a published file
    """
    file = json.loads(path.read_text())
    return about(file), {
        (each["shape"]["name"], each["peer"], each["transport"]): each["summary"]
        for each in file["results"]
    }


def generate(page: str, folder: Path) -> str:
    """
    @param page: the text of the page
    @param folder: the folder with the published files
    @return: the text with its tables generated again
    """

    def fill(found: re.Match[str]) -> str:
        name, file = found.groups()
        path = folder / f"{file}.json"
        description, figures = load(path) if path.exists() else ("", {})
        if name in COMPARISONS:
            title, comparisons = COMPARISONS[name]
            lines = _lines(compare(comparisons, figures))
        else:
            title, columns = TABLES[name]
            lines = table(columns, figures)
        body = [title, description, "", *lines, ""] if lines else []
        return "\n".join([f".. figures: {name} {file}", "", *body, ".. figures: end", ""])

    return _MARKED.sub(fill, page)


def publish(results: Sequence[Path], target: Path) -> None:
    """
    Write the figures of results files that the tables show to another file.

    @param results: files of one machine and one commit, with different shapes
    @raise ValueError: they are not, or the results are of an interrupted run
    """
    files = [json.loads(path.read_text()) for path in results]
    for path, file in zip(results, files, strict=True):
        if not file["complete"]:
            raise ValueError(f"{path} is of a run that was interrupted")
        if file["machine"] != files[0]["machine"]:
            raise ValueError(f"{path} is of another machine or commit than {results[0]}")
    head = json.dumps({"machine": files[0]["machine"]})[:-1]
    lines = [
        json.dumps(
            {
                "shape": {"name": each["shape"]["name"]},
                "peer": each["peer"],
                "transport": each["transport"],
                "count": each["count"],
                "summary": {k: v for k, v in each["summary"].items() if k in PUBLISHED},
            }
        )
        for file in files
        for each in file["results"]
        if each["count"]
    ]
    target.parent.mkdir(exist_ok=True)
    target.write_text(head + ', "results": [\n' + ",\n".join(lines) + "\n]}\n")


def main() -> None:
    """
    Publish results if the command line names them, and generate the page.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--publish", nargs="+", metavar="RESULTS", help="... and the NAME")
    options = parser.parse_args()
    if options.publish is not None:
        *results, name = options.publish
        try:
            publish([Path(each) for each in results], FIGURES / f"{name}.json")
        except (OSError, ValueError, KeyError) as error:
            sys.exit(f"benchmarks: {error}")
    PAGE.write_text(generate(PAGE.read_text(), FIGURES))


if __name__ == "__main__":
    main()
