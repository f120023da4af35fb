"""
What a client has said and its server has not acknowledged.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred

from machat.events import Receipt

#: The most of a client, in all rooms: messages, and characters.
MOST = 1_000
LARGEST = 1_048_576


class Unknown(Exception):
    """
    The connection was lost for so long that the server would not know a message again: it may have
    been said or not.
    """


class TooMuch(Exception):
    """
    Too much waits to be acknowledged: nothing was queued.
    """


class Outgoing(Struct):
    """
    A message that is not acknowledged.

    @ivar done: fires or fails when it is known what became of it
    @ivar sent: when it was sent for the first time
    """

    id: str
    room: str
    text: str
    done: Deferred[Receipt]
    sent: float | None = None


class Unacknowledged:
    """
    All of one client, by their ids. One is forgotten when it is known what became of it.

    @ivar size: their characters
    """

    def __init__(self) -> None:
        self._messages: dict[str, Outgoing] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, id: str, room: str, text: str) -> Outgoing:
        """
        @raise TooMuch: there is no place for it
        """
        if len(self._messages) >= MOST or self.size + len(text) > LARGEST:
            raise TooMuch("too many messages are not acknowledged")
        unsent = self._messages[id] = Outgoing(id, room, text, Deferred())
        self.size += len(text)
        unsent.done.addBoth(self._settled, unsent)
        return unsent

    def find(self, id: str | None) -> Outgoing | None:
        """
        @return: the message of this id
        """
        return self._messages.get(id or "")

    def _settled(self, result: Any, unsent: Outgoing) -> Any:
        del self._messages[unsent.id]
        self.size -= len(unsent.text)
        return result
