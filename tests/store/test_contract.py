"""
The contract of a store, for L{MemoryStore}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, TestCase

from machat.interfaces import IStore
from machat.limits import Limits
from machat.store.memory import MemoryStore
from machat.testing import StoreTests


class MemoryContractTests(StoreTests, TestCase):
    """
    The contract. A clean restart is a stop and a start of the same store.
    """

    def makeStore(self, limits: Limits) -> IStore:
        self.clock = Clock()
        return MemoryStore(self.clock, limits)

    async def restart(self, store: IStore, clean: bool) -> IStore:
        if not clean:
            raise SkipTest("a killed process loses its memory")
        await self.wait(store.stop())
        return store
