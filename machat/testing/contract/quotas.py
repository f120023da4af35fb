"""
Tests for the numbers that several processes count together.
"""

from __future__ import annotations

from twisted.trial.unittest import SkipTest

from machat.errors import FAILED
from machat.interfaces import IQuotas, IStore
from machat.records import Quota, Taken
from machat.testing.contract.case import StoreCase

MINA = Quota("user", "mina")


class QuotaTests(StoreCase):
    """
    Tests for L{IQuotas}. They are skipped if each process counts its own numbers.
    """

    def _quotas(self, store: IStore) -> IQuotas:
        if store.quotas is None:
            raise SkipTest("this store does not count for several processes")
        return store.quotas

    async def _two(self) -> tuple[IQuotas, IQuotas]:
        """
        @return: the quotas of two processes
        """
        store = await self.start()
        here = self._quotas(store)
        return here, self._quotas(await self.started(await self.secondNode(store)))

    async def _take(self, quotas: IQuotas, quota: Quota, count: int, most: int) -> Taken:
        """
        @return: the result without the time
        """
        taken: Taken = await self.wait(quotas.take(quota, count, most))
        return taken._replace(wait=0.0)

    async def eventually(self, quotas: IQuotas, quota: Quota, expected: Taken) -> None:
        """
        Take one, with a maximum of the expected sum, until the result is as expected.
        """
        results = [Taken(False)]

        def ask() -> bool:
            if [each._replace(wait=0.0) for each in results] == [expected]:
                return True
            if results:
                results.clear()
                taking = quotas.take(quota, 1, expected.others + 1)
                taking.addErrback(lambda _: Taken(False)).addCallback(results.append)
            return False

        await self.until(ask, f"{expected}")

    async def test_quotaShares(self) -> None:
        """
        The shares of all processes count. A share that would exceed the maximum is refused, and its
        previous value remains.
        """
        here, there = await self._two()
        self.assertEqual(await self._take(here, MINA, 2, 3), Taken(True))
        self.assertEqual(await self._take(there, MINA, 1, 3), Taken(True, 2))
        self.assertEqual(await self._take(there, MINA, 2, 3), Taken(False, 2))
        self.assertEqual(await self._take(here, MINA, 3, 3), Taken(False, 1))
        self.assertEqual(await self._take(here, MINA, 1, 3), Taken(True, 1))
        self.assertEqual(await self._take(there, MINA, 2, 3), Taken(True, 1))

    async def test_quotaRemove(self) -> None:
        """
        A share of 0 is removed, even if the maximum is exceeded without it.
        """
        here, there = await self._two()
        await self._take(here, MINA, 5, 5)
        self.assertEqual(await self._take(there, MINA, 0, 3), Taken(True, 5))
        await self._take(here, MINA, 0, 5)
        self.assertEqual(await self._take(there, MINA, 3, 3), Taken(True))

    async def test_quotaSeparate(self) -> None:
        """
        Kinds and keys are counted separately, whatever they contain.
        """
        here, there = await self._two()
        await self._take(here, MINA, 3, 3)
        for other in (Quota("user", "ada"), Quota("address", "mina"), Quota("user", "{mina}:é ")):
            self.assertEqual(await self._take(there, other, 3, 3), Taken(True))

    async def test_quotaEntry(self) -> None:
        """
        An entry counts like a share, in the same process too, until its time ends.
        """
        here, there = await self._two()
        entry = Quota("login", "mina", "1", 60.0, tentative=True)
        self.assertEqual(await self._take(here, entry, 1, 1), Taken(True))
        for quotas in (here, there):
            refused = await self.wait(quotas.take(entry._replace(entry="2"), 1, 1))
            self.assertEqual(refused[:3], (False, 1, 1))
            self.assertGreater(refused.wait, 0.0)
            self.assertLessEqual(refused.wait, 60.0)
        await self._take(here, entry._replace(tentative=False), 1, 9)
        refused = await self._take(there, Quota("login", "mina", "2", 60.0), 1, 1)
        self.assertEqual(refused[:3], (False, 1, 0))
        await self._take(here, entry, 0, 9)
        self.assertEqual(await self._take(there, entry._replace(entry="2"), 1, 1), Taken(True))

    async def test_quotaEnd(self) -> None:
        """
        An entry ends by itself.
        """
        here, there = await self._two()
        await self._take(here, Quota("login", "mina", "1", 0.05), 1, 1)
        if self.clock is not None:
            await self.advance(1)
        await self.eventually(there, Quota("login", "mina", "2", 60.0), Taken(True))

    async def test_quotaDown(self) -> None:
        """
        While the store is not available, counting fails. Later, the shares are those of the last
        calls.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        await self._take(self._quotas(store), MINA, 1, 3)
        await self.pause(store)
        taking = self._quotas(store).take(MINA, 2, 3)
        self.assertEqual(await self.refused(self.inTime(taking)), FAILED)
        await self.resume(store)
        await self.eventually(self._quotas(other), MINA, Taken(True, 2))
