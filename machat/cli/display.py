"""
What a terminal, or a pipe, shows: lines that are safe to print.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import NamedTuple
from zlib import crc32

from machat import names

#: As many colours as a terminal is sure to have, without black, white and grey.
COLOURS = 12

#: Format characters that change what is seen and nothing else: joiners and the absence of a join
#: after a letter or a sign beyond ASCII (Persian, Indic scripts, emoji), the tags of a flag, and
#: the Arabic and Syriac number signs, which are visible.
_JOINED = re.compile(
    "(?<=[^\x00-\x7f\u200c\u200d])[\u200c\u200d]"
    "|(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
    "|[\u0600-\u0605\u06dd\u070f\u08e2]"
)


class Line(NamedTuple):
    """
    Something to show.

    @ivar text: one line
    @ivar sender: who said it, or C{None} if it is our own word
    @ivar room: where, if more than one room is open
    @ivar at: when it was said, milliseconds since the Unix epoch
    """

    text: str
    sender: str | None = None
    room: str | None = None
    at: int | None = None


def printable(text: str) -> str:
    """
    @return: the text with what a terminal might obey, and what would hide or reorder text, made
        visible
    """
    if text.isprintable():
        return text
    shown, start = [], 0
    for joined in _JOINED.finditer(text):
        shown += [_escape(text[start : joined.start()]), joined[0]]
        start = joined.end()
    return "".join([*shown, _escape(text[start:])])


def printableName(name: str) -> str:
    """
    @return: the same for a name, which has no invisible characters at all
    """
    return name if name.isprintable() else _escape(name)


def _escape(text: str) -> str:
    return "".join(c if _isVisible(c) else f"\\x{ord(c):02x}" for c in text)


def _isVisible(character: str) -> bool:
    """
    @return: whether it can be shown: spaces of all widths, and emoji that this Python does not know
        yet, are not C{isprintable}
    """
    if character.isprintable():
        return True
    category = unicodedata.category(character)
    return category == "Zs" or (category == "Cn" and 0x1F000 <= ord(character) < 0x1FC00)


def colour(name: str) -> int:
    """
    @return: the number of a colour below L{COLOURS}: the same for one name wherever it is written
    """
    return crc32(names.key(name).encode()) % COLOURS


def clock(at: int, now: datetime) -> str:
    """
    @param at: milliseconds since the Unix epoch
    @param now: in the zone of time to show it in
    @return: the time of the day, and the date if that is not today's
    """
    try:
        then = datetime.fromtimestamp(at / 1000, now.tzinfo)
    except (OverflowError, ValueError, OSError):  # a server may say anything
        return "--:--"
    return then.strftime("%H:%M" if then.date() == now.date() else "%Y-%m-%d %H:%M")


def stamp(at: int) -> str:
    """
    @return: the time with its zone, for programs (RFC 3339)
    """
    try:
        return datetime.fromtimestamp(at / 1000).astimezone().isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return "-"
