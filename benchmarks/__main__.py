"""
The command line: C{python -m benchmarks --help}.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from benchmarks.compiled import compileTurn
from benchmarks.peers import PEERS
from benchmarks.processes import raiseFileLimit
from benchmarks.runner import Outcome, entries, obstacle, run
from benchmarks.shapes import QUICK_BUDGET, QUICK_SECONDS, QUICK_SHAPES, SHAPES, Shape

try:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
except ImportError:
    sys.exit("benchmarks: rich is not installed: pip install 'machat[bench]'")

#: Width of the output in columns if it does not go to a terminal.
_WIDTH = 140

TRANSPORTS = ("tcp", "ws", "tls")


def parseArguments(arguments: Sequence[str]) -> argparse.Namespace:
    """
    @return: the options
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Compare MaChat with other servers."
    )
    add = parser.add_argument
    add("--list", action="store_true", help="list the shapes and the peers")
    add("--quick", action="store_true", help="measure two shapes, half a second each")
    add("--shape", action="append", choices=[s.name for s in SHAPES], metavar="NAME")
    add("--peer", action="append", choices=[p.name for p in PEERS], metavar="NAME")
    add("--transport", action="append", choices=TRANSPORTS)
    add("--repeat", type=int, default=1, metavar="N", help="run all N times, show the medians")
    add("--seconds", type=float, metavar="S", help="measurement time of each run")
    add("--size", type=int, metavar="BYTES", help="size of a message body, for all shapes")
    add("--output", type=Path, metavar="DIR", help="write results.json and results.png here")
    return parser.parse_args(arguments)


def chosenShapes(options: argparse.Namespace) -> list[Shape]:
    """
    @return: the shapes that the options select
    """
    names = options.shape or (QUICK_SHAPES if options.quick else [s.name for s in SHAPES])
    seconds = options.seconds or (QUICK_SECONDS if options.quick else None)
    shapes = [shape for shape in SHAPES if shape.name in names]
    if options.size:
        shapes = [Shape(**{**asdict(shape), "size": options.size}) for shape in shapes]
    return [shape.lasting(seconds) for shape in shapes] if seconds else shapes


def chosenTransports(options: argparse.Namespace) -> set[str]:
    """
    @return: the transports that the options select. C{--quick} omits TLS to save time.
    """
    return set(options.transport or (TRANSPORTS[:2] if options.quick else TRANSPORTS))


def showChoices(console: Console) -> None:
    """
    Print the shapes and the peers.
    """
    for shape in SHAPES:
        text = f"{shape.rooms} x {shape.members}, {shape.size} B, {shape.kind.value}"
        console.print(f"shape  {shape.name:12} {text}", highlight=False)
    for peer in PEERS:
        missing = {t: peer.missing(t) for t in peer.dialects}
        for transport, reason in missing.items():
            state = f" [red]not installed: {reason}[/red]" if reason else ""
            console.print(
                f"peer   {peer.name:12} {transport:4}{peer.about}{state}", highlight=False
            )


def measure(
    console: Console, outcomes: Sequence[Outcome], repeat: int, budget: float | None
) -> None:
    """
    Run all outcomes that are not skipped, in turn, C{repeat} times. A slow period of the machine
    therefore affects all of them alike.

    @param budget: seconds after which no more runs start; C{None} for no limit
    """
    begun = time.monotonic()
    wanted = [outcome for outcome in outcomes if outcome.skipped is None]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        library = compileTurn(Path(folder))
        task = progress.add_task("", total=repeat * len(wanted))
        for number, outcome in enumerate(list(wanted) * repeat):
            if budget is not None and time.monotonic() > begun + budget:
                outcome.skipped = None if outcome.runs else "out of time"
                continue
            entry = outcome.entry
            progress.update(task, description=f"{entry.shape.name} {entry.label}", completed=number)
            progressed = partial(_advance, progress, task, number)
            run(outcome, library, progressed)


def _advance(progress: Progress, task: TaskID, number: int, done: float) -> None:
    progress.update(task, completed=number + done)


def finish(console: Console, outcomes: Sequence[Outcome], folder: Path | None) -> None:
    """
    Print the results, and write them to the folder if there is one.
    """
    from benchmarks.plot import draw
    from benchmarks.report import asJson, show

    show(console, outcomes)
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(asJson(outcomes), indent=1) + "\n")
    try:
        draw(outcomes, folder / "results.png")
    except ImportError:
        console.print("no plot: matplotlib is not installed")
    console.print(f"results are in {folder}", highlight=False)


def main() -> int:
    """
    @return: the exit status: 1 if a run failed, 130 after an interrupt
    """
    options = parseArguments(sys.argv[1:])
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    if options.list:
        showChoices(console)
        return 0
    if not sys.platform.startswith("linux"):
        sys.exit("benchmarks: needs Linux: epoll and /proc")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop all processes, as on Ctrl-C
    files = raiseFileLimit()
    peers = [peer for peer in PEERS if not options.peer or peer.name in options.peer]
    outcomes = [
        Outcome(entry, skipped=obstacle(entry, files))
        for entry in entries(chosenShapes(options), peers, chosenTransports(options))
    ]
    interrupted = False
    try:
        measure(console, outcomes, options.repeat, QUICK_BUDGET if options.quick else None)
    except KeyboardInterrupt:
        interrupted = True
    finish(console, outcomes, options.output)
    if interrupted:
        return 130
    return 1 if any(outcome.failed for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
