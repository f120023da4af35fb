"""
The moderation commands of the C{events} dialect.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from machat import commands
from machat.errors import NOT_ALLOWED, ChatError
from machat.events import Sanctioned, SanctionList
from machat.interfaces import IChatMember
from machat.moderation.policy import mayModerate
from machat.moderation.service import Moderation

#: The fields that are not arguments of a command's function.
_COMMON = ("id", "room")


class Entry(NamedTuple):
    """
    One moderation command.

    @ivar permission: whether a member may use the command in a room of this name. Called with the
        L{Moderation} first
    @ivar function: called with the L{Moderation}, the room's name, the moderator as C{by}, and the
        other fields of the command as keyword arguments. Returns the answer, or a C{Deferred} that
        fires when the command has been executed
    """

    permission: Callable[[Moderation, IChatMember, str], bool]
    function: Callable[..., Deferred[None] | SanctionList]


def moderate(
    moderation: Moderation, by: IChatMember, roomName: str, command: commands.Command
) -> Deferred[None] | SanctionList:
    """
    Carry out a member's command.

    @param command: a command of one of the types in L{COMMANDS}
    @return: the answer; or, if the command has no answer of its own, a C{Deferred} that fires when
        it has been executed and stored, or fails as the command's function does
    @raise ChatError: C{not-allowed}: the member may not use the command in this room; or as the
        command's function does
    """
    permission, function = COMMANDS[type(command)]
    if not permission(moderation, by, roomName):
        raise ChatError(NOT_ALLOWED, "you may not moderate that room")
    fields = [name for name in command.__struct_fields__ if name not in _COMMON]
    return function(
        moderation, roomName, by=by, **{name: getattr(command, name) for name in fields}
    )


def _moderates(moderation: Moderation, member: IChatMember, roomName: str) -> bool:
    return mayModerate(member, roomName)


def _ban(moderation: Moderation, roomName: str, *, address: bool, **fields: Any) -> Deferred[None]:
    ban = moderation.banAddressOf if address else moderation.ban
    return ban(roomName, **fields)


def sanctioned(moderation: Moderation, roomName: str) -> list[Sanctioned]:
    """
    @return: the active mutes and bans of a room, ordered by their end
    """
    found = [
        Sanctioned(
            kind=each.kind.value,
            name=each.sanction.name,
            until=int(each.sanction.until * 1000),
            by=each.sanction.by,
        )
        for each in moderation.sanctions(roomName)
    ]
    return sorted(found, key=attrgetter("until"))


def _list(moderation: Moderation, roomName: str, *, by: IChatMember) -> SanctionList:
    return SanctionList(room=roomName, sanctions=tuple(sanctioned(moderation, roomName)))


#: All moderation commands.
COMMANDS: dict[type[commands.Command], Entry] = {
    commands.Kick: Entry(_moderates, Moderation.kick),
    commands.Mute: Entry(_moderates, Moderation.mute),
    commands.Unmute: Entry(_moderates, Moderation.unmute),
    commands.Ban: Entry(_moderates, _ban),
    commands.Unban: Entry(_moderates, Moderation.unban),
    commands.Lock: Entry(_moderates, Moderation.lock),
    commands.Unlock: Entry(_moderates, Moderation.unlock),
    commands.Topic: Entry(_moderates, Moderation.setTopic),
    commands.ListRoom: Entry(_moderates, Moderation.setListed),
    commands.SetKey: Entry(Moderation.maySetKey, Moderation.setKey),
    commands.ListSanctions: Entry(_moderates, _list),
}
