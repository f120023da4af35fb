"""
The messages that a member has missed, calculated from C{(epoch, seq)} and read from the store.

Messages are read in pages, so that one request with large messages does not occupy the store while
others wait, and reading ends when the result is large enough.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from machat.events import Message, Position
from machat.interfaces import IStoredRoom
from machat.rooms.room import Room

#: The number of attempts to read the last messages. An attempt fails if the room receives too many
#: messages while it is read.
_TRIES = 3

#: The number of messages that are read first, and the maximum number that are read at once later:
#: each read is twice as large as the one before.
FIRST = 16
PAGE = 64

#: The maximum length of the texts of one replay or history together, characters.
LARGEST = 1_048_576


async def messagesSince(
    stored: IStoredRoom, room: Room, since: Position, most: int
) -> tuple[Message, ...] | None:
    """
    @return: all messages after a position, up to the room's position at the moment this returns,
        without a gap. C{None} if one of them is no longer stored, if there are more than C{most},
        if they are larger than L{LARGEST} together, if the position lies in the future, or if the
        room does not cover it: see L{IStoredRoom.covers}
    """
    position = room.position
    if position is None or since.seq > position.seq or not stored.covers(since):
        return None
    found = await _upToNow(stored, room, since.seq, most)
    if found is None or not stored.covers(since):  # the room may have moved meanwhile
        return None
    return _replayed(found)


async def lastMessages(stored: IStoredRoom, room: Room, count: int) -> tuple[Message, ...]:
    """
    @return: the last C{count} messages, or as many as are stored and as L{LARGEST} allows, up to
        the room's position at the moment this returns
    """
    for _ in range(_TRIES):
        top = room.position.seq if room.position else 0
        found = await messagesBefore(stored, top + 1, count)
        complete = bool(found) and found[-1].seq == top
        newer = await _upToNow(stored, room, top, 2 * count)
        if newer is not None:
            return _replayed(_last((found if complete else []) + newer, count))
    return ()


async def messagesBefore(stored: IStoredRoom, end: int, count: int) -> list[Message]:
    """
    @return: the stored messages whose number is below C{end} and at least C{end - count}, without
        the oldest of them if they are larger than L{LARGEST}
    """
    found: list[Message] = []
    first = max(1, end - count)
    pages = _pages()
    while end > first:
        start = max(first, end - next(pages))
        read = await stored.read(start - 1, end - start)
        page = [message for message in read if message.seq < end]
        found = _last(page + found, count)
        if not page or found[0] is not page[0] or page[0].seq != start:
            break
        end = start
    return found


async def messagesAfter(stored: IStoredRoom, after: int, count: int) -> list[Message]:
    """
    @return: the first C{count} stored messages whose number is above C{after}, or fewer if they are
        larger than L{LARGEST}
    """
    found: list[Message] = []
    size = LARGEST
    pages = _pages()
    while count > 0:
        page = await stored.read(after, min(next(pages), count))
        for message in page:
            size -= len(message.text)
            if size < 0 and found:
                return found
            found.append(message)
        if not page:
            break
        count -= len(page)
        after = page[-1].seq
    return found


async def _upToNow(stored: IStoredRoom, room: Room, after: int, most: int) -> list[Message] | None:
    found: list[Message] = []
    size = LARGEST
    pages = _pages()
    while room.position is not None and after < room.position.seq:
        if room.position.seq - after > most - len(found):
            return None
        read = await stored.read(after, min(next(pages), most - len(found)))
        more = [message for message in read if message.seq <= room.position.seq]
        if not more or more[0].seq != after + 1 or more[-1].seq != after + len(more):
            return None
        size -= sum([len(message.text) for message in more])
        if size < 0:
            return None
        found += more
        after = more[-1].seq
    return found


def _pages() -> Iterator[int]:
    """
    @return: the maximum numbers of messages for the reads of one request
    """
    page = FIRST
    while True:
        yield min(page, PAGE)
        page *= 2


def _last(messages: list[Message], count: int) -> list[Message]:
    """
    @return: the last messages, at least one if there is one
    """
    kept, size = 0, LARGEST
    for message in reversed(messages):
        size -= len(message.text)
        if kept == count or (size < 0 and kept):
            break
        kept += 1
    return messages[len(messages) - kept :]


def _replayed(messages: list[Message]) -> tuple[Message, ...]:
    return tuple([replace(message, replay=True) for message in messages])
