"""
A moderator's action, and its description.
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

#: Control characters, surrogates, and the separators of lines and paragraphs.
_BREAKS = ("Cc", "Cs", "Zl", "Zp")


class Action(Struct, frozen=True):
    """
    One action of a moderator.

    @ivar kind: its name in the metrics
    @ivar by: the moderator; C{None} is the application
    @ivar did: its description, a verb phrase without the subject
    @ivar why: the reason, or the new topic
    """

    kind: str
    by: IChatMember | None
    did: str
    why: str = ""

    @property
    def name(self) -> str | None:
        """
        The name of the moderator.
        """
        return None if self.by is None else self.by.name

    @property
    def who(self) -> str:
        """
        The subject of the description. It never begins with a name, so that a moderator named
        C{error} cannot produce a line that a client of the C{text} dialect takes for an error of
        the server.
        """
        return "the server" if self.by is None else f"moderator {names.checkName(self.by.name)}"

    @property
    def words(self) -> str:
        """
        The whole announcement in the room.
        """
        return f"{self.who} {self.did}" + (f": {self.why}" if self.why else "")


def line(text: str) -> str:
    """
    @return: a reason or a topic, stripped of white space
    @raise ChatError: C{bad-command}: it is too long, or has several lines
    """
    if len(text) > LINE or any(unicodedata.category(c) in _BREAKS for c in text):
        raise ChatError(
            BAD_COMMAND, f"a reason or a topic must be one line of up to {LINE} characters"
        )
    return text.strip()


def span(seconds: float) -> str:
    """
    @return: a duration in words, in the largest unit that gives a whole number
    @raise ChatError: C{bad-command}: it is too long or too short
    """
    if not 1 <= seconds <= LONGEST:
        raise ChatError(BAD_COMMAND, f"the duration must be from 1 to {LONGEST} seconds")
    unit, size = next((unit, size) for unit, size in _UNITS if not int(seconds) % size)
    count = int(seconds) // size
    return f"{count} {unit}" + ("s" if count != 1 else "")
