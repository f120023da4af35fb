"""
The events that wait to be delivered, by room.

Messages are not kept here: they are read from the store when it is their turn. Other events are
kept in memory, each with the number of the message after which it happened.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any, NamedTuple

from machat import names

#: The maximum number of rooms with events, and of events that are not messages.
ROOMS = 10_000
EVENTS = 10_000


class Happened(NamedTuple):
    """
    An event that is not a message.

    @ivar after: the number of the last message before it, as far as it is known
    @ivar event: the event, as an object for JSON
    """

    after: int
    event: dict[str, Any]


class WaitingRoom:
    """
    A room with events that wait.

    @ivar name: its name
    @ivar key: the key of its name
    @ivar since: the time at which the oldest of the events happened, as far as it is known
    @ivar top: the number of its last message; 0 if no message waits
    @ivar done: the number of the last message that was delivered, as far as it is known
    @ivar events: its events that are not messages
    """

    __slots__ = ("name", "key", "since", "top", "done", "events")

    def __init__(self, name: str, key: str, since: float) -> None:
        self.name = name
        self.key = key
        self.since = since
        self.top = 0
        self.done = 0
        self.events: deque[Happened] = deque()

    @property
    def waits(self) -> bool:
        """
        Whether something waits.
        """
        return self.top > self.done or bool(self.events)


class Waiting:
    """
    All rooms with events that wait. The room whose events have waited longest is the first.

    @ivar full: whether a room was left out because there are too many. Its messages can be found in
        the store
    @ivar dropped: the number of events that were dropped because there are too many
    """

    def __init__(self) -> None:
        self.full = False
        self.dropped = 0
        self._rooms: OrderedDict[str, WaitingRoom] = OrderedDict()
        self._events = 0

    def __len__(self) -> int:
        return len(self._rooms)

    def rooms(self) -> list[WaitingRoom]:
        """
        @return: the rooms in their order
        """
        return list(self._rooms.values())

    def said(self, name: str, before: int, top: int, now: float) -> None:
        """
        Add messages of a room.

        @param before: the number before the first one
        @param top: the number of the last one
        """
        room = self._room(name, now)
        if room is not None:
            if not room.top:
                room.done = before
            room.top = max(room.top, top)

    def happened(self, name: str, event: dict[str, Any], now: float) -> None:
        """
        Add an event that is not a message.
        """
        room = self._room(name, now) if self._events < EVENTS else None
        if room is None:
            self.dropped += 1
            return
        room.events.append(Happened(room.top, event))
        self._events += 1

    def _room(self, name: str, now: float) -> WaitingRoom | None:
        key = names.key(name)
        room = self._rooms.get(key)
        if room is None:
            if len(self._rooms) >= ROOMS:
                self.full = True
                return None
            room = self._rooms[key] = WaitingRoom(name, key, now)
        return room

    def settle(self, room: WaitingRoom, last: int, events: int, now: float) -> None:
        """
        Remove what was delivered, or cannot be delivered.

        @param last: the number of the last message
        @param events: the number of other events
        """
        room.done = max(room.done, last)
        for _ in range(events):
            room.events.popleft()
        self._events -= events
        room.since = now
        self._rooms.pop(room.key)
        if room.waits:
            self._rooms[room.key] = room  # behind the others

    def postpone(self, room: WaitingRoom) -> None:
        """
        Put a room behind the others.
        """
        self._rooms.move_to_end(room.key)

    @property
    def events(self) -> int:
        """
        The number of events that wait. Of the messages that were stored before the start, only the
        last one of each room counts.
        """
        messages = [room.top - room.done for room in self._rooms.values() if room.top > room.done]
        return self._events + sum(messages)

    def lag(self, now: float) -> float:
        """
        @return: the time for which the oldest event has waited, seconds
        """
        return max([now - room.since for room in self._rooms.values()], default=0.0)
