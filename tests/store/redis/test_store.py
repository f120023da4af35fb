"""
Tests for L{machat.store.redis.store}, with a real server.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest, TestCase

from machat.interfaces import IStore, IStoredRoom
from machat.limits import Limits
from machat.store.redis import Location, RedisStore
from machat.store.redis.room import RedisRoom
from machat.testing import StoreTests
from machat.testing.contract.witness import Witness
from tests.store.redis.engine import ABSENT, sharedEngine

_prefixes = count()


def kill(store: RedisStore) -> None:
    """
    End the connections of a store without releasing anything, as if its process was killed.
    """
    running = store.node._running
    assert running is not None, "the store is running"
    running.cancel()
    store.deadlines.close()


class RedisStoreTests(StoreTests, TestCase):
    """
    The store meets the contract.
    """

    skip = ABSENT or None
    reactor: Any = reactor
    examples = 10
    limits: Limits

    def setUp(self) -> None:
        self.engine = sharedEngine()

    def makeStore(self, limits: Limits) -> IStore:
        self.limits = limits
        self.location = Location(socket=self.engine.socket, prefix=f"t{next(_prefixes)}")
        return self.another()

    def another(self) -> RedisStore:
        """
        @return: another process with the same data
        """
        return RedisStore(reactor, self.location, self.limits, deadline=1.0)

    async def restart(self, store: IStore, clean: bool) -> IStore:
        assert isinstance(store, RedisStore)
        if clean:
            await self.wait(store.stop())
        else:
            kill(store)
            self.expireLeases()
        return self.another()

    async def secondNode(self, store: IStore) -> IStore:
        return self.another()

    async def backUp(self, store: IStore) -> Path:
        return self.engine.backUp()

    async def restore(self, store: IStore, backup: Path) -> IStore:
        assert isinstance(store, RedisStore)
        kill(store)
        self.engine.restore(backup)
        self.expireLeases()
        return self.another()

    def expireLeases(self) -> None:
        """
        Let the leases of all nodes expire.
        """
        script = """
        local now = 'x' .. redis.call('TIME')[1] * 1000
        for _, node in ipairs(redis.call('HKEYS', KEYS[1])) do
          redis.call('HSET', KEYS[1], node, now)
        end
        """
        self.engine.command("EVAL", script, "1", f"{self.location.prefix}:nodes")

    async def close(self, room: IStoredRoom, witness: Witness) -> None:
        """
        Close a room, and wait until its claims are released, as another process may observe it.
        """
        await super().close(room, witness)
        assert isinstance(room, RedisRoom)
        await self.until(lambda: not room._store.releases, "the releases")

    async def pause(self, store: IStore) -> None:
        self.engine.pause()
        self.addCleanup(self.engine.resume)

    async def resume(self, store: IStore) -> None:
        self.engine.resume()

    async def test_readTotal(self) -> None:
        """
        The total of all rooms is limited by the engine, see its option C{maxmemory}.
        """
        raise SkipTest("the engine limits the memory of all rooms together")
