"""
Tests for the list of the rooms of several processes.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SkipTest

from machat.interfaces import ISharedRooms, IStore
from machat.interfaces.listing import Occupied, Shown
from machat.records import KeySet, TopicSet
from machat.testing.contract.case import StoreCase, claimOf


class ListingTests(StoreCase):
    """
    Tests for L{ISharedRooms}. They are skipped if the store does not provide it.
    """

    def _rooms(self, store: IStore) -> ISharedRooms:
        found: ISharedRooms | None = ISharedRooms(store, None)
        if found is None:
            raise SkipTest("this store has no list of rooms")
        return found

    async def _shown(self, store: IStore, *arguments: Any) -> list[str]:
        return [each.name for each in await self.wait(self._rooms(store).shown(*arguments))]

    async def test_listing(self) -> None:
        """
        The list has the rooms of all processes, in order, each once, with its current state.
        """
        store = await self.start()
        self._rooms(store)
        other = await self.started(await self.secondNode(store))
        for name in ("Tea", "Tennis", "Über"):
            room, _ = await self.open(store, name)
            await self.wait(room.claim(claimOf("Mina"), 9))
            self._rooms(store).show(name.lower(), True)
        await self.append(room, changes=[TopicSet("x")])
        tea, _ = await self.open(other, "TEA")
        await self.wait(tea.claim(claimOf("Ada"), 9))
        await self.append(tea, changes=[TopicSet("kinds of tea"), KeySet("a hash")])
        self._rooms(other).show("tea", True)
        expected = [
            Shown("tea", "Tea", "kinds of tea", 2, True),
            Shown("tennis", "Tennis", None, 1, False),
            Shown("über", "Über", "x", 1, False),
        ]
        for each in (store, other):
            self.assertEqual(await self.wait(self._rooms(each).shown("", "", 9)), expected)
            self.assertEqual(await self._shown(each, "", "", 2), ["Tea", "Tennis"])
            self.assertEqual(await self._shown(each, "t", "tea", 9), ["Tennis"])
            self.assertEqual(await self._shown(each, "t", "a", 1), ["Tea"])
            self.assertEqual(await self._shown(each, "ü", "", 9), ["Über"])
            self.assertEqual(await self._shown(each, "x", "", 9), [])

    async def test_listingEnd(self) -> None:
        """
        A room is in the list until the last process has removed it, or has stopped.
        """
        store = await self.start()
        self._rooms(store)
        other = await self.started(await self.secondNode(store))
        for name in ("Dev", "Ops"):
            for each in (store, other):
                await self.open(each, name)
                self._rooms(each).show(name.lower(), True)
        self._rooms(store).show("dev", False)
        self.assertEqual(await self._shown(store, "", "", 9), ["Dev", "Ops"])
        self._rooms(other).show("dev", False)
        self.assertEqual(await self._shown(store, "", "", 9), ["Ops"])
        self._rooms(store).show("ops", False)
        self.assertEqual(await self._shown(store, "", "", 9), ["Ops"])
        await self.stop(other)
        store = await self.restarted(store, True)
        self.assertEqual(await self._shown(store, "", "", 9), [])

    async def test_occupied(self) -> None:
        """
        The rooms with members of all processes can be read, each once. A room is among them until
        the last process has left it.
        """
        store = await self.start()
        self._rooms(store)
        other = await self.started(await self.secondNode(store))
        for each, name, member in (
            (store, "Dev", "Mina"),
            (other, "DEV", "Ada"),
            (other, "Ops", "Ada"),
        ):
            room, _ = await self.open(each, name)
            await self.wait(room.claim(claimOf(member), 9))
            await self.append(room, "hello")
            self._rooms(each).occupy(name.lower(), True)
        for each in (store, other):
            count, rooms = await self.wait(self._rooms(each).occupied())
            self.assertEqual(count, 2)
            self.assertEqual(sorted(rooms), [Occupied("Dev", 2, 2), Occupied("Ops", 1, 1)])
        self._rooms(other).occupy("dev", False)
        self._rooms(other).occupy("ops", False)
        count, rooms = await self.wait(self._rooms(store).occupied())
        self.assertEqual((count, [each.name for each in rooms]), (1, ["Dev"]))
