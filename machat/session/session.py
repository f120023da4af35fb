"""
One client from its hello to its end, on any transport.

A request that cannot be answered at once, such as a join that waits for a log, holds the session:
later lines wait in the inbox. So a client's requests are served in order, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import commands, events, names, wire
from machat.addresses import describe, networkOf
from machat.auth.expiry import Expiry
from machat.auth.users import ANYBODY, IChatUser
from machat.errors import (
    BAD_REQUEST,
    EXPIRED,
    FAILED,
    HELLO_TIMEOUT,
    SLOW,
    TOO_LONG,
    UNKNOWN,
    ChatError,
    Disconnect,
    endOf,
)
from machat.interfaces import IChatRoom, ISessionTransport
from machat.session.events import EventsConversation
from machat.session.inbox import Inbox
from machat.session.interfaces import IClientSession, IConversation
from machat.session.text import TextConversation
from machat.wire import IDialect
from machat.wire.hellobuffer import HelloBuffer

#: The number of refusals that are logged for one connection, and the number after which the
#: connection is closed.
LOGGED = 5
REFUSALS = 100

#: The codes of the server's own faults, which do not count as refusals of the connection.
SERVER_FAULTS = (FAILED, UNKNOWN)


class State(IntEnum):
    """
    The state of a session. C{JOINING}: the hello is complete, and being processed. If it is
    refused, the session ends.
    """

    HELLO = 0
    JOINING = 1
    OPEN = 2
    ENDED = 3


@implementer(IClientSession)
class Session:
    """
    A member of the chat with a connection, from L{connectionMade} until L{connectionLost}.

    @ivar user: the user as whom the client is authenticated
    @ivar inbox: takes the lines that the transport reads after the hello
    """

    __slots__ = (
        "name",
        "user",
        "dialect",
        "deliver",
        "_chat",
        "_connection",
        "_events",
        "_state",
        "_conversation",
        "_timer",
        "_deadline",
        "_helloBuffer",
        "_authenticating",
        "_expiry",
        "inbox",
        "_refused",
        "_logged",
        "_limited",
    )
    _log = Logger()

    def __init__(
        self,
        chat: IChatRoom,
        connection: ISessionTransport,
        dialects: tuple[IDialect, IDialect],
        deliver: Callable[[bytes], None],
    ) -> None:
        """
        @param dialects: C{text} and C{events}, for this transport
        @param deliver: writes an encoded batch; called while the client is in a room
        """
        self.name = ""
        self.user: IChatUser = ANYBODY
        self.dialect, self._events = dialects
        self.deliver = deliver
        self._chat = chat
        self._connection = connection
        self._state = State.HELLO
        self._conversation: IConversation | None = None
        self._helloBuffer: HelloBuffer | None = None
        self._authenticating: Deferred[Any] | None = None
        self._expiry: Expiry | None = None
        self.inbox = Inbox(chat, connection, self._tooFast)
        self._refused = 0
        self._logged = 0
        self._limited = False
        self._timer: IDelayedCall | None = None
        self._deadline = chat.clock.seconds() + chat.limits.joinTimeout

    def connectionMade(self) -> None:
        """
        Register with the chat, which may end the session immediately. Call this once, before any
        other method.
        """
        hurry = self._chat.opened(self, self._connection.peerAddress())
        if self._state is State.HELLO:
            self._timer = self._chat.clock.callLater(hurry, self._expire)

    @property
    def awaitsHello(self) -> bool:
        """
        Whether the next bytes are for L{helloReceived}, and not for the inbox.
        """
        return self._state is State.HELLO

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

    def speakEvents(self) -> None:
        """
        Use the C{events} dialect, as the transport has negotiated. The hello needs no version then.
        """
        self.dialect = self._events

    def addressKnown(self) -> None:
        """
        Refuse the client if its address, which is known now, has too many connections.
        """
        try:
            self._chat.admit(self, self._connection.peerAddress())
        except ChatError as error:
            self.refuse(error)

    def helloReceived(self, data: bytes) -> bytes | None:
        """
        Take bytes of the hello, which may arrive in several parts.

        @return: the bytes after the hello, or C{None} while it is not complete
        """
        greeting = self._helloBuffer
        if greeting is None:
            greeting = self._helloBuffer = HelloBuffer(self._chat.limits.hello)
        try:
            split = greeting.receive(data)
            if split is None:
                return None
            self._helloBuffer = None
            self._greet(split[0])
        except ChatError as error:
            self.refuse(error)
            return b""
        return split[1]

    def _greet(self, data: bytes) -> None:
        if wire.hasVersion(data):
            self.dialect = self._events
        self._chat.admit(self, self._connection.peerAddress())
        hello = wire.decodeHello(data, self.dialect is self._events)
        self.name = names.checkName(hello.name)
        checking = self.authenticate(hello.password, hello.token)
        self._state = State.JOINING
        if checking is None:
            waiting = self._begin(self.user, hello)
        else:
            self._stopTimer()
            waiting = checking.addCallback(self._begin, hello)
        if waiting is not None:
            self.hold(waiting.addErrback(self.failed))

    def _begin(self, user: IChatUser, hello: commands.Hello) -> Deferred[Any] | None:
        self._startTimer()
        kind = EventsConversation if self.dialect is self._events else TextConversation
        conversation = kind(self._chat, self, self._connection)
        self._conversation = self.inbox.conversation = conversation
        return conversation.begin(hello)

    def markJoined(self) -> None:
        if not self.ended:
            self._state = State.OPEN
            self._stopTimer()

    def authenticate(self, password: str | None, token: str | None) -> Deferred[IChatUser] | None:
        checking = self._authenticating = self._chat.authenticate(self, password, token)
        return checking and checking.addBoth(self._checked).addCallback(self._identified)

    def _checked(self, result: Any) -> Any:
        self._authenticating = None
        return result

    def _identified(self, user: IChatUser) -> IChatUser:
        self.user = user
        self.name = user.name or self.name
        if self._expiry is None and user.expires is not None:
            self._expiry = Expiry(self._chat.clock, self._expiring, self._expired)
        if self._expiry is not None:
            self._expiry.start(user.expires)
        return user

    def _expiring(self, seconds: float) -> None:
        self.tell(events.Expiring(seconds=seconds))

    def _expired(self) -> None:
        self.disconnected(EXPIRED)

    def _tooFast(self) -> None:
        """
        Log the first time that the client exceeds its sending rate.
        """
        if not self._limited:
            self._limited = True
            self._note("{name} from {peer} exceeds its sending rate (see --rate)", name=self.name)

    def hold(self, waiting: Deferred[Any] | None) -> None:
        if waiting is None:
            return
        if self._authenticating is None:
            self.inbox.hold(waiting)
        else:  # credentials of a client that is gone are not checked
            self.inbox.holdReading(waiting)

    def joined(self, joined: events.Joined) -> None:
        self._log.info(
            "{name} joins {room} from {peer}", name=joined.name, room=joined.room, peer=self.peer
        )

    def left(self, room: str) -> None:
        self._log.info("{name} leaves {room}", name=self.name, room=room)

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
        if not failure.check(ChatError):
            self._log.failure("a command from a client raised an exception", failure)
            failure = Failure(ChatError(FAILED, "internal server error"))
        error = cast(ChatError, failure.value)
        if command is not None:
            error.id = command.id
        self.refuse(error)

    def refuse(self, error: ChatError) -> None:
        """
        Send an error. The connection is closed too if the hello is not complete, if a line is too
        long, or after L{REFUSALS} errors. The server's own faults do not count.
        """
        if self._refuse(error) and (
            self._state in (State.HELLO, State.JOINING)
            or error.code == TOO_LONG
            or self._refused >= REFUSALS
        ):
            end = endOf(error)
            self._end(end, self._saysMore)
            self._connection.hangUp(end)

    def refuseLast(self, error: ChatError) -> None:
        """
        Send an error before the transport closes the connection.
        """
        if self._refuse(error):
            self._end(BAD_REQUEST, self._saysMore)

    def _refuse(self, error: ChatError) -> bool:
        if self.ended:
            return False
        self._refused += error.code not in SERVER_FAULTS
        self._chat.metrics.refusals[error.code] += 1
        self._logged += 1
        if self._logged <= LOGGED:
            self._note("refused {peer}: {code} {text}", code=error.code, text=error.text)
        self.tell(events.Error(code=error.code, text=error.text, id=error.id, retry=error.retry))
        return True

    def _note(self, format: str, **fields: object) -> None:
        address = self._connection.peerAddress()
        self._chat.logbook.note(networkOf(address), format, peer=describe(address), **fields)

    @property
    def _saysMore(self) -> bool:
        """
        Whether a bye follows the last error.
        """
        return self.dialect is self._events

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
        self._log.warn(
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

    def _expire(self) -> None:
        self._timer = None
        try:
            self._chat.admit(self, self._connection.peerAddress())
            left = self._deadline - self._chat.clock.seconds()
            if left <= 0:
                limit = self._chat.limits.joinTimeout
                raise ChatError(HELLO_TIMEOUT, f"not joined within {limit:g} s")
        except ChatError as error:
            self.refuse(error)
        else:  # it had no place at first, but has one now
            self._timer = self._chat.clock.callLater(left, self._expire)

    def _startTimer(self) -> None:
        if self._timer is None:
            delay = self._chat.limits.joinTimeout
            self._deadline = self._chat.clock.seconds() + delay
            self._timer = self._chat.clock.callLater(delay, self._expire)

    def _stopTimer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def peer(self) -> str:
        """
        The peer's address, as the log shows it.
        """
        return describe(self._connection.peerAddress())

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
        self._helloBuffer = None
        self.inbox.end()
        self._stopTimer()
        if self._expiry is not None:
            self._expiry.stop()
        if self._authenticating is not None:
            self._authenticating.cancel()
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            conversation.end()


def _bye(end: Disconnect) -> events.Bye:
    return events.Bye(code=end.code, reason=end.reason, reconnect=end.reconnect, retry=end.retry)
