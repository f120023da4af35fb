"""
Who somebody is to the chat, and what they may do there.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from msgspec import Struct
from zope.interface import Attribute, Interface, implementer

from machat import names


class IChatUser(Interface):
    """
    The avatar that a chat's realm gives for a client's credentials, L{twisted.cred.portal.IRealm}.
    """

    name: str | None = Attribute("The user's own name, which nobody else has; L{None}: anybody.")
    expires: float | None = Attribute("When the credentials do, Unix time; L{None}: they do not.")

    def mayJoin(room: str) -> bool:
        """
        @return: whether the user may be in a room of this name
        """

    def maySay(room: str) -> bool:
        """
        @return: whether the user may say something there
        """

    def mayModerate(room: str) -> bool:
        """
        @return: whether the user may say there who may
        """


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


def _matches(patterns: tuple[str, ...], room: str) -> bool:
    key = names.key(room)
    return any(pattern == "*" or fnmatchcase(key, _literal(pattern)) for pattern in patterns)


def _literal(pattern: str) -> str:
    return names.key(pattern).replace("[", "[[]")  # a bracket is a part of names


#: Who has shown no credentials, where none are asked for.
ANYBODY = User()
