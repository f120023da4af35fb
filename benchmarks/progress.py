"""
The progress of a run: a bar on a terminal, otherwise one line for each measurement.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from benchmarks.report import headline
from benchmarks.runner import Outcome

#: Called with the completed fraction of a measurement.
Progressed = Callable[[float], None]


class Lines:
    """
    One line for each measurement that has ended.
    """

    def __init__(self, console: Console, total: int) -> None:
        """
        @param total: the number of measurements
        """
        self._console = console
        self._total = total
        self._begun = time.monotonic()

    def begin(self, number: int, outcome: Outcome) -> Progressed:
        """
        @param number: the number of measurements before this one
        """
        return lambda fraction: None

    def end(self, number: int, outcome: Outcome, error: str | None) -> None:
        """
        Report the last run of an outcome, or its error.
        """
        entry, seconds = outcome.entry, time.monotonic() - self._begun
        told = f"failed: {error}" if error else headline(entry.shape.kind, outcome.runs[-1])
        place = f"{number + 1}/{self._total}"
        line = f"{place:>7} {seconds:6.0f} s  {entry.shape.name:12} {entry.label}: {told}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Bar:
    """
    A progress bar, with the current measurement and the remaining time.
    """

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def begin(self, number: int, outcome: Outcome) -> Progressed:
        """
        @param number: the number of measurements before this one
        """
        text = f"{outcome.entry.shape.name} {outcome.entry.label}"
        self._progress.update(self._task, description=text, completed=number)
        return partial(self._advance, number)

    def end(self, number: int, outcome: Outcome, error: str | None) -> None:
        """
        Complete this measurement. The tables show its result later.
        """
        self._advance(number, 1.0)

    def _advance(self, number: int, fraction: float) -> None:
        self._progress.update(self._task, completed=number + fraction)


@contextlib.contextmanager
def shown(console: Console, total: int) -> Iterator[Lines | Bar]:
    """
    Show the progress of this number of measurements.
    """
    if not console.is_terminal:
        yield Lines(console, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress, progress.add_task("", total=total))
