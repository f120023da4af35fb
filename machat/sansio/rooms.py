"""
The rooms of a client. On each connection, they are joined again, and their unacknowledged messages
are sent again.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from machat import commands, events, names
from machat.commands import Command
from machat.errors import FAILED, NAME_TAKEN, NOT_JOINED, UNKNOWN, ChatError
from machat.events import Joined, Position
from machat.sansio.backoff import exponential
from machat.sansio.errors import Ended, NotConnected
from machat.sansio.events import Gap
from machat.sansio.ids import Ids
from machat.sansio.posting import Posting
from machat.sansio.reporting import Reporting
from machat.sansio.requests import Requests
from machat.sansio.room import Membership
from machat.sansio.timers import Timer, Timers

#: The first and the longest delay before another attempt to rejoin a room, seconds.
REJOIN = 1.0
MAX_REJOIN = 30.0

#: The longest delay that a refusal can set, seconds.
MAX_RETRY = 60.0


class ClientRooms:
    """
    The rooms that a client is in or rejoins.

    @ivar requests: the requests that wait for an answer
    """

    def __init__(self, timers: Timers, out: Reporting, ids: Ids) -> None:
        self.requests = Requests(ids.new, out.settle)
        self._clock = timers
        self._out = out
        self._ids = ids
        self._rooms: dict[str, Membership] = {}
        self._connected = False
        self._paused = False
        self._held: list[Membership] = []
        self._timers: dict[Membership, Timer] = {}
        self._posting = Posting(timers, out, ids, self.find)

    @property
    def names(self) -> list[str]:
        """
        The rooms that the client is in or rejoins.
        """
        return [room.name for room in self._rooms.values()]

    def __contains__(self, name: str) -> bool:
        return names.key(name) in self._rooms

    def find(self, name: str) -> Membership | None:
        """
        @return: the room with this name; C{None} if the client is not in it and does not join it
        """
        return self._rooms.get(names.key(name))

    def joined(self, name: str) -> bool:
        """
        @return: whether the client is in this room on the current connection
        """
        room = self.find(name)
        return room is not None and room.joined is not None

    # Commands of the application.

    def join(self, name: str, history: int, token: Any, key: str | None = None) -> None:
        """
        Join a room now, or when there is a connection.

        @param history: the number of its last messages to receive first
        @param key: the key of the room, which is also used to rejoin it
        """
        room = self.find(name)
        if room is not None and key is not None:
            room.key = key
        if room is not None and room.joined is not None:
            self._out.settle(token, room.joined)
            return
        if room is None:
            room = self._rooms[names.key(name)] = Membership(name, history, self._ids.new())
            room.key = key
            self._sendJoin(room)
        room.waiting.append(token)

    def leave(self, name: str) -> None:
        """
        Leave a room. Its unacknowledged messages fail with L{Ended}.
        """
        room = self.find(name)
        if room is not None:
            joined = room.joined is not None
            self._forget(room, Ended("left the room"))
            if joined:
                self._out.send(commands.Leave(room=room.name))

    def post(self, name: str, command: Command, token: Any) -> None:
        """
        Send a message to a room now, or when the room is joined again.

        @param command: the command without its room and its id
        """
        room = self.find(name)
        if room is None:
            self._out.settle(token, ChatError(NOT_JOINED, "not in that room"))
            return
        self._posting.post(room, command, token)

    def direct(self, name: str, command: Command, token: Any) -> None:
        """
        Send a message to a direct conversation, and join it first if that is necessary.

        @param name: the name of the room
        """
        if self.find(name) is None:
            room = self._rooms[names.key(name)] = Membership(name, 0, self._ids.new())
            self._sendJoin(room)
        self.post(name, command, token)

    def ask(self, name: str, command: Command, token: Any) -> None:
        """
        Send a request about a joined room.

        @param command: the command without its id
        """
        if not self.joined(name):
            text = "the room is not joined on the current connection"
            self._out.settle(token, NotConnected(text))
        else:
            self.request(command, token)

    def request(self, command: Command, token: Any) -> None:
        """
        Send a command that the server answers with one event.

        @param command: the command without its id
        """
        self.requests.ask(token, lambda id: self._out.send(replace(command, id=id)))

    def cancel(self, token: Any) -> None:
        """
        Forget a command. A room that was not joined yet is left if no other command waits for it.
        """
        if self._posting.cancel(token):
            return
        self.requests.cancel(token)
        for room in list(self._rooms.values()):
            waiting = [each for each in room.waiting if each is not token]
            if len(waiting) < len(room.waiting):
                room.waiting = waiting
                if room.position is None and not waiting:
                    self.leave(room.name)

    def fail(self, error: ChatError) -> None:
        """
        Forget all rooms, because the client has ended.
        """
        for room in list(self._rooms.values()):
            self._forget(room, error)

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
            if self.find(room.name) is room:
                self._sendJoin(room)

    # The connection.

    def connected(self, lineLimit: int) -> None:
        """
        Join all rooms, because the server has sent its welcome.
        """
        self._posting.lineLimit = lineLimit
        self._connected = True
        for room in self._rooms.values():
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
        self._posting.lost()
        for room in self._rooms.values():
            room.joined = None
        self.requests.lost()

    # The server's events.

    def receivedJoined(self, event: Joined) -> None:
        """
        Record that a room is joined, and send its messages.
        """
        room = self.find(event.room)
        if event.id is None and names.partners(event.room) is not None:
            if room is not None:
                return  # the client joins it itself
            room = self._adopt(event)
        elif room is None:  # the client left the room while it was being joined
            self._out.reply(commands.Leave(room=event.room))
            return
        if room.joined is not None:
            return
        if not room.markJoined(event):
            self._out.notify(Gap(room=event.room, missed=event.missed))
        self._out.notify(event)
        for token in room.takeWaiting():
            self._out.settle(token, event)
        self._posting.sendMore(room)

    def _adopt(self, event: Joined) -> Membership:
        """
        The server has joined a direct conversation for the client, because of a new message.
        """
        room = self._rooms[names.key(event.room)] = Membership(event.room, 0, self._ids.new())
        if event.recovered:
            room.position = Position(event.epoch, event.seq - (event.missed or 0))
        return room

    def receivedEntry(self, event: events.Entry) -> None:
        """
        Report a message or another numbered entry, once.
        """
        room = self._rooms.get(names.key(event.room))
        if room is not None and room.joined is not None and room.accept(event.seq):
            self._out.notify(event)

    def receivedMoved(self, event: events.Moved) -> None:
        """
        Record the new epoch of a room.
        """
        room = self.find(event.room)
        if room is not None and room.joined is not None:
            missed = room.move(event)
            self._out.notify(event)
            if missed:
                self._out.notify(Gap(room=event.room, missed=missed))

    def receivedLeft(self, event: events.Left) -> None:
        """
        Forget a room from which the server has removed the client.
        """
        room = self.find(event.room)
        if room is not None and room.joined is not None:  # otherwise it answers a leave command
            self._forget(room, ChatError(NOT_JOINED, event.reason or "removed from the room"))
        self._out.notify(event)

    def receivedAck(self, event: events.Ack) -> None:
        """
        Settle an acknowledged message.
        """
        self._posting.acknowledged(event)

    def receivedError(self, event: events.Error) -> None:
        """
        Settle a refused message, or send it again if the server does not know its outcome; retry or
        forget a room that could not be joined; or report the error.
        """
        error = ChatError(event.code, event.text, event.id, event.retry)
        if self._posting.refused(error):
            return
        room = next((room for room in self._rooms.values() if room.id == event.id), None)
        if room is not None:
            self._joinRefused(room, error)
        elif not self.requests.refused(error) and not self._ids.has(event.id):
            self._out.notify(event)  # otherwise what it refuses has already failed

    def _joinRefused(self, room: Membership, error: ChatError) -> None:
        delay = self._rejoinDelay(room, error)
        if delay is not None:
            if room.position is None:
                self._out.notify(events.Error(code=error.code, text=error.text, retry=delay))
            self._rejoinLater(room, delay)
            return
        self._forget(room, error)
        if room.position is not None:  # the client was in this room, and cannot rejoin it
            self._out.notify(events.Left(room=room.name, reason=error.text))

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

    def _sendJoin(self, room: Membership) -> None:
        if self._connected and self._paused:
            self._held.append(room)
        elif self._connected:
            history = 0 if room.position else room.history
            self._out.send(
                commands.Join(
                    room=room.name, since=room.position, history=history, key=room.key, id=room.id
                )
            )

    def _forget(self, room: Membership, error: ChatError) -> None:
        self._rooms.pop(names.key(room.name), None)
        timer = self._timers.pop(room, None)
        if timer is not None:
            timer.cancel()
        self._posting.fail(room, error)
        for token in room.takeWaiting():
            self._out.settle(token, error)
