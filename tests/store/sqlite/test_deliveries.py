"""
Tests for L{machat.store.sqlite.deliveries}.
"""

from __future__ import annotations

from zope.interface.verify import verifyObject

from machat.interfaces import IDeliveries
from machat.interfaces.deliveries import Undelivered
from machat.store.sqlite import SqliteStore
from tests.store.sqlite.machine import StoreCase


class DeliveryTests(StoreCase):
    """
    Tests for the record of deliveries.
    """

    def undelivered(self, store: SqliteStore, limit: int = 10) -> list[Undelivered]:
        """
        @return: the rooms with undelivered messages
        """
        found = self.reactor.wait(store.undelivered(limit))
        return sorted(found)

    def test_interface(self) -> None:
        """
        The store provides the interface.
        """
        verifyObject(IDeliveries, self.start())

    def test_begin(self) -> None:
        """
        Messages that were stored before the first call count as delivered, and later ones do not.
        """
        store = self.start()
        old, _ = self.open(store, "Old")
        self.say(old, "a", "b")
        self.assertEqual(self.undelivered(store), [])
        self.assertEqual(self.reactor.wait(store.claimDelivery("old")), 2)
        new, _ = self.open(store, "New")
        self.assertEqual(self.reactor.wait(store.claimDelivery("new")), 0)
        self.say(old, "c")
        self.say(new, "d", "e")
        expected = [Undelivered("New", 2), Undelivered("Old", 3)]
        self.assertEqual(self.undelivered(store), expected)
        self.assertEqual(len(self.undelivered(store, 1)), 1)

    def test_restart(self) -> None:
        """
        The record survives a restart, and goes on.
        """
        store = self.start()
        self.undelivered(store)
        room, _ = self.open(store, "Dev")
        self.say(room, "a", "b", "c")
        self.reactor.wait(store.delivered("dev", 2, True))
        store = self.restart(store)
        self.assertEqual(self.undelivered(store), [Undelivered("Dev", 3)])
        self.assertEqual(self.reactor.wait(store.claimDelivery("dev")), 2)
        self.reactor.wait(store.delivered("dev", 3, False))
        self.assertEqual(self.undelivered(store), [])
        self.reactor.wait(store.delivered("unknown", 3, False))
