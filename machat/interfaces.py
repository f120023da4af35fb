"""
What the parts of MaChat promise each other.

L{IChatRoom} is the chat as a protocol sees it, L{IChatMember} a member as a room sees it. Below
them lie two seams, L{IMessageLog} and L{IRoster}: both are asynchronous even where they complete at
once, so that an engine on another machine can take their place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Attribute, Interface

from machat.errors import ChatError, Disconnect
from machat.events import Draft, Joined, Message, Position
from machat.limits import Limits


class IDialect(Interface):
    """
    How events look to one kind of member. A dialect is stateless and shared by all who speak it: a
    room encodes a batch once for each dialect that is present.
    """

    def encode(messages: Sequence[Message]) -> Any:
        """
        @return: what L{IChatMember.deliver} of every member of this dialect is called with
        """

    def refusal(error: ChatError) -> Any:
        """
        @return: the error, as this dialect says it
        """

    def farewell(end: Disconnect) -> Any:
        """
        @return: the end of the connection, as this dialect says it
        """


class IChatMember(Interface):
    """
    Somebody in a room: a connection's session, or any object of an application.
    """

    name: str = Attribute("The member's name: see L{machat.names.checkName}.")
    dialect: IDialect = Attribute("The L{IDialect} in which batches are delivered.")

    def deliver(batch: Any) -> None:
        """
        Take one batch of one room's messages. Called once a batch, in the room's order. What it
        raises is logged and harms nobody else.

        @param batch: what the dialect's C{encode} returned: shared, not to be changed
        """

    def disconnected(end: Disconnect) -> None:
        """
        The chat is over for this member, for instance because the service stops. It has already
        left its rooms.
        """


class IConnection(Interface):
    """
    A transport's protocol, as its session sees it.
    """

    def write(data: bytes) -> None:
        """
        Queue bytes that the session's dialect made. Ignored once the connection is closing.
        """

    def hangUp(end: Disconnect) -> None:
        """
        Close the connection: first what is queued, within L{Limits.closing} seconds.
        """

    def pauseReading() -> None:
        """
        Read no more from the peer until L{resumeReading}.
        """

    def resumeReading() -> None:
        """
        Read on.
        """

    def peerAddress() -> Any:
        """
        @return: the peer's L{IAddress}. Read it late: behind a C{haproxy:} endpoint it is
            the client's only once bytes have arrived.
        """


class IChatRoom(Interface):
    """
    The chat, as a protocol or an application's own code sees it.
    """

    clock: IReactorTime = Attribute("Where all timers of this chat run.")
    limits: Limits = Attribute("The L{Limits} of this chat.")

    def join(member: IChatMember, room: str) -> Deferred[Joined]:
        """
        Put a member into a room, which comes into being if it is not there.

        @return: fires with L{Joined}, before the member's first batch is delivered; fails with
            L{ChatError} C{bad-name}, C{bad-room}, C{name-taken} or C{already-joined}
        """

    def leave(member: IChatMember, room: str) -> None:
        """
        Take a member out of a room: nothing is delivered to it from there on. Leaving a room one
        is not in does nothing.
        """

    def say(member: IChatMember, room: str, text: str) -> None:
        """
        Send a message to everybody in the room, its sender too, at the end of this reactor turn.

        @param text: one line, without a newline
        @raise ChatError: C{not-joined}; C{bad-command} for a text of several lines, or with
            surrogates, which cannot be encoded
        """

    def opened(connection: Any) -> None:
        """
        A connection has been made. The chat calls its C{disconnected(end)} when it stops.
        """

    def closed(connection: Any) -> None:
        """
        A connection is gone.
        """


class IMessageLog(Interface):
    """
    Numbers, keeps and delivers each room's messages. A room is named by its key.
    """

    def follow(room: str, deliver: Callable[[Sequence[Message]], None]) -> Deferred[Position]:
        """
        Open a room's log. From now on C{deliver} is called with every batch of this room, whoever
        appended it, once and in order, until L{unfollow}.

        @return: fires with the L{Position} of the log's top, before the first C{deliver}
        """

    def append(room: str, batch: Sequence[Draft]) -> Deferred[range]:
        """
        Number and keep a batch, then deliver it to those who follow the room.

        @return: fires with the numbers given when the batch is kept; whether it has been delivered
            by then is the engine's affair
        """

    def read(room: str, after: int, limit: int) -> Deferred[Sequence[Message]]:
        """
        @return: fires with at most C{limit} kept messages whose number is above C{after}, in order
        """

    def unfollow(room: str) -> None:
        """
        Deliver no more of this room. What is kept lives on to the log's own limits.
        """


class IRoster(Interface):
    """
    Who is where, and that a name is taken once in a room. Spellings with one
    L{machat.names.key} are one name.
    """

    def claim(room: str, name: str) -> Deferred[None]:
        """
        @return: fires when the name is this caller's; fails with L{ChatError} C{name-taken}
        """

    def release(room: str, name: str) -> None:
        """
        Give back a claimed name.
        """

    def members(room: str) -> Deferred[Sequence[str]]:
        """
        @return: fires with the names in the room, in the order of their claims
        """
