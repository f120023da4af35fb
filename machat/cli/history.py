"""
The command C{/history}: it loads messages that are older than those on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from machat import names
from machat.cli import texts
from machat.client import ChatClient, NotConnected
from machat.entries import lengthOf
from machat.errors import ChatError
from machat.events import Joined, Message, Moved

#: The default and the maximum number of messages to load at once.
DEFAULT = 50
MOST = 1_000

#: The total length of the messages after which no more are loaded, characters.
MAX_SIZE = 4_194_304

#: The number of messages in one request, if the server has set no limit.
PAGE = 300


def parseCount(rest: str) -> int | None:
    """
    @param rest: the argument of the command
    @return: the number of messages to load; C{None} if the argument is not a valid number
    """
    if not rest:
        return DEFAULT
    valid = rest.isascii() and rest.isdecimal() and len(rest) <= len(str(MOST))
    return int(rest) if valid and 0 < int(rest) <= MOST else None


class HistoryReader:
    """
    Loads older messages of the rooms of one conversation. Each call goes further back from the
    oldest message that was shown.

    @ivar loading: whether a request is waiting for its answer
    """

    def __init__(self, show: Callable[[Message], object], note: Callable[[str], object]) -> None:
        """
        @param show: called with each message, in order
        @param note: called with each text about them
        """
        self.loading = False
        self._show = show
        self._note = note
        self._oldest: dict[str, int] = {}

    def shown(self, message: Message) -> None:
        """
        Record that a message is shown.
        """
        key = names.key(message.room)
        self._oldest[key] = min(message.seq, self._oldest.get(key, message.seq))

    def joined(self, event: Joined) -> None:
        """
        Start again at the end of the log, unless the room was rejoined without a gap.
        """
        if not event.recovered:
            self._oldest.pop(names.key(event.room), None)

    def moved(self, event: Moved) -> None:
        """
        Record that the numbers after a position are used again.
        """
        key = names.key(event.room)
        if key in self._oldest:
            self._oldest[key] = min(self._oldest[key], event.seq + 1)

    def typed(self, client: ChatClient, room: str, rest: str) -> Deferred[bool]:
        """
        Load messages and show them, between two lines that mark them. A line shows where the stored
        history begins.

        @param rest: the argument of the command
        @return: fires with whether the messages were loaded. If not, the reason is shown
        """
        count = parseCount(rest)
        if count is None:
            self._note(f"use /history N, with a number of messages from 1 to {MOST}")
        elif self.loading:
            self._note("older messages are being loaded")
        else:
            return Deferred.fromCoroutine(self._load(client, room, count))
        return succeed(True)

    async def before(
        self, client: ChatClient, room: str, number: int | None, count: int
    ) -> list[Message]:
        """
        Load messages without showing them.

        @param number: the messages precede this number; C{None}: the last messages
        @param count: the maximum number of messages
        @return: the messages in order; none if there are no older ones
        @raise ChatError: the request was refused, or there is no connection
        """
        if number is not None and number <= 1:
            return []
        limit = client.limits.history if client.limits is not None else PAGE
        answer = await client.history(room, number, max(1, min(count, limit)))
        older = [each for each in answer.messages if number is None or each.seq < number]
        return sorted(older, key=lambda message: message.seq)

    async def _load(self, client: ChatClient, room: str, count: int) -> bool:
        self.loading = True
        try:
            messages, begins = await self._read(client, room, count)
        except (ChatError, NotConnected):
            if client.running:
                reason = texts.refusal(Failure())
                self._note(f"older messages of {room} could not be loaded: {reason}")
            return False
        finally:
            self.loading = False
        self._showAll(room, messages, begins)
        return True

    async def _read(
        self, client: ChatClient, room: str, count: int
    ) -> tuple[Sequence[Message], bool]:
        """
        @return: the messages, and whether there are no older ones
        """
        found: list[Message] = []
        before = self._oldest.get(names.key(room))
        size = 0
        while len(found) < count and size < MAX_SIZE:
            page = await self.before(client, room, before, count - len(found))
            if not page:
                return found, True
            shown = self._oldest.get(names.key(room))
            if before is None and shown is not None:  # they were shown in the meantime
                before = shown
                page = [message for message in page if message.seq < shown]
                if not page:
                    continue
            found[:0] = page
            before = page[0].seq
            size += sum([lengthOf(message) for message in page])
        return found, not await self.before(client, room, before, 1)

    def _showAll(self, room: str, messages: Sequence[Message], begins: bool) -> None:
        count = len(messages)
        if not messages:
            self._note(f"--- no older messages of {room} are stored ---")
            return
        number = f"{count} older messages" if count > 1 else "1 older message"
        self._note(f"--- {number} of {room} ---")
        if begins:
            self._note(f"--- the stored history of {room} begins here ---")
        for message in messages:
            self._show(message)
        self._note("--- end of the older messages ---")
