"""
One client from its hello to its end, on any transport.

A request that cannot be answered at once, such as a join that waits for the store, holds the
session: later lines wait in the inbox. So a client's requests are served in order, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import commands, events
from machat.addresses import describe
from machat.auth.users import ANYBODY, IChatUser
from machat.errors import (
    BAD_REQUEST,
    SLOW,
    TOO_LONG,
    ChatError,
    Disconnect,
    TooLong,
    endOf,
)
from machat.interfaces import IChatRoom, IConnected, ISessionTransport
from machat.logbook import Line
from machat.session.authentication import Authentication
from machat.session.events import EventsConversation
from machat.session.inbox import Inbox
from machat.session.interfaces import IConversation, IOpeningSession
from machat.session.opening import Opening
from machat.session.refusals import Refusals, errorOf
from machat.session.text import TextConversation
from machat.transport.outbox import Outbox
from machat.wire import IDialect

#: The module's logger. Each access to a logger of the class would create a new one.
_log = Logger()
_joins = Line(_log, "{name} joins {room} from {peer}")
_leaves = Line(_log, "{name} leaves {room}")


class State(IntEnum):
    """
    The state of a session. C{JOINING}: the hello is complete, and being processed. If it is
    refused, the session ends.
    """

    HELLO = 0
    JOINING = 1
    OPEN = 2
    ENDED = 3


@implementer(IOpeningSession, IConnected)
class Session:
    """
    A member of the chat with a connection, from L{connectionMade} until L{connectionLost}.

    @ivar user: the user as whom the client is authenticated
    @ivar outbox: see L{IConnected}
    @ivar inbox: takes the lines that the transport reads after the hello
    """

    __slots__ = (
        "name",
        "user",
        "dialect",
        "outbox",
        "_chat",
        "_connection",
        "_events",
        "_state",
        "_opening",
        "_conversation",
        "_authentication",
        "inbox",
        "_refusals",
    )

    def __init__(
        self,
        chat: IChatRoom,
        connection: ISessionTransport,
        dialects: tuple[IDialect, IDialect],
        outbox: Outbox,
    ) -> None:
        """
        @param dialects: C{text} and C{events}, for this transport
        @param outbox: the outbox of the connection
        """
        self.name = ""
        self.user: IChatUser = ANYBODY
        self.dialect, self._events = dialects
        self.outbox = outbox
        self._chat = chat
        self._connection = connection
        self._state = State.HELLO
        self._opening: Opening | None = Opening(self, chat, connection)
        self._conversation: IConversation | None = None
        self._authentication: Authentication | None = None
        self._refusals: Refusals | None = None
        self.inbox = Inbox(chat, connection, self)

    def connectionMade(self) -> None:
        """
        Register with the chat, which may end the session immediately. Call this once, before any
        other method.
        """
        hurry = self._chat.opened(self, self._connection.peerAddress())
        if self._opening is not None:
            self._opening.start(hurry)

    @property
    def deliver(self) -> Callable[[bytes], None]:
        """
        Writes an encoded batch: the method of the outbox itself, which saves a call.
        """
        return self.outbox.write

    @property
    def awaitsHello(self) -> bool:
        """
        Whether the next bytes are for L{helloReceived}, and not for the inbox.
        """
        return self._state is State.HELLO

    @property
    def timeLeft(self) -> float:
        """
        The time that is left for the client to join, seconds.
        """
        return 0.0 if self._opening is None else self._opening.timeLeft

    @property
    def ended(self) -> bool:
        return self._state is State.ENDED

    @property
    def busy(self) -> bool:
        """
        Whether new lines have to wait.
        """
        return self.inbox.held

    @property
    def throttled(self) -> bool:
        """
        Whether the client exceeds its sending rate.
        """
        return self.inbox.throttled

    @property
    def silent(self) -> bool:
        """
        See L{ISessionTransport.silent}.
        """
        return self._connection.silent()

    @property
    def kind(self) -> tuple[str, str]:
        """
        Its transport and dialect: C{tcp} or C{websocket}; C{text} or C{events}, or C{hello} before
        the hello.
        """
        dialect = self.dialect
        return dialect.transport, "hello" if self.awaitsHello else dialect.name

    @property
    def speaksEvents(self) -> bool:
        return self.dialect is self._events

    def speakEvents(self) -> None:
        self.dialect = self._events

    def addressKnown(self) -> None:
        """
        Refuse the client if its address, which is known now, has too many connections.
        """
        if self._opening is not None:
            self._opening.requirePlace()

    def helloReceived(self, data: bytes) -> bytes | None:
        """
        Take bytes of the hello. Call this only while the session L{awaitsHello}.

        @return: the bytes after the hello, or C{None} while it is not complete
        """
        return b"" if self._opening is None else self._opening.receive(data)

    def markGreeted(self) -> None:
        self._state = State.JOINING

    def begin(self, hello: commands.Hello) -> Deferred[Any] | None:
        kind = EventsConversation if self.speaksEvents else TextConversation
        conversation = kind(self._chat, self, self._connection)
        self._conversation = self.inbox.conversation = conversation
        return conversation.begin(hello)

    def markJoined(self) -> None:
        if not self.ended:
            self._state = State.OPEN
            self._endOpening()

    def _endOpening(self) -> None:
        if self._opening is not None:
            self._opening.end()
            self._opening = None

    def authenticate(self, password: str | None, token: str | None) -> Deferred[IChatUser] | None:
        checking = self._chat.authenticate(self, password, token)
        if checking is None:
            return None
        if self._authentication is None:
            self._authentication = Authentication(self, self._chat.clock)
        return self._authentication.wait(checking)

    def hold(self, waiting: Deferred[Any] | None) -> None:
        if waiting is None:
            return
        if self._authentication is not None and self._authentication.inProgress:
            self.inbox.holdReading(waiting)  # credentials of a client that is gone are not checked
        else:
            self.inbox.hold(waiting)

    def spend(self, tokens: float) -> None:
        self.inbox.spend(tokens)

    def joined(self, joined: events.Joined) -> None:
        _joins.write(name=joined.name, room=joined.room, peer=self.peer)

    def left(self, room: str) -> None:
        _leaves.write(name=self.name, room=room)

    def leave(self, room: str) -> None:
        self.left(room)
        self._chat.leave(self, room)

    def tell(self, event: events.Event) -> None:
        if not self.ended:
            encoded = self.dialect.encodeEvent(event)
            if encoded is not None:
                self._connection.write(encoded)

    def ping(self) -> None:
        """
        Check that the client is alive.
        """
        self.tell(events.Ping())

    def failed(self, failure: Failure, command: commands.Command | None = None) -> None:
        if failure.check(CancelledError):
            return  # gone while it waited
        error = errorOf(failure)
        if command is not None:
            error.id = command.id
        self.refuse(error)

    def refuse(self, error: ChatError) -> None:
        """
        Send an error. The connection is closed too if the hello is not complete, if a line is too
        long, or after too many errors.
        """
        if self.ended:
            return
        refusals = self._sendError(error)
        if self._state in (State.HELLO, State.JOINING) or (
            not self.ended and (_endsLine(error) or refusals.tooMany)
        ):
            end = endOf(error)
            self._end(end, self.speaksEvents)
            self._connection.hangUp(end)

    def refuseLast(self, error: ChatError) -> None:
        """
        Send an error before the transport closes the connection.
        """
        if not self.ended:
            self._sendError(error)
            self._end(BAD_REQUEST, self.speaksEvents)

    def _sendError(self, error: ChatError) -> Refusals:
        refusals = self._countRefusals()
        refusals.count(error, self._connection.peerAddress())
        self.tell(events.Error(code=error.code, text=error.text, id=error.id, retry=error.retry))
        return refusals

    def _countRefusals(self) -> Refusals:
        if self._refusals is None:
            self._refusals = Refusals(self._chat)
        return self._refusals

    def tooFast(self) -> None:
        """
        See L{machat.session.inbox.Owner}.
        """
        self._countRefusals().exceedsRate(self.name, self._connection.peerAddress())

    def goodbye(self) -> None:
        """
        Leave all rooms: the client closes the connection.
        """
        self._close()

    def notStored(self, room: str, error: ChatError) -> None:
        self.refuse(error)

    def removed(self, room: str, reason: str) -> None:
        if self._conversation is not None:
            self._conversation.removed(room, reason)

    def disconnected(self, end: Disconnect) -> None:
        if not self.ended:
            self._end(end, True)
            self._connection.hangUp(end)

    def slow(self, waiting: int) -> None:
        """
        End the session: the outbox has aborted the connection.

        @param waiting: the number of bytes that the client did not accept
        """
        self._chat.metrics.slow += 1
        _log.warn(
            "slow consumer {name} from {peer}: {waiting} bytes waiting",
            name=self.name,
            peer=self.peer,
            waiting=waiting,
        )
        self._end(SLOW, False)

    def connectionLost(self) -> None:
        """
        End the session: the connection is gone.
        """
        self._close()
        self.inbox.close()
        self._chat.closed(self)

    @property
    def peer(self) -> str:
        """
        The peer's address, as the log shows it.
        """
        known = None if self._opening is None else self._opening.address
        return describe(self._connection.peerAddress() if known is None else known)

    def _end(self, end: Disconnect, bye: bool) -> None:
        """
        @param bye: whether to send a bye
        """
        if bye:
            self.tell(_bye(end))
        self._chat.metrics.disconnects[end.code] += 1
        self._close()
        self._chat.ended(self)

    def _close(self) -> None:
        self._state = State.ENDED
        self._endOpening()
        self.inbox.end()
        if self._authentication is not None:
            self._authentication.end()
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            conversation.end()


def _endsLine(error: ChatError) -> bool:
    """
    @return: whether the client sends a line of which the server has not read the end
    """
    return error.code == TOO_LONG and not isinstance(error, TooLong)


def _bye(end: Disconnect) -> events.Bye:
    return events.Bye(code=end.code, reason=end.reason, reconnect=end.reconnect, retry=end.retry)
