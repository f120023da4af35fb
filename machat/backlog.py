"""
What waits for all connections together, and is bounded too.
"""

from __future__ import annotations

from typing import Protocol

#: What is left waiting when the longest queues have gone: a share of the limit, so that the next
#: bytes do not make it necessary again at once.
_RELIEF = 7 / 8


class Queue(Protocol):
    """
    What waits for one connection.
    """

    @property
    def waiting(self) -> int: ...

    def giveUp(self) -> None: ...


class Backlog:
    """
    The sum of all queues of a chat.

    @ivar waiting: bytes
    """

    def __init__(self, limit: int) -> None:
        """
        @param limit: bytes
        """
        self.waiting = 0
        self._limit = limit
        self._queues: set[Queue] = set()

    def add(self, queue: Queue, size: int) -> None:
        """
        Count bytes that wait now, or with a negative size do not wait any more.
        """
        self.waiting += size
        if queue.waiting:
            self._queues.add(queue)
        else:
            self._queues.discard(queue)

    def relieve(self) -> None:
        """
        If too much waits, give up the longest queues.
        """
        if self.waiting <= self._limit:
            return
        for queue in sorted(self._queues, key=lambda queue: queue.waiting, reverse=True):
            if self.waiting <= self._limit * _RELIEF:
                break
            queue.giveUp()
