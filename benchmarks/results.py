"""
Results files: JSON with one result per line, in the order of the measurements.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.peers import FOLDER
from benchmarks.runner import Outcome

#: The name of a results file in the folder of C{--output}.
NAME = "results.json"

#: The median, minimum and maximum of each number.
Summary = dict[str, dict[str, float]]

#: The name of the shape, the name of the peer, and the transport.
Key = tuple[str, str, str]


def summary(runs: Sequence[Mapping[str, Any]]) -> Summary:
    """
    @param runs: the measurements of L{benchmarks.load}
    @return: the median, minimum and maximum of each number over all runs
    """
    found: Summary = {}
    for key in runs[0] if runs else ():
        numbers = [run[key] for run in runs if not isinstance(run.get(key), bool | None)]
        if numbers:
            found[key] = {"median": median(numbers), "least": min(numbers), "most": max(numbers)}
    return found


def encode(outcomes: Iterable[Outcome], complete: bool) -> str:
    """
    @param complete: whether all measurements have been made
    @return: the content of a results file. It omits outcomes without any result.
    """
    head = {"machine": _machine(), "complete": complete}
    lines = [
        json.dumps(
            {
                "shape": asdict(outcome.entry.shape),
                "peer": outcome.entry.peer.name,
                "transport": outcome.entry.transport,
                "skipped": outcome.skipped,
                "failed": outcome.failed,
                "count": len(outcome.runs),
                "summary": {key: _rounded(values) for key, values in summary(outcome.runs).items()},
                "runs": [_rounded(run) for run in outcome.runs],
            }
        )
        for outcome in outcomes
        if outcome.runs or outcome.skipped or outcome.failed
    ]
    return json.dumps(head)[:-1] + ', "results": [\n' + ",\n".join(lines) + "\n]}\n"


def write(outcomes: Iterable[Outcome], folder: Path, complete: bool) -> None:
    """
    Replace the results file in this folder. The file is valid at any time, so that a run may be
    killed.
    """
    unfinished = folder / (NAME + ".new")
    unfinished.write_text(encode(outcomes, complete))
    os.replace(unfinished, folder / NAME)


def measured(outcomes: Iterable[Outcome]) -> dict[Key, tuple[int, Summary]]:
    """
    @return: the number of runs and the summary of each outcome that has runs
    """
    return {
        (outcome.entry.shape.name, outcome.entry.peer.name, outcome.entry.transport): (
            len(outcome.runs),
            summary(outcome.runs),
        )
        for outcome in outcomes
        if outcome.runs
    }


def summaries(path: Path) -> dict[Key, tuple[int, Summary]]:
    """
    @param path: a results file
    @return: the number of runs and the summary of each measurement that has runs
    @raise OSError: the file cannot be read
    @raise ValueError: it is not a results file
    """
    try:
        results = json.loads(path.read_text())["results"]
        return {
            (each["shape"]["name"], each["peer"], each["transport"]): (
                each["count"],
                each["summary"],
            )
            for each in results
            if each["count"]
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a results file: {error}") from None


def _rounded(run: Mapping[str, Any]) -> dict[str, Any]:
    """
    @return: the same with five significant digits
    """
    return {
        key: float(f"{value:.5g}") if isinstance(value, float) else value
        for key, value in run.items()
    }


def _machine() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "disk": _fileSystem(Path(tempfile.gettempdir())),
        "commit": _commit(),
    }


def _fileSystem(folder: Path) -> str | None:
    """
    @return: the type of the file system with the servers' files. On C{tmpfs}, a commit costs
        nothing.
    """
    command = ["stat", "-f", "-c", "%T", str(folder)]
    return _output(command)


def _commit() -> str | None:
    return _output(["git", "-C", str(FOLDER), "describe", "--always", "--dirty"])


def _output(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
