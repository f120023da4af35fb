"""
The members of a room, the clients' connections, and the users that they authenticate as.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import Attribute, Interface

from machat.errors import ChatError, Disconnect
from machat.wire import IDialect


class IChatMember(Interface):
    """
    A member of a room: the session of a connection, or an object of an application, for which
    L{machat.member.Member} is a base class.
    """

    name: str = Attribute("The member's name: see L{machat.names.checkName}.")
    dialect: IDialect = Attribute("The L{IDialect} in which batches are delivered.")
    user: IChatUser | None = Attribute(
        "The user whose rights limit the member. C{None}: it may join and say everything that the"
        " hooks allow, and moderate nothing."
    )
    peer: str = Attribute("The address of the member, as it appears in the log.")
    silent: bool = Attribute(
        "Whether the client may have vanished: see L{ISessionTransport.silent}."
    )

    def deliver(batch: Any) -> None:
        """
        Take one batch of messages of one room, or one event of a room, such as
        L{machat.events.Moved}. The room calls it once for each batch, in order. An exception is
        logged and affects no other member.

        @param batch: the value that the dialect's C{encode} or C{encodeEvent} returned. Members
            share it: do not change it
        """

    def notStored(room: str, error: ChatError) -> None:
        """
        Messages that the member sent with L{IChatRoom.say} were not stored.

        @param error: C{failed}: certainly not; C{unknown}: possibly. Its text states how many
        """

    def removed(room: str, reason: str) -> None:
        """
        A moderator has removed the member from a room.

        @param reason: the moderator and the reason, as one line of text
        """

    def disconnected(end: Disconnect) -> None:
        """
        The chat has ended for this member, for instance because the service stops. The member has
        already left its rooms.
        """


class IOutbox(Interface):
    """
    The outbox of a connection, as a room sees it. The room sends a batch itself to all members that
    keep up, without a call of C{deliver} for each.
    """

    send: Callable[[bytes], int] | None = Attribute(
        "Sends bytes immediately, calls nothing else, and returns how many the socket accepted; it"
        " raises C{OSError} if the socket is full or broken. It must not be called while it is in"
        " C{SendBudget.busy} of the chat, because earlier bytes wait or the connection is closing."
        " C{None}: the connection has no such function."
    )

    def sent(data: bytes, sent: int) -> None:
        """
        Queue the rest of the bytes, of which C{send} has sent only a part. Call it immediately
        after C{send}.

        @param data: the bytes that were passed to C{send}
        @param sent: the number of bytes that C{send} has returned; less than all
        """


class IConnected(IChatMember):
    """
    A member with a connection. Its C{deliver} writes to its outbox, and does nothing else. The
    class of the member declares this interface.
    """

    outbox: IOutbox = Attribute("The outbox of the connection.")


class IClientConnection(Interface):
    """
    A client's connection, as the chat sees it from L{IChatRoom.opened} to L{IChatRoom.closed}.
    """

    name: str = Attribute("The name of the client, after its hello.")
    peer: str = Attribute("The address of the client, as it appears in the log.")
    kind: tuple[str, str] = Attribute("Its transport and its dialect, as labels of the metrics.")
    throttled: bool = Attribute("Whether the client sends faster than its rate.")
    silent: bool = Attribute(
        "Whether the client may have vanished: see L{ISessionTransport.silent}."
    )

    def disconnected(end: Disconnect) -> None:
        """
        End the connection.
        """


class IChatUser(Interface):
    """
    A user: the avatar that the realm of a chat (L{twisted.cred.portal.IRealm}) returns for the
    credentials of a client.
    """

    name: str | None = Attribute(
        "The name of the user, which nobody else may use. C{None}: the user has no name."
    )
    expires: float | None = Attribute(
        "The time when the credentials expire, Unix time. C{None}: they do not expire."
    )

    def mayJoin(room: str) -> bool:
        """
        @return: whether the user may be in this room
        """

    def maySay(room: str) -> bool:
        """
        @return: whether the user may send messages to this room
        """

    def mayModerate(room: str) -> bool:
        """
        @return: whether the user may moderate this room
        """
