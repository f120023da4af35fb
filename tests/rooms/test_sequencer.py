"""
Tests for L{machat.rooms.sequencer}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.rooms.sequencer import Sequencer


class SequencerTests(SynchronousTestCase):
    def test_atOnce(self) -> None:
        """
        An answer passes at once if no earlier question is open.
        """
        sequencer = Sequencer()
        self.assertEqual(self.successResultOf(sequencer.push("Mina", succeed(1))), 1)
        self.assertEqual(len(sequencer), 0)

    @given(st.permutations(range(5)), st.sets(st.integers(0, 4)))
    def test_order(self, answers: list[int], failing: set[int]) -> None:
        """
        Answers pass in the order of their questions, in whatever order they arrive.
        """
        sequencer = Sequencer()
        asked: list[Deferred[int]] = [Deferred() for _ in answers]
        passed: list[object] = []
        for each in asked:
            sequencer.push("Mina", each).addBoth(passed.append)
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
        self.assertEqual(len(sequencer), 0)

    def test_withdraw(self) -> None:
        """
        The questions of a member that has gone fail in their turn, block no other question, and
        ignore late answers.
        """
        sequencer = Sequencer()
        first, gone, answered, last = [Deferred[str]() for _ in range(4)]
        passed: list[object] = []
        for asker, answer in (("a", first), ("b", gone), ("b", answered), ("a", last)):
            sequencer.push(asker, answer).addBoth(passed.append)
        answered.callback("yes")
        last.callback("last")
        sequencer.withdraw("b", ValueError("gone"))
        sequencer.withdraw("c", ValueError("never there"))
        self.assertEqual(passed, [])
        first.callback("first")
        self.assertEqual([passed[0], passed[3]], ["first", "last"])
        self.assertTrue(all(isinstance(each, Failure) for each in passed[1:3]))
        gone.errback(ValueError("late"))
        self.assertEqual((len(sequencer), sequencer._askers), (0, {}))

    def test_withdrawFirst(self) -> None:
        """
        An answer that waits only for a member that has gone passes when that member is withdrawn.
        """
        sequencer = Sequencer()
        sequencer.push("b", Deferred()).addErrback(lambda failure: failure.trap(ValueError))
        behind = sequencer.push("a", succeed(1))
        self.assertNoResult(behind)
        sequencer.withdraw("b", ValueError("gone"))
        self.assertEqual(self.successResultOf(behind), 1)
