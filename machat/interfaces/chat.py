"""
The chat itself, and what it asks: the policy of its rooms, and the application's hooks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from machat.clock import ChatClock
from machat.events import History, Joined, Members, Message, Position, Receipt
from machat.interfaces.members import IChatMember, IChatUser, IClientConnection
from machat.limits import Limits
from machat.metrics import Metrics
from machat.transport.budget import SendBudget


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

    def sayAll(member: IChatMember, room: str, texts: Sequence[str], paced: bool) -> bool:
        """
        Send several messages of a member, if none of them has to wait or is refused. This is a
        fast path for protocols: if it returns C{False}, nothing was sent; call L{pace} and L{say}
        for each message instead.

        @param texts: at least one, each without a newline
        @param paced: whether the rates of L{pace} apply. They are then charged here
        @return: whether the messages were sent
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
