"""
The messages that a member has missed, calculated from C{(epoch, seq)} and read from the store.
"""

from __future__ import annotations

from msgspec.structs import replace

from machat.events import Message, Position
from machat.interfaces import IStoredRoom
from machat.rooms.room import Room

#: The number of attempts to read the last messages. An attempt fails if the room receives too many
#: messages while it is read.
_TRIES = 3


async def messagesSince(
    stored: IStoredRoom, room: Room, since: Position, most: int
) -> tuple[Message, ...] | None:
    """
    @return: all messages after a position, up to the room's position at the moment this returns,
        without a gap. C{None} if one of them is no longer stored, if there are more than C{most},
        if the position lies in the future, or if the room does not cover it: see
        L{IStoredRoom.covers}
    """
    position = room.position
    if position is None or since.seq > position.seq or not stored.covers(since):
        return None
    found = await _upToNow(stored, room, since.seq, most)
    return found if stored.covers(since) else None  # the room may have moved meanwhile


async def lastMessages(stored: IStoredRoom, room: Room, count: int) -> tuple[Message, ...]:
    """
    @return: the last C{count} messages, or as many as are stored, up to the room's position at the
        moment this returns
    """
    for _ in range(_TRIES):
        top = room.position.seq if room.position else 0
        kept = await stored.read(max(0, top - count), count)
        last = await _upToNow(stored, room, kept[0].seq - 1 if kept else top, 2 * count)
        if last is not None:
            return last[-count:]
    return ()


async def _upToNow(
    stored: IStoredRoom, room: Room, after: int, most: int
) -> tuple[Message, ...] | None:
    found: list[Message] = []
    while room.position is not None and after < room.position.seq:
        if room.position.seq - after > most - len(found):
            return None
        read = await stored.read(after, most)
        more = [message for message in read if message.seq <= room.position.seq]
        if not more or more[0].seq != after + 1:
            return None
        found += more
        after = more[-1].seq
    return tuple([replace(message, replay=True) for message in found])
