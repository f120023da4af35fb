"""
The memory budget of the send queues of all connections.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from sys import getsizeof
from typing import Protocol

#: The share of the limit to which the queues are reduced, so that the next bytes do not exceed the
#: limit again.
_RELIEF = 7 / 8


class Queue(Protocol):
    """
    The send queue of one connection.
    """

    @property
    def waiting(self) -> int: ...

    def abort(self) -> None: ...


class SendBudget:
    """
    The total size of all send queues of a chat, including the memory that is held for output that
    is not encoded yet.

    @ivar waiting: this total, bytes
    @ivar busy: see L{machat.interfaces.IOutbox.send}
    """

    def __init__(self, limit: int) -> None:
        """
        @param limit: bytes
        """
        self.waiting = 0
        self.busy: set[Callable[[bytes], int]] = set()
        self._limit = limit
        self._queues: set[Queue] = set()
        self._holders: dict[int, int] = {}

    @property
    def tight(self) -> bool:
        """
        Whether half of the limit is used.
        """
        return self.waiting > self._limit / 2

    def add(self, queue: Queue, size: int) -> None:
        """
        Count bytes that wait now or, if the size is negative, no longer wait.
        """
        self.waiting += size
        if queue.waiting:
            self._queues.add(queue)
        else:
            self._queues.discard(queue)

    def share(self, text: str) -> None:
        """
        Count a text for one more connection. The memory of a text counts once.
        """
        holders = self._holders.get(id(text), 0)
        if not holders:
            self.waiting += getsizeof(text)
        self._holders[id(text)] = holders + 1

    def release(self, text: str) -> None:
        """
        Undo one L{share} of a text.
        """
        holders = self._holders.pop(id(text)) - 1
        if holders:
            self._holders[id(text)] = holders
        else:
            self.waiting -= getsizeof(text)

    def shed(self) -> None:
        """
        If the limit is exceeded, abort the connections with the longest queues.
        """
        if self.waiting <= self._limit:
            return
        for queue in sorted(self._queues, key=lambda queue: queue.waiting, reverse=True):
            if self.waiting <= self._limit * _RELIEF:
                break
            queue.abort()


class Holding:
    """
    The memory that is held for output of one connection that is not encoded yet.

    @ivar size: the memory, including texts that other connections share, bytes
    """

    __slots__ = ("size", "_budget", "_own", "_texts")

    def __init__(self, sendBudget: SendBudget, own: int, texts: Iterable[str]) -> None:
        """
        @param own: the memory that is not shared, bytes
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
        Release everything. Calling it again has no effect.
        """
        self.keep(0)
        self._budget.waiting -= self._own
        self.size -= self._own
        self._own = 0
