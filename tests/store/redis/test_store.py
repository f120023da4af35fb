"""
Tests for L{machat.store.redis.store}, with a real server.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

from machat.entries import Edit, Redact, Said
from machat.errors import ChatError
from machat.interfaces import IStore, IStoredRoom
from machat.limits import Limits
from machat.records import Quota, Taken, TopicSet
from machat.store.redis import Location, RedisStore
from machat.store.redis.room import RedisRoom
from machat.store.redis.scripts import QUOTA
from machat.testing import StoreTests
from machat.testing.contract.entries import rich
from machat.testing.contract.witness import Witness
from tests.processes import PATIENCE
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
        return RedisStore(reactor, self.location, self.limits, PATIENCE)

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
        self.limit(store, 1.0)

    async def resume(self, store: IStore) -> None:
        self.engine.resume()
        self.limit(store, PATIENCE)

    def limit(self, store: IStore, seconds: float) -> None:
        """
        Change the time within which an operation succeeds or fails.
        """
        assert isinstance(store, RedisStore)
        store._deadline = store.deadlines._seconds = seconds
        if store.deadlines._timer is not None:
            store.deadlines._timer.reset(seconds)

    async def test_readTotal(self) -> None:
        """
        The total of all rooms is limited by the engine, see its option C{maxmemory}.
        """
        raise SkipTest("the engine limits the memory of all rooms together")

    async def test_removedTexts(self) -> None:
        """
        A snapshot does not contain what was edited or redacted. The entries next to it remain.
        """
        store = await self.start()
        room, witness = await self.open(store)
        other, inOther = await self.open(await self.started(await self.secondNode(store)))
        secrets = [f"secret{number}{'x' * number * 9}" for number in range(20)]
        for secret in secrets:
            await self.append(
                room, "near", secret, rich(Said(secret, b'{"a":"%b"}' % secret.encode()))
            )
            await self.wait(room.append((), [TopicSet(f"{len(secret)}")]))
        for number in range(20):
            await self.append(room, rich(Edit(3 * number + 2, "hidden")))
            await self.append(room, rich(Redact(3 * number + 3)), rich(Redact(3 * number + 2)))
        snapshot = self.snapshot()
        self.assertNotIn(b"hidden", snapshot)
        self.assertNotIn(b"secret", snapshot)
        found = await self.wait(room.read(0, 999))
        self.assertEqual(found, await self.wait(other.read(0, 999)))
        self.assertEqual([each.seq for each in found], list(range(1, 121)))
        self.assertEqual([each.text for each in found[:60:3]], ["near"] * 20)
        await self.until(lambda: len(inOther.messages) == 120, "the messages")
        self.assertEqual(other.record, room.record)
        late, _ = await self.open(await self.started(await self.secondNode(store)))
        self.assertEqual((late.record, late.position), (room.record, room.position))

    def snapshot(self) -> bytes:
        """
        @return: the data of the engine, as it writes it to the disk
        """
        self.engine.command("CONFIG", "SET", "rdbcompression", "no")
        self.engine.command("SAVE")
        return (self.engine.folder / "dump.rdb").read_bytes()

    async def test_listingTrips(self) -> None:
        """
        A page of the list takes three writes to the engine, however many rooms it has: for the
        leases of the nodes, for their rooms, and for the states of these rooms.
        """
        store = await self.start()
        assert isinstance(store, RedisStore) and store.node.session is not None
        for number in range(9):
            await self.open(store, f"Room {number}")
            store.show(f"room {number}", True)
        await self.wait(store.shown("", "", 1))  # the names are in the list
        transport: Any = store.node.session._commands.transport
        writes: list[bytes] = []
        write = transport.write

        def note(data: bytes) -> None:
            if b"HGETALL" in data or b"ZRANGEBYLEX" in data or b"HMGET" in data:
                writes.append(data)
            write(data)

        self.patch(transport, "write", note)
        for limit in (1, 9):
            self.assertEqual(len(await self.wait(store.shown("", "", limit))), limit)
            self.assertEqual(len(writes), 3, writes)
            self.assertEqual(writes.pop().count(b"HMGET"), limit)
            writes.clear()

    async def test_evict(self) -> None:
        """
        A request to close connections reaches the other processes. It fails without the engine.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        assert isinstance(store, RedisStore) and isinstance(other, RedisStore)
        here: list[str] = []
        there: Deferred[str] = Deferred()
        store.evicted, other.evicted = here.append, there.callback
        await self.wait(store.evict("bj\u00f6rk"))
        self.assertEqual(await self.wait(there), "bj\u00f6rk")
        self.assertEqual(here, [])
        kill(store)
        with self.assertRaises(ChatError):
            await self.wait(store.evict("mina"))

    async def test_evictRenamed(self) -> None:
        """
        A request reaches a process that was declared dead, and has continued under a new name.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        assert isinstance(store, RedisStore) and isinstance(other, RedisStore)
        before = other.node.lease.name
        self.engine.command("HDEL", f"{self.location.prefix}:nodes", before)
        await other.node.beat(5.0)
        self.assertNotEqual(other.node.lease.name, before)
        asked: Deferred[str] = Deferred()
        other.evicted = asked.callback
        await self.wait(store.evict("mina"))
        self.assertEqual(await self.wait(asked), "mina")

    async def test_quotaDead(self) -> None:
        """
        The share of a node does not count when its lease is over, and is removed.
        """
        store = await self.start()
        assert isinstance(store, RedisStore)
        for node, milliseconds in (("gone", 0), ("new", 10_000)):
            await self.setShare(store, node, milliseconds)
        taken = await self.wait(store.quotas.take(Quota("user", "mina"), 1, 9))
        self.assertEqual(taken[:3], (True, 3, 0))
        key = f"{self.location.prefix}:user:mina"
        self.assertEqual(self.engine.command("HLEN", key), b":2")
        self.assertGreater(int(self.engine.command("PTTL", key)[1:]), 80_000_000)

    async def setShare(self, store: RedisStore, node: str, milliseconds: int) -> None:
        """
        Set the share of another node.
        """
        session = store.node.session
        assert session is not None
        words = [node.encode(), 3, 9, milliseconds, b"0", 60_000]
        key = f"{self.location.prefix}:user:mina".encode()
        await self.wait(session.run(QUOTA, [key], words))

    async def test_quotaLost(self) -> None:
        """
        When the engine has lost its data, a node sets its shares again.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        assert store.quotas is not None and other.quotas is not None
        await self.wait(store.quotas.take(Quota("user", "mina"), 2, 9))
        self.engine.restore(None)
        await self.eventually(other.quotas, Quota("user", "mina"), Taken(True, 2))
