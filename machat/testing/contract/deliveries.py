"""
Tests for the record of how far messages have been delivered to a program outside the chat.
"""

from __future__ import annotations

from twisted.trial.unittest import SkipTest

from machat.interfaces import IDeliveries, IStore
from machat.interfaces.deliveries import Undelivered
from machat.testing.contract.case import StoreCase


class DeliveryTests(StoreCase):
    """
    Tests for L{IDeliveries}. They are skipped if the store does not provide it.
    """

    def _deliveries(self, store: IStore) -> IDeliveries:
        found: IDeliveries | None = IDeliveries(store, None)
        if found is None:
            raise SkipTest("this store does not record deliveries")
        return found

    async def _undelivered(self, store: IStore) -> list[Undelivered]:
        return sorted(await self.wait(self._deliveries(store).undelivered(9)))

    async def test_deliveryBegin(self) -> None:
        """
        Messages that were stored before the first call count as delivered, and later ones do not.
        """
        store = await self.start()
        deliveries = self._deliveries(store)
        old, _ = await self.open(store, "Old")
        await self.append(old, "one", "two")
        self.assertEqual(await self._undelivered(store), [])
        self.assertEqual(await self.wait(deliveries.claimDelivery("old")), 2)
        new, _ = await self.open(store, "New")
        await self.append(new, "three")
        await self.append(old, "four")
        expected = [Undelivered("New", 1), Undelivered("Old", 3)]
        self.assertEqual(await self._undelivered(store), expected)
        self.assertEqual(len(await self.wait(deliveries.undelivered(1))), 1)
        self.assertEqual(await self.wait(deliveries.claimDelivery("new")), 0)

    async def test_deliveryRestart(self) -> None:
        """
        The record is as durable as the messages.
        """
        for clean in (True, False):
            store = await self.start()
            await self._undelivered(store)
            room, _ = await self.open(store, "Dev")
            await self.append(room, "one", "two", "three")
            deliveries = self._deliveries(store)
            await self.wait(deliveries.claimDelivery("dev"))
            await self.wait(deliveries.delivered("dev", 2, False))
            store = await self.restarted(store, clean)
            self.assertEqual(await self._undelivered(store), [Undelivered("Dev", 3)])
            deliveries = self._deliveries(store)
            self.assertEqual(await self.wait(deliveries.claimDelivery("dev")), 2)
            await self.wait(deliveries.delivered("dev", 3, False))
            self.assertEqual(await self._undelivered(store), [])
            await self.stop(store)

    async def test_deliveryNodes(self) -> None:
        """
        One process at a time delivers a room. The record is that of all processes.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        here, there = self._deliveries(store), self._deliveries(other)
        await self._undelivered(store)
        room, _ = await self.open(store, "Dev")
        await self.append(room, "one", "two")
        self.assertEqual(await self.wait(here.claimDelivery("dev")), 0)
        self.assertIsNone(await self.wait(there.claimDelivery("dev")))
        await self.wait(here.delivered("dev", 1, True))
        self.assertIsNone(await self.wait(there.claimDelivery("dev")))
        await self.wait(here.delivered("dev", 2, False))
        self.assertEqual(await self.wait(there.claimDelivery("dev")), 2)
        self.assertEqual(await self._undelivered(other), [])
