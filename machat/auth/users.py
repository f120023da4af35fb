"""
Users and their rights.
"""

from __future__ import annotations

from collections.abc import Callable

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
    A user with rights for the rooms whose names match a pattern. In a pattern, C{*} matches any
    text and C{?} any one character. Case and width of letters are ignored, see
    L{machat.names.key}.

    @ivar rooms: patterns of the rooms that the user may join
    @ivar say: patterns of the rooms in which the user may send messages
    @ivar mod: patterns of the rooms that the user may moderate
    """

    name: str | None = None
    rooms: tuple[str, ...] = ("*",)
    say: tuple[str, ...] = ("*",)
    mod: tuple[str, ...] = ()
    expires: float | None = None

    def mayJoin(self, room: str) -> bool:
        return names.matches(self.rooms, room)

    def maySay(self, room: str) -> bool:
        return names.matches(self.say, room)

    def mayModerate(self, room: str) -> bool:
        return names.matches(self.mod, room)


def allows(may: Callable[[str], bool], room: str) -> bool:
    """
    @param may: a method of an L{IChatUser}
    @return: its result; C{False} if it raises an exception, which is logged
    """
    try:
        return may(room)
    except Exception:
        _log.failure(
            "access to {room} denied: the rights of the user could not be checked", room=room
        )
        return False


def requireJoin(user: IChatUser, room: str) -> None:
    """
    Require that a user may join a room. A direct conversation is open to its two users only,
    whatever the other rights are.

    @raise ChatError: C{not-allowed}
    """
    pair = names.partners(room) if room[:1] == "@" else None  # saves a call
    if pair is not None:
        if user.name is None:
            raise ChatError(NOT_ALLOWED, "direct conversations require an account")
        if names.key(user.name) not in map(names.key, pair):
            raise ChatError(NOT_ALLOWED, "that conversation is of two other users")
    if user is not ANYBODY and not allows(user.mayJoin, room):
        raise ChatError(NOT_ALLOWED, "you may not join that room")


def requireSay(user: IChatUser, room: str) -> None:
    """
    @raise ChatError: C{not-allowed}: the user may not send messages to this room
    """
    if user is not ANYBODY and not allows(user.maySay, room):
        raise ChatError(NOT_ALLOWED, "you may read, but not write, in that room")


#: A client without credentials, where none are required.
ANYBODY = User()
