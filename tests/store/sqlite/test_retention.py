"""
Tests for the deletion of data that exceeds the limits.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from machat.records import Imposed, TopicSet
from machat.store.shares import RELIEF
from machat.store.sqlite import SqliteStore, database, retention
from machat.store.sqlite.upkeep import INTERVAL
from tests.processes import PATIENCE
from tests.store.sqlite.machine import NOW, StoreCase, batch

DAY = 86_400.0


class RetentionCase(StoreCase):
    """
    A test that lets time pass.
    """

    def wait(self, store: SqliteStore, seconds: float) -> None:
        """
        Let time pass, with the upkeep at its end.
        """
        self.reactor.advance(seconds)
        self.quiet(store)

    def count(self, table: str) -> int:
        """
        @return: the number of rows of a table
        """
        [(count,)] = self.sql(f"SELECT count(*) FROM {table}")
        return int(count)

    def stopped(self, store: SqliteStore) -> None:
        """
        Stop a store.
        """
        self.reactor.wait(store.stop())
        self._started.remove(store)


class CountTests(RetentionCase):
    """
    Tests for C{logMessages} and C{logBytes}.
    """

    limits = {"logMessages": 16, "logBytes": 10_000}

    def test_messages(self) -> None:
        """
        No more messages are returned than the limit. They are deleted when the room exceeds it by
        an eighth.
        """
        store = self.start()
        room, _ = self.open(store)
        for number in range(1, 30):
            self.say(room, str(number))
            self.quiet(store)
            self.assertLessEqual(self.count("batch"), 18)
            self.assertEqual(room.tail.seq - room.head.seq + 1, self.count("batch"))
        self.assertEqual(self.read(room), [str(number) for number in range(14, 30)])
        room, _ = self.open(self.restart(store))
        self.assertEqual(self.read(room), [str(number) for number in range(14, 30)])
        self.assertEqual(list(self.say(room, "30").numbers), [30])

    def test_bytes(self) -> None:
        """
        The size of a room is limited as well.
        """
        store = self.start()
        room, _ = self.open(store)
        for _ in range(12):
            self.say(room, "x" * 2000)
            self.quiet(store)
            self.assertLessEqual(self.count("batch"), 5)
        self.assertEqual(len(self.read(room)), 4)
        self.assertEqual(room.tail.total - room.head.total, self.count("batch") * 2058)

    def test_largeBatch(self) -> None:
        """
        A batch that is larger than the limit is not returned. The numbers continue.
        """
        store = self.start()
        room, seen = self.open(store)
        self.say(room, "x" * 20_000)
        self.quiet(store)
        self.assertEqual((self.read(room), len(seen.messages)), ([], 1))
        room, _ = self.open(store := self.restart(store))
        self.assertEqual(room.position.seq, 1)
        self.assertEqual(list(self.say(room, "y").numbers), [2])
        self.assertEqual(self.read(room), ["y"])
        self.say(room, "x" * 11_000)
        self.quiet(store)
        self.assertEqual((self.count("batch"), self.read(room)), (1, []))

    def test_steps(self) -> None:
        """
        If much has to be deleted, batches are stored between the steps.
        """
        self.patch(retention, "STEP", 3)
        store = self.start()
        room, _ = self.open(store)
        other, _ = self.open(store, "Other")
        store.trimMessages = 1000
        for number in range(40):
            self.say(room, str(number))
        store.trimMessages = 18
        first = room.append(batch(room, "40"))
        self.reactor.wait(first)
        stored: list[int] = []
        waiting = other.append(batch(other, "a"))
        waiting.addCallback(lambda _: stored.append(self.count("batch")))
        self.reactor.wait(waiting)
        self.quiet(store)
        self.assertEqual(self.count("batch"), 17)
        self.assertGreater(stored[0], 25)

    def test_ancestors(self) -> None:
        """
        Positions from which no client can recover are forgotten.
        """
        store = self.start()
        room, _ = self.open(store)
        self.say(room, "a")
        first = room.position
        room, _ = self.open(store := self.restart(store))
        self.assertTrue(room.covers(first))
        for number in range(40):
            self.say(room, str(number))
            self.quiet(store)
        self.assertEqual(self.count("ancestor"), 0)
        room, _ = self.open(self.restart(store))
        self.assertFalse(room.covers(first))


class AgeTests(RetentionCase):
    """
    Tests for C{logAge} and the system's clock.
    """

    limits = {"logAge": DAY}

    def test_old(self) -> None:
        """
        Messages that are too old are not returned, and deleted within a minute.
        """
        store = self.start()
        room, _ = self.open(store)
        other, _ = self.open(store, "Other")
        self.say(room, "a")
        self.say(other, "b")
        self.wait(store, DAY / 2)
        self.say(room, "c")
        self.wait(store, DAY / 2 + 1)
        self.assertEqual(self.read(room), ["c"])
        self.wait(store, INTERVAL)
        self.assertEqual(self.count("batch"), 1)
        self.assertEqual((room.head.seq, other.head.seq), (2, 2))
        self.assertEqual(list(self.say(other, "d").numbers), [2])

    def test_manySteps(self) -> None:
        """
        All old messages are deleted, step by step.
        """
        self.patch(retention, "STEP", 4)
        store = self.start()
        room, _ = self.open(store)
        for number in range(11):
            self.say(room, str(number))
        self.wait(store, DAY + INTERVAL)
        self.assertEqual(self.count("batch"), 0)

    def test_forward(self) -> None:
        """
        If the clock is set forward by a year, nothing is deleted for an hour. If it is then set
        right, nothing is lost.
        """
        store = self.start()
        room, _ = self.open(store)
        self.say(room, "a")
        self.jump(store, 365 * DAY)
        self.wait(store, INTERVAL)
        self.assertEqual(self.read(room), ["a"])
        self.wait(store, 3000)
        self.say(room, "b")
        self.assertEqual(self.count("batch"), 2)
        self.jump(store, 0)
        self.wait(store, 3000)
        self.say(room, "c")
        self.assertEqual(self.read(room), ["a", "b", "c"])
        at = [message.at for message in self.reactor.wait(room.read(0, 9))]
        self.assertLess(at[2], at[1])
        self.wait(store, DAY + 1)
        self.assertEqual(self.read(room), ["b"])
        self.wait(store, INTERVAL)
        self.assertEqual(self.count("batch"), 1)

    def test_forwardForLong(self) -> None:
        """
        After the hour, the clock is believed.
        """
        store = self.start()
        room, _ = self.open(store)
        self.say(room, "a")
        self.jump(store, 365 * DAY)
        self.wait(store, INTERVAL)
        self.wait(store, 3600)
        self.wait(store, INTERVAL)
        self.assertEqual((self.read(room), self.count("batch")), ([], 0))

    def test_forwardAtStart(self) -> None:
        """
        The same applies to a clock that is ahead of the messages at the start.
        """
        store = self.start()
        self.say(self.open(store)[0], "a")
        self.stopped(store)
        self.reactor.rightNow += 400 * DAY
        store = self.start()
        room, _ = self.open(store)
        self.assertEqual(self.read(room), ["a"])
        self.wait(store, 3000)
        self.assertEqual(self.read(room), ["a"])
        self.wait(store, 700)
        self.wait(store, INTERVAL)
        self.assertEqual((self.read(room), self.count("batch")), ([], 0))

    def test_back(self) -> None:
        """
        If the clock is set back a little, times do not decrease within a room; if it is set back a
        lot, they follow it. Nothing is deleted, and the order remains.
        """
        store = self.start()
        room, _ = self.open(store)
        self.say(room, "a")
        self.jump(store, -600)
        self.say(room, "b")
        self.jump(store, -40 * DAY)
        self.say(room, "c")
        self.wait(store, INTERVAL)
        found = self.reactor.wait(room.read(0, 9))
        self.assertEqual([each.text for each in found], ["a", "b", "c"])
        self.assertEqual([each.at / 1000 - NOW for each in found], [0, 0, -40 * DAY])

    def jump(self, store: SqliteStore, seconds: float) -> None:
        """
        Set the system's clock.

        @param seconds: the difference to the right time
        """
        clock = store._clock
        clock._now = lambda: self.reactor.seconds() + seconds
        clock.now = clock._now  # type: ignore[method-assign]


class RoomTests(RetentionCase):
    """
    Tests for rooms without messages.
    """

    limits = {"logAge": DAY}

    def test_forgotten(self) -> None:
        """
        A room that was not used for the age limit is deleted; one that is open, or has sanctions,
        is not.
        """
        store = self.start()
        self.say(self.open(store, "Old")[0], "a", changes=[TopicSet("x")])
        self.open(store, "Open")
        mute = Imposed("mute", "eve", NOW + 3 * DAY, "Eve", "Mina")
        self.say(self.open(store, "Muted")[0], "b", changes=[mute])
        for key in (1, 3):
            store._opened[key].close()
        self.wait(store, DAY - 60)
        self.assertEqual(self.count("room"), 3)
        for _ in range(61):
            self.wait(store, 120)
        self.assertEqual(self.sql("SELECT name FROM room"), [("Open",), ("Muted",)])
        self.assertEqual(self.count("batch"), 0)
        for _ in range(61):
            self.wait(store, 2 * DAY / 60)
        self.assertEqual(self.sql("SELECT name FROM room"), [("Open",)])
        self.assertEqual(self.count("sanction"), 0)
        old, _ = self.open(store, "OLD")
        self.assertEqual((old.name, old.position.seq, old.record.topic), ("OLD", 0, None))

    def test_endedSanctions(self) -> None:
        """
        Mutes and bans that have ended do not pile up in an open room.
        """
        store = self.start()
        room, _ = self.open(store)
        for number in range(5):
            until = self.reactor.seconds() + 10
            self.say(room, changes=[Imposed("mute", f"eve{number}", until, "Eve", None)])
            self.wait(store, INTERVAL)
        self.assertEqual(len(room.record.sanctions), 1)
        self.assertEqual(self.count("sanction"), 0)

    def test_neverUsed(self) -> None:
        """
        A room that has never had a message is deleted after an hour.
        """
        self.patch(retention, "STEP", 2)
        store = self.start()
        for number in range(5):
            self.open(store, f"room{number}")[0].close()
            self.reactor.wait(store.delivered(f"room{number}", 0, False))
        kept, _ = self.open(store, "Kept")
        self.say(kept, changes=[TopicSet("x")])
        kept.close()
        for _ in range(61):
            self.wait(store, 120)
        self.assertEqual(self.sql("SELECT name FROM room"), [("Kept",)])
        self.assertEqual(self.count("delivery"), 0)


class TotalTests(RetentionCase):
    """
    Tests for C{logTotal}.
    """

    limits = {"logTotal": 400_000}

    def fill(self, store: SqliteStore, room: Any, count: int) -> None:
        """
        Store messages of 2,000 bytes.
        """
        for _ in range(count):
            self.say(room, "x" * 1950)
            self.quiet(store)

    def test_fair(self) -> None:
        """
        The networks that use the most lose their oldest messages. The others lose nothing.
        """
        self.patch(database, "MEASURE", 0)
        store = self.start()
        small, _ = self.open(store, "Small", "192.0.2.1")
        idle, _ = self.open(store, "Idle", "192.0.2.2")
        large, _ = self.open(store, "Large", "192.0.2.2")
        self.fill(store, small, 20)
        self.fill(store, idle, 30)
        idle.close()
        self.fill(store, large, 300)
        self.assertEqual(len(self.read(small)), 20)
        self.assertLessEqual(store.writer.used, 400_000 + 400_000 // RELIEF)
        self.assertEqual(self.read(self.open(store, "Idle")[0]), [])
        self.assertEqual(len(self.read(large)), self.count("batch") - 20)
        self.assertGreater(self.count("batch"), 120)
        self.assertLess(os.path.getsize(self.path), 700_000)

    def test_slowPlan(self) -> None:
        """
        If it takes long to find out what to delete, that includes what was stored meanwhile.
        """
        self.patch(database, "MEASURE", 0)
        store = self.start()
        room, _ = self.open(store)
        self.quiet(store)
        go = threading.Event()
        self.addCleanup(go.set)
        store._scanner.read(lambda db: go.wait(PATIENCE))
        for _ in range(300):
            self.say(room, "x" * 1950)
        self.assertGreater(store.writer.used, 550_000)
        go.set()
        self.quiet(store)
        self.assertLess(store.writer.used, 400_000)

    def test_rooms(self) -> None:
        """
        Rooms count too, with or without messages: a network that opens many loses them, and removes
        nothing of the others. Rooms that are open remain.
        """
        self.patch(database, "MEASURE", 50_000)
        self.patch(retention, "STEP", 100)
        long = "\ufdfa" * 60  # 18 characters each in the key
        store = self.start()
        honest, _ = self.open(store, "Honest", "192.0.2.1")
        self.fill(store, honest, 20)
        quiet, _ = self.open(store, "Quiet", "192.0.2.3")
        quiet.close()
        mine, _ = self.open(store, "Mine", "192.0.2.2")
        for number in range(1200):
            room, _ = self.open(store, f"{long}{number}", "192.0.2.2")
            if number % 2:
                self.say(room, "x")
            room.close()
            if number % 50 == 0:
                self.quiet(store)
        self.quiet(store)
        self.assertEqual(len(self.read(honest)), 20)
        self.assertLessEqual(store.writer.used, 400_000 + 50_000)  # what is not yet measured
        rooms = [name for (name,) in self.sql("SELECT name FROM room ORDER BY id")]
        self.assertEqual(rooms[:3], ["Honest", "Quiet", "Mine"])
        self.assertEqual(rooms[-1], f"{long}1199")
        self.say(mine, "still there")
        self.assertEqual(self.read(mine), ["still there"])

    def test_part(self) -> None:
        """
        A large room without members loses only as much as is needed.
        """
        self.patch(database, "MEASURE", 0)
        store = self.start()
        room, _ = self.open(store, "Dev", "192.0.2.2")
        self.fill(store, room, 150)
        room.close()
        other, _ = self.open(store, "Other", "192.0.2.2")
        self.fill(store, other, 40)
        self.assertLessEqual(store.writer.used, 400_000 + 400_000 // RELIEF)
        room, _ = self.open(store, "Dev", "192.0.2.2")
        self.assertEqual((room.position.seq, len(self.read(other))), (150, 40))
        self.assertGreater(len(self.read(room)), 100)

    def test_sanctions(self) -> None:
        """
        A room with sanctions loses its messages, and keeps the sanctions.
        """
        self.patch(database, "MEASURE", 0)
        store = self.start()
        room, _ = self.open(store, "Dev", "192.0.2.2")
        mute = Imposed("mute", "eve", NOW + DAY, "Eve", "Mina")
        self.say(room, "x" * 9000, changes=[mute, TopicSet("t")])
        room.close()
        other, _ = self.open(store, "Other", "192.0.2.2")
        self.fill(store, other, 300)
        room, _ = self.open(store, "Dev", "192.0.2.2")
        self.assertEqual((room.record.topic, [*room.record.sanctions]), ("t", [mute]))
        self.assertEqual((room.position.seq, self.read(room)), (1, []))

    def test_hashed(self) -> None:
        """
        The network is not stored in clear text.
        """
        store = self.start()
        self.open(store, "Dev", "192.0.2.99")
        self.stopped(store)
        with open(self.path, "rb") as file:
            self.assertNotIn(b"192.0.2.99", file.read())

    def test_shrink(self) -> None:
        """
        Free pages are returned to the file system.
        """
        self.patch(retention, "_VACUUM", 8)
        store = self.start()
        room, _ = self.open(store)
        self.fill(store, room, 150)
        [(before,)] = self.sql("PRAGMA page_count")
        store.trimMessages = store.trimBytes = 10
        self.patch(store.upkeep, "_limits", store._limits.__class__(logMessages=1))
        self.say(room, "x")
        self.quiet(store)
        self.wait(store, INTERVAL)
        self.wait(store, INTERVAL)
        self.assertEqual(self.count("batch"), 1)
        self.assertLess(os.path.getsize(self.path), before * 4096 // 2)
