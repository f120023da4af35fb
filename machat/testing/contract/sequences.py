"""
A test that performs arbitrary sequences of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread, deferToThreadPool
from twisted.trial.unittest import SkipTest

from machat.testing.contract.case import StoreCase


def _atOnce(step: Callable[[], Any]) -> None:
    """
    Perform a step of a store that needs no reactor.
    """
    outcome: list[object] = []
    performing = Deferred.fromCoroutine(step())
    performing.addBoth(outcome.append)
    if not outcome:
        raise AssertionError("the step did not end: does the store need a reactor?")
    if outcome[0] is not None:
        outcome[0].raiseException()  # type: ignore[attr-defined]


class SequenceTests(StoreCase):
    """
    Tests for combinations of all operations.
    """

    def test_sequences(self) -> Deferred[None] | None:
        """
        Whatever the steps are, the store behaves as a simple model does. Hypothesis chooses the
        steps, and reports a short sequence that fails.
        """
        try:
            from machat.testing.contract.machine import explore
        except ImportError as missing:
            raise SkipTest(f"needs Hypothesis: {missing}") from None
        if self.reactor is None:
            explore(self, _atOnce)
            return None

        def run(step: Callable[[], Any]) -> None:
            blockingCallFromThread(self.reactor, lambda: Deferred.fromCoroutine(step()))

        pool = self.reactor.getThreadPool()
        return deferToThreadPool(self.reactor, pool, partial(explore, self, run))

    # If a sequence fails, Hypothesis looks for a shorter one for up to 300 seconds.
    test_sequences.timeout = 400  # type: ignore[attr-defined]
