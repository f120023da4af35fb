"""
Who somebody is to the chat, and what they may do there.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from msgspec import Struct
from twisted.logger import Logger
from zope.interface import implementer

from machat import names
from machat.errors import NOT_ALLOWED, ChatError
from machat.interfaces import IChatUser as IChatUser

_log = Logger()


@implementer(IChatUser)
class User(Struct, frozen=True, kw_only=True):
    """
    A user whose rights are patterns of rooms' names, in which C{*} stands for anything and C{?} for
    any one character. They are compared as names are, see L{machat.names.key}.

    @ivar rooms: the rooms to join
    @ivar say: the rooms to speak in
    @ivar mod: the rooms to moderate
    """

    name: str | None = None
    rooms: tuple[str, ...] = ("*",)
    say: tuple[str, ...] = ("*",)
    mod: tuple[str, ...] = ()
    expires: float | None = None

    def mayJoin(self, room: str) -> bool:
        return _matches(self.rooms, room)

    def maySay(self, room: str) -> bool:
        return _matches(self.say, room)

    def mayModerate(self, room: str) -> bool:
        return _matches(self.mod, room)


def allows(may: Callable[[str], bool], room: str) -> bool:
    """
    @param may: a method of an L{IChatUser}
    @return: what it answers; what it raises is logged and is a no
    """
    try:
        return may(room)
    except Exception:
        _log.failure("a user could not be asked about {room}", room=room)
        return False


def requireJoin(user: IChatUser, room: str) -> None:
    """
    @raise ChatError: C{not-allowed}: the user may not join this room
    """
    if user is not ANYBODY and not allows(user.mayJoin, room):
        raise ChatError(NOT_ALLOWED, "you may not join that room")


def requireSay(user: IChatUser, room: str) -> None:
    """
    @raise ChatError: C{not-allowed}: the user may not say anything there
    """
    if user is not ANYBODY and not allows(user.maySay, room):
        raise ChatError(NOT_ALLOWED, "you may only listen in that room")


def _matches(patterns: tuple[str, ...], room: str) -> bool:
    key = names.key(room)
    return any(pattern == "*" or fnmatchcase(key, _literal(pattern)) for pattern in patterns)


def _literal(pattern: str) -> str:
    return names.key(pattern).replace("[", "[[]")  # a bracket is a part of names


#: Who has shown no credentials, where none are asked for.
ANYBODY = User()
