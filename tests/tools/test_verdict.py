"""
Tests for L{tools.verdict}.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from tools.verdict import COUNTS, Verdict
from tools.witnesses import Seen, Talker

#: The stored messages.
STORED = {1: "a", 2: "b", 3: "c"}


class Recorded:
    """
    The messages that a client has seen.
    """

    name = "Mina"
    refused: frozenset[str] = frozenset()

    def __init__(self, seen: str, acknowledged: str = "") -> None:
        """
        @param seen: for example C{1a 2b -}; the hyphen is a report of a loss
        """
        self.seen = [self._of(at, word) for at, word in enumerate(seen.split())]
        self.acknowledged = [self._of(99, word) for word in acknowledged.split()]

    def _of(self, at: int, word: str) -> Seen:
        return Seen(at, 0, word) if word == "-" else Seen(at, int(word[:-1]), word[-1:])


class VerdictTests(SynchronousTestCase):
    def verdict(self, seen: str, acknowledged: str = "") -> dict[str, int]:
        """
        @return: the counts that are not 0
        """
        verdict = Verdict(STORED)
        talker: Any = Recorded(seen, acknowledged)
        verdict.judge(cast(Talker, talker))
        self.assertLessEqual(set(verdict.counts), set(COUNTS))
        counted = {name: count for name, count in verdict.counts.items() if count}
        self.assertEqual(bool(set(counted) & set(COUNTS[4:])), bool(verdict.problems))
        return {name: counted[name] for name in counted if name in COUNTS[3:]}

    def test_right(self) -> None:
        """
        A client has seen all messages since its first one, in order.
        """
        self.assertEqual(self.verdict("1a 2b 3c", "1a 3c"), {})
        self.assertEqual(self.verdict("2b 3c"), {})

    def test_wrong(self) -> None:
        """
        Messages that were lost, missed, doubled or in another order are counted.
        """
        for seen, acknowledged, name in (
            ("1a 2x 3c", "", "lost without a report"),
            ("1a 2b 3c", "4d", "lost without a report"),
            ("1a - 2b 3c", "", "reports without a loss"),
            ("1a 3c", "", "missed without a report"),
            ("1a 2b", "", "missed without a report"),
            ("1a 2b 2b 3c", "", "twice"),
            ("2b 1a 2b 3c", "", "out of order"),
        ):
            self.assertIn(name, self.verdict(seen, acknowledged), seen)

    def test_reported(self) -> None:
        """
        After a report, what was lost and missed before is not a problem.
        """
        self.assertEqual(self.verdict("1a 2x - 3c"), {"lost and reported": 1})
        self.assertEqual(self.verdict("1a - 3c"), {})

    def test_stored(self) -> None:
        """
        A message that is stored twice, and members without a client, are counted.
        """
        verdict = Verdict({1: "a", 2: "a"})
        verdict.ghosts({"Mina", "Eve"}, {"Mina", "Ada"})
        self.assertEqual(verdict.counts, {"twice": 1, "ghosts": 2})
