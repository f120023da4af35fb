"""
Writes the table of faults in F{docs/scaling.rst} from the counts of L{tools.faults}::

    python -m tools.faulttable
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

_DOCS = Path(__file__).parent.parent / "docs"

#: The page, and the file with the counts.
PAGE = _DOCS / "scaling.rst"
FILE = _DOCS / "figures" / "faults.json"

_MARKED = re.compile(r"(?ms)^\.\. faults: begin\n.*?^\.\. faults: end\n")

#: The headings of the columns, and the counts that each of them adds up.
COLUMNS: dict[str, tuple[str, ...]] = {
    "lasted": ("lasted",),
    "acked": ("acknowledged",),
    "seen": ("seen",),
    "refused": ("refused",),
    "lost": ("lost and reported",),
    "unreported": ("lost without a report", "missed without a report"),
    "false": ("reports without a loss",),
    "twice": ("twice",),
    "order": ("out of order",),
    "ghosts": ("ghosts",),
    "held": ("held",),
    "resumed": ("resumed",),
}

_SECONDS = ("lasted", "held", "resumed")


def _cell(row: Mapping[str, float], counts: tuple[str, ...]) -> str:
    number = sum([row[name] for name in counts])
    return f"{number:.1f} s" if counts[0] in _SECONDS else f"{number:,.0f}"


def tableOf(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """
    @param rows: the counts of each run
    @return: the lines of a table
    """
    cells = [["fault", *COLUMNS]]
    for name, row in rows.items():
        cells.append([name, *[_cell(row, counts) for counts in COLUMNS.values()]])
    widths = [max([len(each) for each in column]) for column in zip(*cells, strict=True)]
    rule = "  ".join(["=" * width for width in widths])
    lines = [
        "  ".join([cell.ljust(width) for cell, width in zip(line, widths, strict=True)]).rstrip()
        for line in cells
    ]
    return [rule, lines[0], rule, *lines[1:], rule]


def generate(page: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    """
    @return: the page with its table generated again
    """
    lines = ["", *tableOf(rows), ""]
    text = "\n".join([".. faults: begin", *lines, ".. faults: end", ""])
    return _MARKED.sub(lambda _: text, page)


if __name__ == "__main__":
    PAGE.write_text(generate(PAGE.read_text(), json.loads(FILE.read_text())))
