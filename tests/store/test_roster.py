"""
Tests for L{machat.store.roster}.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.errors import ChatError
from machat.records import Claim, Claimed, Names
from machat.store.roster import Roster
from machat.testing.contract.case import claimOf


class RosterTests(SynchronousTestCase):
    """
    Tests for L{Roster}.
    """

    def setUp(self) -> None:
        self.roster = Roster()

    def claim(self, name: str, known: bool = False, most: int = 10) -> Claim:
        """
        Claim a name.
        """
        claim = claimOf(name, known)
        self.result = self.roster.claim("dev", claim, most)
        return claim

    def assertTaken(self, name: str, text: str, known: bool = False) -> None:
        """
        The name is taken, and the error has this text.
        """
        error = self.assertRaises(ChatError, self.claim, name, known)
        self.assertEqual((error.code, error.text), ("name-taken", text))

    def test_oneUser(self) -> None:
        """
        A user can claim a name several times, and no other user can claim it; the name is free
        when all claims are released.
        """
        first = self.claim("Mina", True)
        self.assertEqual(self.result, Claimed(True, 1))
        second = self.claim("MINA", True)
        self.assertEqual(self.result, Claimed(False, 1))
        self.assertTaken("mina", '"Mina" is already in dev')
        self.assertEqual(self.roster.names(9), Names(1, ["Mina"]))
        self.roster.release(first)
        self.assertTaken("mina", '"MINA" is already in dev')
        self.roster.release(second)
        self.claim("mina")
        self.assertTaken("Mina", '"mina" is already in dev', True)

    def test_names(self) -> None:
        """
        The names are returned as they were claimed, in that order, up to the limit.
        """
        for name in ("Mina", "ada", "Élodie", "Bo"):
            self.claim(name)
        self.assertEqual(self.roster.names(9), Names(4, ["Mina", "ada", "Élodie", "Bo"]))
        self.assertEqual(self.roster.names(2), Names(4, ["Mina", "ada"]))

    def test_takenInOtherSpelling(self) -> None:
        """
        All spellings of a name are one name, and a refusal contains the holder's spelling.
        """
        self.claim("Straße")
        for name in ("STRASSE", "straße", "Ｓtrasse"):
            self.assertTaken(name, '"Straße" is already in dev')

    def test_full(self) -> None:
        """
        The number of claims is limited. A name with several claims counts several times.
        """
        self.claim("Mina", True, most=2)
        self.claim("Mina", True, most=2)
        error = self.assertRaises(ChatError, self.claim, "Ada", most=2)
        self.assertEqual((error.code, error.text), ("room-full", "dev has 2 members"))

    def test_release(self) -> None:
        """
        A released name is free, and is listed last when it is claimed again. Releasing a claim
        twice does not release the claim of another holder.
        """
        mina = self.claim("Mina")
        self.claim("Ada")
        self.roster.release(mina)
        self.claim("mina")
        self.roster.release(mina)
        self.assertEqual(self.roster.names(9), Names(2, ["Ada", "mina"]))

    @given(steps=st.lists(st.sampled_from(["a", "A", "b", "c"]), max_size=30))
    @settings(deadline=None, max_examples=100)
    def test_anySteps(self, steps: list[str]) -> None:
        """
        For any sequence of claims and releases, the names are correct, and nothing is left at the
        end.
        """
        self.roster = Roster()
        here: list[Claim] = []
        for name in steps:
            taken = [claim for claim in here if claim.key == name.lower()]
            if taken and taken[0].name == name:
                self.roster.release(taken[0])
                here.remove(taken[0])
            elif taken:
                self.assertTaken(name, f'"{taken[0].name}" is already in dev')
            else:
                here.append(self.claim(name))
            expected = [claim.name for claim in here]
            self.assertEqual(self.roster.names(9), Names(len(here), expected))
        for claim in here:
            self.roster.release(claim)
        self.assertEqual((self.roster._claims, len(self.roster)), ({}, 0))
