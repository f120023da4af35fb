"""
Tests for L{machat.testing.StoreTests}.
"""

from __future__ import annotations

import unittest
from collections import Counter
from inspect import isfunction
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase, TestCase

from machat.interfaces import IStore
from machat.limits import Limits
from machat.testing import StoreTests
from tests.testing.reference import Data, ReferenceStore


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
