"""
The earlier epochs of a room, whose messages continue in the current one.
"""

from __future__ import annotations

from collections.abc import Iterable

from machat.events import Position

#: The maximum number of earlier epochs that a room remembers.
REMEMBERED = 64


class Timeline:
    """
    The earlier epochs of one room, oldest first, each with the number of its last message that was
    not lost. A client that was disconnected in one of them can recover if it has received no
    message above that number.
    """

    __slots__ = ("_last",)

    def __init__(self, last: Iterable[Position] = ()) -> None:
        """
        @param last: the last position of each epoch
        """
        self._last = {position.epoch: position.seq for position in last}

    @property
    def last(self) -> list[Position]:
        """
        The last position of each epoch, oldest first.
        """
        return [Position(epoch, seq) for epoch, seq in self._last.items()]

    def end(self, position: Position, oldest: int) -> None:
        """
        Record the end of an epoch. Forget the epochs from which no client can recover.

        @param position: its last position
        @param oldest: the number of the oldest message that is stored
        """
        self._last[position.epoch] = position.seq
        self._last = {epoch: seq for epoch, seq in self._last.items() if seq >= oldest - 1}
        for epoch in list(self._last)[:-REMEMBERED]:
            del self._last[epoch]

    def covers(self, position: Position) -> bool:
        """
        @return: whether the position belongs to an earlier epoch that has lost no message up to it
        """
        return position.seq <= self._last.get(position.epoch, -1)
