"""
The results as tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.results import summary
from benchmarks.runner import Outcome
from benchmarks.shapes import Kind

#: Heading, key in the result of a run, and the function that formats a number.
Column = tuple[str, str, Callable[[float], str]]


def _count(number: float) -> str:
    if abs(number) >= 1e6:
        return f"{number / 1e6:.2f}M"
    return f"{number / 1e3:.0f}k" if abs(number) >= 1e4 else f"{number:.0f}"


def _microseconds(number: float) -> str:
    return f"{number * 1e6:.1f}"


def _share(number: float) -> str:
    return f"{number:.0%}"


def _tenths(number: float) -> str:
    return f"{number:.1%}"


def _milliseconds(number: float) -> str:
    return f"{number:.2f}" if number < 100 else f"{number:.0f}"


def _megabytes(number: float) -> str:
    return f"{number / 1e6:.1f}"


def _kilobytes(number: float) -> str:
    return f"{number / 1e3:.2f}"


def _seconds(number: float) -> str:
    return f"{number:.1f}"


def _precise(number: float) -> str:
    return f"{number:.2f}"


_LATENCY: tuple[Column, ...] = (
    ("p50", "p50", _milliseconds),
    ("p99", "p99", _milliseconds),
    ("p99.9", "p999", _milliseconds),
)
_CPU: Column = ("CPU", "cpu", _share)
_MEMORY: Column = ("RSS MB", "memory", _megabytes)
_LOST: Column = ("lost", "lost", _count)
_CONNECTION: Column = ("kB/connection", "bytesPerConnection", _kilobytes)
_JOINS: Column = ("joins/CPU s", "joinsPerCpu", _count)
_COST: tuple[Column, ...] = (
    ("user", "userShare", _share),
    ("kernel", "kernelShare", _share),
    _MEMORY,
    _LOST,
    ("engine CPU", "engineCpu", _tenths),
)
_FLOW: tuple[Column, ...] = (
    ("deliv./s", "deliveriesPerSecond", _count),
    ("per CPU s", "deliveriesPerCpu", _count),
)

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    Kind.THROUGHPUT: (*_FLOW, ("user us/msg", "userPerMessage", _microseconds), *_LATENCY, *_COST),
    Kind.RATE: (*_LATENCY, *_FLOW, _CPU, *_COST),
    Kind.IDLE: (_CONNECTION, _MEMORY, _JOINS),
    Kind.JOINS: (_JOINS, _CONNECTION, _MEMORY),
    Kind.STALL: (
        ("p99 before", "p99Before", _milliseconds),
        ("p99 then", "p99", _milliseconds),
        ("p99.9 then", "p999", _milliseconds),
        ("closed", "stalledClosed", _count),
        ("after s", "lastClosedAfter", _seconds),
        ("RSS + MB", "growth", _megabytes),
        *_FLOW[1:],
        _CPU,
        _LOST,
    ),
    Kind.RECOVERY: (
        ("startup s", "startup", _precise),
        ("join p50", "joinP50", _milliseconds),
        ("join p99", "joinP99", _milliseconds),
        ("recovered", "recovered", _share),
        ("file MB", "fileSize", _megabytes),
        ("B/message", "bytesPerMessage", _count),
        ("messages/s", "messagesPerSecond", _count),
        _LOST,
    ),
}


#: The most important number of each kind: key in the result of a run, its unit, and its format.
HEADLINES: dict[Kind, tuple[str, str, Callable[[float], str]]] = {
    Kind.THROUGHPUT: ("deliveriesPerCpu", "deliveries per CPU second", _count),
    Kind.RATE: ("p99", "ms at p99", _milliseconds),
    Kind.IDLE: ("bytesPerConnection", "kB per connection", _kilobytes),
    Kind.JOINS: ("joinsPerCpu", "joins per CPU second", _count),
    Kind.STALL: ("p99", "ms at p99", _milliseconds),
    Kind.RECOVERY: ("startup", "s until it listens", _precise),
}


def headline(kind: Kind, run: Mapping[str, Any]) -> str:
    """
    @param run: the result of a run of this kind
    @return: its most important number, with the unit
    """
    key, unit, form = HEADLINES[kind]
    number = run.get(key)
    return "no " + unit if number is None else f"{form(number)} {unit}"


def show(console: Console, outcomes: Iterable[Outcome]) -> None:
    """
    Print a table for each shape, and a line for each entry that was not measured.
    """
    for shape, group in groupby(outcomes, key=lambda outcome: outcome.entry.shape):
        members = list(group)
        if any(outcome.runs for outcome in members):
            title = (
                f"{shape.name}: {shape.rooms} x {shape.members}, {shape.size} B, {_pace(members)};"
                " latencies in ms"
            )
            console.print(_table(title, COLUMNS[shape.kind], members))
        for outcome in members:
            label = f"{shape.name} {outcome.entry.label}"
            if outcome.skipped:
                console.print(f"{label}: skipped: {outcome.skipped}", style="dim", highlight=False)
            for reason in outcome.failed + _broken(outcome):
                console.print(f"{label}: failed: {reason}", style="red", markup=False)


def _broken(outcome: Outcome) -> list[str]:
    """
    @return: the problems that do not stop a run, but make its numbers doubtful
    """
    closed = max((run["closed"] for run in outcome.runs), default=0)
    if closed and outcome.entry.shape.kind is not Kind.STALL:
        return [f"the server closed {closed} connections"]
    return []


def _pace(outcomes: Sequence[Outcome]) -> str:
    shape = outcomes[0].entry.shape
    if shape.messages:
        return f"{shape.messages} messages, then a restart"
    if shape.rate:
        return f"{shape.rate:g} messages/s in each room"
    return f"{shape.window} in flight in each room" if shape.window else "silent"


def _table(title: str, columns: Sequence[Column], outcomes: Sequence[Outcome]) -> Table:
    """
    @return: a table of the medians, with the spread below them if there is more than one run
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE)
    table.add_column("server", no_wrap=True)
    found = {key for outcome in outcomes for run in outcome.runs for key in run}
    columns = [column for column in columns if column[1] in found]
    for heading, _, _ in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for outcome in outcomes:
        numbers = summary(outcome.runs)
        if numbers:
            cells = [_cell(numbers.get(key), form, len(outcome.runs)) for _, key, form in columns]
            style = "bold" if outcome.entry.peer.name == "machat" else ""
            table.add_row(outcome.entry.label, *cells, style=style)
    return table


def _cell(number: dict[str, float] | None, form: Callable[[float], str], runs: int) -> str:
    if number is None:
        return "-"
    shown = form(number["median"])
    if runs > 1 and number["least"] != number["most"]:
        shown += f"\n[dim]{form(number['least'])}..{form(number['most'])}[/dim]"
    return shown
