"""
The epochs of a room.
"""

from __future__ import annotations

from machat.events import Position


class Timeline:
    """
    The current epoch of a room, and the earlier ones from which its messages survive.

    @ivar epoch: the current epoch; empty until it is known
    """

    def __init__(self, epoch: str = "", ancestors: str = "") -> None:
        """
        @param ancestors: the earlier epochs, each followed by the number of its last surviving
            message
        """
        self.epoch = epoch
        words = ancestors.split()
        self._last = dict(zip(words[::2], [int(word) for word in words[1::2]], strict=True))

    def covers(self, position: Position, top: int) -> bool:
        """
        @param top: the number of the last message
        @return: whether the messages up to a position are messages of this room
        """
        last = top if position.epoch == self.epoch else self._last.get(position.epoch, -1)
        return position.seq <= last

    def forks(self, position: Position) -> bool:
        """
        @return: whether an earlier epoch has ended at this position
        """
        return self._last.get(position.epoch) == position.seq
