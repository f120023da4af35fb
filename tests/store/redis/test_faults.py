"""
Tests for faults of the engine and of the link to it, with a real server, short leases, and a proxy
between the server and one of two nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.internet.task import deferLater
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase, TestCase

from machat import names
from machat.entries import Draft, Edit, Redact, RichDraft
from machat.errors import NAME_TAKEN, ChatError, MaybeStored, NotStored
from machat.interfaces import IStoredRoom
from machat.limits import DEFAULTS, Limits
from machat.records import Imposed, Kicked, TopicSet
from machat.store.redis import Location, RedisStore, lease, node, sender
from machat.store.redis import room as roomModule
from machat.store.redis import store as storeModule
from machat.store.redis.claims import wordsOf
from machat.store.redis.faults import Course, faultOf
from machat.store.redis.room import RedisRoom
from machat.store.redis.scripts import CLAIM
from machat.testing.contract.case import claimOf
from machat.testing.contract.witness import Witness
from tests.processes import PATIENCE
from tests.store.redis.engine import ABSENT, Engine
from tools.cutter import Cutter


class FaultCase(TestCase):
    """
    An engine for each test.
    """

    skip = ABSENT or None
    timeout = PATIENCE
    options: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.patch(node, "BEAT", 0.2)
        self.patch(lease, "LEASE", 1.6)
        self.patch(node, "PATIENCE", 1.2)
        self.patch(node, "LONGEST_DELAY", 0.2)
        self.engine = Engine(*self.options)
        self.addCleanup(self.engine.remove)
        self.engine.start()

    async def node(
        self, location: Location | None = None, limits: Limits = DEFAULTS, deadline: float = 60.0
    ) -> RedisStore:
        """
        @return: a started store, which is stopped at the end of the test
        """
        location = location or Location(socket=self.engine.socket)
        store = RedisStore(reactor, location, limits, deadline)
        await store.start()
        self.addCleanup(store.stop)
        return store

    async def behindCutter(self, deadline: float = 60.0) -> tuple[RedisStore, Cutter]:
        """
        @return: a started store, and the proxy between it and the engine
        """
        path = str(self.engine.folder / "proxy")
        cutter = Cutter(reactor, UNIXClientEndpoint(reactor, self.engine.socket))
        await cutter.listen(UNIXServerEndpoint(reactor, path))
        self.addCleanup(lambda: Deferred.fromCoroutine(cutter.stop()))
        return await self.node(Location(socket=path), deadline=deadline), cutter

    async def open(self, store: RedisStore, name: str = "dev") -> tuple[IStoredRoom, Witness]:
        witness = Witness()
        opening = store.open(names.key(name), name, witness)
        return await opening.addCallback(witness.opened), witness

    async def say(self, room: IStoredRoom, *texts: str, id: str | None = None) -> list[int]:
        """
        @return: the numbers of the messages
        """
        stored = await room.append([Draft(room.name, "Mina", text, id) for text in texts])
        return list(stored.numbers)

    async def until(self, condition: Callable[[], object]) -> None:
        """
        Wait for a condition, until the test times out.
        """
        while not condition():
            await deferLater(reactor, 0.005)

    def logged(self) -> list[str]:
        """
        @return: the lines that are logged from now on
        """
        lines: list[str] = []
        observer: Any = lambda event: lines.append(str(formatEvent(event)))  # noqa: E731
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return lines

    def isDown(self, store: RedisStore) -> bool:
        return not store.health().up

    def isOther(self, store: RedisStore, session: object) -> bool:
        return store.node.session not in (None, session)

    async def failure(self, waiting: Any) -> Exception:
        """
        @return: the exception with which an operation fails
        """
        try:
            result = await waiting
        except Exception as error:
            return error
        raise self.failureException(f"not refused: {result!r}")


class LifeTests(FaultCase):
    """
    Tests for an engine that is restarted while a room is open.
    """

    async def test_data(self) -> None:
        """
        If the engine has its data, nothing is lost. The room has a new epoch, and covers all
        positions.
        """
        lines = self.logged()
        store = await self.node()
        room, witness = await self.open(store)
        await self.say(room, "a", "b")
        before = room.position
        self.engine.kill()
        waiting = self.say(room, "c")
        self.engine.start()
        self.assertEqual(await waiting, [3])
        await self.until(lambda: len(witness.messages) == 3)
        self.assertNotEqual(room.position.epoch, before.epoch)
        self.assertEqual([complete for _, complete in witness.moves], [True])
        self.assertTrue(room.covers(before))
        self.assertEqual((witness.texts(), witness.faults), (["a", "b", "c"], []))
        self.assertFalse(any(["lost data" in line for line in lines]))

    async def test_noData(self) -> None:
        """
        If the engine has lost its data, the members are notified, numbers continue, and names are
        claimed again.
        """
        store = await self.node()
        other = await self.node()
        room, witness = await self.open(store)
        await room.claim(claimOf("Mina"), 9)
        await self.say(room, "a", "b")
        before = room.position
        self.engine.restore(None)
        self.assertEqual(await self.say(room, "c"), [3])
        await self.until(lambda: witness.texts() == ["a", "b", "c"])
        self.assertEqual([complete for _, complete in witness.moves], [False])
        self.assertFalse(room.covers(before))
        self.assertEqual((witness.lostClaims, witness.faults), ([], []))
        there, _ = await self.open(other)
        error = await self.failure(there.claim(claimOf("mina"), 9))
        assert isinstance(error, ChatError)
        self.assertEqual(error.code, NAME_TAKEN)

    async def test_olderCopy(self) -> None:
        """
        If the engine has lost the last messages, only those who have seen them are notified. The
        log has one line.
        """
        lines = self.logged()
        store = await self.node()
        room, witness = await self.open(store)
        quiet, inQuiet = await self.open(store, "quiet")
        await self.say(room, "a", "b")
        await self.say(quiet, "x")
        kept = room.position
        backup = self.engine.backUp()
        await self.say(room, "c", "d")
        lost = room.position
        self.engine.restore(backup)
        self.assertEqual(await self.say(room, "e"), [5])
        await self.say(quiet, "y")
        self.assertEqual([complete for _, complete in witness.moves], [False])
        self.assertEqual([complete for _, complete in inQuiet.moves], [True])
        self.assertTrue(room.covers(kept))
        self.assertFalse(room.covers(lost))
        self.assertEqual([each.text for each in await room.read(0, 9)], ["a", "b", "e"])
        losses = [line for line in lines if "has lost data, for example of dev:" in line]
        self.assertEqual(len(losses), 1, lines)
        self.assertEqual(witness.faults + inQuiet.faults, [])

    async def test_flushed(self) -> None:
        """
        If all keys are deleted, the room begins a new epoch at its next message, and its members
        keep their names. The log has the cause.
        """
        lines = self.logged()
        store = await self.node()
        other = await self.node()
        room, witness = await self.open(store)
        there, inThere = await self.open(other)
        await room.claim(claimOf("Mina"), 9)
        await there.claim(claimOf("Ada"), 9)
        await self.say(room, "a", "b")
        await self.until(lambda: len(inThere.messages) == 2)
        self.engine.command("FLUSHALL")
        await self.say(there, "c")
        await self.until(lambda: len(witness.messages) == 3 and len(inThere.messages) == 3)
        self.assertEqual([complete for _, complete in witness.moves], [False])
        self.assertEqual([complete for _, complete in inThere.moves], [False])
        self.assertEqual(witness.messages[-1].seq, 3)
        while (await room.members(9)).total < 2 and not inThere.lostClaims:
            await deferLater(reactor, 0.005)
        await self.until(lambda: any(["the keys were deleted" in line for line in lines]))
        self.assertEqual(witness.lostClaims + inThere.lostClaims, [])
        self.assertEqual(witness.faults + inThere.faults, [])

    async def test_scripts(self) -> None:
        """
        If the engine has forgotten the scripts, they are sent again.
        """
        room, _ = await self.open(await self.node())
        self.engine.command("SCRIPT", "FLUSH")
        self.assertEqual(await self.say(room, "a"), [1])


class LinkTests(FaultCase):
    """
    Tests for the link of one node.
    """

    async def test_cut(self) -> None:
        """
        After the link was cut, the missed messages are read, once and in order, and a batch without
        a reply is sent again and stored once.
        """
        store, cutter = await self.behindCutter()
        other = await self.node()
        here, inHere = await self.open(store)
        there, inThere = await self.open(other)
        for number in range(5):
            cutter.closed = True
            cutter.cut()
            await there.append(
                [Draft("dev", "Bob", f"there {number}")], [TopicSet(f"topic {number}")]
            )
            waiting = Deferred.fromCoroutine(self.say(here, f"here {number}"))
            cutter.closed = False
            await waiting
        await self.until(lambda: len(inHere.messages) == 10 and len(inThere.messages) == 10)
        self.assertEqual(inHere.messages, inThere.messages)
        self.assertEqual(inHere.changes, inThere.changes)
        self.assertEqual([message.seq for message in inHere.messages], list(range(1, 11)))
        self.assertEqual(inHere.moves + inThere.moves, [])
        self.assertEqual(inHere.faults + inThere.faults, [])

    async def test_kickBeforeRedaction(self) -> None:
        """
        A node that was cut off executes a kick though messages next to it are edited or redacted.
        It reads each change once, in order, also when it is cut off in the middle of the changes.
        """
        store, cutter = await self.behindCutter()
        other = await self.node()
        here, inHere = await self.open(store)
        there, inThere = await self.open(other)
        await self.say(there, "a", "b")
        for number in range(12):  # more than 9: the order is numeric
            await there.append([], [Kicked(f"user{number}", "by Op")])
        await self.until(lambda: len(inHere.changes) == 12)
        cutter.closed = True
        cutter.cut()
        for number in range(12, 24):
            await there.append([], [Kicked(f"user{number}", "by Op")])
        await there.append(
            [RichDraft("dev", "Mina", "A", None, Edit(1, "A")), Draft("dev", "Mina", "c")]
        )
        await there.append([], [Kicked("last", "by Op")])
        await there.append([RichDraft("dev", "Mina", "", None, Redact(2))])
        cutter.closed = False
        await self.until(lambda: len(inHere.messages) == 5)
        self.assertEqual(inHere.changes, inThere.changes)
        self.assertEqual(len(inHere.changes), 25)
        self.assertEqual((inHere.moves, inHere.faults), ([], []))

    async def test_oneDirection(self) -> None:
        """
        A link that is silent in one direction is replaced, though it still looks open. A batch that
        was stored meanwhile is not stored twice.
        """
        for direction in ("in", "out"):
            store, cutter = await self.behindCutter()
            room, witness = await self.open(store, direction)
            cutter.hold(direction)
            waiting = Deferred.fromCoroutine(self.say(room, "a"))
            await self.until(partial(self.isDown, store))
            cutter.release()
            self.assertEqual(await waiting, [1])
            await self.say(room, "b")
            self.assertEqual((witness.texts(), witness.faults), (["a", "b"], []))
            self.assertEqual([each.text for each in await room.read(0, 9)], ["a", "b"])
            await cutter.stop()

    async def test_deadline(self) -> None:
        """
        A batch that could not be sent fails with L{NotStored}, one without a reply with
        L{MaybeStored}.
        """
        store, cutter = await self.behindCutter(deadline=2.0)
        room, witness = await self.open(store)
        cutter.hold("in", "out")
        self.assertIsInstance(await self.failure(self.say(room, "a")), MaybeStored)
        cutter.closed = True
        cutter.cut()
        await self.until(lambda: store.node.session is None)
        self.assertIsInstance(await self.failure(self.say(room, "b")), NotStored)
        self.assertFalse(store.health().up)
        cutter.release()
        cutter.closed = False
        await self.until(lambda: store.health().up)
        await self.say(room, "c")
        self.assertEqual(witness.texts()[-1], "c")
        self.assertNotIn("b", witness.texts())

    async def test_shifted(self) -> None:
        """
        If replies arrive that belong to no command, the link is replaced, and nothing is lost.
        """
        store, cutter = await self.behindCutter()
        room, witness = await self.open(store)
        for number, data in enumerate((b":1\r\n", b"*1\r\n$1\r\nx\r\n", b"$-1\r\n", b"+OK\r\n")):
            session = store.node.session
            cutter.inject(data)
            await self.say(room, f"{number}", id=f"{number}")
            await self.until(partial(self.isOther, store, session))
            await room.claim(claimOf(f"name{number}"), 9)
        self.assertEqual(witness.texts(), ["0", "1", "2", "3"])
        self.assertEqual((await room.members(9)).total, 4)
        self.assertEqual(witness.faults, [])
        self.flushLoggedErrors()

    async def test_slow(self) -> None:
        """
        A slow engine stores everything.
        """
        store, cutter = await self.behindCutter()
        room, witness = await self.open(store)
        cutter.delay = 0.1
        for number in range(3):
            await self.say(room, f"{number}")
        self.assertTrue(store.health().up)
        self.assertEqual(witness.texts(), ["0", "1", "2"])

    async def test_trimmed(self) -> None:
        """
        If messages were deleted before a node could read them, its members are notified.
        """
        limits = Limits(logMessages=4)
        store, cutter = await self.behindCutter()
        other = await self.node(limits=limits)
        here, inHere = await self.open(store)
        there, _ = await self.open(other)
        cutter.closed = True
        cutter.cut()
        mute = Imposed("mute", "bob", 9e9, "Bob", None)
        await there.append([], [mute])
        for number in range(9):
            await self.say(there, f"{number}")
        cutter.closed = False
        await self.until(lambda: inHere.texts()[-1:] == ["8"])
        self.assertEqual([complete for _, complete in inHere.moves], [False])
        self.assertEqual(inHere.texts(), ["5", "6", "7", "8"])
        self.assertEqual(list(here.record.sanctions), [mute])
        self.assertEqual((inHere.changes, inHere.faults), ([mute], []))


class LeaseTests(FaultCase):
    """
    Tests for the leases of two nodes.
    """

    async def test_dead(self) -> None:
        """
        The names of a node without a link are released. When the link is restored, the node claims
        its names again, and loses those that others have taken.
        """
        store, cutter = await self.behindCutter()
        other = await self.node()
        here, inHere = await self.open(store)
        there, inThere = await self.open(other)
        mina, bob = claimOf("Mina"), claimOf("Bob")
        await here.claim(mina, 9)
        await here.claim(bob, 9)
        await self.until(lambda: inThere.present == ["Mina", "Bob"])
        cutter.hold("in", "out")
        await self.until(lambda: inThere.present == [])
        await there.claim(claimOf("MINA"), 9)
        cutter.release()
        await self.until(lambda: bool(inHere.lostClaims))
        self.assertEqual([claim for claim, _ in inHere.lostClaims], [mina])
        await self.until(lambda: inThere.present == ["Bob"])
        await self.until(lambda: inHere.present == ["MINA"])
        self.assertEqual(sorted((await here.members(9)).names), ["Bob", "MINA"])
        here.release(bob)
        await self.until(lambda: inThere.present == [])
        self.assertEqual(inHere.faults + inThere.faults, [])

    async def test_late(self) -> None:
        """
        A node that was declared dead refuses the messages that have waited, if their senders have
        lost their names: their clients have perhaps sent them again through other nodes.
        """
        store, cutter = await self.behindCutter()
        other = await self.node()
        here, inHere = await self.open(store)
        there, inThere = await self.open(other)
        for name in ("Mina", "Bob"):
            await here.claim(claimOf(name), 9)
        await self.until(lambda: inThere.present == ["Mina", "Bob"])
        cutter.hold("in", "out")
        await self.until(lambda: inThere.present == [])
        waiting = Deferred.fromCoroutine(self.say(here, "a", id="1"))
        await there.claim(claimOf("Mina"), 9)
        await self.say(there, "a", id="1")
        cutter.release()
        self.assertIsInstance(await self.failure(waiting), NotStored)
        following = self.say(here, "a", id="2")  # it has waited for the first one
        self.assertIsInstance(await self.failure(following), NotStored)
        await here.append([Draft("dev", "Bob", "b")])
        await self.until(lambda: len(inThere.messages) == 2)
        self.assertEqual((inHere.texts(), inThere.texts()), (["a", "b"], ["a", "b"]))
        self.assertEqual(inHere.faults + inThere.faults, [])

    async def test_stopped(self) -> None:
        """
        The engine stops for longer than a lease. Afterwards, all nodes still have their names.
        """
        nodes = [await self.node() for _ in range(3)]
        rooms = [await self.open(each) for each in nodes]
        for number, (room, _) in enumerate(rooms):
            await room.claim(claimOf(f"name{number}"), 9)
        self.engine.pause()
        await self.until(lambda: not any(each.health().up for each in nodes))
        await deferLater(reactor, lease.LEASE)
        self.engine.resume()
        await self.until(lambda: all(each.health().up for each in nodes))
        await deferLater(reactor, 2 * lease.LEASE)
        for room, witness in rooms:
            self.assertEqual(witness.lostClaims, [])
            self.assertEqual((await room.members(9)).total, 3)
            self.assertEqual(len(witness.present), 2)


class EngineFaultTests(FaultCase):
    """
    Tests for faults that the engine reports.
    """

    async def test_memory(self) -> None:
        """
        While the engine is out of memory, messages are not stored, and names can be released.
        """
        store = await self.node()
        room, witness = await self.open(store)
        claim = claimOf("Mina")
        await room.claim(claim, 9)
        self.engine.command("CONFIG", "SET", "maxmemory", "1")
        self.assertIsInstance(await self.failure(self.say(room, "a")), NotStored)
        self.assertIn("out of memory", store.health().reason)
        room.release(claim)
        self.assertEqual((await room.members(9)).total, 0)
        self.engine.command("CONFIG", "SET", "maxmemory", "0")
        await self.until(lambda: store.health().up)
        await self.say(room, "b")
        self.assertEqual((witness.texts(), witness.faults), (["b"], []))

    async def test_wrongPassword(self) -> None:
        """
        A store with a wrong password does not start, and says why.
        """
        self.engine.command("CONFIG", "SET", "requirepass", "secret")
        for password, text in (
            (None, "the engine requires a password"),
            ("wrong", "the engine refuses the password"),
        ):
            location = Location(socket=self.engine.socket, password=password)
            store = RedisStore(reactor, location)
            error = await self.failure(store.start())
            self.assertTrue(str(error).startswith(text), error)
            self.assertNotIn("\n", str(error))
        await self.node(Location(socket=self.engine.socket, password="secret"))

    async def test_passwordChange(self) -> None:
        """
        After the password has changed, the store connects when the new one is in the file.
        """
        file = Path(self.mktemp())
        file.write_text("one\n")
        self.engine.command("CONFIG", "SET", "requirepass", "one")
        location = Location(socket=self.engine.socket, passwordFile=str(file))
        store = await self.node(location)
        room, witness = await self.open(store)
        self.engine.kill()
        self.engine.password = "two"
        self.engine.start()
        await self.until(lambda: "refuses the password" in store.health().reason)
        waiting = self.say(room, "a")
        file.write_text("two\n")
        self.assertEqual(await waiting, [1])
        self.assertTrue(store.health().up)

    async def test_replica(self) -> None:
        """
        While the engine is a replica, messages wait. Afterwards they are stored.
        """
        store = await self.node()
        room, witness = await self.open(store)
        self.engine.command("REPLICAOF", "127.0.0.1", "1")
        waiting = Deferred.fromCoroutine(self.say(room, "a"))
        await self.until(lambda: "replica" in store.health().reason)
        self.engine.command("REPLICAOF", "NO", "ONE")
        self.assertEqual(await waiting, [1])
        self.assertEqual(witness.texts(), ["a"])

    async def test_wrongType(self) -> None:
        """
        A key with a foreign value is reported, and concerns one room.
        """
        store = await self.node()
        self.engine.command("SET", "machat:{bad}:m", "x")
        error = await self.failure(self.open(await self.node(deadline=2.0), "bad"))
        self.assertIsInstance(error, ChatError)
        room, _ = await self.open(store)
        self.engine.command("DEL", "machat:{dev}:log")
        self.engine.command("SET", "machat:{dev}:log", "x")
        self.assertIsInstance(await self.failure(self.say(room, "a")), NotStored)
        self.assertIn("foreign value", store.health().reason)
        self.engine.command("DEL", "machat:{dev}:log")
        await self.say(room, "b")

    async def test_busy(self) -> None:
        """
        While another script keeps the engine busy, commands wait.
        """
        self.patch(sender, "AGAIN", 0.05)
        self.patch(roomModule, "AGAIN", 0.05)
        store = await self.node()
        room, witness = await self.open(store)
        self.engine.command("CONFIG", "SET", "busy-reply-threshold", "20")
        endless = self.engine.begun("EVAL", "while true do end", "0")
        self.addCleanup(endless.close)
        waiting = Deferred.fromCoroutine(self.say(room, "a"))
        finding = room.find("Mina", "1")
        await self.until(lambda: "busy" in store.health().reason)
        self.engine.command("SCRIPT", "KILL")
        self.assertEqual(await waiting, [1])
        self.assertIsNone(await finding)
        await self.until(lambda: store.health().up)
        self.assertEqual((witness.texts(), witness.faults), (["a"], []))

    async def test_published(self) -> None:
        """
        Frames that another program publishes in the channel of a room are ignored.
        """
        room, witness = await self.open(await self.node())
        for frame in ("", "m", "nonsense", "m e 0 0 1 0 1 w 1 0 1\n!", "p g 0 1\n!"):
            self.engine.command("PUBLISH", "machat:{dev}:ch:0", frame)
        self.assertEqual(await self.say(room, "a"), [1])
        await self.until(lambda: bool(witness.messages))
        self.assertEqual((witness.texts(), witness.faults), (["a"], []))

    async def test_stream(self) -> None:
        """
        Entries and sanctions that are not valid are skipped.
        """
        store = await self.node()
        room, witness = await self.open(store)
        await self.say(room, "a")
        self.engine.command("XADD", "machat:{dev}:log", "1-1", "c", "!", "t", "1", "w", "x 1 0")
        self.engine.command("XADD", "machat:{dev}:log", "1-2", "x", "!")
        self.engine.command("HSET", "machat:{dev}:san", "mute x", "9000000000.0 !")
        self.engine.command("HSET", "machat:{dev}:m", "sub", "2", "cv", "9")
        again, inAgain = await self.open(await self.node())
        await self.say(again, "b")
        await self.until(lambda: witness.texts() == ["a", "b"])
        self.assertEqual([each.text for each in await again.read(0, 9)], ["a", "b"])
        self.assertEqual(list(again.record.sanctions), [])
        self.assertEqual(witness.faults + inAgain.faults, [])

    async def test_lateClaim(self) -> None:
        """
        A claim that the engine stores after it was given up is released.
        """
        store = await self.node()
        here, _ = await self.open(store)
        session = store.node.session
        assert isinstance(here, RedisRoom) and session is not None
        words = here.follower.claiming(session, 9, wordsOf(store.newId(), claimOf("Mina")))
        await session.run(CLAIM, here.keys.six, words)
        there, _ = await self.open(await self.node())
        while (await there.members(9)).total:
            await deferLater(reactor, 0.005)

    async def test_members(self) -> None:
        """
        If claims were not published, they are read.
        """
        room, witness = await self.open(await self.node())
        other, _ = await self.open(await self.node())
        assert isinstance(room, RedisRoom)
        await other.claim(claimOf("Mina"), 9)
        await self.until(lambda: witness.present == ["Mina"])
        room.claims.view.version = "other 1"
        self.assertEqual((await room.members(9)).names, ["Mina"])
        self.assertEqual((witness.present, witness.faults), (["Mina"], []))

    async def test_eviction(self) -> None:
        """
        A store warns of an engine that deletes data when its memory is full.
        """
        self.engine.command("CONFIG", "SET", "maxmemory", "100mb")
        self.engine.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        lines = self.logged()
        store = await self.node()
        await self.open(store)
        self.assertTrue(any(["set noeviction" in line for line in lines]))

    async def test_touch(self) -> None:
        """
        The keys of an open room do not expire, though nothing happens in it.
        """
        self.patch(storeModule, "TOUCH", 0.1)
        store = await self.node()
        room, witness = await self.open(store)
        await room.claim(claimOf("Mina"), 9)
        for key in ("m", "who"):
            self.engine.command("PEXPIRE", f"machat:{{dev}}:{key}", "2000")
        self.engine.command("HSET", "machat:{dev}:m", "touched", "0")
        for key in ("m", "who"):
            await self.until(partial(self.lasts, f"machat:{{dev}}:{key}"))
        await self.say(room, "a")
        self.assertEqual((witness.texts(), witness.faults), (["a"], []))

    def lasts(self, key: str) -> bool:
        """
        @return: whether a key lasts for more than a day
        """
        return int(self.engine.command("TTL", key)[1:]) > 86_400

    async def test_databases(self) -> None:
        """
        Chats in two databases, or with two prefixes, are separate.
        """
        stores = [
            await self.node(Location(socket=self.engine.socket, database=1)),
            await self.node(Location(socket=self.engine.socket, database=2)),
            await self.node(Location(socket=self.engine.socket, prefix="other")),
        ]
        rooms = [await self.open(store) for store in stores]
        for room, _ in rooms:
            await room.claim(claimOf("Mina"), 9)
            self.assertEqual(await self.say(room, "a"), [1])
        for _, witness in rooms:
            self.assertEqual((witness.texts(), witness.present), (["a"], []))


class FaultOfTests(SynchronousTestCase):
    """
    Tests for the error messages of the engine.
    """

    def test_texts(self) -> None:
        """
        Each error message leads to a cause, a remedy and a course.
        """
        for message, text, course in (
            ("OOM command not allowed when", "out of memory", Course.REFUSE),
            ("READONLY You can't write", "read-only replica", Course.RECONNECT),
            ("invalid password", "refuses the password", Course.RECONNECT),
            ("user_script:3: WRONGTYPE Operation against", "foreign value", Course.REFUSE),
            ("BUSY Redis is busy", "busy with a script", Course.WAIT),
            ("EXOTIC bad\x1b[m" + "x" * 999, "EXOTIC bad?[m", Course.UNSURE),
        ):
            fault = faultOf(message)
            self.assertIn(text, fault.text)
            self.assertEqual(fault.course, course, message)
            self.assertLess(len(fault.text), 300)
            self.assertTrue(fault.text.isprintable())
