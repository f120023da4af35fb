"""
Tests for L{machat.store.deduplication}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.limits import Limits
from machat.store.deduplication import RecentIds


class RecentIdsTests(SynchronousTestCase):
    """
    Tests for L{RecentIds}.
    """

    def setUp(self) -> None:
        self.use()

    def use(self, **limits: Any) -> None:
        self.clock = Clock()
        self.ids = RecentIds(self.clock, Limits(**limits))

    def find(self, id: str, name: str = "mina") -> int | None:
        return self.ids.find(("dev", name, id))

    def test_remembered(self) -> None:
        """
        An id is remembered for the configured time.
        """
        self.assertIsNone(self.find("1"))
        self.ids.add(("dev", "mina", "1"), 7)
        self.clock.advance(119.9)
        self.assertEqual(self.find("1"), 7)
        self.assertIsNone(self.find("1", "ada"))
        self.assertIsNone(self.ids.find(("ops", "mina", "1")))
        self.clock.advance(0.1)
        self.assertIsNone(self.find("1"))
        self.assertEqual((len(self.ids), self.ids._ids), (0, {}))

    def test_bounds(self) -> None:
        """
        The number of remembered ids is limited per name and room, to the newest ones, and for all
        together.
        """
        self.use(receipts=2, receiptsTotal=4)
        for id in "123":
            self.ids.add(("dev", "mina", id), int(id))
        self.assertEqual([self.find(id) for id in "123"], [None, 2, 3])
        for name in ("ada", "bob", "eve"):
            self.ids.add(("dev", name, "1"), 1)
        self.assertEqual([self.find(id) for id in "123"], [None, None, 3])
        self.assertEqual(len(self.ids), 4)
