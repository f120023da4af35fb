"""
The changes between two results files: C{python -m benchmarks.compare BEFORE AFTER}. A change counts
only if it exceeds the spread: all runs of one file are below all runs of the other.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import Key, Summary, measured, summaries
from benchmarks.runner import Outcome

#: Minimum number of runs in each file. Five runs of the same server, compared with five others,
#: differ by more than their spread once in 126 times; three runs do so once in 10 times.
ENOUGH = 3

#: The numbers to compare, and whether a larger one is better.
COMPARED = {
    "deliveriesPerCpu": True,
    "deliveriesPerSecond": True,
    "userPerMessage": False,
    "p50": False,
    "p99": False,
    "cpu": False,
    "joinsPerCpu": True,
    "bytesPerConnection": False,
    "growth": False,
    "engineCpu": False,
    "startup": False,
    "joinP50": False,
    "joinP99": False,
    "bytesPerMessage": False,
}

#: The measurements of a file: the number of runs, and their summary.
Measured = Mapping[Key, tuple[int, Summary]]


@dataclass(frozen=True)
class Change:
    """
    A number that has changed by more than the spread.

    @ivar before: the median before
    @ivar after: the median after
    """

    key: Key
    number: str
    before: float
    after: float

    def __str__(self) -> str:
        relative = f"{self.after / self.before - 1:+.1%}" if self.before else "was 0"
        better = (self.after > self.before) is COMPARED[self.number]
        name = " ".join(self.key)
        values = f"{self.before:.4g} -> {self.after:.4g}"
        return f"{'better' if better else 'worse'}: {name}: {self.number} {values} ({relative})"


def changes(before: Measured, after: Measured) -> Iterator[Change]:
    """
    @return: the changes of the measurements that both have, with enough runs
    """
    for key in _common(before, after):
        (count, old), (otherCount, new) = before[key], after[key]
        if min(count, otherCount) < ENOUGH:
            continue
        for number in COMPARED:
            was, now = old.get(number), new.get(number)
            if was and now and (was["most"] < now["least"] or now["most"] < was["least"]):
                yield Change(key, number, was["median"], now["median"])


def compared(outcomes: Sequence[Outcome], checkout: str) -> tuple[Measured, Measured]:
    """
    @return: the measurements of another checkout, and those of this one, under the same names
    """
    found, prefix = measured(outcomes), f"{checkout}-"
    others = {
        (shape, peer.removeprefix(prefix), transport): value
        for (shape, peer, transport), value in found.items()
        if peer.startswith(prefix)
    }
    return others, found


def report(before: Measured, after: Measured) -> list[str]:
    """
    @return: lines with the changes, and with what could not be compared
    """
    common = _common(before, after)
    few = [key for key in common if min(before[key][0], after[key][0]) < ENOUGH]
    lines = [str(change) for change in changes(before, after)]
    lines += [f"not compared: {' '.join(key)}: fewer than {ENOUGH} runs" for key in few]
    compared = len(common) - len(few)
    if compared and len(lines) == len(few):
        lines.append("no change exceeds the spread")
    return [*lines, f"compared {compared} measurements"]


def _common(before: Measured, after: Measured) -> list[Key]:
    return [key for key in after if key in before]


def main() -> None:
    """
    Compare the two files of the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("before", type=Path, metavar="BEFORE")
    parser.add_argument("after", type=Path, metavar="AFTER")
    options = parser.parse_args()
    try:
        lines = report(summaries(options.before), summaries(options.after))
    except (OSError, ValueError) as error:
        sys.exit(f"benchmarks: {error}")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
