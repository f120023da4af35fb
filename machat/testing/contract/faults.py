"""
Tests for a store that cannot reach its data for some time.
"""

from __future__ import annotations

from functools import partial

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from machat.errors import FAILED, NAME_TAKEN, ChatError, MaybeStored, NotStored
from machat.interfaces import IStoredRoom
from machat.records import Stored
from machat.testing.contract.case import StoreCase, claimOf, draft
from machat.testing.contract.witness import Witness


class FaultTests(StoreCase):
    """
    Tests for the time limit of operations, and for what happens afterwards.
    """

    async def test_health(self) -> None:
        """
        A store that works is up, and nothing waits.
        """
        health = (await self.start()).health()
        self.assertEqual((health.up, health.waiting, health.reason), (True, 0, ""))
        self.assertIsInstance(health.since, float)

    async def test_healthDown(self) -> None:
        """
        While data cannot be stored, the store is down and gives the reason in one line. Afterwards
        it is up again.
        """
        store = await self.start()
        room, _ = await self.open(store)
        await self.pause(store)
        await self._result(self.appending(room, draft("a")))
        health = store.health()
        self.assertFalse(health.up)
        self.assertTrue(health.reason)
        self.assertNotIn("\n", health.reason)
        await self.resume(store)
        await self._works(room)
        self.assertTrue(store.health().up)
        self.assertGreaterEqual(store.health().since, health.since)

    async def test_faultOpen(self) -> None:
        """
        Opening a room fails with C{failed}. The next attempt succeeds when the store is available.
        """
        store = await self.start()
        await self.pause(store)
        witness = Witness()
        opening = store.open("dev", "Dev", witness)
        self.assertEqual(await self.refused(self.inTime(opening)), FAILED)
        await self.resume(store)
        room, other = await self.open(store)
        await self._works(room)
        self.assertEqual((witness.messages, witness.faults, other.faults), ([], [], []))

    async def test_faultAppend(self) -> None:
        """
        An append fails with L{NotStored} or L{MaybeStored}. When the message is appended again with
        its id, it is stored and reported once. Later messages follow without a gap.
        """
        store = await self.start()
        room, witness = await self.open(store)
        await self.append(room, "a")
        await self.pause(store)
        self.assertIsNone(await self._result(self.appending(room, draft("b", "b"))))
        await self.resume(store)
        await self._retry(room, "b")
        await self._retry(room, "c")
        await self.until(lambda: len(witness.messages) >= 3, "all messages")
        self.assertEqual(await self.read(room), ["a", "b", "c"])
        self.assertEqual((witness.texts(), witness.faults), (["a", "b", "c"], []))

    async def test_faultShort(self) -> None:
        """
        If the fault ends within the time limit, the result of an append is correct: a stored
        message is there once, and one that was not stored is not there.
        """
        store = await self.start()
        room, witness = await self.open(store)
        await self.pause(store)
        outcomes = self._begin(room, "a")
        await self.resume(store)
        await self.until(lambda: bool(outcomes), "the result")
        await self._retry(room, "b")
        await self.until(lambda: "b" in witness.texts(), "the second message")
        expected = ["a", "b"] if outcomes[0] else ["b"]
        self.assertEqual(await self.read(room), expected)
        self.assertEqual((witness.texts(), witness.faults), (expected, []))

    async def test_faultClaim(self) -> None:
        """
        A claim fails with C{failed}, and then holds nothing; or it succeeds, if the store does not
        need its data for claims.
        """
        store = await self.start()
        room, _ = await self.open(store)
        await self.pause(store)
        claim = claimOf("Mina")
        try:
            await self.inTime(room.claim(claim, 9))
        except ChatError as error:
            self.assertEqual(error.code, FAILED)
            await self.resume(store)
        else:
            await self.resume(store)
            self.assertEqual(
                await self.refused(self.wait(room.claim(claimOf("mina"), 9))), NAME_TAKEN
            )
            room.release(claim)
        await self._works(room)
        await self._claimable(room, "MINA")
        room.release(claim)
        self.assertEqual((await self.wait(room.members(9))).names, ["MINA"])

    async def test_faultRelease(self) -> None:
        """
        A claim that is released during a fault ends when the store is available.
        """
        store = await self.start()
        room, _ = await self.open(store)
        claim = claimOf("Mina")
        await self.wait(room.claim(claim, 9))
        await self.pause(store)
        room.release(claim)
        await self.resume(store)
        await self._works(room)
        await self._claimable(room, "mina")

    async def test_faultClose(self) -> None:
        """
        A room may be closed during a fault. It can be opened again afterwards.
        """
        store = await self.start()
        room, witness = await self.open(store)
        await self.append(room, "a")
        await self.pause(store)
        await self._result(self.appending(room, draft("b", "b")))
        await self.close(room, witness)
        await self.resume(store)
        again, other = await self.open(store)
        await self._works(again)
        await self._retry(again, "b")
        texts = await self.read(again)
        self.assertEqual([text for text in texts if text in "ab"], ["a", "b"])
        self.assertEqual(witness.faults + other.faults, [])

    async def test_faultStop(self) -> None:
        """
        A store can be stopped during a fault. Appends fail before C{stop} fires.
        """
        store = await self.start()
        room, _ = await self.open(store)
        await self.wait(room.claim(claimOf("Mina"), 9))
        await self.pause(store)
        outcomes = self._begin(room, "a")
        await self.stop(store)
        self.assertEqual(outcomes, [False])
        await self.resume(store)

    def _begin(self, room: IStoredRoom, text: str) -> list[bool]:
        """
        @return: becomes C{[True]} when the message is stored, C{[False]} when that has failed
        """
        outcomes: list[bool] = []
        self.appending(room, text).addBoth(partial(self._noteOutcome, outcomes))
        return outcomes

    def _noteOutcome(self, outcomes: list[bool], result: Stored | Failure) -> None:
        if isinstance(result, Failure):
            result.trap(NotStored, MaybeStored)
        outcomes.append(not isinstance(result, Failure))

    async def _result(self, appending: Deferred[Stored]) -> Stored | None:
        """
        @return: the result of an append, within the time limit; C{None} if it failed
        """
        try:
            stored: Stored = await self.inTime(appending)
        except (NotStored, MaybeStored):
            return None
        return stored

    async def _retry(self, room: IStoredRoom, text: str) -> None:
        """
        Append a message with an id until it is stored, as a client does. The store may need some
        attempts until it has found that it is available.
        """
        for _ in range(100):
            if await self._result(self.appending(room, draft(text, text))):
                return
        self.fail("the store is not available after the fault")

    async def _works(self, room: IStoredRoom) -> None:
        """
        Wait until the store is available.
        """
        await self._retry(room, "works")

    async def _claimable(self, room: IStoredRoom, name: str) -> None:
        """
        Claim a name that may become free soon.
        """
        self.assertTrue((await self.wait(room.claim(claimOf(name), 9))).first)
