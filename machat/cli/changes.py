"""
The commands that refer to a message by its number: C{/reply}, C{/edit}, C{/redact}, C{/react} and
C{/unreact}.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from machat.cli.shown import ShownMessages
from machat.client.sendqueue import QueuedLine

#: A message's number, with or without the number sign, at the beginning of a command's arguments.
_NUMBER = re.compile(r"#?([0-9]{1,15})(?:\s+|\Z)")


class WrongUse(Exception):
    """
    The arguments of a command are wrong. The text describes the correct ones.
    """


def _numbered(rest: str, usage: str) -> tuple[int, str]:
    """
    @return: the number, and the rest of the arguments
    @raise WrongUse: there is no number
    """
    found = _NUMBER.match(rest)
    if found is None or int(found[1]) == 0:
        raise WrongUse(usage)
    return int(found[1]), rest[found.end() :]


def _reply(shown: ShownMessages, room: str, rest: str) -> QueuedLine:
    usage = "use /reply N TEXT, with the number of a message"
    number, text = _numbered(rest, usage)
    if not text:
        raise WrongUse(usage)
    return QueuedLine(room, text, post=lambda client: client.say(room, text, reply=number))


def _edit(shown: ShownMessages, room: str, rest: str) -> QueuedLine:
    found = _NUMBER.match(rest)
    number = shown.lastOwn(room) if found is None else int(found[1])
    text = rest if found is None else rest[found.end() :]
    if not text:
        raise WrongUse("use /edit N TEXT, or /edit TEXT for your last message")
    if not number:
        raise WrongUse(f"you have no message in {room} to edit")
    target = number
    return QueuedLine(
        room, text, post=lambda client: client.edit(room, target, text), typed=f"/edit {number}"
    )


def _redact(shown: ShownMessages, room: str, rest: str) -> QueuedLine:
    number, reason = _numbered(rest, "use /redact N [REASON], with the number of a message")
    return QueuedLine(
        room,
        reason,
        post=lambda client: client.redact(room, number, reason or None),
        typed=f"/redact {number}",
    )


def _reaction(command: str, remove: bool) -> Callable[[ShownMessages, str, str], QueuedLine]:
    def react(shown: ShownMessages, room: str, rest: str) -> QueuedLine:
        usage = f"use /{command} N EMOJI, with the number of a message"
        number, emoji = _numbered(rest, usage)
        if not emoji:
            raise WrongUse(usage)
        return QueuedLine(
            room,
            emoji,
            post=lambda client: client.react(room, number, emoji, remove),
            typed=f"/{command} {number}",
        )

    return react


#: By command name: a function of the messages on the screen, the room and the command's arguments.
#: It returns the entry to post, and raises L{WrongUse} if the arguments are wrong.
CHANGES: dict[str, Callable[[ShownMessages, str, str], QueuedLine]] = {
    "reply": _reply,
    "edit": _edit,
    "redact": _redact,
    "react": _reaction("react", False),
    "unreact": _reaction("unreact", True),
}
