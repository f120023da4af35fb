"""
The command line: C{python -m benchmarks --help}.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.choices import chosenPeers, chosenShapes, chosenTransports, parseArguments
from benchmarks.compare import Measured, compared, report
from benchmarks.compiled import compileTurn
from benchmarks.peers import Peer
from benchmarks.processes import raiseFileLimit
from benchmarks.results import measured, summaries, write
from benchmarks.runner import Outcome, entries, obstacle, run
from benchmarks.shapes import GROUPS, QUICK_BUDGET, SHAPES

try:
    from rich.console import Console

    from benchmarks.progress import shown
    from benchmarks.report import show
except ImportError:
    sys.exit("benchmarks: rich is not installed: pip install 'machat[bench]'")

#: Width of the output in columns if it does not go to a terminal.
_WIDTH = 140


def showChoices(console: Console, peers: Sequence[Peer]) -> None:
    """
    Print the shapes, their groups, and the peers.
    """
    for name, shapes in GROUPS.items():
        console.print(f"group  {name:13} {' '.join(shapes)}", highlight=False)
    for shape in SHAPES:
        text = f"{shape.rooms} x {shape.members}, {shape.size} B, {shape.kind.value}"
        console.print(f"shape  {shape.name:13} {text}", highlight=False)
    for peer in peers:
        missing = {t: peer.missing(t) for t in peer.dialects}
        for transport, reason in missing.items():
            state = f" [red]not installed: {reason}[/red]" if reason else ""
            console.print(
                f"peer   {peer.name:13} {transport:4}{peer.about}{state}", highlight=False
            )


def rounds(outcomes: Sequence[Outcome], repeat: int) -> list[Outcome]:
    """
    @return: all outcomes that are not skipped, C{repeat} times. A slow period of the machine
        therefore affects all of them alike. If they are repeated, each round has a random order.
    """
    wanted = [outcome for outcome in outcomes if outcome.skipped is None]
    if repeat == 1:
        return wanted
    return [each for _ in range(repeat) for each in random.sample(wanted, len(wanted))]


def measure(console: Console, outcomes: Sequence[Outcome], options: argparse.Namespace) -> None:
    """
    Run all outcomes that are not skipped. Write the results after each run.
    """
    begun = time.monotonic()
    order = rounds(outcomes, options.repeat)
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        shown(console, len(order)) as progress,
    ):
        library = compileTurn(Path(folder))
        for number, outcome in enumerate(order):
            if options.quick and time.monotonic() > begun + QUICK_BUDGET:
                outcome.skipped = None if outcome.runs else "out of time"
                continue
            error = run(outcome, library, progress.begin(number, outcome))
            progress.end(number, outcome, error)
            if options.output is not None:
                write(outcomes, options.output, complete=False)


def finish(
    console: Console, outcomes: Sequence[Outcome], folder: Path | None, complete: bool
) -> None:
    """
    Print the results, and write them to the folder if there is one.
    """
    from benchmarks.plot import draw

    show(console, outcomes)
    if folder is None:
        return
    write(outcomes, folder, complete)
    try:
        draw(outcomes, folder / "results.png")
    except ImportError:
        console.print("no plot: matplotlib is not installed")
    console.print(f"results are in {folder}", highlight=False)


def showChanges(console: Console, name: str, before: Measured, after: Measured) -> None:
    """
    Print the changes that exceed the spread.

    @param name: where the measurements before are from
    """
    console.print(f"changes since {name}:", markup=False, highlight=False, soft_wrap=True)
    for line in report(before, after):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def compareWith(path: Path | None) -> Measured:
    """
    @return: the measurements of the file of C{--compare}
    @raise SystemExit: it is not a results file
    """
    try:
        return summaries(path) if path else {}
    except (OSError, ValueError) as error:
        sys.exit(f"benchmarks: --compare: {error}")


def main() -> int:
    """
    @return: the exit status: 1 if a run failed, 130 after an interrupt
    """
    options = parseArguments(sys.argv[1:])
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    if options.list:
        showChoices(console, chosenPeers(options))
        return 0
    if not sys.platform.startswith("linux"):
        sys.exit("benchmarks: needs Linux: epoll and /proc")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop all processes, as on Ctrl-C
    before = compareWith(options.compare)
    files = raiseFileLimit()
    outcomes = [
        Outcome(entry, skipped=obstacle(entry, files))
        for entry in entries(
            chosenShapes(options), chosenPeers(options), chosenTransports(options), options.pin
        )
    ]
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
    interrupted = False
    try:
        measure(console, outcomes, options)
    except KeyboardInterrupt:
        interrupted = True
    finish(console, outcomes, options.output, not interrupted)
    if options.compare is not None:
        showChanges(console, str(options.compare), before, measured(outcomes))
    for name, _ in options.checkout:
        showChanges(console, name, *compared(outcomes, name))
    if interrupted:
        return 130
    return 1 if any(outcome.failed for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
