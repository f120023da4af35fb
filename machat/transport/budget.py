"""
What waits for all connections together, and is bounded too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from sys import getsizeof
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

    def abort(self) -> None: ...


class SendBudget:
    """
    The sum of all queues of a chat, and of what is kept in memory to be written to them.

    @ivar waiting: bytes
    """

    def __init__(self, limit: int) -> None:
        """
        @param limit: bytes
        """
        self.waiting = 0
        self._limit = limit
        self._queues: set[Queue] = set()
        self._holders: dict[int, int] = {}

    def add(self, queue: Queue, size: int) -> None:
        """
        Count bytes that wait now, or with a negative size do not wait any more.
        """
        self.waiting += size
        if queue.waiting:
            self._queues.add(queue)
        else:
            self._queues.discard(queue)

    def share(self, text: str) -> None:
        """
        Count a text that is kept for one more connection: its memory counts once.
        """
        holders = self._holders.get(id(text), 0)
        if not holders:
            self.waiting += getsizeof(text)
        self._holders[id(text)] = holders + 1

    def release(self, text: str) -> None:
        """
        A text that was L{share}d is kept for one connection less.
        """
        holders = self._holders.pop(id(text)) - 1
        if holders:
            self._holders[id(text)] = holders
        else:
            self.waiting -= getsizeof(text)

    def shed(self) -> None:
        """
        If too much waits, give up the longest queues.
        """
        if self.waiting <= self._limit:
            return
        for queue in sorted(self._queues, key=lambda queue: queue.waiting, reverse=True):
            if self.waiting <= self._limit * _RELIEF:
                break
            queue.abort()


class Holding:
    """
    What one connection's output keeps in memory before it is made.

    @ivar size: the memory, as if no other connection's output kept the same, bytes
    """

    __slots__ = ("size", "_budget", "_own", "_texts")

    def __init__(self, sendBudget: SendBudget, own: int, texts: Iterable[str]) -> None:
        """
        @param own: what no other keeps, bytes
        """
        self._budget = sendBudget
        self._own = own
        self._texts = deque(texts)
        sendBudget.waiting += own
        for text in self._texts:
            sendBudget.share(text)
        self.size = own + sum(map(getsizeof, self._texts))

    def keep(self, count: int) -> None:
        """
        Keep only the last C{count} texts.
        """
        while len(self._texts) > count:
            text = self._texts.popleft()
            self._budget.release(text)
            self.size -= getsizeof(text)

    def end(self) -> None:
        """
        Keep nothing. It may be called again.
        """
        self.keep(0)
        self._budget.waiting -= self._own
        self.size -= self._own
        self._own = 0
