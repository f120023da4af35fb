"""
Tests for what a store keeps when its process ends, and for the positions that a room covers.
"""

from __future__ import annotations

from functools import partial

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from machat.events import Position, Receipt
from machat.interfaces import IStoredRoom
from machat.limits import DEFAULTS, Limits
from machat.records import Claimed, Imposed, KeySet, Lifted, ListingSet, LockSet, TopicSet
from machat.testing.contract.case import StoreCase, claimOf, draft

#: The number of earlier epochs that a room knows.
EPOCHS = 64

#: The end of sanctions in these tests, Unix time: the year 2255.
_LATER = 9_000_000_000.0

_MUTE = Imposed("mute", "bob", _LATER, "Bob", "Mina")
_BAN = Imposed("ban", "eve", _LATER, "Eve", None)
_NETWORK = Imposed("address", "192.0.2.0", _LATER, None, None)
_TEA = [TopicSet("tea"), ListingSet(True), KeySet("a hash")]


class PositionTests(StoreCase):
    """
    Tests for the positions that a room covers.
    """

    async def test_covers(self) -> None:
        """
        A room covers the positions up to its last message, and no position above it.
        """
        room, _ = await self.open(await self.start())
        self.assertTrue(room.covers(room.position))
        await self.append(room, "a", "b")
        self.assertCovers(room, room.position.epoch, 2)

    async def test_coversOther(self) -> None:
        """
        A room does not cover a position of an unknown epoch, or of another room.
        """
        store = await self.start()
        room, _ = await self.open(store, "dev")
        other, _ = await self.open(store, "ops")
        await self.append(room, "a", "b")
        await self.append(other, "a", "b")
        self.assertFalse(room.covers(Position("unknown", 1)))
        self.assertFalse(room.covers(Position("", 1)))
        self.assertFalse(room.covers(other.position))

    async def test_coversDeleted(self) -> None:
        """
        A room covers the positions of messages that it has deleted.
        """
        store = await self.start(Limits(logMessages=2))
        room, _ = await self.open(store)
        await self.append(room, *"abcd")
        await self.tidy(store)
        self.assertCovers(room, room.position.epoch, 4)

    async def test_coversRestarts(self) -> None:
        """
        A room covers all positions of its earlier epochs, also of epochs without messages.
        """
        store = await self.start()
        lives: list[Position] = []
        for texts in ("ab", "", "c", "", "de"):
            room, witness = await self.open(store)
            await self.append(room, *texts)
            lives.append(room.position)
            for position in lives:
                self.assertTrue(room.covers(position), position)
                self.assertTrue(room.covers(Position(position.epoch, 1)), position)
            self.assertFalse(room.covers(Position(room.position.epoch, room.position.seq + 1)))
            await self.close(room, witness)
            store = await self.restarted(store, True)
        self.assertEqual(lives[-1].seq, 5)

    async def test_coversLastEpochs(self) -> None:
        """
        A room knows its last 64 earlier epochs, and forgets those before.
        """
        store = await self.start()
        lives: list[Position] = []
        for _ in range(EPOCHS + 3):
            room, witness = await self.open(store)
            await self.append(room, "a")
            lives.append(room.position)
            await self.close(room, witness)
            store = await self.restarted(store, True)
        room, _ = await self.open(store)
        known = list(
            dict.fromkeys(each.epoch for each in lives if each.epoch != room.position.epoch)
        )
        for position in lives:
            if position.epoch in known[-EPOCHS:]:
                self.assertTrue(room.covers(position), position)
            elif position.epoch in known:
                self.assertFalse(room.covers(position), position)

    async def test_lostTail(self) -> None:
        """
        If the last messages are lost, exactly their positions are not covered, even when other
        messages have their numbers. Ids of lost messages are not known.
        """
        store = await self.start()
        room, _ = await self.open(store)
        await self.append(room, draft("a", "1"), "b")
        backup = await self.backUp(store)
        await self.append(room, "c", draft("d", "2"))
        before = room.position
        store = await self.restored(store, backup)
        room, witness = await self.open(store)
        self.assertEqual((room.position.seq, await self.read(room)), (2, ["a", "b"]))
        self.assertCovers(room, before.epoch, 2)
        stored = await self.append(room, draft("a", "1"), draft("d", "2"), "x", "y")
        self.assertEqual(list(stored.numbers), [1, 3, 4, 5])
        self.assertCovers(room, before.epoch, 2)
        self.assertCovers(room, room.position.epoch, 5)
        await self.heard(3, witness)

    async def test_lostTailTwice(self) -> None:
        """
        The same backup may be restored several times: positions above it are never covered.
        """
        store = await self.start()
        room, _ = await self.open(store)
        await self.append(room, "a", "b")
        first = room.position
        backup = await self.backUp(store)
        lost: list[Position] = []
        for text in "cde":
            await self.append(room, text)
            lost.append(room.position)
            store = await self.restored(store, backup)
            room, _ = await self.open(store)
            await self.append(room, "x")
            self.assertCovers(room, first.epoch, 2)
            for position in lost:
                self.assertFalse(room.covers(position), position)

    async def test_lostTailThenRestart(self) -> None:
        """
        A restart changes nothing about positions that were lost before.
        """
        store = await self.start()
        room, _ = await self.open(store)
        await self.append(room, "a")
        backup = await self.backUp(store)
        await self.append(room, "b", "c")
        before = room.position
        store = await self.restored(store, backup)
        room, witness = await self.open(store)
        await self.append(room, "x", "y")
        middle = room.position
        await self.close(room, witness)
        store = await self.restarted(store, True)
        room, _ = await self.open(store)
        await self.append(room, "z")
        self.assertCovers(room, before.epoch, 1)
        self.assertTrue(room.covers(middle))

    def assertCovers(self, room: IStoredRoom, epoch: str, last: int) -> None:
        """
        The room covers exactly the positions of this epoch up to C{last}.
        """
        covered = [seq for seq in range(1, last + 6) if room.covers(Position(epoch, seq))]
        self.assertEqual(covered, list(range(1, last + 1)))


