"""
The position up to which the user has read a room, and the messages of others after it.
"""

from __future__ import annotations

from collections import deque

from machat.entries import Message
from machat.events import Joined, Moved

#: The maximum number of unread messages that are counted in one room.
MOST = 999


class Unread:
    """
    The unread messages of one room. The server's read marker also covers what the user has read on
    other devices and before a restart.

    @ivar top: the number of the last entry that has arrived
    @ivar read: the server's marker; C{None} if there is none
    @ivar more: whether there are older unread messages, which have not arrived
    """

    def __init__(self) -> None:
        self.top = 0
        self.read: int | None = None
        self.more = False
        self._numbers: deque[int] = deque(maxlen=MOST + 1)
        self._history = False
        self._begins = False
        self._first = False

    def __str__(self) -> str:
        """
        @return: the number of unread messages; empty if there are none
        """
        count = len(self._numbers)
        more = "+" if self.more or count > MOST else ""
        return f"{min(count, MOST)}{more}" if count else ""

    def joined(self, event: Joined) -> None:
        """
        Record that the room is joined.
        """
        self.top = event.seq
        self._history = event.recovered is None
        self._begins = self._history and event.read is not None
        self._first = self._history
        if event.read is not None:
            self.marked(event.read)

    def moved(self, event: Moved) -> None:
        """
        Record that the numbers after a position are used again.
        """
        self.top = event.seq
        if self.read is not None:
            self.read = min(self.read, event.seq)
        while self._numbers and self._numbers[-1] > event.seq:
            self._numbers.pop()

    def marked(self, number: int) -> None:
        """
        Record a marker of the server.
        """
        self.read = number
        self.more = self.more and not (self._numbers and self._numbers[0] <= number)
        while self._numbers and self._numbers[0] <= number:
            self._numbers.popleft()

    def isNew(self, message: Message) -> bool:
        """
        @return: whether the user has not read a message before. Without a marker, all messages are
            new except those of the history that the client requests when it joins a room
        """
        if self.read is None:
            return not (message.replay and self._history)
        return message.seq > self.read

    def arrived(self, message: Message) -> None:
        """
        Record a message.
        """
        if self._first and self.read is not None:
            self.more = message.seq > self.read + 1
        self._first = False

    def begins(self, message: Message) -> bool:
        """
        @return: whether a message is the first that the user has not read before the client was
            started
        """
        begins = self._begins and message.replay and self.isNew(message)
        self._begins = self._begins and not begins
        return begins

    def add(self, message: Message) -> None:
        """
        Count a message.
        """
        if self.isNew(message):
            self._numbers.append(message.seq)

    def clear(self) -> None:
        """
        Forget the messages, because the user has switched to the room.
        """
        self.more = False
        self._numbers.clear()
