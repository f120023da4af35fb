"""
Tests for L{machat.client.sendqueue}.
"""

from __future__ import annotations

from math import inf

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.client import Ended
from machat.client.sendqueue import AHEAD, QueuedLine, SendQueue
from machat.errors import ChatError
from machat.limits import Limits
from machat.sansio.outgoing import MAX_SIZE
from machat.testing import MemoryChat


class SendQueueTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(rate=inf, logMessages=5))
        self.ear = self.chat.member("ear", "dev")
        self.client = self.chat.client("Mina")
        self.client.join("dev")
        self.refused: list[tuple[int, Failure]] = []
        self.queue = SendQueue(self.client, self.settled, self.refuse)
        self.more: list[QueuedLine] = []
        self.settle()

    def settle(self) -> None:
        """
        Deliver all data.
        """
        for _ in range(400):
            self.chat.turn()

    def settled(self) -> None:
        """
        Add a line, if there is one, at an unexpected moment.
        """
        if self.more:
            self.queue.add(self.more.pop(0))

    def refuse(self, line: QueuedLine, failure: Failure) -> None:
        self.refused.append((line.number, failure))

    def test_order(self) -> None:
        """
        Any number of lines arrives in order, including those added while others settle, and the
        client never has more lines than it can accept.
        """
        self.more = [QueuedLine("dev", f"more {n}", n) for n in range(100)]
        for number in range(2_000):
            self.queue.add(QueuedLine("dev", str(number), number))
        self.assertEqual((self.queue.waiting, self.queue.idle), (2_000, False))
        self.settle()
        texts = [f"Mina:{n}" for n in range(2_000)] + [f"Mina:more {n}" for n in range(100)]
        self.assertEqual(self.ear.received(), texts)
        self.assertEqual((self.queue.waiting, self.queue.done, self.queue.failed), (0, 2_100, 0))
        self.assertTrue(self.queue.idle)

    def test_long(self) -> None:
        """
        Long lines wait for each other, and a line that is too long by itself is refused.
        """
        for number in range(AHEAD):
            self.queue.add(QueuedLine("dev", f"{number} {'x' * 60_000}", number))
        self.queue.add(QueuedLine("dev", "x" * (MAX_SIZE + 1), AHEAD))
        self.queue.add(QueuedLine("dev", "last", AHEAD + 1))
        self.settle()
        self.assertEqual(len(self.ear.received()), AHEAD + 1)
        self.assertEqual([number for number, _ in self.refused], [AHEAD])

    def test_refused(self) -> None:
        """
        Any number of lines can be refused at once.
        """
        for number in range(5_000):
            self.queue.add(QueuedLine("nowhere", "x", number))
        self.assertEqual([number for number, _ in self.refused], list(range(5_000)))
        self.assertEqual((self.queue.waiting, self.queue.failed), (0, 5_000))
        self.refused[0][1].trap(ChatError)

    def test_ended(self) -> None:
        """
        When the client ends, all lines fail.
        """
        for number in range(500):
            self.queue.add(QueuedLine("dev", "x", number))
        self.client.stopService()
        self.assertEqual((self.queue.waiting, self.queue.failed), (0, 500))
        self.assertTrue(all(failure.check(Ended) for _, failure in self.refused))
