"""
The messages of a client that the server has not acknowledged.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred

from machat.events import Receipt

#: The limits of one client, over all rooms: the number of messages, and their characters.
MAX_MESSAGES = 1_000
MAX_SIZE = 1_048_576


class Unknown(Exception):
    """
    The message may have been published, or not. It was sent so long ago that the server may not
    recognize it if it is resent: the connection was lost, or the server answered C{unknown} each
    time.
    """


class TooMuch(Exception):
    """
    Too many messages are not acknowledged. The message was not queued.
    """


class Outgoing(Struct):
    """
    A message that is not acknowledged.

    @ivar done: fires or fails when the outcome is known
    @ivar sent: the time when it was first sent, seconds; C{None} before that
    @ivar unknowns: the number of times that the server has answered C{unknown}
    """

    id: str
    room: str
    text: str
    done: Deferred[Receipt]
    sent: float | None = None
    unknowns: int = 0


class Unacknowledged:
    """
    All unacknowledged messages of one client, by id. A message is removed when its outcome is
    known.

    @ivar size: the total number of their characters
    """

    def __init__(self) -> None:
        self._messages: dict[str, Outgoing] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, id: str, room: str, text: str) -> Outgoing:
        """
        Add a message.

        @raise TooMuch: a limit is reached
        """
        if len(self._messages) >= MAX_MESSAGES or self.size + len(text) > MAX_SIZE:
            raise TooMuch("too many messages are not acknowledged")
        message = self._messages[id] = Outgoing(id, room, text, Deferred())
        self.size += len(text)
        message.done.addBoth(self._settled, message)
        return message

    def find(self, id: str | None) -> Outgoing | None:
        """
        @return: the message with this id; C{None} if there is none
        """
        return self._messages.get(id or "")

    def _settled(self, result: Any, message: Outgoing) -> Any:
        del self._messages[message.id]
        self.size -= len(message.text)
        return result