class RestartTests(StoreCase):
    """
    Tests for the end of a process.
    """

    async def test_restart(self) -> None:
        """
        A clean restart keeps messages, numbers, ids, and what moderators have changed.
        """
        await self._keeps(clean=True)

    async def test_kill(self) -> None:
        """
        A killed process has stored everything that it has acknowledged.
        """
        await self._keeps(clean=False)

    async def _keeps(self, clean: bool) -> None:
        store = await self.start()
        room, witness = await self.open(store, "Dev")
        await self.append(room, "a", draft("b", "1"), changes=[*_TEA, _MUTE, _BAN])
        await self.heard(2, witness)
        before = room.position
        store = await self.restarted(store, clean)
        again, other = await self.open(store, "DEV")
        self.assertEqual((again.name, again.position.seq), ("Dev", 2))
        self.assertTrue(again.covers(before))
        self.assertEqual(list(await self.wait(again.read(0, 9))), witness.messages)
        found = await self.wait(again.find("MINA", "1"))
        self.assertEqual(found, Receipt("Dev", 2, duplicate=True))
        record = again.record
        self.assertEqual((record.topic, record.listed, record.key), ("tea", True, "a hash"))
        self.assertCountEqual(again.record.sanctions, [_MUTE, _BAN])
        self.assertEqual(list((await self.append(again, draft("b", "1"), "c")).numbers), [2, 3])
        await self.heard(1, other)
        self.assertEqual(witness.faults + other.faults, [])

    async def test_restartIdTime(self) -> None:
        """
        A restart does not extend the time for which an id is known.
        """
        store = await self.start(Limits(remembered=30))
        room, _ = await self.open(store)
        await self.append(room, draft("a", "1"))
        await self.advance(20)
        store = await self.restarted(store, True)
        room, _ = await self.open(store)
        await self.advance(11)
        self.assertIsNone(await self.wait(room.find("Mina", "1")))

    async def test_restartChanges(self) -> None:
        """
        The last change of each kind counts. A lock ends with its process.
        """
        store = await self.start()
        room, _ = await self.open(store)
        longer = Imposed("mute", "bob", _LATER + 9, "Bob", None)
        await self.append(room, "a", changes=[_MUTE, _BAN, _NETWORK, *_TEA])
        await self.append(room, changes=[longer, Lifted("ban", "eve")])
        await self.append(room, changes=[TopicSet(None), ListingSet(False), KeySet(None)])
        await self.append(room, changes=[LockSet(True)])
        self.assertTrue(room.record.locked)
        store = await self.restarted(store, True)
        again, _ = await self.open(store)
        self.assertEqual(again.record[:2], (None, False))
        self.assertEqual(again.record[3:], (False, None))
        self.assertCountEqual(again.record.sanctions, [longer, _NETWORK])

    async def test_sanctionsAlone(self) -> None:
        """
        Mutes and bans of a room without messages are kept while the room is closed.
        """
        store = await self.start()
        room, witness = await self.open(store)
        await self.append(room, changes=[_MUTE])
        await self.close(room, witness)
        again, _ = await self.open(store)
        self.assertEqual(list(again.record.sanctions), [_MUTE])

    async def test_sanctionsAfterRestart(self) -> None:
        """
        Mutes and bans of a room without messages are kept across a restart.
        """
        store = await self.start()
        room, _ = await self.open(store)
        await self.append(room, changes=[_BAN])
        store = await self.restarted(store, True)
        again, _ = await self.open(store)
        self.assertEqual(list(again.record.sanctions), [_BAN])

    async def test_restartClaims(self) -> None:
        """
        After a clean restart, no names are claimed.
        """
        store = await self.start()
        room, _ = await self.open(store)
        await self.append(room, "a")
        await self.wait(room.claim(claimOf("Mina"), 9))
        store = await self.restarted(store, True)
        again, _ = await self.open(store)
        self.assertEqual(tuple(await self.wait(again.members(9))), (0, []))
        self.assertEqual(await self.wait(again.claim(claimOf("Mina"), 9)), Claimed(True, 1))

    async def test_startAgain(self) -> None:
        """
        A stopped store may be started again. No names are claimed.
        """
        store = await self.start()
        room, _ = await self.open(store)
        await self.append(room, "a")
        await self.wait(room.claim(claimOf("Mina"), 9))
        await self.stop(store)
        await self.started(store)
        again, witness = await self.open(store)
        self.assertEqual(tuple(await self.wait(again.members(9))), (0, []))
        await self.append(again, "b")
        await self.heard(1, witness)
        self.assertTrue(store.health().up)

    async def test_stop(self) -> None:
        """
        C{stop} fires after all appends have been stored or have failed. All messages that were
        stored are there after a restart.
        """
        store = await self.start()
        rooms = [await self.open(store, f"room{number}") for number in range(5)]
        outcomes: dict[str, bool] = {}
        for room, _ in rooms:
            appending = self.appending(room, "a")
            appending.addBoth(partial(self._note, outcomes, room.name))
        await self.stop(store)
        self.assertEqual(len(outcomes), len(rooms))
        store = await self.restarted(store, True)
        for name, stored in outcomes.items():
            room, _ = await self.open(store, name)
            if stored:
                self.assertEqual(await self.read(room), ["a"])

    def _note(self, outcomes: dict[str, bool], name: str, result: object) -> None:
        outcomes[name] = not isinstance(result, Failure)

    async def test_openEarly(self) -> None:
        """
        A room that is opened while the store starts is open when the store has started.
        """
        store = self.makeStore(DEFAULTS)
        starting = Deferred.fromCoroutine(self.started(store))
        opening = Deferred.fromCoroutine(self.open(store))
        room, witness = await opening
        await starting
        await self.append(room, "a")
        await self.heard(1, witness)

    async def test_stopUnused(self) -> None:
        """
        A store that has done nothing can be stopped and started.
        """
        store = await self.start()
        await self.stop(store)
        await self.started(store)
