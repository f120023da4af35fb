"""
Tests for L{machat.backlog}.
"""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from machat.backlog import Backlog
from machat.limits import Limits
from machat.testing import MemoryChat


class Queue:
    """
    What waits for one connection.
    """

    def __init__(self, backlog: Backlog) -> None:
        self.backlog = backlog
        self.waiting = 0
        self.gaveUp = False

    def grow(self, size: int) -> None:
        self.waiting += size
        self.backlog.add(self, size)

    def giveUp(self) -> None:
        self.gaveUp = True
        self.grow(-self.waiting)


class BacklogTests(SynchronousTestCase):
    """
    Tests for L{Backlog}.
    """

    def test_relieve(self) -> None:
        """
        Over the limit the longest queues go, as many as it needs; within it none.
        """
        backlog = Backlog(100)
        queues = [Queue(backlog) for _ in range(4)]
        for queue, size in zip(queues, (10, 40, 30, 20), strict=True):
            queue.grow(size)
        backlog.relieve()
        self.assertFalse(any(queue.gaveUp for queue in queues))
        queues[0].grow(1)
        backlog.relieve()
        self.assertEqual([queue.gaveUp for queue in queues], [False, True, False, False])
        self.assertEqual(backlog.waiting, 61)
        for queue in queues:
            queue.grow(-queue.waiting)
        self.assertEqual((backlog.waiting, backlog._queues), (0, set()))

    def test_chat(self) -> None:
        """
        The connections of a chat count together: who waits for most goes first, and who reads
        stays.
        """
        chat = MemoryChat(Limits(rate=inf, waitingTotal=3_000))
        early, late, quick = (chat.tcp(name, "dev") for name in ("early", "late", "quick"))
        early.transport.producer.pauseProducing()
        quick.send("x" * 1000)
        chat.turn()
        late.transport.producer.pauseProducing()
        for _ in range(2):
            quick.send("x" * 1000)
            chat.turn()
        self.assertEqual([c.connected for c in (early, late, quick)], [False, True, True])
        self.assertEqual(chat.service.metrics.slow, 1)
        self.assertEqual(len(quick.received()), 3)
        late.close()
        self.assertEqual(chat.service.backlog.waiting, 0)
