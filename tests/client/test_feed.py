"""
Tests for L{machat.client.feed}.
"""

from __future__ import annotations

from math import inf

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.client import Ended
from machat.client.feed import AHEAD, Feed, Said
from machat.client.outgoing import LARGEST
from machat.errors import ChatError
from machat.limits import Limits
from machat.testing import MemoryChat


class FeedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(rate=inf, logMessages=5))
        self.ear = self.chat.member("ear", "dev")
        self.client = self.chat.client("Mina")
        self.client.join("dev")
        self.refused: list[tuple[int, Failure]] = []
        self.feed = Feed(self.client, self.settled, self.refuse)
        self.more: list[Said] = []
        self.settle()

    def settle(self) -> None:
        """
        Let everything arrive.
        """
        for _ in range(400):
            self.chat.turn()

    def settled(self) -> None:
        """
        Add a line, if there is one, in the middle of things.
        """
        if self.more:
            self.feed.add(self.more.pop(0))

    def refuse(self, line: Said, failure: Failure) -> None:
        self.refused.append((line.number, failure))

    def test_order(self) -> None:
        """
        Any number of lines arrives in order, those too that are added while others settle; the
        client never has more than it can take.
        """
        self.more = [Said("dev", f"more {n}", n) for n in range(100)]
        for number in range(2_000):
            self.feed.add(Said("dev", str(number), number))
        self.assertEqual((self.feed.waiting, self.feed.idle), (2_000, False))
        self.settle()
        texts = [f"Mina:{n}" for n in range(2_000)] + [f"Mina:more {n}" for n in range(100)]
        self.assertEqual(self.ear.received(), texts)
        self.assertEqual((self.feed.waiting, self.feed.done, self.feed.failed), (0, 2_100, 0))
        self.assertTrue(self.feed.idle)

    def test_long(self) -> None:
        """
        Long lines wait for each other; one that is too long by itself is refused.
        """
        for number in range(AHEAD):
            self.feed.add(Said("dev", f"{number} {'x' * 60_000}", number))
        self.feed.add(Said("dev", "x" * (LARGEST + 1), AHEAD))
        self.feed.add(Said("dev", "last", AHEAD + 1))
        self.settle()
        self.assertEqual(len(self.ear.received()), AHEAD + 1)
        self.assertEqual([number for number, _ in self.refused], [AHEAD])

    def test_refused(self) -> None:
        """
        Any number of lines may be refused at once.
        """
        for number in range(5_000):
            self.feed.add(Said("nowhere", "x", number))
        self.assertEqual([number for number, _ in self.refused], list(range(5_000)))
        self.assertEqual((self.feed.waiting, self.feed.failed), (0, 5_000))
        self.refused[0][1].trap(ChatError)

    def test_ended(self) -> None:
        """
        When the client ends, all lines fail.
        """
        for number in range(500):
            self.feed.add(Said("dev", "x", number))
        self.client.stopService()
        self.assertEqual((self.feed.waiting, self.feed.failed), (0, 500))
        self.assertTrue(all(failure.check(Ended) for _, failure in self.refused))
