"""
The messages of a client that the server has not acknowledged.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

from machat.commands import Command
from machat.sansio.errors import TooMuch

#: The limits of one client, over all rooms: the number of messages, and their characters.
MAX_MESSAGES = 1_000
MAX_SIZE = 1_048_576


def sizeOf(command: Command) -> int:
    """
    @return: the number of characters of an entry
    """
    size = 0
    for name in ("text", "reason", "emoji", "data"):
        value = getattr(command, name, None)
        if value is not None:
            size += len(bytes(value)) if isinstance(value, Raw) else len(value)
    return size


class Outgoing(Struct, eq=False):
    """
    A message, or another numbered entry of a room, that is not acknowledged.

    @ivar command: the command that sends it, with its room and id
    @ivar size: the number of its characters
    @ivar token: see L{Settle<machat.sansio.Settle>}
    @ivar sent: the time when it was first sent, seconds; C{None} before that
    @ivar unknowns: the number of times that the server has answered C{unknown}
    @ivar settled: whether its outcome is known
    """

    id: str
    room: str
    command: Command
    size: int
    token: Any
    sent: float | None = None
    unknowns: int = 0
    settled: bool = False


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

    def add(self, message: Outgoing) -> None:
        """
        Add a message.

        @raise TooMuch: a limit is reached
        """
        if len(self._messages) >= MAX_MESSAGES or self.size + message.size > MAX_SIZE:
            raise TooMuch("too many messages are not acknowledged")
        self._messages[message.id] = message
        self.size += message.size

    def find(self, id: str | None) -> Outgoing | None:
        """
        @return: the message with this id; C{None} if there is none
        """
        return self._messages.get(id or "")

    def ofToken(self, token: Any) -> Outgoing | None:
        """
        @return: the message with this token; C{None} if there is none
        """
        return next((each for each in self._messages.values() if each.token is token), None)

    def remove(self, message: Outgoing) -> None:
        """
        Remove a message, because its outcome is known.
        """
        del self._messages[message.id]
        self.size -= message.size
