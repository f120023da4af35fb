"""
The chat client for asyncio.

    >>> async with ChatClient("localhost:8989", "Mina") as client:
    ...     room = await client.join("dev", history=20)
    ...     await room.say("hello")
    ...     async for event in room:
    ...         print(event)
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import weakref
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from machat import commands
from machat.aio.connections import dialer
from machat.aio.events import Events, Room
from machat.aio.runner import CoreRunner
from machat.commands import Auth
from machat.events import Allowed, Done, Event, History, Members, ReadMark, Receipt, RoomList
from machat.sansio import ClientCore, entries

_log = logging.getLogger("machat.aio")

#: The default number of events that may wait to be read.
LIMIT = 1_000


class ChatClient:
    """
    A client of one server, under one name. Use it as an asynchronous context manager, or call
    L{start} and L{close}. It reconnects whenever the connection is lost, rejoins its rooms, and
    recovers what it missed.

    Until the first welcome, a reason that needs a person's intervention ends the client, because
    the address or the options are probably wrong. After it, only the server can end it.

    All calls must come from the event loop that L{start} was called in. Every call may be
    cancelled, also by C{asyncio.timeout}: see the calls.

    @ivar name: the name
    @ivar readers: the queues that a task waits for. An event loop refers to its tasks only weakly
    """

    def __init__(
        self,
        address: str,
        name: str,
        *,
        presence: bool = True,
        credentials: Callable[[], Auth | Awaitable[Auth]] = Auth,
        tls: ssl.SSLContext | None = None,
        origin: str | None = None,
        limit: int = LIMIT,
    ) -> None:
        """
        @param address: C{host:port}, C{tls:host:port}, C{unix:path}, or a C{ws://} or C{wss://} URL
        @param presence: whether to receive presence updates
        @param credentials: a function or coroutine function that returns the password or token. It
            is called for each connection, and before the current credentials expire. Its exceptions
            are logged and reported as L{Failed<machat.aio.Failed>}
        @param tls: the TLS settings; by default C{ssl.create_default_context()}
        @param origin: the C{Origin} header of a WebSocket handshake
        @param limit: the number of events that may wait in each of L{join} and L{events}
        @raise ValueError: the address is invalid
        @raise ImportError: the address requires C{websockets}, which is not installed
        """
        self.name = name
        self._limit = limit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._queues: dict[weakref.ref[Events], None] = {}
        self.readers: set[Events] = set()
        core = ClientCore(name, presence, lambda: asyncio.get_running_loop().time())
        dial = dialer(address, tls, origin)
        self._core = core
        self._runner = CoreRunner(core, dial, credentials, self._notify, self._wake)

    @property
    def connected(self) -> bool:
        """
        Whether the server has sent its welcome on the current connection.
        """
        return self._core.connected

    @property
    def limits(self) -> Allowed | None:
        """
        The limits that the last welcome contained.
        """
        return self._core.limits

    @property
    def ended(self) -> str | None:
        """
        The reason why the client does not connect again; C{None} if it does.
        """
        return self._core.ended

    @property
    def closed(self) -> bool:
        """
        Whether the application has closed the client.
        """
        return self._closed

    @property
    def finished(self) -> bool:
        """
        Whether the client has ended and its last connection is closed.
        """
        return self._runner.finished

    @property
    def rooms(self) -> list[str]:
        """
        The names of the rooms that the client is in or rejoins.
        """
        return self._core.rooms

    # The application.

    async def __aenter__(self) -> ChatClient:
        self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def start(self) -> None:
        """
        Connect in the background.
        """
        self._loop = asyncio.get_running_loop()
        self._core.start()
        self._runner.carryOut()

    async def close(self) -> None:
        """
        Disconnect, and do not reconnect. Everything that waits fails with
        L{Ended<machat.aio.Ended>}. This takes at most 5 seconds.
        """
        self._closed = True
        await self._runner.close()

    async def join(self, room: str, history: int = 0, key: str | None = None) -> Room:
        """
        Join a room, and rejoin it on every later connection. Waits for a connection if there is
        none. If this is cancelled, the room is not joined.

        The client collects the events of the room as long as you keep the returned object. If you
        only send, discard it and use L{say}.

        @param history: the number of its last messages to receive first
        @param key: the key of the room, if it needs one
        @raise machat.errors.ChatError: the server refuses, or the client ends (C{ended})
        """
        found = Room(self, self._limit, room)
        self._collect(found)
        done = self._runner.begin(lambda done: self._core.join(room, history, done, key))
        if done.done() and done.exception() is None:  # another call has joined it
            found.entered(done.result())
        await self._runner.end(done)
        return found

    def leave(self, room: str) -> None:
        """
        Leave a room. Its unacknowledged messages fail with L{Ended<machat.aio.Ended>}.
        """
        self._core.leave(room)
        self._runner.carryOut()

    async def say(
        self,
        room: str,
        text: str,
        data: Mapping[str, Any] | None = None,
        reply: int | None = None,
    ) -> Receipt:
        """
        Send a message to a joined room: now, or after the next reconnect. Messages are sent in the
        order of the calls.

        If this is cancelled before the message is sent, it is not sent. If it is cancelled later,
        the message may have been published, and is not sent again.

        @param text: up to 100 lines; may be empty if there is C{data}
        @param data: an object for programs, at most 4,096 bytes as JSON
        @param reply: the number of the message that this one answers
        @return: the receipt, when the server has stored the message
        @raise machat.errors.ChatError: the server refuses; or C{too-much}: too many messages are
            waiting; or C{unknown} or C{ended}: the outcome is not known
        """
        return await self._post(room, entries.say(text, data, reply))

    async def edit(self, room: str, target: int, text: str) -> Receipt:
        """
        Replace the text of a message, as L{say} sends one.

        @param target: the number of the message
        """
        return await self._post(room, commands.Edit(target=target, text=text))

    async def redact(self, room: str, target: int, reason: str | None = None) -> Receipt:
        """
        Remove the content of a message, as L{say} sends one.
        """
        return await self._post(room, commands.Redact(target=target, reason=reason or ""))

    async def react(self, room: str, target: int, emoji: str, remove: bool = False) -> Receipt:
        """
        Add a reaction to a message, or remove it, as L{say} sends a message.
        """
        return await self._post(room, commands.React(target=target, emoji=emoji, remove=remove))

    def typing(self, room: str) -> None:
        """
        Notify the other members of a joined room that the user is typing. Does nothing without a
        connection. The server forwards at most one notice in 3 seconds.
        """
        self._core.typing(room)
        self._runner.carryOut()

    async def direct(self, user: str, text: str, data: Mapping[str, Any] | None = None) -> Receipt:
        """
        Send a message to a user, as L{say} sends one. The client joins the direct conversation with
        this user. Both need an account.
        """
        command = entries.say(text, data)
        result: Receipt = await self._ask(lambda done: self._core.direct(user, command, done))
        return result

    async def listRooms(self, prefix: str = "", after: str = "", limit: int = 100) -> RoomList:
        """
        Request a part of the list of rooms.

        @param prefix: the beginning of the names
        @param after: the rooms follow the one with this name
        @param limit: the maximum number of rooms, up to 100
        @raise machat.errors.ChatError: the server refuses; or C{lost}: there is no connection
        """
        command = commands.ListRooms(prefix=prefix, after=after, limit=limit)
        result: RoomList = await self._request(command)
        return result

    async def block(self, user: str, blocked: bool = True) -> Done:
        """
        Refuse direct messages from a user, or accept them again. Fails as L{listRooms} does.
        """
        kind = commands.Block if blocked else commands.Unblock
        result: Done = await self._request(kind(name=user))
        return result

    async def markRead(self, room: str, seq: int) -> ReadMark:
        """
        Note that the user has read a room up to this message, for all of the user's connections.
        Fails as L{listRooms} does.
        """
        result: ReadMark = await self._request(commands.Read(room=room, seq=seq))
        return result

    async def _post(self, room: str, command: commands.Command) -> Receipt:
        result: Receipt = await self._ask(lambda done: self._core.post(room, command, done))
        return result

    async def history(
        self, room: str, before: int | None = None, limit: int = 50, text: str | None = None
    ) -> History:
        """
        Request stored messages of a joined room: the last ones, or the last ones before a number.

        @param text: one or more words; only messages that contain all of them are returned. The
            answer has C{searched}: to search the older messages, call this again with that number
            as C{before}, until it is at most 1
        @raise machat.errors.ChatError: the server refuses; or C{lost}: the room is not joined, or
            the connection is lost
        """
        command = commands.History(room=room, before=before, limit=limit, text=text)
        result: History = await self._ask(lambda done: self._core.history(command, done))
        return result

    async def who(self, room: str) -> Members:
        """
        Request the members of a joined room. Raises as L{history} does.
        """
        result: Members = await self._ask(lambda done: self._core.who(room, done))
        return result

    async def moderate(self, command: commands.Command) -> Any:
        """
        Send a moderation command, such as L{commands.Kick<machat.commands.Kick>}.

        @return: the L{Done<machat.events.Done>}, or the
            L{SanctionList<machat.events.SanctionList>}
        @raise machat.errors.ChatError: the server refuses; or C{lost}: there is no connection
        """
        return await self._request(command)

    async def _request(self, command: commands.Command) -> Any:
        return await self._ask(lambda done: self._core.request(command, done))

    def events(self) -> Events:
        """
        Collect all events from now on: those of all rooms, errors, and
        L{Connected<machat.aio.Connected>}, L{Lost<machat.aio.Lost>} and
        L{Failed<machat.aio.Failed>}.
        """
        collected = Events(self, self._limit)
        self._collect(collected)
        return collected

    def __aiter__(self) -> Events:
        return self.events()

    async def _ask(self, command: Callable[[asyncio.Future[Any]], object]) -> Any:
        return await self._runner.end(self._runner.begin(command))

    # Events that wait to be read.

    def _collect(self, queue: Events) -> None:
        self._queues[weakref.ref(queue, self._discarded)] = None

    def _discarded(self, reference: weakref.ref[Events]) -> None:
        self._queues.pop(reference, None)
        if self._runner.paused and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.read)  # another thread may collect garbage

    def read(self) -> None:
        """
        Read from the server again, if no L{Events} are full.
        """
        queues = [queue for reference in self._queues if (queue := reference()) is not None]
        if self._runner.paused and not any(queue.full for queue in queues):
            self._runner.resume()

    def _notify(self, event: Event) -> None:
        for reference in list(self._queues):
            queue = reference()
            if queue is not None and queue.wants(event):
                queue.put(event)
                if queue.full and not self._runner.paused:
                    self._stopReading(queue)

    def _stopReading(self, queue: Events) -> None:
        self._runner.pause()
        _log.warning(
            "%s: %d events wait in %r; nothing is read from the server until the application "
            "reads them with async for, or discards the object",
            self.name,
            self._limit,
            queue,
        )

    def _wake(self) -> None:
        for reference in list(self._queues):
            queue = reference()
            if queue is not None:
                queue.wake()
