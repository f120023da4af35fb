"""
The moderation commands that a user can type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from machat.commands import (
    Ban,
    Command,
    Kick,
    ListRoom,
    ListSanctions,
    Lock,
    Mute,
    Topic,
    Unban,
    Unlock,
    Unmute,
)


def _split(rest: str) -> tuple[str, str]:
    first, _, rest = rest.partition(" ")
    return first, rest.strip()


def _sanction(rest: str) -> dict[str, Any]:
    """
    @param rest: a name, optionally minutes, optionally a reason
    @return: the fields of a sanction
    """
    name, reason = _split(rest)
    minutes, rest = _split(reason)
    if minutes.isascii() and minutes.isdecimal() and len(minutes) < 6:
        return {"name": name, "seconds": 60 * int(minutes), "reason": rest}
    return {"name": name, "reason": reason}


#: By command name: a function of the room and the command's arguments that returns the command.
MODERATION: dict[str, Callable[[str, str], Command]] = {
    "kick": lambda room, rest: Kick(room=room, name=_split(rest)[0], reason=_split(rest)[1]),
    "mute": lambda room, rest: Mute(room=room, **_sanction(rest)),
    "unmute": lambda room, rest: Unmute(room=room, name=rest),
    "ban": lambda room, rest: Ban(room=room, **_sanction(rest)),
    "unban": lambda room, rest: Unban(room=room, name=rest),
    "lock": lambda room, rest: Lock(room=room, reason=rest),
    "unlock": lambda room, rest: Unlock(room=room),
    "bans": lambda room, rest: ListSanctions(room=room),
    "listed": lambda room, rest: ListRoom(room=room, listed=rest != "off"),
    "topic": lambda room, rest: Topic(room=room, text="" if rest == "-" else rest),
}
