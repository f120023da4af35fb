"""
Tests for the data that the store keeps, also across a restart.
"""

from __future__ import annotations

from zope.interface.verify import verifyObject

from machat.errors import FAILED, NAME_TAKEN, ROOM_FULL
from machat.events import Draft, Position, Receipt
from machat.interfaces import IStore, IStoredRoom
from machat.records import Claim, Claimed, Imposed, Kicked, Lifted, LockSet, TopicSet
from machat.store.sqlite import StoreError
from machat.store.sqlite.records import Group
from tests.store.sqlite.machine import NOW, Seen, StoreCase, batch


class MessageTests(StoreCase):
    """
    Tests for messages.
    """

    def test_interfaces(self) -> None:
        """
        The store and its rooms provide their interfaces.
        """
        store = self.start()
        verifyObject(IStore, store)
        verifyObject(IStoredRoom, self.open(store)[0])

    def test_numbers(self) -> None:
        """
        Messages get consecutive numbers, are reported once, and can be read.
        """
        room, seen = self.open(self.start())
        self.assertEqual(room.position.seq, 0)
        self.assertEqual(list(self.say(room, "a", "b").numbers), [1, 2])
        self.assertEqual(list(self.say(room, "c").numbers), [3])
        self.assertEqual([each.seq for each in seen.messages], [1, 2, 3])
        self.assertEqual(room.position.seq, 3)
        found = self.reactor.wait(room.read(0, 10))
        self.assertEqual(found, seen.messages)
        self.assertEqual(found[0].at, NOW * 1000)

    def test_read(self) -> None:
        """
        A read begins after any number, also in the middle of a batch, and has a limit.
        """
        room, _ = self.open(self.start())
        self.say(room, "a", "b", "c")
        self.say(room, "d")
        self.assertEqual(self.read(room, 1), ["b", "c", "d"])
        self.assertEqual(self.read(room, 1, 1), ["b"])
        self.assertEqual(self.read(room, 2, 2), ["c", "d"])
        self.assertEqual(self.read(room, 4), [])
        self.assertEqual(self.read(room, 9), [])
        self.assertEqual(self.read(room, 0, 0), [])

    def test_readUpToNow(self) -> None:
        """
        A read does not contain messages that have not been reported yet: the observer would get
        them twice.
        """
        room, seen = self.open(self.start())
        self.say(room, "a")
        storing = room.append(batch(room, "b", "c"))
        self.reactor.advance(0)
        reading = room.read(0, 10)
        self.assertEqual([each.text for each in self.reactor.wait(reading)], ["a"])
        self.reactor.wait(storing)
        self.assertEqual(self.read(room), ["a", "b", "c"])

    def test_order(self) -> None:
        """
        A message is reported before its result, and both are visible in the position.
        """
        room, seen = self.open(self.start())
        order: list[object] = []
        seen.said = lambda messages, changes: order.append(room.position.seq)
        self.reactor.wait(room.append(batch(room, "a")).addCallback(order.append))
        self.assertEqual(order[0], 1)
        self.assertEqual(len(order), 2)

    def test_brokenObserver(self) -> None:
        """
        An observer that raises an exception does not affect other rooms.
        """
        store = self.start()
        one, broken = self.open(store, "One")
        two, seen = self.open(store, "Two")
        broken.said = lambda messages, changes: 1 / 0
        first, second = one.append(batch(one, "a")), two.append(batch(two, "b"))
        self.reactor.wait(first)
        self.reactor.wait(second)
        self.assertEqual(seen.texts(), ["b"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_oneTransaction(self) -> None:
        """
        The batches of one turn form one transaction.
        """
        store = self.start()
        rooms = [self.open(store, f"room{number}")[0] for number in range(5)]
        groups: list[Group] = []
        write = store.writer._database.write  # type: ignore[union-attr]

        def counted(group: Group) -> Group:
            groups.append(group)
            return write(group)

        self.patch(store.writer._database, "write", counted)
        storing = [room.append(batch(room, "a")) for room in rooms]
        for each in storing:
            self.reactor.wait(each)
        self.assertEqual([len(group.rows) for group in groups], [5])

    def test_surrogate(self) -> None:
        """
        A batch that cannot be encoded fails. Others of the same transaction are stored.
        """
        store = self.start()
        one, two = self.open(store, "One")[0], self.open(store, "Two")[0]
        bad = one.append(batch(one, "\ud800"))
        topic = one.append([], [TopicSet("\ud800")])
        good = two.append(batch(two, "b"))
        self.assertEqual(self.refused(bad).code, FAILED)
        self.assertEqual(self.refused(topic).code, FAILED)
        self.assertEqual(self.reactor.wait(good).numbers, range(1, 2))
        self.assertEqual(self.say(one, "a").numbers, range(1, 2))
        self.assertEqual(len(self.flushLoggedErrors(UnicodeEncodeError)), 2)
        self.assertTrue(store.health().up)

    def test_closed(self) -> None:
        """
        Nothing is reported after a room was closed. Messages that were appended before are stored.
        """
        store = self.start()
        room, seen = self.open(store)
        storing = room.append(batch(room, "a"))
        room.close()
        self.reactor.wait(storing)
        self.assertEqual(seen.messages, [])
        self.assertEqual(self.read(self.open(store)[0]), ["a"])

    def test_openWhileStarting(self) -> None:
        """
        A room that is opened while the store starts is opened afterwards, or fails with it.
        """
        store = self.make()
        starting = store.start()
        opening = store.open("dev", "Dev", Seen())
        self.reactor.wait(starting)
        self._started.append(store)
        self.reactor.wait(opening)
        second = self.make()
        starting = second.start()
        opening = second.open("dev", "Dev", Seen())
        self.assertRaises(StoreError, self.reactor.wait, starting)
        self.assertEqual(self.refused(opening).code, FAILED)

    def test_size(self) -> None:
        """
        Rooms and messages are counted every minute.
        """
        store = self.start()
        self.assertEqual(store.size(), (0, 0, store.writer.used))
        for name, texts in (("One", "abc"), ("Two", "d"), ("Three", "")):
            self.say(self.open(store, name)[0], *texts)
        self.reactor.advance(60)
        self.quiet(store)
        self.assertEqual(store.size(), (3, 4, store.writer.used))

    def test_cancelledOpen(self) -> None:
        """
        A room is not opened if its caller no longer waits for it.
        """
        store = self.start()
        opening = store.open("dev", "Dev", Seen())
        opening.addErrback(lambda _: None)
        opening.cancel()
        self.open(store, "Other")
        self.assertEqual(len(store._opened), 1)


class RestartTests(StoreCase):
    """
    Tests for the data that remains after a restart.
    """

    def test_messages(self) -> None:
        """
        The messages and the spelling of the room remain, and the numbers continue.
        """
        store = self.start()
        room, _ = self.open(store)
        self.say(room, "a", "b")
        room, seen = self.open(self.restart(store), "DEV")
        self.assertEqual((room.name, room.position.seq), ("Dev", 2))
        self.assertEqual(self.read(room), ["a", "b"])
        self.assertEqual(list(self.say(room, "c").numbers), [3])
        self.assertEqual(seen.texts(), ["c"])

    def test_epochs(self) -> None:
        """
        After each restart, a room has a new epoch, which continues the earlier ones.
        """
        store = self.start()
        room, _ = self.open(store)
        self.say(room, "a", "b")
        first = room.position
        store = self.restart(store)
        room, _ = self.open(store)
        self.assertNotEqual(room.position.epoch, first.epoch)
        self.assertTrue(room.covers(first))
        self.assertTrue(room.covers(Position(first.epoch, 0)))
        self.assertFalse(room.covers(Position(first.epoch, 3)))
        self.assertFalse(room.covers(Position("other", 0)))
        self.assertTrue(room.covers(room.position))
        self.assertFalse(room.covers(Position(room.position.epoch, 3)))
        self.say(room, "c")
        second = room.position
        room, _ = self.open(self.restart(store))
        self.assertTrue(room.covers(first))
        self.assertTrue(room.covers(second))
        self.assertFalse(room.covers(Position(first.epoch, 3)))

    def test_sameLife(self) -> None:
        """
        Without a restart, a room that is opened again continues its epoch.
        """
        store = self.start()
        room, _ = self.open(store)
        self.say(room, "a")
        room.close()
        self.assertEqual(self.open(store)[0].position, room.position)

    def test_used(self) -> None:
        """
        The time when a room was used last is up to a day too old.
        """
        store = self.start()
        self.open(store)
        for hours, expected in ((23, 0), (25, 25), (26, 25)):
            self.reactor.rightNow = NOW + hours * 3600
            self.open(store)
            [(used,)] = self.sql("SELECT used FROM room")
            self.assertEqual(used, (NOW + expected * 3600) * 1000)

    def test_manyEpochs(self) -> None:
        """
        A room remembers 64 earlier epochs.
        """
        store = self.start()
        self.open(store)
        for _ in range(70):
            store.writer._database.life = bytes(_)  # type: ignore[union-attr]
            room, _seen = self.open(store)
            room.close()
        [(count,)] = self.sql("SELECT count(*) FROM ancestor")
        self.assertEqual(count, 64)
        self.assertTrue(room.covers(room._timeline.last[0]))

    def test_unusedRoom(self) -> None:
        """
        A restart does not change the rooms that are not opened.
        """
        store = self.start()
        self.say(self.open(store)[0], "a")
        before = self.sql("SELECT * FROM room")
        store = self.restart(store)
        self.open(store, "Other")
        self.assertEqual(self.sql("SELECT * FROM room")[:1], before)

    def test_tailLost(self) -> None:
        """
        If the last messages are lost, positions after them are not covered.
        """
        store = self.start()
        room, _ = self.open(store)
        self.say(room, "a")
        kept = room.position
        self.say(room, "b")
        lost = room.position
        self.reactor.wait(store.stop())
        self._started.remove(store)
        self.sql("DELETE FROM batch WHERE last = 2")
        room, _ = self.open(self.start())
        self.assertTrue(room.covers(kept))
        self.assertFalse(room.covers(lost))

    def test_moderation(self) -> None:
        """
        The topic, the mutes and the bans remain; the lock does not.
        """
        store = self.start()
        room, seen = self.open(store)
        mute = Imposed("mute", "eve", NOW + 60, "Eve", "Mina")
        ban = Imposed("address", "192.0.2.7", NOW + 60, None, None)
        gone = Imposed("ban", "bob", NOW + 60, "Bob", "Mina")
        changes = [
            *(mute, ban, gone, TopicSet("first"), TopicSet("Hello"), LockSet(True)),
            *(Kicked("eve", "by Mina"), Lifted("ban", "bob")),
        ]
        self.say(room, "a", changes=changes)
        self.assertEqual(seen.changes, changes)
        self.assertTrue(room.record.locked)
        room, _ = self.open(self.restart(store))
        topic, locked, sanctions, *_ = room.record
        self.assertEqual((topic, locked), ("Hello", False))
        self.assertEqual({each.target for each in sanctions}, {"eve", "192.0.2.7"})
        again = {each.target: each for each in sanctions}["eve"]
        self.assertEqual(
            (again.kind, again.until, again.name, again.by), ("mute", NOW + 60, "Eve", "Mina")
        )

    def test_changesOnly(self) -> None:
        """
        Changes need no messages; an empty batch stores nothing.
        """
        room, seen = self.open(self.start())
        self.assertEqual(list(self.say(room, changes=[TopicSet("x")]).numbers), [])
        self.assertEqual(list(self.say(room).numbers), [])
        self.assertEqual((seen.messages, seen.changes), ([], [TopicSet("x")]))


class IdTests(StoreCase):
    """
    Tests for the ids of messages.
    """

    def test_duplicates(self) -> None:
        """
        A message whose id is known is discarded: within a batch, in a later one, and after a
        restart.
        """
        store = self.start()
        room, seen = self.open(store)
        stored = self.say(room, draft("a"), "b", draft("a"), draft("a", "Eve"))
        self.assertEqual(list(stored.numbers), [1, 2, 1, 3])
        self.assertEqual(stored.duplicates, {2})
        stored = self.say(room, draft("a", "MINA"))
        self.assertEqual((list(stored.numbers), stored.duplicates), ([1], {0}))
        self.assertEqual(len(seen.messages), 3)
        room, seen = self.open(self.restart(store))
        stored = self.say(room, "c", draft("a"))
        self.assertEqual((list(stored.numbers), stored.duplicates), ([4, 1], {1}))
        self.assertEqual(seen.texts(), ["c"])

    def test_find(self) -> None:
        """
        A message can be found by its id.
        """
        room, _ = self.open(self.start())
        self.assertIsNone(self.reactor.wait(room.find("Mina", "a")))
        self.say(room, "x", draft("a"))
        found = self.reactor.wait(room.find("MINA", "a"))
        self.assertEqual(found, Receipt("Dev", 2, duplicate=True))

    def test_expired(self) -> None:
        """
        An id is forgotten after its time, which a restart does not extend.
        """
        store = self.start()
        self.say(self.open(store)[0], draft("a"))
        self.reactor.advance(100)
        room, _ = self.open(store := self.restart(store))
        self.assertEqual(list(self.say(room, draft("a")).numbers), [1])
        self.reactor.advance(21)
        self.assertEqual(list(self.say(room, draft("a")).numbers), [2])
        self.reactor.advance(121)
        self.quiet(store)
        self.assertEqual(self.sql("SELECT * FROM ids"), [])

    def test_most(self) -> None:
        """
        After a restart, the store remembers at most the permitted number of ids, the latest.
        """
        self.limits = {"receiptsTotal": 3}
        store = self.start()
        room, _ = self.open(store)
        self.say(room, draft("a"), draft("b"))
        self.say(room, draft("c"), draft("d"))
        self.say(room, draft("e"))
        store = self.restart(store)
        room, _ = self.open(store)
        found = [self.reactor.wait(room.find("Mina", each)) for each in "abcde"]
        self.assertEqual([each.seq if each else None for each in found], [None, None, 3, 4, 5])

    def test_clockSetBack(self) -> None:
        """
        If the clock is set back before a restart, ids are remembered for no longer than usual.
        """
        store = self.start()
        self.say(self.open(store)[0], draft("a"))
        self.reactor.wait(store.stop())
        self._started.remove(store)
        self.reactor.rightNow -= 86400
        room, _ = self.open(self.start())
        self.assertEqual(list(self.say(room, draft("a")).numbers), [1])
        self.reactor.advance(121)
        self.assertEqual(list(self.say(room, draft("a")).numbers), [2])


class NameTests(StoreCase):
    """
    Tests for names.
    """

    def test_claims(self) -> None:
        """
        A name is claimed once, and the number of claims is limited.
        """
        room, _ = self.open(self.start())
        wait = self.reactor.wait
        mina = Claim("Mina", "mina")
        self.assertEqual(wait(room.claim(mina, 2)), Claimed(True, 1))
        self.assertEqual(self.refused(room.claim(Claim("MINA", "mina"), 9)).code, NAME_TAKEN)
        self.assertEqual(wait(room.claim(Claim("Eve", "eve"), 2)), Claimed(True, 2))
        self.assertEqual(self.refused(room.claim(Claim("Bob", "bob"), 2)).code, ROOM_FULL)
        self.assertEqual(wait(room.members(1)), (2, ["Mina"]))
        room.release(mina)
        self.assertEqual(wait(room.members(5)), (1, ["Eve"]))


def draft(id: str, sender: str = "Mina") -> Draft:
    """
    @return: a message with an id
    """
    return Draft("Dev", sender, f"text of {id}", id)
