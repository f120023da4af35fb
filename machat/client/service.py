"""
A client that loses nothing: it reconnects, recovers what it missed, and sends again what was not
acknowledged. A server that was restarted in between may publish such a message a second time.

    >>> client = ChatClient(reactor, "localhost:8989", "Mina", print)
    >>> client.startService()
    >>> joined = await client.join("dev", history=20)
    >>> receipt = await client.say("dev", "hello")

Its listener is called with every event of L{machat.events} that matters to a user, in the order of
the room, each message once, and besides with L{Connected}, L{Failed}, L{Lost} and L{Gap}.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.application.internet import ClientService
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import commands, events, names, wire
from machat.client import reasons
from machat.client.endpoints import ReportingEndpoint, dial
from machat.client.events import Connected as Connected
from machat.client.events import Ended as Ended
from machat.client.events import Failed as Failed
from machat.client.events import Gap as Gap
from machat.client.events import Lost as Lost
from machat.client.heartbeat import Heartbeat
from machat.client.interfaces import IServerConnection, IServerConnectionUser
from machat.client.outgoing import TooMuch as TooMuch
from machat.client.outgoing import Unacknowledged
from machat.client.outgoing import Unknown as Unknown
from machat.client.reasons import Reason
from machat.client.room import Membership
from machat.clock import chatClock
from machat.errors import NOT_JOINED, TOO_LONG, ChatError
from machat.events import Event, Joined, Message, Receipt

#: Seconds before the first attempt to come back, and between two attempts at most.
SOON = 0.5
LATE = 30.0

#: The most that a server can put off the next attempt, seconds.
RETRY = 60.0

#: The longest session secret that is kept, characters.
SECRET = 256


@implementer(IServerConnectionUser)
class ChatClient(Service):
    """
    A client of one server, under one name. It connects when it is started as a service.

    The first attempts show whether address and options are right: while the server has never said
    welcome, a L{Failed} that nothing but a person can mend ends the client. Later on it is taken
    for a server that is being changed, and the client comes back.

    @ivar nick: the name
    @ivar limits: the server's, as its last welcome told them
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
        @param reactor: where it connects and its timers run
        @param address: C{host:port}, a client endpoint string, an endpoint, or a C{ws://} or
            C{wss://} URL
        @param listener: called with each event; what it raises is logged
        @param presence: whether to hear who comes and goes
        @param origin: the C{Origin} of a WebSocket's request
        @param credentials: returns the password or token to show; called for each connection, and
            when those shown are about to expire. What it raises is logged, and reported as a
            L{Failed}; it is called again later
        @raise ValueError: the address cannot be one
        """
        self.nick = name
        self.limits: events.Allowed | None = None
        self._clock = chatClock(reactor)
        self._listener = listener
        self._presence = presence
        self._credentials = credentials
        endpoint, factory = dial(reactor, address, self, origin)
        self._service: ClientService = ClientService(
            ReportingEndpoint(endpoint, self), factory, retryPolicy=self._delay, clock=self._clock
        )
        self._line: IServerConnection | None = None
        self._welcome = False
        self._session: str | None = None
        self._rooms: dict[str, Membership] = {}
        self._unsent = Unacknowledged()
        self._prefix = secrets.token_hex(6)
        self._count = 0
        self._attempts = 0
        self._retry = 0.0
        self._ended: str | None = None
        self._heartbeat = Heartbeat(self._clock, self._ask, self._silent)
        self._reason: Reason | None = None
        self._bye = False
        self._held: list[Membership] = []

    @property
    def connected(self) -> bool:
        """
        Whether the server has said welcome, and the connection is not known to be lost.
        """
        return self._welcome

    def joined(self, room: str) -> bool:
        """
        @return: whether the client is in this room on the present connection
        """
        wanted = self._rooms.get(names.key(room))
        return wanted is not None and wanted.joined

    def pause(self) -> None:
        """
        Read no more from the server, for a listener that cannot take more. A few events may still
        come. A server closes a connection that is not read for long; after L{resume} the client
        comes back to it, and recovers what it can.
        """
        self._heartbeat.paused = True
        if self._line is not None and self._welcome:
            self._line.pause()

    def resume(self) -> None:
        """
        Read on.
        """
        if not self._heartbeat.paused:
            return
        self._heartbeat.paused = False
        if self._line is not None and self._welcome:
            held, self._held = self._held, []
            for room in held:
                if self._rooms.get(names.key(room.name)) is room:
                    self._sendJoin(room)
            self._line.resume()

    def startService(self) -> None:
        """
        Connect, and come back whenever the connection is lost.
        """
        Service.startService(self)
        self._service.startService()

    def stopService(self) -> Deferred[None]:
        """
        Disconnect for good. What is not acknowledged fails with L{Ended}.

        @return: fires when the connection is gone
        """
        Service.stopService(self)
        self._end("stopped")
        stopped: Deferred[None] = self._service.stopService()
        return stopped

    def join(self, room: str, history: int = 0) -> Deferred[Joined]:
        """
        Be in a room from now on, over all connections.

        @param history: how many of its last messages to hear first
        @return: fires when the room is joined for the first time; fails with L{ChatError} if the
            server refuses, with L{Ended} if the client ends before
        """
        if self._ended is not None:
            return fail(Ended(self._ended))
        key = names.key(room)
        wanted = self._rooms.get(key)
        if wanted is None:
            wanted = self._rooms[key] = Membership(room, history, self._newId())
            self._sendJoin(wanted)
        done: Deferred[Joined] = Deferred()
        wanted.waiting.append(done)
        return done

    def leave(self, room: str) -> None:
        """
        Be in a room no more. What was said there and is not acknowledged fails with L{Ended}.
        """
        left = self._rooms.pop(names.key(room), None)
        if left is not None:
            left.fail(Ended("left the room"))
            if left.joined:
                self._send(commands.Leave(room=left.name))

    def rooms(self) -> list[str]:
        """
        @return: the rooms that the client is in or comes back to
        """
        return [room.name for room in self._rooms.values()]

    def who(self, room: str) -> None:
        """
        Ask who is in a room. The answer is a L{machat.events.Members}, for the listener.
        """
        self._send(commands.Who(room=room))

    def moderate(self, command: commands.Command) -> None:
        """
        Ask for something that moderators may, such as a L{commands.Kick}. The answer, a
        L{machat.events.Done} or a L{machat.events.Error} with the same C{id}, is for the listener.
        Nothing is sent while the client is not connected.
        """
        self._send(command)

    def say(self, room: str, text: str) -> Deferred[Receipt]:
        """
        Say something in a room that was joined: now, or when the connection is back.

        @param text: one line
        @return: fires with the L{Receipt} when the server's log has the message; fails with
            L{ChatError} if it was refused, L{TooMuch} if too much waits already, L{Unknown} or
            L{Ended} if it is not known to have been said
        """
        if self._ended is not None:
            return fail(Ended(self._ended))
        wanted = self._rooms.get(names.key(room))
        if wanted is None:
            return fail(ChatError(NOT_JOINED, "not in that room"))
        try:
            unsent = self._unsent.add(self._newId(), wanted.name, text)
        except TooMuch:
            return fail()
        unsent.done.addBoth(self._settled, wanted.name)
        wanted.add(unsent)
        self._sendMore(wanted)
        return unsent.done

    # The line.

    def unreachable(self, reason: Failure) -> None:
        # A listener may stop the client, but not while the attempt is still being made.
        self._clock.callLater(0, self._failed, reasons.explain(reason))

    def connecting(self, line: IServerConnection) -> None:
        self._line = line
        self._bye = False
        self._reason = None
        self._heartbeat.begin()

    def _silent(self) -> None:
        if self._line is not None:
            self._abort(self._line, Reason(reasons.SILENT, "the server does not answer"))

    def _abort(self, line: IServerConnection, reason: Reason) -> None:
        self._reason = reason
        line.abort()

    def opened(self, line: IServerConnection) -> None:
        shown = self._show()
        if isinstance(shown, Reason):
            self._clock.callLater(0, self._abort, line, shown)
            return
        hello = commands.Hello(
            name=self.nick,
            v=wire.VERSION,
            session=self._session,
            presence=self._presence,
            password=shown.password,
            token=shown.token,
        )
        line.sendLine(msgspec.json.encode(hello))

    def _show(self) -> commands.Auth | Reason:
        try:
            return self._credentials()
        except Exception as error:
            self._log.failure("no credentials for {name}", name=self.nick)
            text = reasons.line(f"the credentials cannot be read: {error}")
            return Reason(reasons.CREDENTIALS, text)

    def received(self, data: bytes) -> None:
        if self._reason is not None:
            return  # it has been given up
        self._heartbeat.heard()
        event = wire.decodeEvent(data)
        hear = _HEAR.get(type(event))
        if hear is not None:
            hear(self, event)
        elif event is not None:
            if isinstance(event, _OF_ROOMS) and names.key(event.room) not in self._rooms:
                return
            self._tell(event)
        elif not self._welcome and not data.startswith(b"{") and self._line is not None:
            text = data[: reasons.LONGEST].decode(errors="replace")
            foreign = reasons.Foreign(f"it says {text!r}")
            self._abort(self._line, reasons.explain(Failure(foreign)))

    def closed(self, line: IServerConnection, reason: Failure) -> None:
        if line is not self._line:
            return
        self._line = None
        self._heartbeat.stop()
        told = self._welcome or self._bye or self._ended is not None
        self._welcome = False
        self._held = []
        for room in self._rooms.values():
            room.joined = False
        if told:
            self._tell(Lost(self._ended is None))
        else:
            self._failed(self._reason or reasons.explain(reason))

    def _failed(self, reason: Reason) -> None:
        if self._ended is not None:
            return
        retry = not reason.final or self.limits is not None
        if not retry:
            self._end(reason.text)
        self._tell(Failed(code=reason.code, text=reason.text, retry=retry))
        if not retry:
            self._clock.callLater(0, self._service.stopService)

    def _delay(self, attempts: int) -> float:
        """
        @return: seconds until the next attempt: longer each time, and not the same for all clients
        """
        self._attempts += 1
        retry, self._retry = self._retry, 0.0
        longest = min(LATE, SOON * 2 ** min(self._attempts, 10))
        return retry + random.uniform(longest / 2, longest)

    # What is heard.

    def _welcomed(self, event: events.Welcome) -> None:
        if self._welcome:
            return
        self._session = event.session if len(event.session) <= SECRET else None
        self.limits = event.limits
        self._attempts = 0
        self._welcome = True
        self._heartbeat.welcomed(event.limits.rate)
        self._tell(Connected())
        for room in list(self._rooms.values()):
            self._sendJoin(room)

    def _joined(self, event: Joined) -> None:
        room = self._rooms.get(names.key(event.room))
        if room is None:  # left while it was joined
            self._answer(commands.Leave(room=event.room))
            return
        if room.joined:
            return
        if not room.markJoined(event):
            self._tell(Gap(room=event.room, missed=event.missed))
        self._tell(event)
        room.fireJoined(event)
        self._sendMore(room)

    def _message(self, event: Message) -> None:
        room = self._rooms.get(names.key(event.room))
        if room is not None and room.passes(event.seq):
            self._tell(event)

    def _left(self, event: events.Left) -> None:
        key = names.key(event.room)
        room = self._rooms.get(key)
        if room is not None and room.joined:  # not the answer to a leave of its own
            del self._rooms[key]
            room.fail(ChatError(NOT_JOINED, event.reason or "removed from the room"))
        self._tell(event)

    def _acknowledged(self, event: events.Ack) -> None:
        unsent = self._unsent.find(event.id)
        if unsent is not None:
            unsent.done.callback(Receipt(event.room, event.seq, event.duplicate))

    def _refused(self, event: events.Error) -> None:
        error = ChatError(event.code, event.text, event.id)
        unsent = self._unsent.find(event.id)
        if unsent is not None:
            unsent.done.errback(error)
            return
        room = next((room for room in self._rooms.values() if room.id == event.id), None)
        if room is not None:
            del self._rooms[names.key(room.name)]
            room.fail(error)
            if room.position is not None:  # it was there, and cannot come back
                self._tell(events.Left(room=room.name, reason=event.text))
        elif not (event.id or "").startswith(self._prefix):  # of what has failed with its room
            self._tell(event)

    def _expiring(self, event: events.Expiring) -> None:
        shown = self._show()
        if not isinstance(shown, Reason):
            self._answer(shown)

    def _authenticated(self, event: events.Authenticated) -> None:
        pass

    def _pinged(self, event: events.Ping) -> None:
        self._answer(commands.Pong())

    def _ponged(self, event: events.Pong) -> None:
        if self._heartbeat.answered(event.id) and self._line is not None:
            self._line.confirmed()

    def _bidden(self, event: events.Bye) -> None:
        self._bye = True
        self._retry = min(max(event.retry or 0.0, 0.0), RETRY)
        self._tell(event)
        if not event.reconnect:
            self._end(event.reason)
            self._service.stopService()

    # What is sent.

    def _newId(self) -> str:
        self._count += 1  # an id cannot be guessed, so only who has read it can answer it
        return f"{self._prefix}-{self._count}-{secrets.token_hex(4)}"

    def _sendJoin(self, room: Membership) -> None:
        if self._welcome and self._heartbeat.paused:
            self._held.append(room)
        elif self._welcome:
            history = 0 if room.position else room.history
            self._send(
                commands.Join(room=room.name, since=room.position, history=history, id=room.id)
            )

    def _sendMore(self, room: Membership) -> None:
        for unsent in room.due(self._clock.seconds()):
            line = wire.encodeCommand(
                commands.Say(room=unsent.room, text=unsent.text, id=unsent.id)
            )
            if self.limits is not None and len(line) > self.limits.line:
                unsent.done.errback(ChatError(TOO_LONG, "longer than the server takes"))
            elif self._line is not None:
                self._line.sendLine(line)

    def _send(self, command: commands.Command) -> None:
        if self._line is not None and self._welcome:
            self._line.sendLine(wire.encodeCommand(command))

    def _answer(self, command: commands.Command) -> None:
        if self._line is not None and self._welcome:
            self._line.answer(wire.encodeCommand(command))

    def _ask(self, id: str) -> None:
        self._send(commands.Ping(id=id))

    # The end of things.

    def _settled(self, result: Any, name: str) -> Any:
        """
        It is known what became of a message: there is place for another of its room.
        """
        room = self._rooms.get(names.key(name))
        if room is not None and self._welcome:
            self._sendMore(room)
        return result

    def _end(self, reason: str) -> None:
        if self._ended is None:
            self._ended = reason
            for room in list(self._rooms.values()):
                room.fail(Ended(reason))
            self._rooms.clear()

    def _tell(self, event: Event) -> None:
        try:
            self._listener(event)
        except Exception:
            self._log.failure("the listener of {name} failed", name=self.nick)


#: Events that are told of rooms which the client is in, and of no others.
_OF_ROOMS = (events.Presence, events.RoomState, events.Members, events.History)

_HEAR: dict[type[Any], Callable[[ChatClient, Any], None]] = {
    events.Welcome: ChatClient._welcomed,
    events.Joined: ChatClient._joined,
    events.Message: ChatClient._message,
    events.Ack: ChatClient._acknowledged,
    events.Left: ChatClient._left,
    events.Error: ChatClient._refused,
    events.Expiring: ChatClient._expiring,
    events.Authenticated: ChatClient._authenticated,
    events.Ping: ChatClient._pinged,
    events.Pong: ChatClient._ponged,
    events.Bye: ChatClient._bidden,
}
