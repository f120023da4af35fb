"""
The stored messages of one room, in memory, and the memory that they use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from sys import getsizeof

from machat.events import Message
from machat.limits import Limits

#: The memory of a room without messages; of a stored message without its strings; and the
#: additional memory for a message that is not ASCII. Measured on CPython 3.11 and rounded up.
ROOM_BYTES = 1_600
MESSAGE_BYTES = 144
NOTE_BYTES = 144

_PLAIN_BYTES = MESSAGE_BYTES + 2 * getsizeof("")


def weigh(text: str) -> int:
    """
    @return: the memory of a string and of its UTF-8 form, which CPython keeps after the string has
        been encoded. C{getsizeof} does not include it before that
    """
    return getsizeof(text) + (0 if text.isascii() else len(text.encode("utf-8", "replace")))


class RoomLog:
    """
    One room's messages, newest last. Their numbers are consecutive, so the position of a message is
    calculated.

    @ivar name: the room's name, which all messages share
    @ivar seq: the number of the last message that was added
    @ivar kept: the stored messages
    @ivar bytes: the memory that the messages use
    """

    __slots__ = ("name", "seq", "kept", "bytes", "_least", "_weights")

    def __init__(self, key: str, name: str) -> None:
        self.name = name
        self.seq = 0
        self.kept: deque[Message] = deque()
        self._least = ROOM_BYTES + weigh(key) + weigh(name)
        self._weights: dict[int, int] = {}
        self.bytes = self._least

    @property
    def spare(self) -> int:
        """
        The memory that can be freed.
        """
        return self.bytes - self._least

    def add(self, messages: Sequence[Message], strings: str) -> None:
        """
        Add messages.

        @param strings: the texts and senders of the messages, joined
        """
        self.seq += len(messages)
        self.kept.extend(messages)
        if strings.isascii():  # one byte per character
            self.bytes += len(strings) + _PLAIN_BYTES * len(messages)
        else:
            self.bytes += self._note(messages)

    def trim(self, limits: Limits, oldest: float) -> None:
        """
        Drop the messages that exceed the limits.

        @param oldest: the age limit, as a value of C{Message.at}
        """
        if len(self.kept) > limits.logMessages:
            self.drop(len(self.kept) - limits.logMessages)
        while self.kept and (self.bytes > limits.logBytes or self.kept[0].at < oldest):
            self.drop(1)

    def window(self, after: int, limit: int) -> list[Message]:
        """
        @return: the first C{limit} messages whose number is above C{after}
        """
        start = max(0, after + 1 - self.kept[0].seq) if self.kept else 0
        return list(islice(self.kept, start, start + limit))

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

    def _note(self, messages: Sequence[Message]) -> int:
        """
        Record the memory of the messages that are not ASCII, because it cannot be determined later.

        @return: the memory of all the messages
        """
        for message in messages:
            if not (message.text.isascii() and message.sender.isascii()):
                strings = weigh(message.text) + weigh(message.sender)
                self._weights[message.seq] = MESSAGE_BYTES + NOTE_BYTES + strings
        return self._weight(messages)

    def _weight(self, messages: Sequence[Message]) -> int:
        return sum(
            [
                self._weights.get(message.seq)
                or _PLAIN_BYTES + len(message.text) + len(message.sender)
                for message in messages
            ]
        )

    def _forget(self, messages: Sequence[Message]) -> int:
        weight = self._weight(messages)
        for message in messages:
            self._weights.pop(message.seq, None)
        return weight
