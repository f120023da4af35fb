"""
The events that are sent in one request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from twisted.logger import Logger

from machat.errors import FAILED, ChatError
from machat.interfaces import IDeliveries
from machat.rooms.directory import Directory
from machat.webhooks.events import entry
from machat.webhooks.waiting import WaitingRoom

#: The maximum number of events in a request, and the size after which no event is added, bytes.
EVENTS = 100
SIZE = 131_072

#: The number of rooms that other processes deliver, after which no further room is looked at.
BUSY = 100

_encode = msgspec.json.Encoder().encode


class Part(NamedTuple):
    """
    The part of a batch from one room.

    @ivar cursor: the number of the last message that was delivered before; C{None} if the store was
        not asked, because no message waits
    @ivar last: the number of the last message that is delivered with the batch
    @ivar events: the number of events that are not messages
    @ivar lost: the number of messages before it that the store does not have any more
    """

    room: WaitingRoom
    cursor: int | None
    last: int
    events: int
    lost: int = 0


class Batch:
    """
    The events of one request.

    @ivar parts: the rooms that the request settles, also those whose messages cannot be read
    @ivar busy: the rooms that other processes deliver
    @ivar last: describes the last event, for the log
    @ivar invalid: the number of events that were left out, because they cannot be encoded
    """

    _log = Logger()

    def __init__(self, most: int) -> None:
        """
        @param most: the maximum number of events
        """
        self.last = ""
        self.invalid = 0
        self._most = most
        self.parts: list[Part] = []
        self.busy: list[WaitingRoom] = []
        self._events: list[bytes] = []
        self._size = 0

    def __len__(self) -> int:
        return len(self._events)

    @property
    def free(self) -> int:
        """
        The number of events that can be added.
        """
        return self._most - len(self._events) if self._size < SIZE else 0

    def add(self, make: Callable[..., dict[str, Any]], *words: Any) -> None:
        """
        Add an event. One that cannot be encoded must not delay those that follow.

        @param make: returns the event, as an object for JSON
        @param words: its arguments
        """
        try:
            event = make(*words)
            encoded = _encode(event)
        except Exception:
            self.invalid += 1
            self._log.failure("an event cannot be sent to a webhook")
            return
        self._events.append(encoded)
        self._size += len(encoded)
        number = f" {event['seq']}" if "seq" in event else ""
        self.last = f"{event['type']}{number} in {event['room']}"

    def body(self, now: float) -> bytes:
        """
        @param now: Unix time
        """
        at = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds")
        head = {"type": "machat.events", "timestamp": at.replace("+00:00", "Z")}
        return _encode(head)[:-1] + b',"data":{"events":[' + b",".join(self._events) + b"]}}"


def idOf(body: bytes) -> str:
    """
    @return: the identifier of a request, the same for the same body
    """
    return f"msg_{sha256(body).hexdigest()[:32]}"


class Collector:
    """
    Collects the events of the next request, and reads their messages from the store.
    """

    def __init__(self, deliveries: IDeliveries, directory: Directory) -> None:
        self._deliveries = deliveries
        self._directory = directory

    async def collect(self, rooms: Sequence[WaitingRoom], most: int) -> Batch:
        """
        @param rooms: the rooms with events that wait
        @param most: the maximum number of events
        @return: the events of the first rooms. It is empty if other processes deliver all of them
        @raise ChatError: C{failed}: the store is not available
        """
        batch = Batch(most)
        for room in rooms:
            if not batch.free or len(batch.busy) >= BUSY:
                break
            await self._take(batch, room)
        return batch

    async def _take(self, batch: Batch, room: WaitingRoom) -> None:
        if room.top <= room.done:
            batch.parts.append(Part(room, None, 0, self._takeEvents(batch, room, 0, room.top)))
            return
        cursor = await self._deliveries.claimDelivery(room.key)
        if cursor is None:
            batch.busy.append(room)
            return
        if cursor >= room.top:  # another process has delivered them
            taken = self._takeEvents(batch, room, 0, cursor)
            batch.parts.append(Part(room, cursor, cursor, taken))
            return
        try:
            part = await self._read(batch, room, cursor)
        except ChatError as error:
            if error.code == FAILED:
                raise
            # the room cannot be opened under this name any more
            part = Part(room, cursor, room.top, len(room.events), room.top - cursor)
        batch.parts.append(part)

    async def _read(self, batch: Batch, waiting: WaitingRoom, cursor: int) -> Part:
        async with self._directory.visit(waiting.name) as room:
            assert room.stored is not None and room.position is not None, "the room is open"
            epoch, seq = room.position.epoch, room.position.seq
            waiting.top = min(waiting.top, seq)  # the store may have lost its last messages
            after = cursor if cursor <= seq else 0
            part = Part(waiting, cursor, after, 0)
            messages = await room.stored.read(after, batch.free)
            return self._merge(batch, part, epoch, messages)

    def _merge(self, batch: Batch, part: Part, epoch: str, messages: Sequence[Any]) -> Part:
        """
        Add the messages, and the events that happened between them.

        @param part: its C{last} is the number before the first message
        """
        room, last, taken, lost = part.room, part.last, 0, 0
        known = last if part.cursor else max(last, room.done)  # the store may have lost the number
        for message in messages:
            taken += self._takeEvents(batch, room, taken, message.seq - 1)
            if not batch.free:
                return part._replace(last=last, events=taken, lost=lost)
            lost += max(0, message.seq - max(last, known) - 1)
            batch.add(entry, message, epoch)
            last = message.seq
        if not messages:
            lost = max(0, room.top - max(last, known))
            last = max(last, room.top)
        taken += self._takeEvents(batch, room, taken, last)
        return part._replace(last=last, events=taken, lost=lost)

    def _takeEvents(self, batch: Batch, room: WaitingRoom, taken: int, seq: int) -> int:
        """
        Add the events that happened after the message with this number.

        @param taken: the number of events that have been added before
        @return: the number of events that were added
        """
        added = 0
        for happened in list(room.events)[taken:]:
            if happened.after > seq or not batch.free:
                break
            batch.add(dict, happened.event)
            added += 1
        return added
