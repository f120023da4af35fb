"""
The layout of messages in a terminal.
"""

from __future__ import annotations

from datetime import datetime

from machat.cli.display import Line, clock, colour
from machat.cli.settings import Settings

_COLOURS = (
    ("ansired", "ansigreen", "ansiyellow", "ansiblue", "ansimagenta", "ansicyan")
    + ("ansibrightred", "ansibrightgreen", "ansibrightyellow")
    + ("ansibrightblue", "ansibrightmagenta", "ansibrightcyan")
)

_GREY = "ansibrightblack"

#: These begin the lines that belong to a message but do not contain its name: a quotation, the
#: further lines of a text, and reactions. No message can imitate them, because each of its lines
#: begins with a name or with C{MORE}.
QUOTE = "  > "
MORE = "  | "
REACTIONS = "  + "

#: Styled text, as prompt_toolkit prints it.
Fragments = list[tuple[str, str]]


def layout(line: Line, settings: Settings, now: datetime) -> Fragments:
    """
    @param now: the current time, in the time zone in which times are shown
    @return: the lines of text that show a message, or a text of the client
    """
    first, *more = line.text.split("\n")
    fragments: Fragments = []
    if line.quote is not None:
        fragments.append((_GREY, f"{QUOTE}{line.quote}\n"))
    fragments.append((_GREY, _prefix(line, settings, now)))
    style = _GREY if line.sender is None else "bold" if line.mention else ""
    if line.sender is not None:
        fragments += [(f"bold {_COLOURS[colour(line.sender)]}", line.sender), ("", ": ")]
    fragments.append((style, first))
    for each in more:
        fragments += [(_GREY, f"\n{MORE}"), (style, each)]
    if line.mark:
        fragments.append((_GREY, f" {line.mark}" if line.text else line.mark))
    if line.reactions:
        fragments.append((_GREY, f"\n{REACTIONS}{line.reactions}"))
    return [*fragments, ("", "\n")]


def _prefix(line: Line, settings: Settings, now: datetime) -> str:
    """
    @return: the time, the number and the room
    """
    parts = []
    if settings.times:
        at = line.at if line.at is not None else int(now.timestamp() * 1000)
        parts.append(f"{clock(at, now)} ")
    if settings.numbers and line.number is not None:
        parts.append(f"#{line.number} ")
    if line.room is not None:
        parts.append(f"[{line.room}] ")
    return "".join(parts)
