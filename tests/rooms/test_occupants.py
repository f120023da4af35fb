"""
Tests for L{machat.rooms.occupants}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.rooms.occupants import Occupants
from machat.wire import TEXT
from tests.rooms.test_room import Member


class OccupantsTests(SynchronousTestCase):
    """
    Tests for L{Occupants}.
    """

    def setUp(self) -> None:
        self.occupants = Occupants()
        self.phone, self.desk = Member("Mina", TEXT), Member("MINA", TEXT)
        self.occupants.add("mina", self.phone)
        self.occupants.add("mina", self.desk)

    def test_severalConnections(self) -> None:
        """
        A name with several connections counts once, and is in the room until the last one leaves.
        """
        self.assertEqual(len(self.occupants), 1)
        self.occupants.remove("mina", self.phone)
        self.assertIn("mina", self.occupants)
        self.assertEqual(list(self.occupants.named("Mina")), [self.desk])
        self.occupants.remove("mina", self.desk)
        self.assertNotIn("mina", self.occupants)
        self.assertEqual((len(self.occupants), list(self.occupants.members("mina"))), (0, []))

    def test_elsewhere(self) -> None:
        """
        The names of other processes count, but not twice, and have no members.
        """
        self.occupants.elsewhere = {"mina": "Mina", "bob": "Bob"}
        self.assertEqual(len(self.occupants), 2)
        self.assertIn("bob", self.occupants)
        self.assertEqual(list(self.occupants.named("Bob")), [])

    def test_silent(self) -> None:
        """
        A name is silent only if all its connections are, and if it has any.
        """
        self.phone.silent = True
        self.assertFalse(self.occupants.silent("mina"))
        self.desk.silent = True
        self.assertTrue(self.occupants.silent("mina"))
        self.assertFalse(self.occupants.silent("bob"))
