"""
The results as a plot.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.results import summary
from benchmarks.runner import Outcome
from benchmarks.shapes import Kind

#: The contents of a panel for each kind of shape: key of the number, its label, and its unit.
_SHOWN: dict[Kind, tuple[str, str, float]] = {
    Kind.THROUGHPUT: ("deliveriesPerCpu", "thousand deliveries per CPU second", 1e3),
    Kind.RATE: ("p99", "99 % of latencies below, ms", 1.0),
    Kind.IDLE: ("bytesPerConnection", "kB for each connection", 1e3),
    Kind.JOINS: ("joinsPerCpu", "joins per CPU second", 1.0),
    Kind.STALL: ("p99", "99 % of the others' latencies below, ms", 1.0),
    Kind.RECOVERY: ("startup", "seconds until it listens", 1.0),
}
_OURS, _OTHERS = "#1f77b4", "#b0b7bf"
_COLUMNS = 3


def draw(outcomes: Sequence[Outcome], path: Path) -> None:
    """
    Write a PNG with one panel for each shape that has results.

    @raise ImportError: matplotlib is not installed
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    measured = [outcome for outcome in outcomes if outcome.runs]
    panels = [list(group) for _, group in groupby(measured, key=lambda each: each.entry.shape)]
    if not panels:
        return
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    tallest = max(len(panel) for panel in panels)
    size = (5.2 * columns, (0.9 + 0.28 * tallest) * rows)
    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        _panel(axis, panel)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _panel(axis: Any, outcomes: Sequence[Outcome]) -> None:
    """
    Draw bars with the medians, and whiskers from the minimum to the maximum.
    """
    shape = outcomes[0].entry.shape
    key, caption, unit = _SHOWN[shape.kind]
    numbers = [
        (outcome, found[key]) for outcome in outcomes if key in (found := summary(outcome.runs))
    ]
    numbers.sort(key=lambda pair: pair[1]["median"], reverse=shape.kind in _LOW_IS_GOOD)
    medians = [number["median"] / unit for _, number in numbers]
    spread = [
        [(number["median"] - number["least"]) / unit for _, number in numbers],
        [(number["most"] - number["median"]) / unit for _, number in numbers],
    ]
    colours = [_OURS if outcome.entry.peer.name == "machat" else _OTHERS for outcome, _ in numbers]
    labels = [outcome.entry.label for outcome, _ in numbers]
    bars = axis.barh(labels, medians, xerr=spread, color=colours, error_kw={"elinewidth": 1})
    axis.bar_label(bars, fmt="%.3g", padding=4, fontsize=8)
    axis.margins(x=0.15)
    axis.set_title(shape.name, loc="left", fontsize=10, fontweight="bold")
    axis.set_xlabel(caption, fontsize=8)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


#: The kinds of which the shortest bar is the best. The best bar is at the top of each panel.
_LOW_IS_GOOD = {Kind.RATE, Kind.IDLE, Kind.STALL, Kind.RECOVERY}
