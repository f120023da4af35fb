"""
The events that an application reads, and the rooms.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from machat import names
from machat.events import Event, History, Joined, Left, Members, Receipt
from machat.sansio import Ended

if TYPE_CHECKING:
    from machat.aio.client import ChatClient


class Events:
    """
    Events that wait to be read with C{async for}. If the client's C{limit} of events wait, it stops
    reading from the server until half of them are read; nothing is dropped.

    The client collects events for this object as long as the application refers to it. The
    iteration ends when the client is closed. It raises L{Ended<machat.aio.Ended>} if the client
    ended for another reason.

    @ivar full: whether the client does not read from the server because of these events
    """

    def __init__(self, client: ChatClient, limit: int) -> None:
        self._client = client
        self._limit = limit
        self._events: deque[Event] = deque()
        self._ready = asyncio.Event()
        self._over = False
        self.full = False

    def __repr__(self) -> str:
        return f"<Events of {self._client.name}>"

    def wants(self, event: Event) -> bool:
        """
        @return: whether this object collects the event
        """
        return not self._over

    def put(self, event: Event) -> None:
        """
        Add an event.
        """
        self._events.append(event)
        self._ready.set()
        self.full = self.full or len(self._events) >= self._limit

    def end(self) -> None:
        """
        Add no more events.
        """
        self._over = True
        self._ready.set()

    def wake(self) -> None:
        """
        Check whether the iteration ends, because the client has ended.
        """
        self._ready.set()

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._over or self._client.finished:
                self._stop()
            self._ready.clear()
            readers = self._client.readers
            readers.add(self)  # otherwise nothing refers to a task that waits here
            try:
                await self._ready.wait()
            finally:
                readers.discard(self)
        event = self._events.popleft()
        if self.full and 2 * len(self._events) <= self._limit:
            self.full = False
            self._client.read()
        return event

    def _stop(self) -> NoReturn:
        if not self._over and not self._client.closed:
            raise Ended(self._client.ended or "")
        raise StopAsyncIteration


class Room(Events):
    """
    A room that the client is in. C{async for} reads its events; it ends after a
    L{Left<machat.events.Left>}.

    @ivar joined: the state of the room when it was joined for the first time
    """

    joined: Joined

    def __init__(self, client: ChatClient, limit: int, name: str) -> None:
        super().__init__(client, limit)
        self._key = names.key(name)
        self._name = name

    @property
    def name(self) -> str:
        """
        The name, as the server spells it.
        """
        return self._name

    def wants(self, event: Event) -> bool:
        room = getattr(event, "room", None)
        if self._over or room is None or names.key(room) != self._key:
            return False
        if isinstance(event, Joined) and not hasattr(self, "joined"):
            self.entered(event)
            return False
        return hasattr(self, "joined")

    def entered(self, joined: Joined) -> None:
        """
        Record that the room is joined for the first time.
        """
        self.joined = joined
        self._name = joined.room

    def put(self, event: Event) -> None:
        super().put(event)
        if isinstance(event, Left):
            self.end()

    async def say(
        self, text: str, data: Mapping[str, Any] | None = None, reply: int | None = None
    ) -> Receipt:
        """
        Send a message, see L{ChatClient.say<machat.aio.ChatClient.say>}.
        """
        return await self._client.say(self.name, text, data, reply)

    async def edit(self, target: int, text: str) -> Receipt:
        """
        Replace the text of a message, see L{ChatClient.edit<machat.aio.ChatClient.edit>}.
        """
        return await self._client.edit(self.name, target, text)

    async def redact(self, target: int, reason: str | None = None) -> Receipt:
        """
        Remove the content of a message.
        """
        return await self._client.redact(self.name, target, reason)

    async def react(self, target: int, emoji: str, remove: bool = False) -> Receipt:
        """
        Add a reaction to a message, or remove it.
        """
        return await self._client.react(self.name, target, emoji, remove)

    async def history(
        self, before: int | None = None, limit: int = 50, text: str | None = None
    ) -> History:
        """
        Request stored messages, see L{ChatClient.history<machat.aio.ChatClient.history>}.
        """
        return await self._client.history(self.name, before, limit, text)

    async def who(self) -> Members:
        """
        Request the members.
        """
        return await self._client.who(self.name)

    def leave(self) -> None:
        """
        Leave the room. Its unacknowledged messages fail, and the iteration ends.
        """
        self._client.leave(self.name)
        self.end()

    def __repr__(self) -> str:
        return f"<Room {self.name}>"
