"""
Tests for L{machat.turnstile}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.turnstile import Turnstile


class TurnstileTests(SynchronousTestCase):
    def test_atOnce(self) -> None:
        """
        An answer that nothing is before passes at once.
        """
        turnstile = Turnstile()
        self.assertEqual(self.successResultOf(turnstile.enter(succeed(1))), 1)
        self.assertEqual(len(turnstile), 0)

    @given(st.permutations(range(5)), st.sets(st.integers(0, 4)))
    def test_order(self, answers: list[int], failing: set[int]) -> None:
        """
        In whatever order the answers come, they pass in the order of the questions.
        """
        turnstile = Turnstile()
        asked: list[Deferred[int]] = [Deferred() for _ in answers]
        passed: list[object] = []
        for each in asked:
            turnstile.enter(each).addBoth(passed.append)
        for count, number in enumerate(answers, 1):
            if number in failing:
                asked[number].errback(ValueError(number))
            else:
                asked[number].callback(number)
            done = set(answers[:count])
            self.assertEqual(len(passed), next(n for n in range(6) if n not in done))
        self.assertEqual(
            [isinstance(each, Failure) for each in passed], [n in failing for n in range(5)]
        )
        self.assertEqual(len(turnstile), 0)
