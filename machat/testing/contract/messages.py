"""
Tests for messages: their numbers, order and ids, and reading.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from machat.events import Message
from machat.interfaces import IRoomObserver, IStore, IStoredRoom
from machat.limits import Limits
from machat.records import Stored, TopicSet
from machat.testing.contract.case import StoreCase, draft, line


class MessageTests(StoreCase):
    """
    Tests for the messages of a room.
    """

    async def test_interfaces(self) -> None:
        """
        The store and its rooms provide their interfaces.
        """
        store = await self.start()
        room, witness = await self.open(store)
        verifyObject(IStore, store)
        verifyObject(IStoredRoom, room)
        verifyObject(IRoomObserver, witness)

    async def test_begin(self) -> None:
        """
        A new room has its creator's spelling, the number 0, no messages and nothing that moderators
        have changed.
        """
        room, _ = await self.open(await self.start(), "Dev")
        self.assertEqual((room.name, room.position.seq), ("Dev", 0))
        self.assertEqual((room.record.topic, room.record.locked), (None, False))
        self.assertEqual(list(room.record.sanctions), [])
        self.assertEqual(await self.read(room), [])

    async def test_epoch(self) -> None:
        """
        An epoch is 1 to 64 characters long. Appending does not change it.
        """
        room, _ = await self.open(await self.start())
        epoch = room.position.epoch
        self.assertIn(len(epoch), range(1, 65))
        await self.append(room, "a")
        self.assertEqual(room.position.epoch, epoch)

    async def test_numbers(self) -> None:
        """
        Messages are numbered from 1 without gaps, and the numbers are the result.
        """
        room, witness = await self.open(await self.start())
        first = await self.append(room, "a", "b")
        second = await self.append(room, "c")
        self.assertEqual((list(first.numbers), list(second.numbers)), ([1, 2], [3]))
        await self.heard(3, witness)
        self.assertEqual([message.seq for message in witness.messages], [1, 2, 3])
        self.assertEqual(room.position.seq, 3)
        self.assertEqual(witness.faults, [])

    async def test_report(self) -> None:
        """
        A report contains the whole message: the names as they were spelled, the time, and no mark
        of a replay.
        """
        room, witness = await self.open(await self.start())
        await self.append(room, draft("héllo 👋", sender="Mina"))
        await self.heard(1, witness)
        [message] = witness.messages
        self.assertIs(type(message), Message)
        self.assertEqual(line(message), (1, "Mina", "héllo 👋"))
        self.assertEqual((message.room, message.replay), ("Dev", False))
        self.assertGreaterEqual(message.at, 0)

    async def test_time(self) -> None:
        """
        The time of a message is Unix time in milliseconds.
        """
        store = await self.start()
        room, witness = await self.open(store)
        await self.append(room, "a")
        await self.advance(12)
        await self.append(room, "b")
        await self.heard(2, witness)
        first, second = witness.messages
        self.assertEqual(second.at - first.at, 12_000)

    async def test_rooms(self) -> None:
        """
        Rooms are numbered separately, and report only their own messages.
        """
        store = await self.start()
        dev, inDev = await self.open(store, "dev")
        ops, inOps = await self.open(store, "ops")
        await self.append(dev, "a")
        await self.append(ops, "b", "c")
        await self.append(dev, "d")
        await self.heard(2, inDev, inOps)
        self.assertEqual(
            [line(each) for each in inDev.messages], [(1, "Mina", "a"), (2, "Mina", "d")]
        )
        self.assertEqual(
            [line(each) for each in inOps.messages], [(1, "Mina", "b"), (2, "Mina", "c")]
        )

    async def test_changes(self) -> None:
        """
        Changes are reported once, as the objects that were appended, and make no messages.
        """
        room, witness = await self.open(await self.start())
        change = TopicSet("tea")
        stored = await self.append(room, changes=[change])
        await self.until(lambda: bool(witness.changes), "the change")
        self.assertEqual((list(stored.numbers), room.position.seq), ([], 0))
        self.assertEqual(witness.messages, [])
        self.assertEqual(len(witness.changes), 1)
        self.assertIs(witness.changes[0], change)
        self.assertEqual(room.record.topic, "tea")

    async def test_changesAfterMessages(self) -> None:
        """
        A batch of messages and changes is reported at once.
        """
        room, witness = await self.open(await self.start())
        seen: list[tuple[int, int]] = []
        witness.then = lambda: seen.append((len(witness.messages), len(witness.changes)))
        await self.append(room, "a", "b", changes=[TopicSet("tea"), TopicSet("milk")])
        await self.until(lambda: bool(seen), "the report")
        self.assertEqual(seen, [(2, 2)])
        self.assertEqual(witness.changes, [TopicSet("tea"), TopicSet("milk")])
        self.assertEqual(room.record.topic, "milk")

    async def test_position(self) -> None:
        """
        When a message is reported, it can be read.
        """
        room, witness = await self.open(await self.start())
        found: list[str] = []

        def read() -> None:
            room.read(0, 10).addCallback(lambda read: found.extend(each.text for each in read))

        witness.then = read
        await self.append(room, "a")
        await self.until(lambda: bool(found), "the message")
        self.assertEqual(found, ["a"])

    async def test_appendFromReport(self) -> None:
        """
        A report may append to another room, and the result of an append may append to the same one.
        """
        store = await self.start()
        dev, inDev = await self.open(store, "dev")
        ops, inOps = await self.open(store, "ops")
        results: list[Deferred[Stored]] = []
        inDev.then = lambda: results.append(self.appending(ops, inDev.texts()[-1].upper()))
        appending = self.appending(dev, "a")
        appending.addCallback(lambda _: self.appending(dev, "b"))
        await self.wait(appending)
        await self.heard(2, inOps)
        self.assertEqual((inDev.texts(), inOps.texts()), (["a", "b"], ["A", "B"]))
        self.assertEqual([each.seq for each in inOps.messages], [1, 2])
        self.assertEqual(inDev.faults + inOps.faults, [])

    async def test_close(self) -> None:
        """
        A closed room reports nothing more. Its messages are there when it is opened again, and its
        epoch continues. Its name keeps the first spelling.
        """
        store = await self.start()
        room, witness = await self.open(store, "Dev")
        await self.append(room, "a", "b")
        position = room.position
        await self.close(room, witness)
        again, other = await self.open(store, "DEV")
        self.assertEqual((again.name, again.position), ("Dev", position))
        self.assertEqual(await self.read(again), ["a", "b"])
        await self.append(again, "c")
        await self.heard(1, other)
        self.assertEqual([line(each) for each in other.messages], [(3, "Mina", "c")])
        self.assertEqual(witness.texts(), ["a", "b"])
        self.assertEqual(witness.faults + other.faults, [])

    async def test_closeAtOnce(self) -> None:
        """
        A room may be closed as soon as an append has a result. The message is stored, and is not
        reported later.
        """
        store = await self.start()
        room, witness = await self.open(store)

        def close(stored: Stored) -> Stored:
            room.close()
            witness.closed = True
            return stored

        await self.wait(self.appending(room, "a").addCallback(close))
        again, other = await self.open(store)
        self.assertEqual(await self.read(again), ["a"])
        self.assertEqual((witness.faults, other.messages), ([], []))


class ReadingTests(StoreCase):
    """
    Tests for reading stored messages, and for their number.
    """

    async def test_readWindow(self) -> None:
        """
        Reading returns the first messages above a number, in order.
        """
        room, _ = await self.open(await self.start())
        for text in "abcde":
            await self.append(room, text)
        for after, limit, expected in (
            (0, 2, "ab"),
            (2, 2, "cd"),
            (4, 2, "e"),
            (5, 2, ""),
            (9, 2, ""),
            (0, 9, "abcde"),
        ):
            self.assertEqual("".join(await self.read(room, after, limit)), expected, (after, limit))

    async def test_readSame(self) -> None:
        """
        The messages that are read are equal to those that were reported.
        """
        room, witness = await self.open(await self.start())
        await self.append(room, "a", draft("ü \t 👋", "1", "Jürgen"))
        await self.heard(2, witness)
        self.assertEqual(list(await self.wait(room.read(0, 9))), witness.messages)

    async def test_readMost(self) -> None:
        """
        A room keeps its last L{Limits.logMessages} messages. The numbers continue.
        """
        store = await self.start(Limits(logMessages=3))
        room, witness = await self.open(store)
        for text in "abcde":
            await self.append(room, text)
        await self.tidy(store)
        self.assertEqual(await self.read(room), ["c", "d", "e"])
        self.assertEqual(await self.read(room, 0, 2), ["c", "d"])
        self.assertEqual(room.position.seq, 5)
        await self.heard(5, witness)

    async def test_readBytes(self) -> None:
        """
        A room keeps its last messages, as many as L{Limits.logBytes} permits.
        """
        most = 50_000
        store = await self.start(Limits(logBytes=most))
        room, _ = await self.open(store)
        texts = [f"{number:04}" * 1000 for number in range(20)]
        for text in texts:
            await self.append(room, text)
        await self.tidy(store)
        kept = await self.read(room)
        self.assertTrue(kept)
        self.assertEqual(kept, texts[-len(kept) :])
        self.assertLessEqual(sum(map(len, kept)), most)
        self.assertEqual(room.position.seq, len(texts))

    async def test_readAge(self) -> None:
        """
        A room does not return messages that are older than L{Limits.logAge}. The numbers continue.
        """
        store = await self.start(Limits(logAge=60))
        room, _ = await self.open(store)
        await self.append(room, "a")
        await self.advance(40)
        await self.append(room, "b")
        await self.advance(40)
        await self.tidy(store)
        self.assertEqual(await self.read(room), ["b"])
        self.assertEqual(list((await self.append(room, "c")).numbers), [3])

    async def test_readTotal(self) -> None:
        """
        All rooms together keep no more than L{Limits.logTotal} permits. The last message of a room
        with much traffic is kept.
        """
        most = 100_000
        store = await self.start(Limits(logTotal=most))
        rooms = [(await self.open(store, f"room{number}"))[0] for number in range(4)]
        for number in range(20):
            for room in rooms:
                await self.append(room, f"{number:04}" * 500)
        await self.tidy(store)
        kept = [text for room in rooms for text in await self.read(room)]
        self.assertTrue(kept)
        self.assertLessEqual(sum(map(len, kept)), most)
        self.assertEqual({room.position.seq for room in rooms}, {20})
