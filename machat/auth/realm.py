"""
From what a checker has found out to a user of the chat.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.cred.portal import IRealm
from zope.interface import Interface, implementer

from machat.auth.users import ANYBODY, IChatUser, User


@implementer(IRealm)
class ChatRealm:
    """
    Gives the users of L{twisted.cred}'s checkers all rights but moderation, and those of
    L{machat.auth.tokens} the rights that their tokens tell.
    """

    def requestAvatar(
        self, avatarId: Any, mind: object, *interfaces: object
    ) -> tuple[type[Interface], object, Callable[[], None]]:
        """
        @param avatarId: a user's name, as C{bytes} or C{str}, an L{IChatUser}, or
            C{twisted.cred.checkers.ANONYMOUS}
        @raise NotImplementedError: none of the interfaces is L{IChatUser}
        """
        if IChatUser not in interfaces:
            raise NotImplementedError("a chat's realm has IChatUser alone")
        if IChatUser.providedBy(avatarId):
            user: IChatUser = avatarId
        elif avatarId:
            name = avatarId.decode() if isinstance(avatarId, bytes) else avatarId
            user = User(name=name)
        else:
            user = ANYBODY
        return IChatUser, user, lambda: None
