"""
Tests for L{machat.testing.StoreTests}.
"""

from __future__ import annotations

import unittest
from collections import Counter
from collections.abc import Sequence
from inspect import isfunction
from math import inf
from typing import Any

from msgspec.structs import replace
from twisted.internet.task import Clock
from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase, TestCase

from machat.events import Draft, Position
from machat.interfaces import IStore
from machat.limits import Limits
from machat.records import Claim, Stored
from machat.testing import StoreTests
from tests.testing.reference import Data, ReferenceRoom, ReferenceStore, RoomData


class ClassTests(SynchronousTestCase):
    """
    Tests for the class itself.
    """

    def test_names(self) -> None:
        """
        No two parts of the contract have a method of the same name, which would hide one of them.
        """
        methods = [
            name
            for part in StoreTests.__mro__
            for name, value in vars(part).items()
            if isfunction(value)
        ]
        found = Counter(name for name in methods if not name.startswith("__"))
        self.assertEqual([name for name, count in found.items() if count > 1], [])
        self.assertGreater(len(found), 60)

    def test_base(self) -> None:
        """
        A class whose tests would not be awaited cannot be defined.
        """
        for base in (SynchronousTestCase, unittest.TestCase):
            with self.assertRaisesRegex(TypeError, "twisted.trial.unittest.TestCase"):
                type("Wrong", (StoreTests, base), {})

    def test_skipped(self) -> None:
        """
        Tests that need a facility that is not supplied are skipped, and name it.
        """

        class Without(StoreTests, TestCase):
            clock = Clock()

            def makeStore(self, limits: Limits) -> IStore:
                return ReferenceStore(self.clock, limits)

        reasons = {}
        for name in ("kill", "lostTail", "faultOpen", "nodeNames"):
            result = TestResult()
            Without(f"test_{name}").run(result)
            self.assertEqual((result.failures, result.errors), ([], []))
            [(_, reasons[name])] = result.skips
        for name, facility in zip(
            reasons, ("restart", "backUp", "pause", "secondNode"), strict=True
        ):
            self.assertIn(f"do not supply {facility}()", str(reasons[name]))


class ReferenceTests(StoreTests, TestCase):
    """
    The reference store meets the contract, so no test of it demands too much of a store that
    answers late.
    """

    clock: Clock

    def makeStore(self, limits: Limits) -> IStore:
        self.clock = Clock()
        return ReferenceStore(self.clock, limits)

    async def restart(self, store: IStore, clean: bool) -> IStore:
        assert isinstance(store, ReferenceStore)
        return store.restarted()

    async def backUp(self, store: IStore) -> Any:
        assert isinstance(store, ReferenceStore)
        return store.data.copy()

    async def restore(self, store: IStore, backup: Any) -> IStore:
        assert isinstance(store, ReferenceStore)
        assert isinstance(backup, Data)
        return store.restarted(backup)

    async def pause(self, store: IStore) -> None:
        assert isinstance(store, ReferenceStore)
        store.data.up = False

    async def resume(self, store: IStore) -> None:
        assert isinstance(store, ReferenceStore)
        store.data.up = True

    async def secondNode(self, store: IStore) -> IStore:
        assert isinstance(store, ReferenceStore)
        return ReferenceStore(self.clock, store.limits, store.data)


class BrokenStoreTests(SynchronousTestCase):
    """
    The contract finds faults: each test breaks one thing in the reference store.
    """

    def assertFound(self, *names: str) -> None:
        """
        Each of these tests of the contract fails, by an assertion.
        """
        for name in names:
            result = TestResult()
            ReferenceTests(f"test_{name}").run(result)
            self.assertEqual(len(result.failures), 1, name)
            self.assertEqual(result.errors, [], name)

    def test_duplicates(self) -> None:
        """
        Ids are not remembered.
        """
        self.patch(ReferenceRoom, "_known", lambda room, sender, id: None)
        self.assertFound("idInBatch", "idAcrossBatches", "idFind", "restart")

    def test_remembered(self) -> None:
        """
        Ids are never forgotten.
        """
        known = ReferenceRoom._known

        def always(room: ReferenceRoom, sender: str, id: str) -> int | None:
            room.store.limits = replace(room.store.limits, remembered=inf)
            return known(room, sender, id)

        self.patch(ReferenceRoom, "_known", always)
        self.assertFound("idForgotten", "restartIdTime")

    def test_reportedTwice(self) -> None:
        """
        Everything is reported twice.
        """
        report = ReferenceRoom.report

        def twice(room: ReferenceRoom, *arguments: Any) -> None:
            report(room, *arguments)
            report(room, *arguments)

        self.patch(ReferenceRoom, "report", twice)
        self.assertFound("numbers", "changes", "close", "nodeMessages")

    def test_reportedLate(self) -> None:
        """
        Reports continue after a room is closed.
        """
        self.patch(ReferenceRoom, "close", lambda room: room.store.data.opened.remove(room))
        self.assertFound("closeAtOnce")

    def test_epochKept(self) -> None:
        """
        A restored backup continues its epoch.
        """
        self.patch(RoomData, "begin", lambda room, life: setattr(room, "epoch", "constant"))
        self.assertFound("lostTail", "lostTailTwice", "lostTailThenRestart", "coversOther")

    def test_coversCurrent(self) -> None:
        """
        Only the current epoch is known.
        """

        def covers(room: ReferenceRoom, position: Position) -> bool:
            return position.epoch == room.data.epoch and position.seq <= room.data.seq

        self.patch(ReferenceRoom, "covers", covers)
        self.assertFound("coversRestarts", "coversLastEpochs", "restart", "lostTail")

    def test_releaseByName(self) -> None:
        """
        A release ends every claim of its name.
        """

        def release(room: ReferenceRoom, claim: Claim) -> None:
            room.claims[:] = [each for each in room.claims if each[0].key != claim.key]

        self.patch(ReferenceRoom, "release", release)
        self.assertFound("claimTaken", "claimRelease", "claimKnown", "nodeTakeOver")

    def test_limits(self) -> None:
        """
        Nothing is deleted.
        """
        self.patch(ReferenceStore, "trim", lambda store: None)
        self.assertFound("readMost", "readBytes", "readAge", "readTotal")

    def test_sequences(self) -> None:
        """
        A fault that only a sequence of steps shows: a batch of more than two messages loses the id
        of its last one.
        """
        append = ReferenceRoom._append

        def forget(room: ReferenceRoom, batch: Sequence[Draft], changes: Any) -> Stored:
            if len(batch) > 2:
                batch = [*batch[:-1], replace(batch[-1], id=None)]
            return append(room, batch, changes)

        self.patch(ReferenceRoom, "_append", forget)
        self.patch(ReferenceTests, "examples", 500)
        self.patch(ReferenceTests, "shrinks", False)
        self.assertFound("sequences")
