"""
The members of a room, the clients' connections, and the users that they authenticate as.
"""

from __future__ import annotations

from typing import Any

from zope.interface import Attribute, Interface

from machat.errors import Disconnect
from machat.wire import IDialect


class IChatMember(Interface):
    """
    Somebody in a room: a connection's session, or any object of an application, for which
    L{machat.member.Member} is a beginning.
    """

    name: str = Attribute("The member's name: see L{machat.names.checkName}.")
    dialect: IDialect = Attribute("The L{IDialect} in which batches are delivered.")
    user: IChatUser | None = Attribute(
        "The user whose rights limit the member. C{None}: it may join and say everything that the"
        " hooks allow, and moderate nothing."
    )
    peer: str = Attribute("The remote end, as the log names it.")
    silent: bool = Attribute(
        "Whether the client may have vanished: see L{ISessionTransport.silent}."
    )

    def deliver(batch: Any) -> None:
        """
        Take one batch of one room's messages, or one event of a room. Called once a batch, in the
        room's order. What it raises is logged and harms nobody else.

        @param batch: what the dialect's C{encode} or C{encodeEvent} returned: shared, not to be
            changed
        """

    def removed(room: str, reason: str) -> None:
        """
        A moderator has taken the member out of a room.

        @param reason: who, and why: one line for a person
        """

    def disconnected(end: Disconnect) -> None:
        """
        The chat is over for this member, for instance because the service stops. It has already
        left its rooms.
        """


class IClientConnection(Interface):
    """
    A client's connection, as the chat sees it from L{IChatRoom.opened} to L{IChatRoom.closed}.
    """

    name: str = Attribute("The name that the client wants, once it has said its hello.")
    peer: str = Attribute("The remote end, as the log names it.")
    kind: tuple[str, str] = Attribute("What the metrics call it: its transport and its dialect.")
    throttled: bool = Attribute("Whether it is over its sending rate.")
    silent: bool = Attribute(
        "Whether the client may have vanished: see L{ISessionTransport.silent}."
    )

    def disconnected(end: Disconnect) -> None:
        """
        It has to end.
        """


class IChatUser(Interface):
    """
    The avatar that a chat's realm gives for a client's credentials, L{twisted.cred.portal.IRealm}.
    """

    name: str | None = Attribute("The user's own name, which nobody else has; C{None}: anybody.")
    expires: float | None = Attribute("When the credentials do, Unix time; C{None}: they do not.")

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
