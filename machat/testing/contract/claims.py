"""
Tests for the names in a room.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from machat import names
from machat.errors import NAME_TAKEN, ROOM_FULL
from machat.records import Claim, Claimed, LockSet
from machat.testing.contract.case import StoreCase, claimOf, draft


class ClaimTests(StoreCase):
    """
    Tests for claims within one process.
    """

    async def test_claim(self) -> None:
        """
        The result of a claim is whether it is the first of its name, and the number of names.
        """
        room, witness = await self.open(await self.start())
        self.assertEqual(await self.wait(room.claim(claimOf("Mina"), 9)), Claimed(True, 1))
        self.assertEqual(await self.wait(room.claim(claimOf("Bob"), 9)), Claimed(True, 2))
        self.assertEqual((witness.present, witness.faults), ([], []))

    async def test_claimTaken(self) -> None:
        """
        A name can be claimed once, in any spelling. A refused claim holds nothing.
        """
        room, _ = await self.open(await self.start())
        held = claimOf("Mina")
        await self.wait(room.claim(held, 9))
        for name in ("Mina", "MINA", "\uff2d\uff49na"):
            refused = claimOf(name)
            self.assertEqual(await self.refused(self.wait(room.claim(refused, 9))), NAME_TAKEN)
            room.release(refused)
        self.assertEqual(await self.refused(self.wait(room.claim(claimOf("mina"), 9))), NAME_TAKEN)
        self.assertEqual(tuple(await self.wait(room.members(9))), (1, ["Mina"]))

    async def test_claimRooms(self) -> None:
        """
        A name can be claimed in several rooms.
        """
        store = await self.start()
        for name in ("dev", "ops"):
            room, _ = await self.open(store, name)
            self.assertEqual(await self.wait(room.claim(claimOf("Mina"), 9)), Claimed(True, 1))

    async def test_claimRelease(self) -> None:
        """
        A released name can be claimed again. Another release of the old claim does nothing.
        """
        room, _ = await self.open(await self.start())
        old, new = claimOf("Mina"), claimOf("mina")
        await self.wait(room.claim(old, 9))
        room.release(old)
        self.assertEqual(await self.wait(room.claim(new, 9)), Claimed(True, 1))
        room.release(old)
        self.assertEqual(await self.refused(self.wait(room.claim(claimOf("Mina"), 9))), NAME_TAKEN)
        self.assertEqual(tuple(await self.wait(room.members(9))), (1, ["mina"]))

    async def test_claimUnknownRelease(self) -> None:
        """
        The release of a claim that was never made does nothing.
        """
        room, _ = await self.open(await self.start())
        await self.wait(room.claim(claimOf("Mina"), 9))
        room.release(claimOf("Mina"))
        room.release(claimOf("Bob"))
        self.assertEqual(tuple(await self.wait(room.members(9))), (1, ["Mina"]))

    async def test_claimKnown(self) -> None:
        """
        An authenticated user may claim its name several times. The name is there until the last of
        these claims is released.
        """
        room, _ = await self.open(await self.start())
        first, second = claimOf("Mina", known=True), claimOf("mina", known=True)
        self.assertEqual(await self.wait(room.claim(first, 9)), Claimed(True, 1))
        self.assertEqual(await self.wait(room.claim(second, 9)), Claimed(False, 1))
        self.assertEqual(await self.refused(self.wait(room.claim(claimOf("Mina"), 9))), NAME_TAKEN)
        room.release(first)
        room.release(first)
        self.assertEqual((await self.wait(room.members(9))).total, 1)
        self.assertEqual(await self.refused(self.wait(room.claim(claimOf("Mina"), 9))), NAME_TAKEN)
        room.release(second)
        self.assertEqual(tuple(await self.wait(room.members(9))), (0, []))
        self.assertEqual(await self.wait(room.claim(claimOf("Mina"), 9)), Claimed(True, 1))

    async def test_claimKnownAfterOther(self) -> None:
        """
        An authenticated user cannot claim a name that somebody else holds.
        """
        room, _ = await self.open(await self.start())
        await self.wait(room.claim(claimOf("Mina"), 9))
        known = claimOf("Mina", known=True)
        self.assertEqual(await self.refused(self.wait(room.claim(known, 9))), NAME_TAKEN)

    async def test_claimMost(self) -> None:
        """
        The maximum is a number of claims, not of names. A refused claim does not count.
        """
        room, _ = await self.open(await self.start())
        first = claimOf("Mina", known=True)
        await self.wait(room.claim(first, 2))
        await self.wait(room.claim(claimOf("Mina", known=True), 2))
        for claim in (claimOf("Bob"), claimOf("Mina", known=True), claimOf("Bob")):
            self.assertEqual(await self.refused(self.wait(room.claim(claim, 2))), ROOM_FULL)
        room.release(first)
        self.assertEqual(await self.wait(room.claim(claimOf("Bob"), 2)), Claimed(True, 2))

    async def test_claimMembers(self) -> None:
        """
        Names are listed in the order of their claims, as their first claims spell them, up to a
        limit. The total is the number of all names.
        """
        room, _ = await self.open(await self.start())
        claims = [claimOf(name, known=True) for name in ("Zoe", "Äda", "bob", "ZOE", "Carl")]
        for claim in claims:
            await self.wait(room.claim(claim, 9))
        total, found = await self.wait(room.members(9))
        self.assertEqual((total, list(found)), (4, ["Zoe", "Äda", "bob", "Carl"]))
        total, found = await self.wait(room.members(2))
        self.assertEqual((total, list(found)), (4, ["Zoe", "Äda"]))
        room.release(claims[1])
        total, found = await self.wait(room.members(9))
        self.assertEqual((total, list(found)), (3, ["Zoe", "bob", "Carl"]))

    async def test_claimReopen(self) -> None:
        """
        A room that is opened again after its claims were released is empty and not locked.
        """
        store = await self.start()
        room, witness = await self.open(store)
        claim = claimOf("Mina")
        await self.wait(room.claim(claim, 9))
        await self.append(room, "a", changes=[LockSet(True)])
        await self.until(lambda: bool(witness.changes), "the lock")
        self.assertTrue(room.record.locked)
        room.release(claim)
        await self.close(room, witness)
        again, other = await self.open(store)
        self.assertFalse(again.record.locked)
        self.assertEqual(tuple(await self.wait(again.members(9))), (0, []))
        self.assertEqual(await self.wait(again.claim(claimOf("Mina"), 9)), Claimed(True, 1))
        self.assertEqual(other.present, [])


class NodeTests(StoreCase):
    """
    Tests for two processes that use the same data.
    """

    async def test_nodeShared(self) -> None:
        """
        A store that several processes may use is declared as shared.
        """
        store = await self.start()
        await self.started(await self.secondNode(store))
        self.assertTrue(store.shared)

    async def test_nodeMessages(self) -> None:
        """
        Both processes report all messages and changes once and in the same order.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        here, inHere = await self.open(store)
        there, inThere = await self.open(other)
        self.assertEqual(here.position.epoch, there.position.epoch)
        for number in range(3):
            await self.append(here, f"a{number}")
            await self.append(there, f"b{number}", changes=[LockSet(number == 2)])
        await self.heard(6, inHere, inThere)
        await self.until(lambda: len(inHere.changes + inThere.changes) == 6, "all changes")
        self.assertEqual(inHere.messages, inThere.messages)
        self.assertEqual(inHere.changes, inThere.changes)
        self.assertTrue(here.record.locked)
        self.assertEqual(inHere.faults + inThere.faults, [])

    async def test_nodeTyping(self) -> None:
        """
        The other process reports that a member is typing. The own one does not, and nothing is
        stored.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        here, inHere = await self.open(store)
        there, inThere = await self.open(other)
        await self.wait(here.claim(claimOf("Mina"), 9))
        here.typing("Mina")
        await self.until(lambda: bool(inThere.typists), "the report")
        await self.append(there, "a")
        await self.heard(1, inHere, inThere)
        self.assertEqual((inHere.typists, inThere.typists), ([], ["Mina"]))
        self.assertEqual(await self.read(here), ["a"])
        self.assertEqual(inHere.faults + inThere.faults, [])

    async def test_nodeTogether(self) -> None:
        """
        Both processes may append at the same time.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        here, inHere = await self.open(store)
        there, inThere = await self.open(other)
        for _ in range(5):
            one = Deferred.fromCoroutine(self.append(here, "a", "b"))
            two = Deferred.fromCoroutine(self.append(there, "c"))
            first, second = await one, await two
            self.assertEqual(len({*first.numbers, *second.numbers}), 3)
        await self.heard(15, inHere, inThere)
        self.assertEqual(inHere.messages, inThere.messages)
        self.assertEqual([each.seq for each in inHere.messages], list(range(1, 16)))

    async def test_nodeNames(self) -> None:
        """
        A name that one process has claimed is taken in the other one, and is reported there. It is
        not reported to the process that claimed it.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        here, inHere = await self.open(store)
        claim = claimOf("Mina")
        await self.wait(here.claim(claim, 9))
        there, inThere = await self.open(other)
        await self.until(lambda: inThere.present == ["Mina"], "the name of the existing claim")
        self.assertEqual(await self.refused(self.wait(there.claim(claimOf("MINA"), 9))), NAME_TAKEN)
        self.assertEqual(await self.wait(there.claim(claimOf("Bob"), 9)), Claimed(True, 2))
        await self.until(lambda: inHere.present == ["Bob"], "the name of the new claim")
        here.release(claim)
        await self.until(lambda: inThere.present == [], "the end of the claim")
        self.assertEqual(await self.wait(there.claim(claimOf("Mina"), 9)), Claimed(True, 2))
        self.assertEqual(inHere.faults + inThere.faults, [])

    async def test_nodeKnownOnBoth(self) -> None:
        """
        The claims of an authenticated user count across processes.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        here, _ = await self.open(store)
        there, _ = await self.open(other)
        await self.wait(here.claim(claimOf("Mina", known=True), 2))
        second = await self.wait(there.claim(claimOf("Mina", known=True), 2))
        self.assertEqual(second, Claimed(False, 1))
        refused = self.wait(here.claim(claimOf("Bob"), 2))
        self.assertEqual(await self.refused(refused), ROOM_FULL)

    async def test_nodeTakeOver(self) -> None:
        """
        A claim with the secret of the holder takes the name over at once. The old claim is reported
        as lost, and its release does nothing.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        here, inHere = await self.open(store)
        there, _ = await self.open(other)
        old = claimOf("Mina", secret=b"hash")
        await self.wait(here.claim(old, 9))
        wrong = Claim("Mina", names.key("Mina"), False, b"new", b"other hash")
        self.assertEqual(await self.refused(self.wait(there.claim(wrong, 9))), NAME_TAKEN)
        new = Claim("Mina", names.key("Mina"), False, b"new", b"hash")
        self.assertEqual((await self.wait(there.claim(new, 9))).total, 1)
        await self.until(lambda: bool(inHere.lostClaims), "the loss")
        self.assertIs(inHere.lostClaims[0][0], old)
        here.release(old)
        self.assertEqual(await self.refused(self.wait(here.claim(claimOf("Mina"), 9))), NAME_TAKEN)
        self.assertEqual(inHere.faults, [])

    async def test_nodeIds(self) -> None:
        """
        A message that was stored through one process is a duplicate in the other one.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        here, _ = await self.open(store)
        there, _ = await self.open(other)
        await self.append(here, draft("a", "1"))
        stored = await self.append(there, draft("a", "1"), draft("b", "2"))
        self.assertEqual(list(stored.numbers), [1, 2])
        self.assertIn(0, stored.duplicates)
        found = await self.wait(here.find("Mina", "2"))
        self.assertEqual(found and found.seq, 2)

    async def test_nodeStop(self) -> None:
        """
        A process that stops releases its claims.
        """
        store = await self.start()
        other = await self.started(await self.secondNode(store))
        here, _ = await self.open(store)
        there, inThere = await self.open(other)
        await self.wait(here.claim(claimOf("Mina"), 9))
        await self.until(lambda: inThere.present == ["Mina"], "the name")
        await self.stop(store)
        await self.until(lambda: inThere.present == [], "the end of the claim")
        self.assertEqual(await self.wait(there.claim(claimOf("Mina"), 9)), Claimed(True, 1))
