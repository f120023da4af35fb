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
from dataclasses import asdict
from pathlib import Path

from benchmarks.compare import Measured, report
from benchmarks.compiled import compileTurn
from benchmarks.peers import PEERS
from benchmarks.processes import raiseFileLimit
from benchmarks.results import measured, summaries, write
from benchmarks.runner import Outcome, entries, obstacle, run
from benchmarks.shapes import QUICK_BUDGET, QUICK_SECONDS, QUICK_SHAPES, SHAPES, Shape

try:
    from rich.console import Console

    from benchmarks.progress import shown
    from benchmarks.report import show
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
    add(
        "--output",
        type=Path,
        metavar="DIR",
        help="write results.json after each run, and results.png",
    )
    add("--compare", type=Path, metavar="FILE", help="report the changes since this results.json")
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
        console.print(f"shape  {shape.name:13} {text}", highlight=False)
    for peer in PEERS:
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
        showChoices(console)
        return 0
    if not sys.platform.startswith("linux"):
        sys.exit("benchmarks: needs Linux: epoll and /proc")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop all processes, as on Ctrl-C
    before = compareWith(options.compare)
    files = raiseFileLimit()
    peers = [peer for peer in PEERS if not options.peer or peer.name in options.peer]
    outcomes = [
        Outcome(entry, skipped=obstacle(entry, files))
        for entry in entries(chosenShapes(options), peers, chosenTransports(options))
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
        for line in report(before, measured(outcomes)):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    if interrupted:
        return 130
    return 1 if any(outcome.failed for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
