"""
The chat, the policy of its rooms, and the hooks of an application.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from machat import commands
from machat.clock import ChatClock
from machat.entries import Content, Entry
from machat.events import History, Joined, Members, Position, Receipt, RoomList
from machat.interfaces.members import IChatMember, IChatUser, IClientConnection
from machat.limits import Limits
from machat.metrics import Metrics
from machat.transport.budget import SendBudget
from machat.transport.deadlines import Deadlines
from machat.transport.sockets import Sockets


class IChatRoom(Interface):
    """
    The chat, as a protocol or an application's own code sees it.
    """

    clock: ChatClock = Attribute("The clock of all timers of this chat.")
    limits: Limits = Attribute("The L{Limits} of this chat.")
    sendBudget: SendBudget = Attribute("The send queues of all its connections.")
    deadlines: Deadlines = Attribute("The time limits of its connections that have not joined.")
    sockets: Sockets = Attribute("The sockets of all its connections.")
    metrics: Metrics = Attribute("The L{Metrics} of this chat, to which protocols add.")
    logbook: Any = Attribute("The L{machat.logbook.Logbook}, for log lines about unknown peers.")
    people: Any = Attribute("The L{machat.rooms.personal.People} of this chat.")
    moderation: Any = Attribute("The L{machat.moderation.service.Moderation} of this chat.")

    def join(
        member: IChatMember,
        roomName: str,
        since: Position | None = None,
        history: int = 0,
        watch: bool = False,
        key: str | None = None,
    ) -> Deferred[Joined]:
        """
        Add a member to a room. The room is created if it does not exist.

        @param since: the position of the last message that the member has received. C{replay} then
            contains the messages after it, if all of them are still stored and they are at most
            L{Limits.maxHistory}
        @param history: the number of stored messages to replay, if C{since} is not given; the last
            ones, at most L{Limits.maxHistory}
        @param watch: whether to deliver L{Presence} as well
        @param key: the key of the room. Moderators, and members without a user, need none
        @return: fires with L{Joined}, before the member's first batch is delivered. That batch
            begins after the end of C{replay}. Fails with L{ChatError} C{bad-name}, C{bad-room},
            C{name-taken}, C{already-joined}, C{room-full}, C{room-locked}; C{not-allowed} if the
            member is banned; C{bad-key}, or C{busy} after too many wrong keys; C{not-joined} if it
            has left meanwhile; C{failed} if the store cannot open the room, L{Limits.joinTimeout}
            seconds have passed, or the chat stops; or with the error of
            L{IChatHooks.authorizeJoin}. After C{failed}, the member may try again later. Cancelling
            the C{Deferred} withdraws the join
        """

    def leave(member: IChatMember, roomName: str) -> None:
        """
        Remove a member from a room. Nothing from this room is delivered to it afterwards. If the
        member is still joining, the join fails. If one of its messages waits for
        L{IChatHooks.authorizeSay}, the message is not sent. If the member is not in the room,
        nothing happens.
        """

    def say(member: IChatMember, roomName: str, text: str) -> Deferred[None] | None:
        """
        Send a message to all members of the room, including its sender, at the end of this reactor
        turn.

        @param text: up to L{machat.entries.LINES} lines
        @return: C{None}, or a C{Deferred} for which the caller should wait before it sends more,
            because messages would otherwise accumulate in memory. If L{IChatHooks.authorizeSay} has
            not answered yet, it fires when the message may be sent, or fails with one of the errors
            below. If the store is far behind, it fires when the store has caught up
        @raise ChatError: C{not-joined}; C{muted}; C{too-long} if the text has too many lines;
            C{bad-command} if it has surrogates, which cannot be encoded; or as the hook raises
        """

    def sayAll(member: IChatMember, roomName: str, texts: Sequence[str], paced: bool) -> bool:
        """
        Send several messages of a member, if none of them has to wait or is refused. This is a
        fast path for protocols: if it returns C{False}, nothing was sent; call L{pace} and L{say}
        for each message instead.

        @param texts: at least one, each without a newline
        @param paced: whether the rates of L{pace} apply. They are then charged here
        @return: whether the messages were sent
        """

    def typing(member: IChatMember, roomName: str) -> None:
        """
        Report to the other members that watch the room that a member is typing. The report is
        dropped if the last one was less than three seconds ago, if the room has more than 100
        members, or if the send queues are half full. With a shared store, members of other
        processes receive it as well.

        @raise ChatError: C{not-joined}; C{muted}
        """

    def pace(member: IChatMember, roomName: str, size: int) -> Deferred[None] | None:
        """
        Wait until a client's message fits into the rates of the room, L{Limits.roomRate}, and of
        the client's network, L{Limits.addressRate}. Call it before L{say} or L{post}.

        @param roomName: the name, spelled as in L{Joined}
        @param size: the size of the message when it is delivered, bytes
        @return: C{None} if the message may be sent now; otherwise fires when it may. Senders that
            wait get equal shares of the rate. It may be cancelled. Do not call it for the client's
            next message before it has fired
        """

    def post(
        member: IChatMember, roomName: str, content: str | Content, id: str | None = None
    ) -> Deferred[Receipt]:
        """
        Send a message, an edit, a redaction or a reaction, and report the result.

        @param content: a text, or another content
        @param id: identifies the message for L{Limits.remembered} seconds. If the same name has
            already sent a message with this id to this room, it is not sent again, also after a
            restart if the store is durable
        @return: fires with the L{Receipt} when the message is stored; fails as L{say} does, or
            with C{failed} if it was not stored, or with C{unknown} if the store has not answered in
            time, so that it may be stored
        """

    def publish(
        sender: IChatMember, roomName: str, content: str | Content, id: str | None = None
    ) -> Deferred[Any]:
        """
        Send a message, an edit, a redaction or a reaction to a room in which its sender need not
        be. The hooks, the mutes and bans of its name, the byte rate of the room and the
        deduplication apply as for L{post}; a lock does not.

        @param sender: its C{name} counts; for the rate and the hooks, its C{peer}; and for the
            right to change messages of others, its C{user}. Senders with the same C{peer} share the
            rate of the room as one, and the memory of the rooms that they create, as the members of
            one network do
        @return: fires with L{machat.service.publisher.Published} when the message is stored; fails
            as L{post} does, or with C{bad-name}, C{bad-room}, or C{busy} if the room receives more
            than its rate
        """

    def history(
        member: IChatMember,
        roomName: str,
        before: int | None = None,
        after: int | None = None,
        limit: int = 300,
    ) -> Deferred[History]:
        """
        Read stored messages of a room that the member is in: the first messages after the number
        C{after}, the last messages before the number C{before}, or, if neither is given, the last
        messages.

        @param limit: the maximum number of messages, up to L{Limits.maxHistory}. There are fewer if
            their texts exceed 1 MiB together
        @return: fires with the messages; fails with L{ChatError} C{not-joined}
        """

    def search(member: IChatMember, roomName: str, asked: commands.History) -> Deferred[History]:
        """
        Search the stored messages of a room that the member is in. A message is found if its
        current text contains all words of C{asked.text}, each of them anywhere, also inside of a
        word. Texts are compared after NFKC normalisation and case folding; those of more than
        L{machat.rooms.searching.LONG} characters only after case folding.

        The work for one request is limited, so the answer states how far the search has come.

        @param asked: C{text}, and the other fields as in L{history}. C{room} is ignored
        @return: fires with the messages; fails with L{ChatError} C{not-joined}; C{bad-command} if
            C{text} has no word; or C{busy} if too many searches wait
        """

    def who(member: IChatMember, roomName: str) -> Deferred[Members]:
        """
        List the names in a room that the member is in.

        @return: fires with up to L{Limits.listed} names; fails with L{ChatError} C{not-joined}
        """

    def top(member: IChatMember, roomName: str) -> int:
        """
        @return: the number of the last message of a room that the member is in
        @raise ChatError: C{not-joined}
        """

    def listRooms(prefix: str = "", after: str = "", limit: int = 100) -> Deferred[RoomList]:
        """
        List the listed rooms that have members, in the order of their names without regard to
        case. If several processes share the store, the rooms of all of them.

        @param prefix: the beginning of the names
        @param after: the rooms follow the one with this name
        @param limit: the maximum number of rooms, up to 100
        @return: fires with the rooms; fails with L{ChatError} C{failed}
        """

    def issue(connection: IClientConnection) -> str:
        """
        Issue the secret of a connection.

        @return: 128 random bits. Until the connection is closed, another connection of the same
            C{name} can take its place with this secret
        """

    def takeOver(connection: IClientConnection, secret: str) -> None:
        """
        Disconnect the connection for which this secret was issued, with L{REPLACED}, if it has the
        name of the new connection. If the store is shared and the earlier connection belongs to
        another process, it is disconnected when the new one joins a room in which it is. If the
        secret is unknown or no longer valid, nothing happens.
        """

    def opened(connection: IClientConnection, address: Any) -> float:
        """
        A connection has been made.

        @param address: the peer's L{twisted.internet.interfaces.IAddress}; with a proxy, this may
            still be the address of the proxy
        @return: the time within which it has to join, seconds. It is shorter if there are too many
            connections
        """

    def admit(connection: IClientConnection, address: Any) -> None:
        """
        Require that a connection is within the limits. Call it when the client's address is known,
        and again for the hello.

        @param address: the L{twisted.internet.interfaces.IAddress} of the client; with a proxy, the
            forwarded address
        @raise ChatError: C{too-many-connections}: in total, or from this address
        """

    def authenticate(
        connection: IClientConnection, password: str | None, token: str | None
    ) -> Deferred[IChatUser] | None:
        """
        Check the credentials of a connection for its C{name}, for the first time or again. The
        connection has been L{admit}ted.

        @return: C{None} if the chat requires no credentials; otherwise fires with the user, or
            fails with L{ChatError} C{bad-credentials}, C{busy}, or C{too-many-connections} of this
            user. It fails at the latest after L{Limits.joinTimeout} seconds, and after about 20
            seconds if that is longer. It may be cancelled. A connection that has authenticated once
            is not accepted without credentials later
        """

    def ended(connection: IClientConnection) -> None:
        """
        A connection has ended. It counts for no limit any more, although it may still be closing.
        """

    def closed(connection: IClientConnection) -> None:
        """
        A connection has been closed.
        """


class IRoomPolicy(Interface):
    """
    The policy of the rooms of a chat.
    """

    def begin(room: Any) -> None:
        """
        Prepare a L{machat.rooms.room.Room} that has just been created.
        """

    def requireKey(member: IChatMember, room: Any, key: str | None) -> None:
        """
        @param room: the L{machat.rooms.room.Room}, which is open
        @param key: the key that the member presents
        @raise ChatError: C{bad-key}; C{busy}: too many wrong keys
        """

    def guessKey(member: IChatMember, room: Any, key: str | None) -> Deferred[None] | None:
        """
        Require a key as L{requireKey} does, but count wrong keys in all processes of the chat
        together.

        @return: C{None} if the key is right; or, if other processes have to be asked, fires if it
            is right, and fails with the L{ChatError} of L{requireKey}
        @raise ChatError: see L{requireKey}
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
    The hooks of an application. If a hook raises an exception other than L{ChatError}, the
    exception is logged and the join or message is refused; nothing else is affected.
    L{machat.hooks.Hooks} allows everything.
    """

    def authorizeJoin(member: IChatMember, room: str) -> Deferred[None] | None:
        """
        Decide whether a member may join a room.

        @raise ChatError: the member may not join. A C{Deferred} may fail with it as well
        """

    def authorizeSay(member: IChatMember, room: str, text: str) -> Deferred[str] | str:
        """
        Decide whether a member may send a message, or give one a new text. Until the hook has
        answered, later messages of this room wait as well, so that the order is kept. After the
        answer, the message is sent only if its sender is still in the room, is not muted, and still
        has the right.

        @return: the text to send, which the hook may have changed
        @raise ChatError: the message may not be sent. A C{Deferred} may fail with it as well
        """

    def authorizeEntry(member: IChatMember, room: str, content: Content) -> Deferred[None] | None:
        """
        Decide whether a member may send anything other than one line of text: a message with
        several lines, C{data} or a reply, an edit, a redaction, or a reaction. L{authorizeSay} is
        asked about the text of a message or an edit first.

        @raise ChatError: it may not be sent. A C{Deferred} may fail with it as well
        """

    def joined(member: IChatMember, room: str) -> None:
        """
        A member has joined the room.
        """

    def left(member: IChatMember, room: str) -> None:
        """
        A member has left the room.
        """

    def said(messages: Sequence[Entry]) -> None:
        """
        A batch of a room's messages has been delivered, including L{machat.events.Edited},
        L{machat.events.Redacted} and L{machat.events.Reacted}.
        """
