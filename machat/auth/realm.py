"""
The realm: the user for the result of a checker.
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
    Returns the L{User} for a name that a checker has authenticated, or the checker's own
    L{IChatUser}. A user about whom only the name is known has all rights except moderation.
    L{machat.auth.tokens} returns users with the rights in their tokens.
    """

    def requestAvatar(
        self, avatarId: Any, mind: object, *interfaces: object
    ) -> tuple[type[Interface], object, Callable[[], None]]:
        """
        @param avatarId: a user's name, as C{bytes} or C{str}, an L{IChatUser}, or
            C{twisted.cred.checkers.ANONYMOUS}
        @raise NotImplementedError: L{IChatUser} is not among the interfaces
        """
        if IChatUser not in interfaces:
            raise NotImplementedError("the realm of a chat provides IChatUser only")
        if IChatUser.providedBy(avatarId):
            user: IChatUser = avatarId
        elif avatarId:
            name = avatarId.decode() if isinstance(avatarId, bytes) else avatarId
            user = User(name=name)
        else:
            user = ANYBODY
        return IChatUser, user, lambda: None
