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
from zope.interface import Attribute, Interface

from machat.clock import ChatClock
from machat.errors import Disconnect
from machat.events import (
    Draft,
    History,
    Joined,
    Members,
    Message,
    Position,
    Receipt,
)
from machat.limits import Limits
from machat.metrics import Metrics
from machat.transport.budget import SendBudget
from machat.wire import IDialect
from machat.wire.pieces import Pieces


class IChatMember(Interface):
    """
    Somebody in a room: a connection's session, or any object of an application, for which
    L{machat.member.Member} is a beginning.
    """

    name: str = Attribute("The member's name: see L{machat.names.checkName}.")
    dialect: IDialect = Attribute("The L{IDialect} in which batches are delivered.")

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
    peer: str = Attribute("What the log calls the other end.")
    kind: tuple[str, str] = Attribute("What the metrics call it: its transport and its dialect.")
    throttled: bool = Attribute("Whether it is over its sending rate.")
    silent: bool = Attribute(
        "Whether its client may have vanished: see L{ISessionTransport.silent}."
    )

    def disconnected(end: Disconnect) -> None:
        """
        It has to end.
        """


class ISessionTransport(Interface):
    """
    A transport's protocol, as its session sees it.
    """

    def write(data: bytes) -> None:
        """
        Queue bytes that the session's dialect made. Ignored once the connection is closing.
        """

    def writePieces(pieces: Pieces) -> Deferred[None] | None:
        """
        Queue bytes that are made while the peer takes them, and count what is kept for them.

        @return: C{None} if all is handed over, or what fires when it is: never, if the connection
            closes first
        """

    def keepAsking() -> None:
        """
        From now on see to it that the session hears L{machat.events.Ping} or the transport does so
        itself, and that a peer which does not answer is disconnected.
        """

    def hangUp(end: Disconnect) -> None:
        """
        Close the connection: first what is queued, within L{Limits.closeTimeout} seconds.
        """

    def pauseReading() -> None:
        """
        Read no more from the peer until L{resumeReading}.
        """

    def resumeReading() -> None:
        """
        Read on.
        """

    def silent() -> bool:
        """
        @return: whether the peer may have vanished: it has sent nothing for L{Limits.pong} seconds,
            or does not answer
        """

    def peerAddress() -> Any:
        """
        @return: the peer's L{twisted.internet.interfaces.IAddress}. Read it late: behind a
            C{haproxy:} endpoint it is the client's only once bytes have arrived.
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


class IChatRoom(Interface):
    """
    The chat, as a protocol or an application's own code sees it.
    """

    clock: ChatClock = Attribute("Where all timers of this chat run.")
    limits: Limits = Attribute("The L{Limits} of this chat.")
    sendBudget: SendBudget = Attribute("What waits for all its connections.")
    metrics: Metrics = Attribute("The L{Metrics} of this chat, which a protocol adds to.")
    logbook: Any = Attribute("The L{machat.logbook.Logbook}, for what unknown peers cause.")
    moderation: Any = Attribute("The L{machat.moderation.service.Moderation} of this chat.")

    def join(
        member: IChatMember,
        room: str,
        since: Position | None = None,
        history: int = 0,
        watch: bool = False,
    ) -> Deferred[Joined]:
        """
        Put a member into a room, which comes into being if it is not there.

        @param since: the place up to which the member knows the room: what came after it is in
            C{replay} if all of it is in the log, and not more than L{Limits.maxHistory} messages
        @param history: without C{since}, how many of the last messages to replay, as far as the log
            and L{Limits.maxHistory} go
        @param watch: whether to deliver L{Presence} as well
        @return: fires with L{Joined}, before the member's first batch is delivered, which goes on
            where C{replay} ends; fails with L{ChatError} C{bad-name}, C{bad-room}, C{name-taken},
            C{already-joined}, C{room-full}, C{room-locked}, C{not-allowed} (who is
            banned), C{not-joined} (who has left meanwhile), C{failed} (the log cannot be
            opened, L{Limits.joinTimeout} seconds have passed, or the chat stops: try later), or
            what L{IChatHooks.authorizeJoin} says. Cancelling it withdraws the join
        """

    def leave(member: IChatMember, room: str) -> None:
        """
        Take a member out of a room: nothing is delivered to it from there on. A join of the member
        that is under way fails; a message that waits for L{IChatHooks.authorizeSay} is not sent.
        Leaving a room one is not in does nothing.
        """

    def say(member: IChatMember, room: str, text: str) -> Deferred[None] | None:
        """
        Send a message to everybody in the room, its sender too, at the end of this reactor turn.

        @param text: one line, without a newline
        @return: C{None}, or while L{IChatHooks.authorizeSay} makes up its mind a C{Deferred} that
            fires when the message may be sent, or fails as below; or while the log is far behind,
            one that fires when it is not. Who says more without waiting fills the memory
        @raise ChatError: C{not-joined}; C{muted}; C{bad-command} for a text of several lines, or
            with surrogates, which cannot be encoded; or what the hook says
        """

    def pace(member: IChatMember, room: str, size: int) -> Deferred[None] | None:
        """
        Ask before a client's message is said whether the room, and the network that the client
        comes from, are within their L{Limits.roomRate} and L{Limits.addressRate}.

        @param room: as L{Joined} spells it
        @param size: of the message as it is delivered, bytes
        @return: C{None}: it may be said; else fires when it may, after a fair share of what others
            have to say. It may be cancelled. Ask for the next message after that
        """

    def post(member: IChatMember, room: str, text: str, id: str | None = None) -> Deferred[Receipt]:
        """
        Say something and hear what became of it.

        @param id: what it is known by for L{Limits.remembered} seconds: if this name has said
            something with it in this room, it is not said again. Ids are kept in memory: a new
            process knows none
        @return: fires with the L{Receipt} when the log has the message; fails as L{say} does, or
            with C{failed} if the log did not take it
        """

    def history(
        member: IChatMember,
        room: str,
        before: int | None = None,
        after: int | None = None,
        limit: int = 300,
    ) -> Deferred[History]:
        """
        Read kept messages of a room the member is in: the first whose number is above C{after}, or
        without it the last whose number is below C{before}, or without that the last.

        @param limit: how many, up to L{Limits.maxHistory}
        @return: fires with them; fails with L{ChatError} C{not-joined}
        """

    def who(member: IChatMember, room: str) -> Deferred[Members]:
        """
        @return: fires with who is in a room the member is in, up to L{Limits.listed} names; fails
            with L{ChatError} C{not-joined}
        """

    def issue(connection: IClientConnection) -> str:
        """
        @return: a secret of 128 bits, with which another connection of the same C{name} may take
            this one's place until it is closed
        """

    def takeOver(secret: str, name: str) -> None:
        """
        Disconnect the connection that this secret was issued to, with L{REPLACED}, if it has this
        name. A secret that is not known (any more) does nothing.
        """

    def opened(connection: IClientConnection, address: Any) -> float:
        """
        A connection has been made.

        @param address: the peer's L{twisted.internet.interfaces.IAddress}, as far as it is known
        @return: how long it may take to join, seconds: less if there are too many connections
        """

    def admit(connection: IClientConnection, address: Any) -> None:
        """
        Require that a connection is within the limits. Called when the client's address is known,
        and again for the hello.

        @param address: the peer's L{twisted.internet.interfaces.IAddress}: of the client itself,
            if a proxy forwards it
        @raise ChatError: C{too-many-connections}, in all or from this address
        """

    def authenticate(
        connection: IClientConnection, password: str | None, token: str | None
    ) -> Deferred[IChatUser] | None:
        """
        A connection that was L{admit}ted shows credentials for its C{name}, for the first time or
        again.

        @return: C{None}, if none are asked for; else fires with who this is, or fails with
            L{ChatError} C{bad-credentials}, C{busy}, or C{too-many-connections} of this user, after
            L{Limits.joinTimeout} seconds, and about twenty at most. It may be cancelled. A
            connection that has been identified is not let in without credentials
        """

    def ended(connection: IClientConnection) -> None:
        """
        A connection counts for no limit any more, although it may still be closing.
        """

    def closed(connection: IClientConnection) -> None:
        """
        A connection is gone.
        """


class IRoomPolicy(Interface):
    """
    What the rooms of a chat ask before somebody joins one.
    """

    def begin(room: Any) -> None:
        """
        Prepare a L{machat.rooms.room.Room} that has just been created.
        """

    def requireJoin(member: IChatMember, name: str, room: Any) -> None:
        """
        @param name: the name under which the member joins
        @param room: the L{machat.rooms.room.Room}
        @raise ChatError: the member may not join
        """

    def networkOf(member: IChatMember) -> str | None:
        """
        @return: the network from which the member comes; C{None} if it has none
        """


class IChatHooks(Interface):
    """
    An application's say in a chat. What a hook raises but L{ChatError} is logged, refuses what it
    was asked about, and harms nobody else. L{machat.hooks.Hooks} allows everything.
    """

    def authorizeJoin(member: IChatMember, room: str) -> Deferred[None] | None:
        """
        @raise ChatError: the member may not join; a C{Deferred} may fail with it
        """

    def authorizeSay(member: IChatMember, room: str, text: str) -> Deferred[str] | str:
        """
        Asked before a message is sent. While an answer is awaited, what is said in this room after
        it waits as well: the order stays. The message is sent only if its sender still may: is in
        the room, not muted, and has not lost the right.

        @return: the text to send, changed or not
        @raise ChatError: it may not be sent; a C{Deferred} may fail with it
        """

    def joined(member: IChatMember, room: str) -> None:
        """
        A member is in the room.
        """

    def left(member: IChatMember, room: str) -> None:
        """
        A member is not in the room any more.
        """

    def said(messages: Sequence[Message]) -> None:
        """
        A batch of a room's messages has been delivered.
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

        @param batch: at least one. While thirty-two of a room are under way, its clients wait
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

    def claim(room: str, name: str, known: bool = False) -> Deferred[bool]:
        """
        @param known: whether this is a user who has shown to be the one of this name, and may claim
            it several times
        @return: fires when the name is this caller's, with whether nobody had it before; fails with
            L{ChatError} C{name-taken}
        """

    def release(room: str, name: str) -> bool:
        """
        Give back a claimed name.

        @return: whether nobody has it any more
        """

    def members(room: str) -> Deferred[Sequence[str]]:
        """
        @return: fires with the names in the room, in the order of their claims
        """
