"""
The tables of F{docs/scaling.rst}, from the figures of L{benchmarks.sizing}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import FOLDER

PAGE = FOLDER.parent / "docs" / "scaling.rst"
FILE = FOLDER.parent / "docs" / "figures" / "sizing" / "redis.json"

#: The size of the text of a message, bytes.
TEXT = 100

#: The calculated chat: its members and servers, the members and stored messages of a room, and the
#: seconds between two messages of a member.
PEOPLE, SERVERS, SHARE, KEPT, PERIOD = 1_000_000, 20, 50, 1_000, 120

#: The messages of all members, per second.
SENT = PEOPLE / PERIOD

_MARKED = re.compile(r"(?ms)^\.\. sizing: (\w+)\n.*?^\.\. sizing: end\n")

Figures = Mapping[str, Any]


def costsOf(results: Path) -> dict[str, float]:
    """
    @param results: a results file of the benchmark
    @return: the costs of a server with Redis: bytes of a connection, and seconds of CPU time of a
        join and of a delivery. Of TCP and WebSocket, the larger one
    @raise KeyError: a measurement is missing
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for each in json.loads(results.read_text())["results"]:
        if each["peer"] == "machat-redis" and each["count"]:
            found.setdefault(each["shape"]["name"], []).append(each["summary"])
    return {
        "connection": max(each["bytesPerConnection"]["median"] for each in found["idle"]),
        "join": max(1 / each["joinsPerCpu"]["median"] for each in found["joins"]),
        "delivery": max(1 / each["deliveriesPerCpu"]["median"] for each in found["200x5"]),
    }


def grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """
    @return: a table in reStructuredText; the first row is its heading
    """
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    line = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [line, lines[0], line, *lines[1:], line]


def costs(figures: Figures) -> list[str]:
    """
    @return: the table of the measured costs
    """
    sizes, batches, further = figures["bytes"], figures["batches"], figures["further"]
    rows = [["cost", "Redis", "one server"]]
    for name, text in (
        ("room", "an open room"),
        ("message", "a stored message, in addition to its text"),
        ("id", "the id of a message of a sender with 8 ids, for 2 to 4 minutes"),
        ("claim", "a name of 12 characters in a room"),
    ):
        more = f", {figures['claim'] * 1e6:,.0f} us" if name == "claim" else ""
        rows.append([text, f"{sizes[name]:,.0f} B{more}", ""])
    for size, cost in batches.items():
        text = "a batch of one message" if size == "1" else f"a batch of {size} messages"
        rows.append([text, f"{cost['engine'] * 1e6:,.0f} us", f"{cost['node'] * 1e6:,.0f} us"])
    text = "the same batch of one message at each further server"
    cells = [f"{further[each] * 1e6:,.0f} us" for each in ("engine", "node")]
    rows.append([text, *cells])
    rows += [
        ["a connection", "", f"{figures['server']['connection'] / 1e3:,.1f} kB"],
        ["a join", "", f"{figures['server']['join'] * 1e6:,.0f} us"],
        ["a delivery in rooms of 5", "", f"{figures['server']['delivery'] * 1e6:,.1f} us"],
    ]
    machine = figures["machine"]
    about = (
        f"Redis {machine['redis']} with ``appendonly yes`` and ``appendfsync everysec``;"
        f" {machine['cpus']} cores, {machine['system']}, Python {machine['python']}."
    )
    return [f"CPU time and memory. {about}", "", *grid(rows)]


def million(figures: Figures) -> list[str]:
    """
    @return: the table of what a million connections require
    """
    rows = [
        ["resource", "calculation", "sum"],
        ["messages", f"{PEOPLE:,} / {PERIOD} s", f"{SENT:,.0f} per second"],
        ["deliveries", f"{SENT:,.0f} x {SHARE}", f"{SENT * SHARE / 1e3:,.0f} k per second"],
        *_ofServers(figures),
        *_ofRedis(figures),
    ]
    return grid(rows)


def _ofServers(figures: Figures) -> list[list[str]]:
    server, others = figures["server"], SERVERS - 1
    connection, join, delivery = (server[key] for key in ("connection", "join", "delivery"))
    received = figures["further"]["node"]
    return [
        [
            "memory of all servers",
            f"{PEOPLE:,} x {connection / 1e3:,.1f} kB",
            f"{PEOPLE * connection / 1e9:,.1f} GB",
        ],
        [
            "CPU of all servers: deliveries",
            f"{SENT * SHARE / 1e3:,.0f} k x {delivery * 1e6:,.1f} us",
            f"{SENT * SHARE * delivery:,.1f} cores",
        ],
        [
            "CPU of all servers: messages from others",
            f"{SENT:,.0f} x {others} x {received * 1e6:,.0f} us",
            f"{SENT * others * received:,.1f} cores",
        ],
        [
            "CPU of all servers: all join again in 60 s",
            f"{PEOPLE:,} x {join * 1e6:,.0f} us / 60 s",
            f"{PEOPLE * join / 60:,.1f} cores",
        ],
    ]


def _ofRedis(figures: Figures) -> list[list[str]]:
    sizes, rooms, others = figures["bytes"], PEOPLE // SHARE, SERVERS - 1
    one, more = figures["batches"]["1"]["engine"], figures["further"]["engine"]
    messages = rooms * KEPT * (sizes["message"] + TEXT)
    stored = rooms * sizes["room"] + messages + PEOPLE * sizes["claim"]
    return [
        [
            "memory of Redis",
            f"{rooms:,} rooms, {rooms * KEPT / 1e6:,.0f} M messages, {PEOPLE:,} names",
            f"{stored / 1e9:,.1f} GB",
        ],
        [
            "CPU of Redis: messages",
            f"{SENT:,.0f} x ({one * 1e6:,.0f} us + {others} x {more * 1e6:,.1f} us)",
            f"{SENT * (one + others * more):,.1f} cores",
        ],
        [
            "CPU of Redis: all join again in 60 s",
            f"{PEOPLE:,} x {figures['claim'] * 1e6:,.0f} us / 60 s",
            f"{PEOPLE * figures['claim'] / 60:,.1f} cores",
        ],
    ]


TABLES: dict[str, Callable[[Figures], list[str]]] = {"costs": costs, "million": million}


def generate(page: str, figures: Figures) -> str:
    """
    @return: the page with its tables generated again
    """

    def fill(found: re.Match[str]) -> str:
        name = found[1]
        lines = TABLES[name](figures)
        return "\n".join([f".. sizing: {name}", "", *lines, "", ".. sizing: end", ""])

    return _MARKED.sub(fill, page)
