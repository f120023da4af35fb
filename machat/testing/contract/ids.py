"""
Tests for the ids of messages.
"""

from __future__ import annotations

from machat.events import Receipt
from machat.limits import Limits
from machat.records import TopicSet
from machat.testing.contract.case import StoreCase, draft


class IdTests(StoreCase):
    """
    Tests for deduplication, and for finding messages by their ids.
    """

    async def test_idInBatch(self) -> None:
        """
        The second message of a batch with the same id is discarded.
        """
        room, witness = await self.open(await self.start())
        stored = await self.append(room, draft("a", "1"), "b", draft("a", "1"), draft("c", "2"))
        self.assertEqual(list(stored.numbers), [1, 2, 1, 3])
        self.assertEqual([index in stored.duplicates for index in range(4)], [0, 0, 1, 0])
        await self.heard(3, witness)
        self.assertEqual(witness.texts(), ["a", "b", "c"])
        self.assertEqual(await self.read(room), ["a", "b", "c"])

    async def test_idAcrossBatches(self) -> None:
        """
        A message is discarded if an earlier batch contained its id, also from a batch that contains
        new messages. Changes of the batch are made.
        """
        room, witness = await self.open(await self.start())
        await self.append(room, "a", draft("b", "1"))
        again = await self.append(room, draft("b", "1"), changes=[TopicSet("tea")])
        mixed = await self.append(room, draft("b", "1"), draft("c", "2"))
        self.assertEqual(list(again.numbers) + list(mixed.numbers), [2, 2, 3])
        self.assertIn(0, again.duplicates)
        self.assertIn(0, mixed.duplicates)
        self.assertNotIn(1, mixed.duplicates)
        await self.heard(3, witness)
        self.assertEqual(witness.texts(), ["a", "b", "c"])
        self.assertEqual(witness.changes, [TopicSet("tea")])

    async def test_idWithout(self) -> None:
        """
        Messages without an id are never discarded.
        """
        room, _ = await self.open(await self.start())
        stored = await self.append(room, "a", "a")
        again = await self.append(room, "a")
        self.assertEqual(list(stored.numbers) + list(again.numbers), [1, 2, 3])
        self.assertEqual([index in stored.duplicates for index in range(2)], [False, False])

    async def test_idSenders(self) -> None:
        """
        An id belongs to a sender, in any spelling, in one room.
        """
        store = await self.start()
        dev, _ = await self.open(store, "dev")
        ops, _ = await self.open(store, "ops")
        await self.append(dev, draft("a", "1", "Mina"))
        stored = await self.append(
            dev, draft("b", "1", "Bob"), draft("c", "1", "MINA"), draft("d", "1", "\uff2d\uff49na")
        )
        self.assertEqual(list(stored.numbers), [2, 1, 1])
        self.assertEqual(list((await self.append(ops, draft("a", "1", "Mina"))).numbers), [1])
        self.assertEqual(await self.read(ops), ["a"])

    async def test_idForgotten(self) -> None:
        """
        An id is known for L{Limits.remembered} seconds.
        """
        room, _ = await self.open(await self.start(Limits(remembered=30)))
        await self.append(room, draft("a", "1"))
        await self.advance(29)
        self.assertEqual(list((await self.append(room, draft("a", "1"))).numbers), [1])
        await self.advance(31)
        self.assertIsNone(await self.wait(room.find("Mina", "1")))
        stored = await self.append(room, draft("a", "1"))
        self.assertEqual(list(stored.numbers), [2])
        self.assertNotIn(0, stored.duplicates)

    async def test_idEach(self) -> None:
        """
        The last L{Limits.receipts} ids of each sender are known.
        """
        room, _ = await self.open(await self.start(Limits(receipts=4)))
        for number in range(6):
            await self.append(room, draft("a", f"{number}"))
        known = [draft("a", f"{number}") for number in range(2, 6)]
        self.assertEqual(list((await self.append(room, *known)).numbers), [3, 4, 5, 6])

    async def test_idFind(self) -> None:
        """
        The receipt of a message is found by its sender and id.
        """
        store = await self.start()
        room, _ = await self.open(store, "Dev")
        other, _ = await self.open(store, "ops")
        await self.append(room, "a", draft("b", "x"))
        for sender in ("Mina", "mina", "MINA"):
            found = await self.wait(room.find(sender, "x"))
            self.assertEqual(found, Receipt("Dev", 2, duplicate=True), sender)
        self.assertIsNone(await self.wait(room.find("Bob", "x")))
        self.assertIsNone(await self.wait(room.find("Mina", "X")))
        self.assertIsNone(await self.wait(other.find("Mina", "x")))

    async def test_idFindAfterClose(self) -> None:
        """
        An id is still known when its room is opened again.
        """
        store = await self.start()
        room, witness = await self.open(store)
        await self.append(room, draft("a", "1"))
        await self.close(room, witness)
        again, _ = await self.open(store)
        found = await self.wait(again.find("Mina", "1"))
        self.assertEqual(found, Receipt("Dev", 1, duplicate=True))
        stored = await self.append(again, draft("a", "1"))
        self.assertEqual((list(stored.numbers), again.position.seq), ([1], 1))
