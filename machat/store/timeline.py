"""
The epochs of a room.
"""

from __future__ import annotations

from collections.abc import Iterable

from machat.events import Position

#: The maximum number of earlier epochs that a room remembers.
REMEMBERED = 64

#: The earlier epochs of most rooms: none. They share it, to save memory.
_NONE: dict[str, int] = {}


class Timeline:
    """
    The current epoch of a room, and the earlier ones, oldest first, each with the number of its
    last message that was not lost. A client that was disconnected in one of them can recover if it
    has received no message above that number.

    @ivar epoch: the current epoch; empty until it is known
    """

    __slots__ = ("epoch", "_last")

    def __init__(self, epoch: str = "", last: Iterable[Position] = ()) -> None:
        """
        @param last: the last position of each earlier epoch
        """
        self.epoch = epoch
        self._last = {position.epoch: position.seq for position in last} or _NONE

    @property
    def last(self) -> list[Position]:
        """
        The last position of each earlier epoch, oldest first.
        """
        return [Position(epoch, seq) for epoch, seq in self._last.items()]

    def begin(self, epoch: str, seq: int, oldest: int) -> None:
        """
        Begin a new epoch. Forget those from which no client can recover.

        @param seq: the last number of the epoch before; 0: there were no messages, so that no
            client has anything to recover
        @param oldest: the number of the oldest message that is stored
        """
        if seq:
            ended = {**self._last, self.epoch: seq}
            kept = [(each, last) for each, last in ended.items() if last >= oldest - 1]
            self._last = dict(kept[-REMEMBERED:])
        self.epoch = epoch

    def covers(self, position: Position, seq: int) -> bool:
        """
        @param seq: the number of the last message
        @return: whether the position belongs to the current epoch, or to an earlier one that has
            lost no message up to it
        """
        last = seq if position.epoch == self.epoch else self._last.get(position.epoch, -1)
        return position.seq <= last
