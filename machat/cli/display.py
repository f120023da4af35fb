"""
The lines that a terminal or a pipe shows. They are safe to print.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import NamedTuple
from zlib import crc32

from machat import names

#: The number of colours that every terminal has, without black, white and grey.
COLOURS = 12

#: Format characters that only change the shapes of visible characters: joiners and non-joiners
#: after a non-ASCII character (Persian, Indic scripts, emoji), the tags of a flag, and the Arabic
#: and Syriac number signs, which are visible.
_JOINED = re.compile(
    "(?<=[^\x00-\x7f\u200c\u200d])[\u200c\u200d]"
    "|(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
    "|[\u0600-\u0605\u06dd\u070f\u08e2]"
)


class Line(NamedTuple):
    """
    A message or a text of the client to show. Its texts are safe to print.

    @ivar text: the text. It may have several lines, which are separated by newlines
    @ivar sender: the sender of a message; C{None} for a text of the client itself
    @ivar room: the room, if more than one room is open
    @ivar at: the time of a message, milliseconds since the Unix epoch; C{None}: the current time
    @ivar number: the number of a message
    @ivar target: the key of the room and the number of the message that is shown or changed
    @ivar removes: whether the content of this message was removed
    @ivar quote: the message that this one answers, in one line
    @ivar mark: what to know about a message in addition to its text, such as C{(edited)}
    @ivar reactions: the reactions to a message, in one line
    @ivar mention: whether a new message mentions the user
    """

    text: str
    sender: str | None = None
    room: str | None = None
    at: int | None = None
    number: int | None = None
    target: tuple[str, int] | None = None
    removes: bool = False
    quote: str | None = None
    mark: str = ""
    reactions: str = ""
    mention: bool = False


def printable(text: str) -> str:
    """
    @return: the text with escapes in place of control characters, and of characters that hide or
        reorder text
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
    @return: the name with escapes in place of all invisible characters
    """
    return name if name.isprintable() else _escape(name)


def _escape(text: str) -> str:
    return "".join(c if _isVisible(c) else f"\\x{ord(c):02x}" for c in text)


def _isVisible(character: str) -> bool:
    """
    @return: whether a character is visible. C{isprintable} is false for spaces of other widths, and
        for emoji that are newer than this Python
    """
    if character.isprintable():
        return True
    category = unicodedata.category(character)
    return category == "Zs" or (category == "Cn" and 0x1F000 <= ord(character) < 0x1FC00)


def colour(name: str) -> int:
    """
    @return: the number of a colour, below L{COLOURS}. It depends only on the name
    """
    return crc32(names.key(name).encode()) % COLOURS


def clock(at: int, now: datetime) -> str:
    """
    @param at: milliseconds since the Unix epoch
    @param now: the current time, in the time zone of the result
    @return: the time of day, with the date unless it is today's
    """
    try:
        then = datetime.fromtimestamp(at / 1000, now.tzinfo)
    except (OverflowError, ValueError, OSError):  # a server can send any number
        return "--:--"
    return then.strftime("%H:%M" if then.date() == now.date() else "%Y-%m-%d %H:%M")


def stamp(at: int) -> str:
    """
    @return: the time with its time zone, for programs (RFC 3339)
    """
    try:
        return datetime.fromtimestamp(at / 1000).astimezone().isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return "-"
