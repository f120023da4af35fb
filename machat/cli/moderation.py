"""
The commands of a moderator, as they are typed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from machat.commands import (
    Ban,
    Command,
    Kick,
    ListSanctions,
    Lock,
    Mute,
    Topic,
    Unban,
    Unlock,
    Unmute,
)

#: What C{/help} shows.
HELP = (
    "/join ROOM  be in another room, or turn to it",
    "/leave      leave this room",
    "/who        who is here",
    "/quit       goodbye",
    "//...       a line that begins with a slash; pasted lines are never commands",
    "for moderators: /kick NAME [WHY], /mute NAME [MINUTES] [WHY], /ban NAME [MINUTES] [WHY],",
    "/unmute NAME, /unban NAME, /bans, /lock [WHY], /unlock, /topic [TEXT]",
)


def _split(rest: str) -> tuple[str, str]:
    first, _, rest = rest.partition(" ")
    return first, rest.strip()


def _sanction(rest: str) -> dict[str, Any]:
    """
    @param rest: a name, perhaps minutes, perhaps a reason
    """
    name, reason = _split(rest)
    minutes, why = _split(reason)
    if minutes.isascii() and minutes.isdecimal() and len(minutes) < 6:
        return {"name": name, "seconds": 60 * int(minutes), "reason": why}
    return {"name": name, "reason": reason}


#: From a room and what follows the command's name to the command.
MODERATION: dict[str, Callable[[str, str], Command]] = {
    "kick": lambda room, rest: Kick(room=room, name=_split(rest)[0], reason=_split(rest)[1]),
    "mute": lambda room, rest: Mute(room=room, **_sanction(rest)),
    "unmute": lambda room, rest: Unmute(room=room, name=rest),
    "ban": lambda room, rest: Ban(room=room, **_sanction(rest)),
    "unban": lambda room, rest: Unban(room=room, name=rest),
    "lock": lambda room, rest: Lock(room=room, reason=rest),
    "unlock": lambda room, rest: Unlock(room=room),
    "bans": lambda room, rest: ListSanctions(room=room),
    "topic": lambda room, rest: Topic(room=room, text=rest),
}
