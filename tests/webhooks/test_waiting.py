"""
Tests for L{machat.webhooks.waiting}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.webhooks import waiting
from machat.webhooks.waiting import Waiting


class WaitingTests(SynchronousTestCase):
    """
    The events that wait.
    """

    def setUp(self) -> None:
        self.waiting = Waiting()

    def test_messages(self) -> None:
        """
        Of messages, only the numbers are kept.
        """
        self.waiting.said("Dev", 4, 5, 10.0)
        self.waiting.said("dev", 5, 9, 11.0)
        (room,) = self.waiting.rooms()
        self.assertEqual((room.name, room.key, room.done, room.top), ("Dev", "dev", 4, 9))
        self.assertEqual((self.waiting.events, self.waiting.lag(15.0)), (5, 5.0))
        self.waiting.settle(room, 8, 0, 20.0)
        self.assertEqual((self.waiting.events, self.waiting.lag(21.0)), (1, 1.0))
        self.waiting.settle(room, 9, 0, 20.0)
        self.assertEqual((len(self.waiting), self.waiting.events), (0, 0))
        self.assertEqual(self.waiting.lag(30.0), 0.0)

    def test_order(self) -> None:
        """
        A room that is not finished goes behind the others. Other events know the message before
        them.
        """
        self.waiting.happened("a", {"n": 1}, 0.0)
        self.waiting.said("a", 0, 3, 0.0)
        self.waiting.happened("a", {"n": 2}, 0.0)
        self.waiting.said("b", 0, 1, 0.0)
        room = self.waiting.rooms()[0]
        self.assertEqual([each.after for each in room.events], [0, 3])
        self.waiting.settle(room, 2, 1, 1.0)
        self.assertEqual([each.key for each in self.waiting.rooms()], ["b", "a"])
        self.assertEqual(self.waiting.events, 3)

    def test_bounds(self) -> None:
        """
        Too many rooms are found in the store later, and too many other events are dropped and
        counted.
        """
        self.patch(waiting, "ROOMS", 2)
        self.patch(waiting, "EVENTS", 3)
        for number in range(4):
            self.waiting.said(f"room{number}", 0, 1, 0.0)
        self.assertEqual((len(self.waiting), self.waiting.full), (2, True))
        self.waiting.happened("room3", {}, 0.0)
        for _ in range(5):
            self.waiting.happened("room0", {}, 0.0)
        self.assertEqual((self.waiting.dropped, self.waiting.events), (3, 5))
        self.waiting.settle(self.waiting.rooms()[0], 1, 3, 0.0)
        self.waiting.happened("room1", {}, 0.0)
        self.assertEqual(self.waiting.dropped, 3)
