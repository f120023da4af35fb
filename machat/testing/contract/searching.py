"""
Tests for the search, which reads the store in pages.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred

from machat.commands import History
from machat.entries import Edit, React, Redact, Said
from machat.events import Position
from machat.interfaces import IStoredRoom
from machat.rooms import searching
from machat.rooms.searching import LARGEST, Search, Wanted
from machat.testing.contract.case import StoreCase
from machat.testing.contract.entries import rich


class Searched(Struct):
    """
    A room without members.
    """

    name: str
    position: Position | None
    stored: IStoredRoom | None
    revised: int = 0


class SearchTests(StoreCase):
    """
    Tests for the search.
    """

    async def search(self, room: IStoredRoom, **fields: Any) -> tuple[list[int], int | None]:
        """
        @return: the numbers of the messages that are found, and C{searched}
        """
        self.patch(searching, "PAUSE", 0)
        self.patch(searching, "SECONDS", 3600.0)
        place = Searched(room.name, room.position, room)
        wanted = Wanted(History(room=room.name, **fields), 300)
        search = Search(self.clock or self.reactor, place, wanted, lambda: None)
        found = await self.wait(Deferred.fromCoroutine(search.run()))
        return [message.seq for message in found.messages], found.searched

    async def test_search(self) -> None:
        """
        A search finds the current texts of messages, and nothing of redacted ones, in both
        directions.
        """
        room, witness = await self.open(await self.start())
        await self.append(room, "An apple", "a pear", rich(Said("two\nAPPLES")), "Ａｐｐｌｅ")
        await self.append(room, rich(Edit(1, "a plum")), rich(Redact(4)), rich(React(2, "apple")))
        await self.append(room, rich(Edit(2, "an apple and a pear")))
        await self.heard(8, witness)
        self.assertEqual(await self.search(room, text="apple"), ([2, 3], 1))
        self.assertEqual(await self.search(room, text="plum"), ([1], 1))
        self.assertEqual(await self.search(room, text="PEAR  an"), ([2], 1))
        self.assertEqual(await self.search(room, text="apple", limit=1), ([3], 3))
        self.assertEqual(await self.search(room, text="apple", before=3), ([2], 1))
        self.assertEqual(await self.search(room, text="a", after=0, limit=2), ([1, 2], 2))
        self.assertEqual(await self.search(room, text="a", after=2), ([3], 8))

    async def test_searchPages(self) -> None:
        """
        A search goes through more messages than it reads at once.
        """
        room, witness = await self.open(await self.start())
        texts = [f"message {number}." for number in range(1, 2 * LARGEST)]
        await self.append(room, *texts)
        await self.heard(len(texts), witness)
        stored = [message.seq for message in await self.wait(room.read(0, len(texts)))]
        expected = [seq for seq in stored if "7." in f"{seq}."]
        self.assertEqual((await self.search(room, text="7."))[0], expected)
        self.assertEqual((await self.search(room, text="7.", after=0))[0], expected)
