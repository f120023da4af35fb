"""
Tests for L{machat.store.deduplication}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.events import Receipt
from machat.limits import Limits
from machat.store.deduplication import Receipts


class ReceiptsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.use()

    def use(self, **limits: Any) -> None:
        self.clock = Clock()
        self.receipts = Receipts(self.clock, Limits(**limits))

    def begin(self, id: str, name: str = "mina", room: str = "dev") -> Deferred[Receipt]:
        said: Deferred[Receipt] = Deferred()
        self.first = self.receipts.begin((room, name, id), said)
        return said

    def find(self, id: str, name: str = "mina") -> Deferred[Receipt] | None:
        return self.receipts.find(("dev", name, id))

    def test_kept(self) -> None:
        """
        The receipt of a posted message is kept for the configured time.
        """
        self.assertIsNone(self.find("1"))
        self.begin("1").callback(Receipt("dev", 7))
        self.clock.advance(119.9)
        found = self.find("1")
        assert found is not None
        self.assertEqual(self.successResultOf(found), Receipt("dev", 7, True))
        self.assertIsNone(self.find("1", "ada"))
        self.clock.advance(0.1)
        self.assertIsNone(self.find("1"))
        self.assertEqual((len(self.receipts), self.receipts._ids), (0, {}))

    def test_underWay(self) -> None:
        """
        A request during the post receives its receipt when it succeeds, even if the id has been
        forgotten by then.
        """
        said = self.begin("1")
        early = self.find("1")
        assert early is not None
        self.assertNoResult(early)
        self.clock.advance(1000)
        self.assertIsNone(self.find("1"))
        said.callback(Receipt("dev", 7))
        self.assertEqual(self.successResultOf(early), Receipt("dev", 7, True))

    def test_failed(self) -> None:
        """
        A failed post is not remembered, and can be repeated.
        """
        said = self.begin("1")
        waiting = self.find("1")
        said.errback(OSError())
        self.failureResultOf(self.first, OSError)
        self.failureResultOf(waiting, OSError)
        self.assertIsNone(self.find("1"))
        self.assertEqual((len(self.receipts), self.receipts._ids), (0, {}))

    def test_cancelled(self) -> None:
        """
        Cancelling the wait for a receipt does not cancel the message.
        """
        said = self.begin("1")
        self.first.addErrback(lambda failure: failure.trap(CancelledError))
        self.first.cancel()
        again = self.find("1")
        assert again is not None
        said.callback(Receipt("dev", 7))
        self.assertEqual(self.successResultOf(again), Receipt("dev", 7, True))

    def test_bounds(self) -> None:
        """
        The number of remembered ids is limited per name and room, to the newest ones, and for all
        together.
        """
        self.use(receipts=2, receiptsTotal=4)
        for id in "123":
            self.begin(id).callback(Receipt("dev", int(id)))
        self.assertEqual([self.find(id) is not None for id in "123"], [False, True, True])
        for name in ("ada", "bob", "eve"):
            self.begin("1", name)
        self.assertEqual([self.find(id) is not None for id in "123"], [False, False, True])
        self.assertEqual(len(self.receipts), 4)
