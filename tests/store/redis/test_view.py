"""
Tests for L{machat.store.redis.view}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.store.redis.frames import Steps
from machat.store.redis.view import View


class ViewTests(SynchronousTestCase):
    """
    L{View} counts the claims of each node.
    """

    def test_moved(self) -> None:
        """
        A node holds no claims after its last claim has moved to another node.
        """
        view = View(lambda id: False)
        view.apply(Steps("g", 0, 1, [("+", "mina", "p:1", "old", "Mina", 1)]))
        self.assertEqual(dict(view.nodes), {"old": 1})
        view.apply(Steps("g", 1, 2, [("+", "mina", "p:1", "new", "Mina", 1)]))
        self.assertEqual(dict(view.nodes), {"new": 1})
