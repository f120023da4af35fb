"""
The stored messages of one room, in memory, and the memory that they use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from sys import getsizeof

from msgspec.structs import replace

from machat.entries import Edited, Entry, Message, RichMessage, extraOf
from machat.limits import Limits
from machat.revisions import countOf

#: The memory of a room without messages; of a stored message without its strings; and the
#: additional memory for a message that is not ASCII. Measured on CPython 3.11 and rounded up.
ROOM_BYTES = 1_600
MESSAGE_BYTES = 144
NOTE_BYTES = 144

#: The additional memory for an entry that is not a plain message, and for one reaction.
RICH_BYTES = 160
REACTION_BYTES = 96

_PLAIN_BYTES = MESSAGE_BYTES + 2 * getsizeof("")


def weigh(text: str) -> int:
    """
    @return: the memory of a string and of its UTF-8 form, which CPython keeps after the string has
        been encoded. C{getsizeof} does not include it before that
    """
    return getsizeof(text) + (0 if text.isascii() else len(text.encode("utf-8", "replace")))


def weightOf(entry: Entry) -> int:
    """
    @return: the memory of an entry that is not a plain message
    """
    size = MESSAGE_BYTES + NOTE_BYTES + RICH_BYTES + weigh(entry.text) + weigh(entry.sender)
    if isinstance(entry, RichMessage):
        size += extraOf(entry) + REACTION_BYTES * countOf(entry.reactions)
    return size


class RoomLog:
    """
    One room's messages, newest last. Their numbers are consecutive, so the position of a message is
    calculated.

    @ivar name: the room's name, which all messages share
    @ivar seq: the number of the last message that was added
    @ivar kept: the stored messages
    @ivar bytes: the memory that the messages use
    """

    __slots__ = ("name", "seq", "kept", "bytes", "_least", "_weights", "_edits")

    def __init__(self, key: str, name: str) -> None:
        self.name = name
        self.seq = 0
        self.kept: deque[Entry] = deque()
        self._least = ROOM_BYTES + weigh(key) + weigh(name)
        self._weights: dict[int, int] = {}
        self._edits: dict[int, int] = {}
        self.bytes = self._least

    @property
    def spare(self) -> int:
        """
        The memory that can be freed.
        """
        return self.bytes - self._least

    def add(self, messages: Sequence[Entry], strings: str) -> None:
        """
        Add messages.

        @param strings: the texts and senders of the messages, joined
        """
        count = len(messages)
        self.seq += count
        self.kept += messages
        if strings.isascii():  # one byte per character
            self.bytes += len(strings) + _PLAIN_BYTES * count
        else:
            self.bytes += self._note(messages)

    def addAny(self, entry: Entry) -> None:
        """
        Add any entry.
        """
        self.seq += 1
        self.kept.append(entry)
        self._weights[entry.seq] = size = weightOf(entry)
        self.bytes += size
        if isinstance(entry, Edited):
            self._edits[entry.target] = entry.seq

    def message(self, seq: int) -> Message | None:
        """
        @return: the message with this number; C{None} if it is not stored or was redacted, or if
            another entry has the number
        """
        if not self.kept or not self.kept[0].seq <= seq <= self.seq:
            return None
        entry = self.kept[seq - self.kept[0].seq]
        return entry if isinstance(entry, Message) and not entry.redacted else None

    def replace(self, entry: Entry) -> None:
        """
        Replace the entry with the same number, which is stored.
        """
        index = entry.seq - self.kept[0].seq
        old = self._weights.get(entry.seq) or self._weight([self.kept[index]])
        self.kept[index] = entry
        self._weights[entry.seq] = size = weightOf(entry)
        self.bytes += size - old

    def forgetEdit(self, target: int) -> None:
        """
        Remove the text from the last edit of a message.
        """
        seq = self._edits.pop(target, None)
        if seq is not None and self.kept and seq >= self.kept[0].seq:
            edit = self.kept[seq - self.kept[0].seq]
            self.replace(replace(edit, text="", replaced=True))

    def trim(self, limits: Limits, oldest: float) -> None:
        """
        Drop the messages that exceed the limits.

        @param oldest: the age limit, as a value of C{Message.at}
        """
        kept = self.kept
        over = len(kept) - limits.logMessages
        if over > 0:
            self.drop(over)
        while kept and (self.bytes > limits.logBytes or kept[0].at < oldest):
            self.drop(1)

    def window(self, after: int, limit: int) -> list[Entry]:
        """
        @return: the first C{limit} messages whose number is above C{after}
        """
        start = max(0, after + 1 - self.kept[0].seq) if self.kept else 0
        rest = len(self.kept) - start
        if start <= rest:
            return list(islice(self.kept, start, start + limit))
        found = list(islice(reversed(self.kept), max(0, rest - limit), max(0, rest)))
        return found[::-1]  # islice takes time for each item that it skips

    def shorten(self, spare: int) -> None:
        """
        Drop the oldest messages until at most this much memory is left that could be freed.
        """
        while self.kept and self.spare > spare:
            self.drop(1)

    def drop(self, count: int) -> None:
        """
        Drop the oldest messages.
        """
        if self._weights:
            self.bytes -= self._forget([self.kept.popleft() for _ in range(count)])
        else:
            size = _PLAIN_BYTES * count
            for _ in range(count):
                message = self.kept.popleft()
                size += len(message.text) + len(message.sender)
            self.bytes -= size
        if not self.kept:
            self.bytes = self._least

    def _note(self, messages: Sequence[Entry]) -> int:
        """
        Record the memory of the messages that are not ASCII, because it cannot be determined later.

        @return: the memory of all the messages
        """
        for message in messages:
            text, sender = message.text, message.sender
            if not (text.isascii() and sender.isascii()):
                strings = weigh(text) + weigh(sender)
                self._weights[message.seq] = MESSAGE_BYTES + NOTE_BYTES + strings
        return self._weight(messages)

    def _weight(self, messages: Sequence[Entry]) -> int:
        return sum(
            [
                self._weights.get(message.seq)
                or _PLAIN_BYTES + len(message.text) + len(message.sender)
                for message in messages
            ]
        )

    def _forget(self, messages: Sequence[Entry]) -> int:
        weight = self._weight(messages)
        for message in messages:
            self._weights.pop(message.seq, None)
            self._edits.pop(message.seq, None)
        return weight
