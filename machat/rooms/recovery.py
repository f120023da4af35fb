"""
The messages that a member has missed, calculated from C{(epoch, seq)} and read from the store.

Messages are read in pages, so that one request with large messages does not occupy the store while
others wait, and reading ends when the result is large enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from machat.entries import Entry, Message, arePlain, lengthOf
from machat.events import Position
from machat.interfaces import IStoredRoom
from machat.revisions import fold
from machat.rooms.room import Room

#: The number of attempts to read the last messages. An attempt fails if the room receives too many
#: messages while it is read.
_TRIES = 3

#: The number of messages that are read first, and the maximum number that are read at once later:
#: each read is twice as large as the one before.
FIRST = 16
PAGE = 64

#: The maximum number of entries that are read to find the messages of one history: after a message
#: was found, and before. The latter is larger, because clients take an answer without messages for
#: the end of the room.
SCANNED = 4_096
MOST = 16_384

#: The maximum length of the entries of one replay or history together, characters.
LARGEST = 1_048_576


class Found(NamedTuple):
    """
    The messages that were read.

    @ivar messages: the messages in order
    @ivar scanned: the number of entries that were read to find them
    @ivar last: the number of the last of these entries; 0 if that is not known
    """

    messages: Sequence[Message]
    scanned: int
    last: int = 0


class _Gathering:
    """
    The messages that are read for one history, up to its limits.

    @ivar messages: the messages, in the order in which they were read
    @ivar scanned: the number of entries that were read to find them
    """

    def __init__(self, count: int) -> None:
        """
        @param count: the maximum number of messages
        """
        self.messages: list[Message] = []
        self.scanned = 0
        self._count = count
        self._size = LARGEST
        self._pages = _pages()

    @property
    def full(self) -> bool:
        """
        Whether no more entries are to be read.
        """
        most = SCANNED if self.messages else MOST
        return len(self.messages) >= self._count or self._size < 0 or self.scanned >= most

    def page(self) -> int:
        """
        @return: the number of entries to read next: not more than the missing messages, as long as
            all entries were messages
        """
        page, found = next(self._pages), len(self.messages)
        return min(page, self._count - found) if self.scanned == found else page

    def take(self, entries: Sequence[Entry]) -> None:
        """
        Add the messages among entries that were read, until a limit is reached.
        """
        self.scanned += len(entries)
        for entry in entries:
            if isinstance(entry, Message) and len(self.messages) < self._count:
                self._size -= lengthOf(entry)
                if self._size < 0 and self.messages:
                    return
                self.messages.append(entry)


async def messagesSince(
    stored: IStoredRoom, room: Room, since: Position, most: int
) -> tuple[Entry, ...] | None:
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


async def lastMessages(stored: IStoredRoom, room: Room, count: int) -> Found:
    """
    @return: the last C{count} messages in their current state, or as many as are stored and as
        L{LARGEST} allows, up to the room's position at the moment this returns
    """
    scanned = 0
    for _ in range(_TRIES):
        top = room.position.seq if room.position else 0
        found = await messagesBefore(stored, top + 1, count)
        scanned += found.scanned
        newer = await _upToNow(stored, room, top, 2 * count)
        if newer is not None:
            complete = found.last == top
            messages = _messages([*found.messages, *newer] if complete else newer)
            replay = [replace(each, replay=True) for each in _last(messages, count)]
            return Found(replay, scanned)
    return Found([], scanned)


async def messagesBefore(stored: IStoredRoom, end: int, count: int) -> Found:
    """
    @return: the last C{count} messages among the stored entries whose number is below C{end},
        without a gap; fewer if they are larger than L{LARGEST}, or if L{SCANNED} entries were read
    """
    gathering, last = _Gathering(count), 0  # the newest message is the first
    while end > 1 and not gathering.full:
        start = max(1, end - gathering.page())
        read = [entry for entry in await stored.read(start - 1, end - start) if entry.seq < end]
        last = last or (read[-1].seq if read else 0)
        gathering.take(read[::-1])
        if not read or read[0].seq != start:
            break
        end = start
    return Found(gathering.messages[::-1], gathering.scanned, last)


async def messagesAfter(stored: IStoredRoom, after: int, count: int) -> Found:
    """
    @return: the first C{count} messages among the stored entries whose number is above C{after};
        fewer if they are larger than L{LARGEST}, or if L{SCANNED} entries were read
    """
    gathering = _Gathering(count)
    while not gathering.full:
        read = await stored.read(after, gathering.page())
        gathering.take(read)
        if not read:
            break
        after = read[-1].seq
    return Found(gathering.messages, gathering.scanned)


async def history(
    stored: IStoredRoom, room: Room, before: int | None, after: int | None, limit: int
) -> Found:
    """
    @return: the messages of a history, see L{machat.interfaces.IChatRoom.history}, in the state
        that they have when this returns
    """
    top = room.position.seq if room.position else 0
    if after is not None:
        found = await messagesAfter(stored, after, limit)
    else:
        end = top + 1 if before is None else min(before, top + 1)
        found = await messagesBefore(stored, end, limit)
    entries: list[Entry] = [*found.messages]
    while room.revised > top:
        newer = await stored.read(top, PAGE)
        if not newer:
            break
        entries += newer
        top = newer[-1].seq
    if len(entries) > len(found.messages):
        messages = fold(entries)[: len(found.messages)]
        return found._replace(messages=[each for each in messages if isinstance(each, Message)])
    return found


def _messages(entries: list[Entry]) -> list[Any]:
    """
    @return: the messages among consecutive entries, in their current state
    """
    if arePlain(entries):
        return entries
    return [entry for entry in fold(entries) if isinstance(entry, Message)]


async def _upToNow(stored: IStoredRoom, room: Room, after: int, most: int) -> list[Entry] | None:
    found: list[Entry] = []
    size = LARGEST
    pages = _pages()
    while room.position is not None and after < room.position.seq:
        if room.position.seq - after > most - len(found):
            return None
        read = await stored.read(after, min(next(pages), most - len(found)))
        more = [message for message in read if message.seq <= room.position.seq]
        if not more or more[0].seq != after + 1 or more[-1].seq != after + len(more):
            return None
        size -= sum([lengthOf(message) for message in more])
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


def _last(entries: list[Any], count: int) -> list[Any]:
    """
    @return: the last entries with at most C{count} messages, at least one entry if there is one
    """
    kept, size = 0, LARGEST
    for entry in reversed(entries):
        size -= lengthOf(entry)
        if (not count and isinstance(entry, Message)) or (size < 0 and kept):
            break
        count -= isinstance(entry, Message)
        kept += 1
    return entries[len(entries) - kept :]


def _replayed(entries: list[Entry]) -> tuple[Entry, ...]:
    if not arePlain(entries):
        entries = fold(entries)
    return tuple([replace(entry, replay=True) for entry in entries])
