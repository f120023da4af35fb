"""
The rooms of a client. On each connection, they are joined again, and their unacknowledged messages
are sent again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall

from machat import commands, events, names, wire
from machat.client.backoff import exponential
from machat.client.events import Ended, Gap, NotConnected
from machat.client.outgoing import Outgoing, TooMuch, Unacknowledged
from machat.client.requests import Requests
from machat.client.resending import Resending
from machat.client.room import Membership
from machat.errors import FAILED, NAME_TAKEN, NOT_JOINED, TOO_LONG, UNKNOWN, ChatError
from machat.events import Event, History, Joined, Message, Moved, Receipt

#: The first and the longest delay before another attempt to rejoin a room, seconds.
REJOIN = 1.0
MAX_REJOIN = 30.0

#: The longest delay that a refusal can set, seconds.
MAX_RETRY = 60.0


class ClientRooms:
    """
    The rooms that a client is in or rejoins.

    @ivar lineLimit: the longest command that the server accepts, bytes; C{None} if unknown
    """

    def __init__(
        self,
        clock: Any,
        send: Callable[[bytes], object],
        reply: Callable[[bytes], object],
        notify: Callable[[Event], object],
    ) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>} provider
        @param send: called with each command to send
        @param reply: called with each command that is a reply to an event of the server
        @param notify: called with each event for the listener
        """
        self.lineLimit: int | None = None
        self._clock = clock
        self._send = send
        self._reply = reply
        self._notify = notify
        self._rooms: dict[str, Membership] = {}
        self._unacknowledged = Unacknowledged()
        self._prefix = secrets.token_hex(6)
        self._count = 0
        self._connected = False
        self._paused = False
        self._held: list[Membership] = []
        self._timers: dict[Membership, IDelayedCall] = {}
        self._requests = Requests(self._newId)
        self._resending = Resending(clock, self._sendAgain)

    @property
    def names(self) -> list[str]:
        """
        The rooms that the client is in or rejoins.
        """
        return [room.name for room in self._rooms.values()]

    def __contains__(self, name: str) -> bool:
        return names.key(name) in self._rooms

    def joined(self, name: str) -> bool:
        """
        @return: whether the client is in this room on the current connection
        """
        room = self._rooms.get(names.key(name))
        return room is not None and room.joined

    def join(self, name: str, history: int) -> Deferred[Joined]:
        """
        Join a room now, or when there is a connection.

        @param history: the number of its last messages to receive first
        """
        key = names.key(name)
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = Membership(name, history, self._newId())
            self._sendJoin(room)
        done: Deferred[Joined] = Deferred()
        room.waiting.append(done)
        return done

    def leave(self, name: str) -> None:
        """
        Leave a room. Its unacknowledged messages fail with L{Ended}.
        """
        room = self._rooms.get(names.key(name))
        if room is not None:
            self._forget(room, Ended("left the room"))
            if room.joined:
                self._send(wire.encodeCommand(commands.Leave(room=room.name)))

    def say(self, name: str, text: str) -> Deferred[Receipt]:
        """
        Send a message to a room now, or when the room is joined again.
        """
        room = self._rooms.get(names.key(name))
        if room is None:
            return fail(ChatError(NOT_JOINED, "not in that room"))
        try:
            message = self._unacknowledged.add(self._newId(), room.name, text)
        except TooMuch:
            return fail()
        message.done.addBoth(self._settled, room.name)
        room.add(message)
        self._sendMessages(room)
        return message.done

    def history(self, name: str, before: int | None, limit: int) -> Deferred[History]:
        """
        Request the last messages of a joined room, or the last ones before a number.
        """
        if not self.joined(name):
            return fail(NotConnected("the room is not joined on the current connection"))

        def send(id: str) -> None:
            command = commands.History(room=name, before=before, limit=limit, id=id)
            self._send(wire.encodeCommand(command))

        return self._requests.ask(send)

    def fail(self, error: Exception) -> None:
        """
        Forget all rooms, because the client has ended.
        """
        for room in list(self._rooms.values()):
            self._forget(room, error)

    # The connection.

    def connected(self, lineLimit: int) -> None:
        """
        Join all rooms, because the server has sent its welcome.
        """
        self.lineLimit = lineLimit
        self._connected = True
        for room in list(self._rooms.values()):
            self._sendJoin(room)

    def disconnected(self) -> None:
        """
        Mark all rooms as not joined.
        """
        self._connected = False
        self._held = []
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._resending.stop()
        for room in self._rooms.values():
            room.joined = False
        self._requests.lost()

    def pause(self) -> None:
        """
        Join no room until C{resume}.
        """
        self._paused = True

    def resume(self) -> None:
        """
        Join the rooms that were held back by C{pause}.
        """
        self._paused = False
        held, self._held = self._held, []
        for room in held:
            if self._rooms.get(names.key(room.name)) is room:
                self._sendJoin(room)

    # The server's events.

    def receivedJoined(self, event: Joined) -> None:
        """
        Record that a room is joined, and send its messages.
        """
        room = self._rooms.get(names.key(event.room))
        if room is None:  # the client left the room while it was being joined
            self._reply(wire.encodeCommand(commands.Leave(room=event.room)))
            return
        if room.joined:
            return
        if not room.markJoined(event):
            self._notify(Gap(room=event.room, missed=event.missed))
        self._notify(event)
        room.fireJoined(event)
        self._sendMessages(room)

    def receivedMessage(self, event: Message) -> None:
        """
        Pass on a message, once.
        """
        room = self._rooms.get(names.key(event.room))
        if room is not None and room.accept(event.seq):
            self._notify(event)

    def receivedMoved(self, event: Moved) -> None:
        """
        Record the new epoch of a room.
        """
        room = self._rooms.get(names.key(event.room))
        if room is not None and room.joined:
            missed = room.move(event)
            self._notify(event)
            if missed:
                self._notify(Gap(room=event.room, missed=missed))

    def receivedHistory(self, event: History) -> None:
        """
        Pass the answer to the request.
        """
        if not self._requests.answered(event) and event.room in self:
            self._notify(event)

    def receivedLeft(self, event: events.Left) -> None:
        """
        Forget a room from which the server has removed the client.
        """
        room = self._rooms.get(names.key(event.room))
        if room is not None and room.joined:  # otherwise it answers a leave command
            self._forget(room, ChatError(NOT_JOINED, event.reason or "removed from the room"))
        self._notify(event)

    def receivedAck(self, event: events.Ack) -> None:
        """
        Settle an acknowledged message.
        """
        message = self._unacknowledged.find(event.id)
        if message is not None:
            message.done.callback(Receipt(event.room, event.seq, event.duplicate))

    def receivedError(self, event: events.Error) -> None:
        """
        Settle a refused message, or send it again if the server does not know its outcome; retry or
        forget a room that could not be joined; or pass the error on.
        """
        error = ChatError(event.code, event.text, event.id, event.retry)
        message = self._unacknowledged.find(event.id)
        if message is not None:
            if event.code == UNKNOWN:
                self._resending.add(message, event.retry)
            else:
                message.done.errback(error)
            return
        room = next((room for room in self._rooms.values() if room.id == event.id), None)
        if room is not None:
            self._joinRefused(room, error)
        elif self._requests.refused(error):
            return
        elif not (event.id or "").startswith(self._prefix):  # else its room has already failed
            self._notify(event)

    def _joinRefused(self, room: Membership, error: ChatError) -> None:
        delay = self._rejoinDelay(room, error)
        if delay is not None:
            if room.position is None:
                self._notify(events.Error(code=error.code, text=error.text, retry=delay))
            self._rejoinLater(room, delay)
            return
        self._forget(room, error)
        if room.position is not None:  # the client was in this room, and cannot rejoin it
            self._notify(events.Left(room=room.name, reason=error.text))

    def _rejoinDelay(self, room: Membership, error: ChatError) -> float | None:
        """
        @return: the number of seconds until the next attempt to join; C{None} if there is none
        """
        if error.code == NAME_TAKEN and error.retry is not None:  # its holder may be gone
            return min(max(error.retry, REJOIN), MAX_RETRY)
        if error.code in (FAILED, UNKNOWN) and room.position is not None:
            room.refusals += 1
            return exponential(REJOIN, MAX_REJOIN, room.refusals - 1)
        return None

    def _rejoinLater(self, room: Membership, delay: float) -> None:
        def rejoin() -> None:
            del self._timers[room]
            self._sendJoin(room)

        if self._connected and room not in self._timers:
            self._timers[room] = self._clock.callLater(delay, rejoin)

    # The commands of the client.

    def _newId(self) -> str:
        self._count += 1  # a server can only know the random part from the command
        return f"{self._prefix}-{self._count}-{secrets.token_hex(4)}"

    def _sendJoin(self, room: Membership) -> None:
        if self._connected and self._paused:
            self._held.append(room)
        elif self._connected:
            history = 0 if room.position else room.history
            join = commands.Join(room=room.name, since=room.position, history=history, id=room.id)
            self._send(wire.encodeCommand(join))

    def _sendMessages(self, room: Membership) -> None:
        for message in room.due(self._clock.seconds()):
            line = _encode(message)
            if self.lineLimit is not None and len(line) > self.lineLimit:
                text = "the message is longer than the server accepts"
                message.done.errback(ChatError(TOO_LONG, text))
            else:
                self._send(line)

    def _sendAgain(self, message: Outgoing) -> None:
        if self.joined(message.room):  # otherwise it is sent after the join
            self._send(_encode(message))

    def _settled(self, result: Any, name: str) -> Any:
        """
        Send the next messages of a room, because one of its messages is settled.
        """
        room = self._rooms.get(names.key(name))
        if room is not None and self._connected:
            self._sendMessages(room)
        return result

    def _forget(self, room: Membership, error: Exception) -> None:
        self._rooms.pop(names.key(room.name), None)
        timer = self._timers.pop(room, None)
        if timer is not None:
            timer.cancel()
        room.fail(error)


def _encode(message: Outgoing) -> bytes:
    return wire.encodeCommand(commands.Say(room=message.room, text=message.text, id=message.id))
