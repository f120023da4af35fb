"""
The targets of L{tests.fuzz}, without its engine: their seeds, and some mutations of them.
"""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.edges import TARGETS
from tests.seeds import SEEDS, TOKENS

#: How many mutations each target is given.
MUTATIONS = 200


def mutate(data: bytes, random: Random) -> bytes:
    """
    @return: the data with a few bytes changed, doubled, left out, or exchanged for a word
    """
    for _ in range(random.randrange(1, 4)):
        begin = random.randrange(len(data) + 1)
        end = min(len(data), begin + random.choice((0, 1, 1, 4, 30)))
        piece = random.choice(
            (b"", bytes((random.randrange(256),)), random.choice(TOKENS), data[begin:end] * 2)
        )
        data = data[:begin] + piece + data[end:]
    return data


class TargetTests(SynchronousTestCase):
    def test_seeds(self) -> None:
        """
        Every target takes what it begins with.
        """
        self.assertEqual(set(TARGETS), set(SEEDS))
        for name, target in TARGETS.items():
            for seed in (b"", *SEEDS[name]):
                target(seed)

    def test_mutations(self) -> None:
        """
        And what is made of that at random.
        """
        random = Random(1)
        for name, target in TARGETS.items():
            for _ in range(MUTATIONS):
                target(mutate(random.choice(SEEDS[name]), random))
