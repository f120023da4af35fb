"""
Tests for L{machat.auth.users}: the rights of a user.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.auth.users import ANYBODY, IChatUser, User


class UserTests(SynchronousTestCase):
    """
    Tests for L{User}.
    """

    def test_anybody(self) -> None:
        """
        By default a user may join and post in every room, and moderate none.
        """
        verifyObject(IChatUser, ANYBODY)
        self.assertEqual(
            (ANYBODY.mayJoin("dev"), ANYBODY.maySay("dev"), ANYBODY.mayModerate("dev")),
            (True, True, False),
        )

    def test_patterns(self) -> None:
        """
        A right is a list of patterns, which are compared as names are.
        """
        user = User(name="Mina", rooms=("Dev", "team/*"), say=(), mod=("team/a?",))
        allowed = [room for room in ("DEV", "dev2", "Team/x", "team") if user.mayJoin(room)]
        self.assertEqual(allowed, ["DEV", "Team/x"])
        self.assertFalse(user.maySay("dev"))
        self.assertTrue(user.mayModerate("team/ab"))
        self.assertFalse(user.mayModerate("team/abc"))
        self.assertTrue(User(rooms=("a[b]*",)).mayJoin("A[b]c"))
