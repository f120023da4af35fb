"""
The moderators' commands of the C{events} dialect.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from machat import commands
from machat.errors import NOT_ALLOWED, ChatError
from machat.events import Sanctioned, SanctionList
from machat.interfaces import IChatMember
from machat.moderation.policy import mayModerate
from machat.moderation.service import Moderation


def take(moderation: Moderation, by: IChatMember, room: str, command: commands.Command) -> None:
    """
    Do what a member commands.

    @param room: that it is for
    @param command: of a type that is in L{MEASURES}
    @raise ChatError: C{not-allowed}: it is no moderator of the room; or a refusal of L{Moderation}
    """
    _requireModerator(by, room)
    MEASURES[type(command)](moderation, by, room, command)


def listSanctions(moderation: Moderation, by: IChatMember, room: str) -> SanctionList:
    """
    @return: the active mutes and bans of a room, for one of its moderators
    @raise ChatError: C{not-allowed}: C{by} is no moderator of the room
    """
    _requireModerator(by, room)
    active = [
        Sanctioned(
            kind=each.kind.value,
            name=each.sanction.name,
            until=int(each.sanction.until * 1000),
            by=each.sanction.by,
        )
        for each in moderation.sanctions(room)
    ]
    return SanctionList(room=room, sanctions=tuple(sorted(active, key=attrgetter("until"))))


def _requireModerator(by: IChatMember, room: str) -> None:
    if not mayModerate(by, room):
        raise ChatError(NOT_ALLOWED, "you may not moderate that room")


def _kick(moderation: Moderation, by: IChatMember, room: str, command: commands.Kick) -> None:
    moderation.kick(room, command.name, by, command.reason)


def _mute(moderation: Moderation, by: IChatMember, room: str, command: commands.Mute) -> None:
    moderation.mute(room, command.name, command.seconds, by, command.reason)


def _unmute(moderation: Moderation, by: IChatMember, room: str, command: commands.Unmute) -> None:
    moderation.unmute(room, command.name, by)


def _ban(moderation: Moderation, by: IChatMember, room: str, command: commands.Ban) -> None:
    ban = moderation.banAddressOf if command.address else moderation.ban
    ban(room, command.name, command.seconds, by, command.reason)


def _unban(moderation: Moderation, by: IChatMember, room: str, command: commands.Unban) -> None:
    moderation.unban(room, command.name, by)


def _lock(moderation: Moderation, by: IChatMember, room: str, command: commands.Lock) -> None:
    moderation.lock(room, by, command.reason)


def _unlock(moderation: Moderation, by: IChatMember, room: str, command: commands.Unlock) -> None:
    moderation.unlock(room, by)


def _topic(moderation: Moderation, by: IChatMember, room: str, command: commands.Topic) -> None:
    moderation.setTopic(room, command.text, by)


#: What does each of them.
MEASURES: dict[type[Any], Callable[[Moderation, IChatMember, str, Any], None]] = {
    commands.Kick: _kick,
    commands.Mute: _mute,
    commands.Unmute: _unmute,
    commands.Ban: _ban,
    commands.Unban: _unban,
    commands.Lock: _lock,
    commands.Unlock: _unlock,
    commands.Topic: _topic,
}
