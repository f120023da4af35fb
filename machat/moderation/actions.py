"""
What a moderator did, in words.
"""

from __future__ import annotations

import unicodedata

from msgspec import Struct

from machat import names
from machat.commands import HOUR, LONGEST
from machat.errors import BAD_COMMAND, ChatError
from machat.interfaces import IChatMember

#: The longest reason and the longest topic, characters.
LINE = 300

_UNITS = (("day", 24 * HOUR), ("hour", HOUR), ("minute", 60), ("second", 1))

#: Control characters, surrogates and what ends a line or a paragraph.
_BREAKS = ("Cc", "Cs", "Zl", "Zp")


class Act(Struct, frozen=True):
    """
    Something done.

    @ivar kind: what it is counted as
    @ivar by: who did it; C{None}: the application
    @ivar did: what, in words, of which C{by} is the subject
    @ivar why: its reason, or what was set
    """

    kind: str
    by: IChatMember | None
    did: str
    why: str = ""

    @property
    def who(self) -> str:
        """
        The subject. It never begins with a name: a moderator named C{error} must not produce a line
        that a client of the C{text} dialect takes for an error of the server.
        """
        return "the server" if self.by is None else f"moderator {names.checkName(self.by.name)}"

    @property
    def words(self) -> str:
        """
        All of it, for the room.
        """
        return f"{self.who} {self.did}" + (f": {self.why}" if self.why else "")


def line(text: str) -> str:
    """
    @return: a reason or a topic, without space around it
    @raise ChatError: C{bad-command}: too long, or more than a line
    """
    if len(text) > LINE or any(unicodedata.category(c) in _BREAKS for c in text):
        raise ChatError(BAD_COMMAND, f"a reason or a topic is one line of up to {LINE} characters")
    return text.strip()


def span(seconds: float) -> str:
    """
    @return: a time in words: in the largest unit of which it has a whole number
    @raise ChatError: C{bad-command}: nothing lasts so long, or so short
    """
    if not 1 <= seconds <= LONGEST:
        raise ChatError(BAD_COMMAND, f"from 1 to {LONGEST} seconds")
    unit, size = next((unit, size) for unit, size in _UNITS if not int(seconds) % size)
    count = int(seconds) // size
    return f"{count} {unit}" + ("s" if count != 1 else "")
