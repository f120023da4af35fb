"""
The messages that a member has missed, calculated from C{(epoch, seq)} and read from the log.
"""

from __future__ import annotations

from msgspec.structs import replace

from machat.events import Message, Position
from machat.interfaces import IMessageLog
from machat.rooms.room import Room

#: The number of attempts to read the last messages. An attempt fails if the room receives too many
#: messages while its log is read.
_TRIES = 3


async def messagesSince(
    log: IMessageLog, room: Room, since: Position, most: int
) -> tuple[Message, ...] | None:
    """
    @return: all messages after a position in the room's log, up to the room's position at the
        moment this returns, without a gap. C{None} if one of them is no longer in the log, if there
        are more than C{most}, or if the position belongs to another epoch or lies in the future
    """
    position = room.position
    if position is None or since.epoch != position.epoch or since.seq > position.seq:
        return None
    return await _upToNow(log, room, since.seq, most)


async def lastMessages(log: IMessageLog, room: Room, count: int) -> tuple[Message, ...]:
    """
    @return: the last C{count} messages, or as many as the log has, up to the room's position at the
        moment this returns
    """
    for _ in range(_TRIES):
        top = room.position.seq if room.position else 0
        kept = await log.read(room.key, max(0, top - count), count)
        last = await _upToNow(log, room, kept[0].seq - 1 if kept else top, 2 * count)
        if last is not None:
            return last[-count:]
    return ()


async def _upToNow(
    log: IMessageLog, room: Room, after: int, most: int
) -> tuple[Message, ...] | None:
    found: list[Message] = []
    while room.position is not None and after < room.position.seq:
        if room.position.seq - after > most - len(found):
            return None
        read = await log.read(room.key, after, most)
        more = [message for message in read if message.seq <= room.position.seq]
        if not more or more[0].seq != after + 1:
            return None
        found += more
        after = more[-1].seq
    return tuple([replace(message, replay=True) for message in found])
