"""
The chat client: it reconnects, recovers missed messages, and resends messages whose outcome it does
not know. If a server whose store is not durable was restarted in between, a resent message can be
published twice.

    >>> client = ChatClient(reactor, "localhost:8989", "Mina", print)
    >>> client.startService()
    >>> joined = await client.join("dev", history=20)
    >>> receipt = await client.say("dev", "hello")

The listener is called with the events of L{machat.events} that matter to a user, in the order of
the room, each message once. It is also called with L{Connected}, L{Failed}, L{Lost} and
L{Gap<machat.client.events.Gap>}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.internet import ClientService
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import commands, events, wire
from machat.client import reasons
from machat.client.backoff import Backoff
from machat.client.endpoints import ReportingEndpoint, dial
from machat.client.events import Connected as Connected
from machat.client.events import Ended as Ended
from machat.client.events import Failed as Failed
from machat.client.events import Lost as Lost
from machat.client.identity import ClientIdentity
from machat.client.interfaces import IServerConnection, IServerConnectionUser
from machat.client.link import ServerLink
from machat.client.reasons import Reason
from machat.client.rooms import ClientRooms
from machat.clock import chatClock
from machat.events import Event, History, Joined, Receipt


@implementer(IServerConnectionUser)
class ChatClient(Service):
    """
    A client of one server, under one name. It connects when it is started as a service.

    Until the first welcome, a L{Failed} that needs a person's intervention ends the client, because
    the address or the options are probably wrong. After the first welcome, the client always
    reconnects.

    @ivar nick: the name
    @ivar limits: the limits that the last welcome contained
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        address: str | IStreamClientEndpoint,
        name: str,
        listener: Callable[[Event], object] = lambda event: None,
        presence: bool = True,
        origin: str | None = None,
        credentials: Callable[[], commands.Auth] = commands.Auth,
    ) -> None:
        """
        @param reactor: provides connections and timers
        @param address: C{host:port}, a client endpoint string, an endpoint, or a C{ws://} or
            C{wss://} URL
        @param listener: called with each event. Its exceptions are logged
        @param presence: whether to receive presence updates
        @param origin: the C{Origin} header of a WebSocket handshake
        @param credentials: returns the password or token. It is called for each connection, and
            before the current credentials expire. Its exceptions are logged and reported as
            L{Failed}, and the client calls it again later
        @raise ValueError: the address is invalid
        """
        self.nick = name
        self.limits: events.Allowed | None = None
        self._clock = chatClock(reactor)
        self._listener = listener
        self._identity = ClientIdentity(name, presence, credentials)
        self._backoff = Backoff()
        endpoint, factory = dial(reactor, address, self, origin)
        self._service: ClientService = ClientService(
            ReportingEndpoint(endpoint, self),
            factory,
            retryPolicy=self._backoff.delay,
            clock=self._clock,
        )
        self._link = ServerLink(self._clock)
        self._rooms = ClientRooms(self._clock, self._link.sendLine, self._link.reply, self._notify)
        self._ended: str | None = None

    @property
    def connected(self) -> bool:
        """
        Whether the server has sent its welcome on the current connection.
        """
        return self._link.welcomed

    def joined(self, room: str) -> bool:
        """
        @return: whether the client is in this room on the current connection
        """
        return self._rooms.joined(room)

    def pause(self) -> None:
        """
        Stop reading from the server, for a listener that cannot accept more events. A few events
        may still arrive. A server closes a connection that is not read for a long time; after
        C{resume} the client reconnects, and recovers what it can.
        """
        self._rooms.pause()
        self._link.pause()

    def resume(self) -> None:
        """
        Read from the server again.
        """
        if self._link.paused:
            self._rooms.resume()
            self._link.resume()

    def startService(self) -> None:
        """
        Connect, and reconnect whenever the connection is lost.
        """
        Service.startService(self)
        self._service.startService()

    def stopService(self) -> Deferred[None]:
        """
        Disconnect, and do not reconnect. Unacknowledged messages fail with L{Ended}.

        @return: fires when the connection is closed
        """
        Service.stopService(self)
        self._end("stopped")
        stopped: Deferred[None] = self._service.stopService()
        return stopped

    def join(self, room: str, history: int = 0) -> Deferred[Joined]:
        """
        Join a room, and rejoin it on every later connection.

        @param history: the number of its last messages to receive first
        @return: fires when the room is joined for the first time; fails with
            L{ChatError<machat.errors.ChatError>} if the server refuses, with L{Ended} if the client
            ends first. If the name is taken by a client that does not respond, the listener
            receives an L{Error<machat.events.Error>}, and the client tries again
        """
        if self._ended is not None:
            return fail(Ended(self._ended))
        return self._rooms.join(room, history)

    def leave(self, room: str) -> None:
        """
        Leave a room. Its unacknowledged messages fail with L{Ended}.
        """
        self._rooms.leave(room)

    def rooms(self) -> list[str]:
        """
        @return: the rooms that the client is in or rejoins
        """
        return self._rooms.names

    def who(self, room: str) -> None:
        """
        Ask for the members of a room. The listener receives a L{machat.events.Members}.
        """
        self._link.send(commands.Who(room=room))

    def history(self, room: str, before: int | None = None, limit: int = 50) -> Deferred[History]:
        """
        Request stored messages of a joined room: the last ones, or the last ones before a number.

        @param limit: the number of messages. The answer may have fewer although the server has
            more; an answer without messages means that there are no older ones
        @return: fires with the L{History<machat.events.History>}; fails with
            L{ChatError<machat.errors.ChatError>} if the server refuses, with
            L{NotConnected<machat.client.NotConnected>} if the room is not joined, or if the
            connection is lost
        """
        return self._rooms.history(room, before, limit)

    def moderate(self, command: commands.Command) -> None:
        """
        Send a moderation command, such as L{commands.Kick}. The listener receives a
        L{machat.events.Done} or a L{machat.events.Error} with the same C{id}. Nothing is sent while
        the client is not connected.
        """
        self._link.send(command)

    def say(self, room: str, text: str) -> Deferred[Receipt]:
        """
        Send a message to a joined room: now, or after the next reconnect.

        @param text: one line
        @return: fires with the L{Receipt} when the server has stored the message; fails with
            L{ChatError<machat.errors.ChatError>} if it was refused, with
            L{TooMuch<machat.client.TooMuch>} if too many
            messages are waiting, with
            L{Unknown<machat.client.Unknown>} or L{Ended} if the outcome is not known
        """
        if self._ended is not None:
            return fail(Ended(self._ended))
        return self._rooms.say(room, text)

    # The connection.

    def unreachable(self, reason: Failure) -> None:
        # A listener may stop the client, but not while the attempt is still in progress.
        self._clock.callLater(0, self._failed, reasons.explain(reason))

    def connecting(self, connection: IServerConnection) -> None:
        self._link.begin(connection)

    def opened(self, connection: IServerConnection) -> None:
        hello = self._identity.hello()
        if isinstance(hello, Reason):
            self._clock.callLater(0, self._link.abort, hello)
        else:
            connection.sendLine(hello)

    def received(self, data: bytes) -> None:
        if self._link.reason is not None:
            return  # the connection is being aborted
        self._link.received()
        event = wire.decodeEvent(data)
        receive = _RECEIVE.get(type(event))
        if receive is not None:
            receive(self, event)
        elif event is not None:
            if not isinstance(event, _OF_ROOMS) or event.room in self._rooms:
                self._notify(event)
        elif not self._link.welcomed and not data.startswith(b"{"):
            text = data[: reasons.LONGEST].decode(errors="replace")
            foreign = reasons.Foreign(f"it sent {text!r}")
            self._link.abort(reasons.explain(Failure(foreign)))

    def closed(self, connection: IServerConnection, reason: Failure) -> None:
        link = self._link
        if not link.isCurrent(connection):
            return
        established = link.welcomed or link.farewell or self._ended is not None
        link.end()
        self._rooms.disconnected()
        if established:
            self._notify(Lost(self._ended is None))
        else:
            self._failed(link.reason or reasons.explain(reason))

    def _failed(self, reason: Reason) -> None:
        if self._ended is not None:
            return
        retry = not reason.final or self.limits is not None
        if not retry:
            self._end(reason.text)
        self._notify(Failed(code=reason.code, text=reason.text, retry=retry))
        if not retry:
            self._clock.callLater(0, self._service.stopService)

    # The server's events. ClientRooms receives those of rooms.

    def _welcomed(self, event: events.Welcome) -> None:
        if self._link.welcomed:
            return
        self._identity.setSession(event.session)
        self.limits = event.limits
        self._backoff.reset()
        self._link.welcome(event.limits.rate)
        self._notify(Connected())
        if self._link.welcomed:
            self._rooms.connected(event.limits.line)

    def _expiring(self, event: events.Expiring) -> None:
        auth = self._identity.auth()
        if not isinstance(auth, Reason):
            self._link.reply(wire.encodeCommand(auth))

    def _receivedBye(self, event: events.Bye) -> None:
        self._link.farewell = True
        self._backoff.postpone(event.retry)
        self._notify(event)
        if not event.reconnect:
            self._end(event.reason)
            self._service.stopService()

    def _end(self, reason: str) -> None:
        if self._ended is None:
            self._ended = reason
            self._rooms.fail(Ended(reason))

    def _notify(self, event: Event) -> None:
        try:
            self._listener(event)
        except Exception:
            self._log.failure("the listener of {name} failed", name=self.nick)


#: Events that the listener receives only for rooms of the client.
_OF_ROOMS = (events.Presence, events.RoomState, events.Members)

_RECEIVE: dict[type[Any], Callable[[ChatClient, Any], None]] = {
    events.Welcome: ChatClient._welcomed,
    events.Joined: lambda client, event: client._rooms.receivedJoined(event),
    events.Message: lambda client, event: client._rooms.receivedMessage(event),
    events.Ack: lambda client, event: client._rooms.receivedAck(event),
    events.Moved: lambda client, event: client._rooms.receivedMoved(event),
    events.History: lambda client, event: client._rooms.receivedHistory(event),
    events.Left: lambda client, event: client._rooms.receivedLeft(event),
    events.Error: lambda client, event: client._rooms.receivedError(event),
    events.Expiring: ChatClient._expiring,
    events.Authenticated: lambda client, event: None,
    events.Ping: lambda client, event: client._link.reply(wire.encodeCommand(commands.Pong())),
    events.Pong: lambda client, event: client._link.receivedPong(event.id),
    events.Bye: ChatClient._receivedBye,
}
