"""
A client of one server as a state machine without I/O.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from machat import commands, events, names
from machat.codec import decodeEvent
from machat.commands import Auth, Command
from machat.errors import ChatError
from machat.sansio import reasons
from machat.sansio.connector import Connector, State
from machat.sansio.errors import Ended, NotConnected
from machat.sansio.events import Connected, Failed, Lost
from machat.sansio.identity import ClientIdentity
from machat.sansio.ids import Ids
from machat.sansio.link import ServerLink
from machat.sansio.outputs import Authenticate, Output
from machat.sansio.reasons import Reason
from machat.sansio.reporting import Reporting
from machat.sansio.rooms import ClientRooms
from machat.sansio.timers import Timers


class ClientCore:
    """
    A client of one server, under one name. After each call, take the L{outputs} and carry them out
    in order; call L{run} when L{deadline} has passed. No method calls the adapter.

    @ivar outputs: what is to be done. The adapter removes it from the left
    @ivar limits: the limits that the last welcome contained
    """

    def __init__(self, name: str, presence: bool, seconds: Callable[[], float]) -> None:
        """
        @param presence: whether to receive presence updates
        @param seconds: the clock: returns seconds since an arbitrary point in time
        """
        self.outputs: deque[Output] = deque()
        self.limits: events.Allowed | None = None
        self._timers = Timers(seconds)
        self._connector = Connector(self._timers, self.outputs)
        self._authenticating = False
        self._identity = ClientIdentity(name, presence)
        self._link = ServerLink(self._timers, self.outputs.append)
        self._out = Reporting(self.outputs, self._link)
        self._rooms = ClientRooms(self._timers, self._out, Ids())
        self._ended: str | None = None

    @property
    def connected(self) -> bool:
        """
        Whether the server has sent its welcome on the current connection.
        """
        return self._link.welcomed

    @property
    def ended(self) -> str | None:
        """
        The reason why the client does not connect again; C{None} if it does.
        """
        return self._ended

    @property
    def rooms(self) -> list[str]:
        """
        The rooms that the client is in or rejoins.
        """
        return self._rooms.names

    def joined(self, room: str) -> bool:
        """
        @return: whether the client is in this room on the current connection
        """
        return self._rooms.joined(room)

    @property
    def deadline(self) -> float | None:
        """
        The time at which to call L{run}, seconds; C{None} if no timer is running.
        """
        return self._timers.next

    def run(self) -> None:
        """
        Do what is due.
        """
        self._timers.run()

    # The application.

    def start(self) -> None:
        """
        Connect, and reconnect whenever the connection is lost.
        """
        if self._connector.state is State.IDLE and self._ended is None:
            self._connector.connect()

    def stop(self) -> None:
        """
        Disconnect, and do not reconnect. Everything that waits fails with L{Ended}.
        """
        self._end("stopped")
        self._connector.close()

    def join(self, room: str, history: int, token: Any, key: str | None = None) -> None:
        """
        Join a room, and rejoin it on every later connection. The result is the
        L{Joined<machat.events.Joined>} of the first time.

        @param history: the number of its last messages to receive first
        @param key: the key of the room, if it needs one
        """
        if self._open(token):
            self._rooms.join(room, history, token, key)

    def leave(self, room: str) -> None:
        """
        Leave a room. Its unacknowledged messages fail with L{Ended}.
        """
        self._rooms.leave(room)

    def post(self, room: str, command: Command, token: Any) -> None:
        """
        Send a message or another entry to a joined room: now, or after the next reconnect. The
        result is the L{Receipt<machat.events.Receipt>}.

        @param command: the command without its room, such as L{Say<machat.commands.Say>}. It gets
            an id, unless it has one
        """
        if self._open(token):
            self._rooms.post(room, command, token)

    def direct(self, user: str, command: Command, token: Any) -> None:
        """
        Send a message to a user, as L{post} does. The client joins the direct conversation with
        this user.

        @param command: the command without its room
        """
        if self._open(token):
            try:
                room = names.conversation(self._identity.name, user)
            except ChatError as error:
                self._out.settle(token, error)
            else:
                self._rooms.direct(room, command, token)

    def typing(self, room: str) -> None:
        """
        Notify the other members of a joined room that the user is typing. Does nothing without a
        connection.
        """
        if self.joined(room):
            self._out.send(commands.Typing(room=room))

    def history(self, command: commands.History, token: Any) -> None:
        """
        Request stored messages of a joined room. The result is the
        L{History<machat.events.History>}.
        """
        self._rooms.ask(command.room, command, token)

    def who(self, room: str, token: Any) -> None:
        """
        Request the members of a joined room. The result is the L{Members<machat.events.Members>}.
        """
        self._rooms.ask(room, commands.Who(room=room), token)

    def request(self, command: Command, token: Any) -> None:
        """
        Send a command that is answered by one event with its id, such as a moderator's.
        """
        if self.connected:
            self._rooms.request(command, token)
        else:
            self._out.settle(token, NotConnected("there is no connection"))

    def cancel(self, token: Any) -> None:
        """
        Forget a command that has no result yet. A message is not sent any more; if it was sent, it
        may be published. A room that was not joined yet is left. Nothing is settled.
        """
        self._rooms.cancel(token)

    def send(self, command: Command) -> None:
        """
        Send a command whose answer is reported as an event. Does nothing without a welcome.
        """
        self._out.send(command)

    def pause(self) -> None:
        """
        Stop reading from the server. Rooms are joined when it resumes.
        """
        if not self._link.paused:
            self._rooms.pause()
            self._link.pause(True)

    def resume(self) -> None:
        """
        Read from the server again.
        """
        if self._link.paused:
            self._rooms.resume()
            self._link.pause(False)

    def _open(self, token: Any) -> bool:
        if self._ended is not None:
            self._out.settle(token, Ended(self._ended))
        return self._ended is None

    # The connection.

    def connecting(self) -> None:
        """
        A transport is connected; it can be closed, but not used yet.
        """
        if self._connector.connecting():
            self._link.begin()

    def opened(self) -> None:
        """
        The connection can be used.
        """
        self._authenticate()

    def unreachable(self, reason: Reason) -> None:
        """
        An attempt to connect has failed.
        """
        if self._connector.state is State.CONNECTING:
            self._failed(reason)
            self._reconnect()

    def closed(self, reason: Reason) -> None:
        """
        The connection is closed, whether it was opened or not.
        """
        if self._connector.state is not State.CONNECTED:
            return
        self._connector.cancel()
        link = self._link
        established = link.welcomed or link.farewell or self._ended is not None
        link.end()
        self._authenticating = False
        self._rooms.disconnected()
        if established:
            if reason.code == reasons.CLOSED and reason.final:
                self._end(reason.text)
            self._out.notify(Lost(self._ended is None))
        else:
            self._failed(link.reason or reason)
        self._reconnect()

    def authenticate(self, auth: Auth) -> None:
        """
        Use these credentials, in answer to L{Authenticate}.
        """
        if not self._authenticating:
            return
        self._authenticating = False
        if not self._link.greeted:
            self._link.greet(self._identity.hello(auth))
        else:
            self._out.reply(auth)

    def unauthenticated(self, text: str) -> None:
        """
        The credentials cannot be read, in answer to L{Authenticate}.

        @param text: the reason
        """
        if not self._authenticating:
            return
        self._authenticating = False
        if not self._link.greeted:
            text = reasons.line(f"the credentials cannot be read: {text}")
            self._link.abort(Reason(reasons.CREDENTIALS, text))

    def received(self, data: bytes) -> None:
        """
        The server has sent an object.
        """
        if self._connector.state is not State.CONNECTED or self._link.reason is not None:
            return  # the connection is being aborted
        self._link.received()
        event = decodeEvent(data)
        receive = _RECEIVE.get(type(event))
        if receive is not None:
            receive(self, event)
        elif event is not None:
            self._receivedOther(event)
        elif not self._link.welcomed and not data.startswith(b"{"):
            self._link.abort(reasons.explainText(data))

    def _reconnect(self) -> None:
        if self._ended is not None:
            self._connector.state = State.IDLE
        else:
            self._connector.reconnect()

    def _failed(self, reason: Reason) -> None:
        retry = not reason.final or self.limits is not None
        if not retry:
            self._end(reason.text)
        self._out.notify(Failed(code=reason.code, text=reason.text, retry=retry))

    def _end(self, reason: str) -> None:
        if self._ended is None:
            self._ended = reason
            self._rooms.fail(Ended(reason))

    def _authenticate(self) -> None:
        if not self._authenticating:
            self._authenticating = True
            self.outputs.append(Authenticate())

    # The server's events. ClientRooms receives those of rooms.

    def _receivedOther(self, event: Any) -> None:
        if self._rooms.requests.answered(getattr(event, "id", None), event):
            return
        if not isinstance(event, _OF_ROOMS) or event.room in self._rooms:
            self._out.notify(event)

    def _receivedWelcome(self, event: events.Welcome) -> None:
        if self._link.welcomed or self._link.farewell:
            return
        self._identity.setSession(event.session)
        self.limits = event.limits
        self._connector.welcomed()
        self._link.welcome(event.limits.rate)
        self._out.notify(Connected())
        self._rooms.connected(event.limits.line)

    def _receivedBye(self, event: events.Bye) -> None:
        self._link.farewell = True
        self._connector.postpone(event.retry)
        self._out.notify(event)
        if not event.reconnect:
            self._end(event.reason)
            self._connector.close()


#: Events that the application receives only for rooms of the client.
_OF_ROOMS = (events.Presence, events.RoomState, events.Members, events.History)

_RECEIVE: dict[type[Any], Callable[[ClientCore, Any], None]] = {
    events.Welcome: ClientCore._receivedWelcome,
    events.Joined: lambda core, event: core._rooms.receivedJoined(event),
    events.Message: lambda core, event: core._rooms.receivedEntry(event),
    events.RichMessage: lambda core, event: core._rooms.receivedEntry(event),
    events.Edited: lambda core, event: core._rooms.receivedEntry(event),
    events.Redacted: lambda core, event: core._rooms.receivedEntry(event),
    events.Reacted: lambda core, event: core._rooms.receivedEntry(event),
    events.Ack: lambda core, event: core._rooms.receivedAck(event),
    events.Moved: lambda core, event: core._rooms.receivedMoved(event),
    events.Left: lambda core, event: core._rooms.receivedLeft(event),
    events.Error: lambda core, event: core._rooms.receivedError(event),
    events.Expiring: lambda core, event: core._authenticate(),
    events.Authenticated: lambda core, event: None,
    events.Ping: lambda core, event: core._out.reply(commands.Pong()),
    events.Pong: lambda core, event: core._link.receivedPong(event.id),
    events.Bye: ClientCore._receivedBye,
}
