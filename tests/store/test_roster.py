"""
Tests for L{machat.store.roster}.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import verify

from machat.errors import ChatError
from machat.interfaces import IRoster
from machat.store.roster import MemoryRoster


class MemoryRosterTests(SynchronousTestCase):
    """
    Tests for L{MemoryRoster}.
    """

    def setUp(self) -> None:
        self.roster = MemoryRoster()

    def claim(self, name: str, room: str = "dev") -> None:
        """
        The name is free, and now taken.
        """
        self.assertTrue(self.successResultOf(self.roster.claim(room, name)))

    def assertTaken(self, name: str, text: str, room: str = "dev") -> None:
        """
        The name is taken, and the error has this text.
        """
        error = self.failureResultOf(self.roster.claim(room, name), ChatError).value
        self.assertEqual((error.code, error.text), ("name-taken", text))

    def members(self, room: str = "dev") -> list[str]:
        """
        @return: the names in the room
        """
        names: Sequence[str] = self.successResultOf(self.roster.members(room))
        return list(names)

    def test_interface(self) -> None:
        """
        The roster provides L{IRoster}.
        """
        verify.verifyObject(IRoster, self.roster)

    def test_oneUser(self) -> None:
        """
        A user can claim a name several times, and no other user can claim it; the name is free
        when all claims are released.
        """
        self.assertTrue(self.successResultOf(self.roster.claim("dev", "Mina", True)))
        self.assertFalse(self.successResultOf(self.roster.claim("dev", "MINA", True)))
        self.assertTaken("mina", '"Mina" is already in dev')
        self.assertEqual(self.members(), ["Mina"])
        self.assertFalse(self.roster.release("dev", "Mina"))
        self.assertTaken("mina", '"Mina" is already in dev')
        self.assertTrue(self.roster.release("dev", "MINA"))
        self.claim("mina")
        self.failureResultOf(self.roster.claim("dev", "Mina", True), ChatError)
        self.assertTrue(self.roster.release("dev", "mina"))
        self.assertEqual((self.roster._rooms, self.roster._users), ({}, {}))

    def test_members(self) -> None:
        """
        The names in a room are returned as they were claimed, in that order.
        """
        for name in ("Mina", "ada", "Élodie", "Bo"):
            self.claim(name)
        self.assertEqual(self.members(), ["Mina", "ada", "Élodie", "Bo"])

    def test_noMembers(self) -> None:
        """
        An unknown room has no names, and a query does not create it.
        """
        self.assertEqual(self.members("never"), [])
        self.assertEqual(self.roster._rooms, {})

    def test_taken(self) -> None:
        """
        A name can be claimed once per room, and a refusal contains the holder's spelling.
        """
        self.claim("Mina")
        self.assertTaken("Mina", '"Mina" is already in dev')
        self.assertEqual(self.members(), ["Mina"])

    def test_takenInOtherSpelling(self) -> None:
        """
        All spellings of a name are one name, and all spellings of a room one room.
        """
        self.claim("Straße", "Café")
        for name in ("STRASSE", "straße", "Ｓtrasse"):
            for room in ("CAFE\u0301", "café"):
                self.assertTaken(name, f'"Straße" is already in {room}', room)

    def test_otherRoom(self) -> None:
        """
        A name is free in any other room.
        """
        self.claim("Mina", "dev")
        self.claim("Mina", "ops")
        self.roster.release("dev", "Mina")
        self.assertEqual((self.members("dev"), self.members("ops")), ([], ["Mina"]))
        self.assertTaken("mina", '"Mina" is already in ops', "ops")

    def test_release(self) -> None:
        """
        A released name, in any spelling, is free, and is listed last when it is claimed again.
        """
        self.claim("Mina")
        self.claim("Ada")
        self.roster.release("DEV", "MINA")
        self.assertEqual(self.members(), ["Ada"])
        self.claim("mina")
        self.assertEqual(self.members(), ["Ada", "mina"])

    def test_membersIsACopy(self) -> None:
        """
        The answer is the same in every room.
        """
        self.claim("Mina")
        before = self.successResultOf(self.roster.members("dev"))
        self.claim("Ada")
        self.assertEqual(list(before), ["Mina"])

    def test_nothingLeft(self) -> None:
        """
        Nothing is left of a room when its last name is released, with or without refused claims.
        """
        self.claim("Mina", "Dev")
        self.assertTaken("mina", '"Mina" is already in dev')
        self.roster.release("dev", "Mina")
        self.assertEqual(self.roster._rooms, {})

    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["dev", "Dev", "ops"]), st.sampled_from(["a", "A", "b", "c"])
            ),
            max_size=30,
        )
    )
    @settings(deadline=None, max_examples=100)
    def test_anySteps(self, steps: list[tuple[str, str]]) -> None:
        """
        Whatever is claimed and released, the names in each room are correct, and nothing is left
        at the end.
        """
        roster = self.roster = MemoryRoster()
        here: dict[str, list[str]] = {"dev": [], "ops": []}
        for room, name in steps:
            names = here[room.lower()]
            taken = [other for other in names if other.lower() == name.lower()]
            if taken and taken[0] == name:
                roster.release(room, name)
                names.remove(name)
            elif taken:
                self.assertTaken(name, f'"{taken[0]}" is already in {room}', room)
            else:
                self.claim(name, room)
                names.append(name)
            self.assertEqual((self.members("dev"), self.members("ops")), (here["dev"], here["ops"]))
        for room, names in here.items():
            for name in names:
                roster.release(room, name)
        self.assertEqual(roster._rooms, {})
