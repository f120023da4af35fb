"""
Search in the stored messages of a room.

There is no index. A search reads the messages in slices, as L{machat.rooms.recovery} does, and
compares their texts. Between two slices, everything else in the process has its turn. One request
reads a limited number of messages and characters; the answer states how far it has come, and the
client asks for the rest. One search runs at a time, so that the messages of a turn never wait for
more than one slice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime

from machat import commands
from machat.entries import Entry, Message
from machat.errors import BAD_COMMAND, BUSY, FAILED, ChatError
from machat.events import History, Position
from machat.interfaces import IStoredRoom
from machat.names import fold
from machat.revisions import fold as applyRevisions
from machat.rooms.recovery import FIRST, PAGE

#: The maximum number of entries, their weight (see L{_weigh}) and the time of one request, seconds.
ENTRIES = 16_384
WEIGHT = 4_194_304
SECONDS = 1.0

#: The maximum length of the texts that one request finds, characters, except for the last one.
FOUND = 524_288

#: The weight of a slice, after which others have their turn, and the maximum number of entries that
#: are read at once. On a server with Redis, all nodes wait for such a read.
SLICE = 65_536
LARGEST = 256

#: The pause after a slice, seconds: other threads and processes get their share of the CPU time.
PAUSE = 0.002

#: The weight of an entry in addition to its text, and the weight of a character in a text that is
#: not ASCII. Both are about the time in units of an ASCII character.
ENTRY_WEIGHT = 64
CHARACTER_WEIGHT = 4

#: The number of characters above which a text is not normalised: a character of three bytes may
#: become 18 characters.
LONG = 4_096

#: The maximum number of searches that run or wait: of all members, and of one network.
WAITING = 32
PER_NETWORK = 4


def wordsOf(text: str) -> tuple[str, ...]:
    """
    @return: the different words, as they are compared
    @raise ChatError: C{bad-command}: there is none
    """
    words = tuple(dict.fromkeys(fold(text).split()))
    if not words:
        raise ChatError(BAD_COMMAND, "no word to search for - at `$.text`")
    return words


def contains(entry: Entry, words: Sequence[str]) -> bool:
    """
    @return: whether this is a message whose text contains all words
    """
    if not isinstance(entry, Message) or entry.redacted:
        return False
    text = entry.text
    folded = fold(text) if len(text) <= LONG or text.isascii() else text.casefold()
    return all(word in folded for word in words)


def _weigh(text: str) -> int:
    return ENTRY_WEIGHT + len(text) * (1 if text.isascii() else CHARACTER_WEIGHT)


class Place(Protocol):
    """
    A room, as a search sees it: see L{machat.rooms.room.Room}.
    """

    name: str
    stored: IStoredRoom | None
    revised: int

    @property
    def position(self) -> Position | None:
        """
        The last position that was delivered.
        """


class Wanted:
    """
    The parameters of a search.

    @ivar words: the words
    @ivar before: search backwards, from the message before this number; C{None}: from the last one
    @ivar after: search forwards, from the message after this number
    @ivar limit: the maximum number of messages
    """

    def __init__(self, asked: commands.History, most: int) -> None:
        """
        @raise ChatError: see L{wordsOf}
        """
        self.words = wordsOf(asked.text or "")
        self.before = asked.before
        self.after = asked.after
        self.limit = min(asked.limit, most)


class Search:
    """
    One request.
    """

    def __init__(
        self, clock: IReactorTime, room: Place, wanted: Wanted, check: Callable[[], object]
    ) -> None:
        """
        @param check: called after each pause; raises L{ChatError} if the request has to end
        """
        self._clock = clock
        self._room = room
        self._wanted = wanted
        self._check = check
        self._due = clock.seconds() + SECONDS
        self._found: list[Entry] = []
        self._entries = 0
        self._weight = 0
        self._length = 0
        self._slice = 0
        self._page = FIRST

    async def run(self) -> History:
        """
        @return: the answer. Its messages are in the state that they have when this returns
        """
        room, wanted = self._room, self._wanted
        top = room.position.seq if room.position else 0
        if wanted.after is not None:
            searched = await self._forwards(wanted.after)
        else:
            end = top + 1 if wanted.before is None else min(wanted.before, top + 1)
            searched = await self._backwards(end)
            self._found.reverse()
        messages = await self._current(top)
        position = room.position
        assert position is not None, "the room is open"
        return History(
            room=room.name,
            epoch=position.epoch,
            seq=position.seq,
            messages=messages,
            searched=searched,
        )

    @property
    def _stored(self) -> IStoredRoom:
        if self._room.stored is None:
            raise ChatError(FAILED, "the store has closed the room")
        return self._room.stored

    @property
    def _over(self) -> bool:
        return (
            len(self._found) >= self._wanted.limit
            or self._entries >= ENTRIES
            or self._weight >= WEIGHT
            or self._length >= FOUND
            or (self._clock.seconds() >= self._due and self._entries > 0)
        )

    async def _backwards(self, end: int) -> int:
        """
        @return: the number of the first message that was searched, or 1 if there are none before
        """
        while end > 1 and not self._over:
            start = max(1, end - self._nextPage())
            read = await self._stored.read(start - 1, end - start)
            entries = [entry for entry in read if entry.seq < end]
            first = entries[0].seq if entries else 0
            for entry in reversed(entries):
                end = entry.seq
                if self._examine(entry):
                    if self._over:
                        return end
                    await self._pause()
            if first != start:
                return 1
            if end > 1 and not self._over:
                await self._pause()
        return end

    async def _forwards(self, after: int) -> int:
        """
        @return: the number of the last message that was searched, or of the last message of all
        """
        while not self._over:
            top = self._room.position.seq if self._room.position else 0
            if after >= top:
                break
            entries = await self._stored.read(after, self._nextPage())
            if not entries:
                return top
            for entry in entries:
                after = entry.seq
                if self._examine(entry):
                    if self._over:
                        return after
                    await self._pause()
            if after < top and not self._over:
                await self._pause()
        return after

    def _examine(self, entry: Entry) -> bool:
        """
        @return: whether the slice is complete, or perhaps the search
        """
        weight = _weigh(entry.text)
        self._entries += 1
        self._weight += weight
        self._slice += weight
        if not contains(entry, self._wanted.words):
            return self._slice >= SLICE
        self._found.append(entry)
        self._length += len(entry.text)
        return self._slice >= SLICE or self._over

    def _nextPage(self) -> int:
        """
        @return: the number of entries to read. The memory of one page is limited
        """
        page = FIRST
        if self._entries:
            average = self._weight // self._entries
            page = max(1, min(2 * self._page, LARGEST, 2 * SLICE // average))
        self._page = page
        return min(page, ENTRIES - self._entries)

    async def _pause(self) -> None:
        self._slice = 0
        pause: Deferred[None] = Deferred()
        self._clock.callLater(PAUSE, pause.callback, None)
        await pause
        self._check()

    async def _current(self, top: int) -> tuple[Message, ...]:
        """
        Apply the changes that were made since the search has begun.

        @param top: the number of the last entry at that time
        @return: the messages that still contain the words
        """
        entries = self._found
        count = len(entries)
        if entries:
            top = max(top, entries[-1].seq)
        while count and self._room.revised > top:
            newer = await self._stored.read(top, PAGE)
            if not newer:
                break
            entries = [*entries, *newer]
            top = newer[-1].seq
        found = applyRevisions(entries)[:count] if len(entries) > count else entries
        words = self._wanted.words
        return tuple(
            [
                each
                for each in found
                if isinstance(each, Message) and (found is entries or contains(each, words))
            ]
        )


class Searches:
    """
    The searches of all members. They run one after the other, in the order of the requests.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._lock = DeferredLock()
        self._count = 0
        self._networks: Counter[str] = Counter()

    async def run(
        self, room: Place, wanted: Wanted, network: str | None, check: Callable[[], object]
    ) -> History:
        """
        Search as soon as the earlier searches have ended.

        @param network: the network of the member; C{None}: this machine, which has no limit of its
            own
        @param check: see L{Search}
        @raise ChatError: C{busy}: too many searches wait; C{failed}: the store is not available; or
            what C{check} raises
        """
        if self._count >= WAITING or (network and self._networks[network] >= PER_NETWORK):
            raise ChatError(BUSY, "too many searches are waiting: try again", retry=1.0)
        self._enter(network, 1)

        async def search() -> History:
            check()
            return await Search(self._clock, room, wanted, check).run()

        try:
            # A coroutine that releases the lock in a "finally" also does so when the garbage
            # collector closes it, and so resumes the next one, which may be closed already.
            return await self._lock.run(search)
        finally:
            self._enter(network, -1)

    def _enter(self, network: str | None, change: int) -> None:
        self._count += change
        if network is not None:
            self._networks[network] += change
            if not self._networks[network]:
                del self._networks[network]
