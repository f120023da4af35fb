"""
Tests for L{machat.connections.evictions}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from machat.connections.evictions import Evictions
from machat.errors import FAILED, ChatError
from machat.interfaces.evictions import IEvictions
from machat.testing import MemoryChat


@implementer(IEvictions)
class Others:
    """
    The other processes.

    @ivar asked: the keys with which they were asked
    @ivar up: whether they can be reached
    """

    def __init__(self) -> None:
        self.evicted: Callable[[str], object] = lambda key: None
        self.asked: list[str] = []
        self.up = True

    def evict(self, key: str) -> Deferred[None]:
        if not self.up:
            return fail(ChatError(FAILED, "not available"))
        self.asked.append(key)
        return succeed(None)


class EvictionTests(SynchronousTestCase):
    """
    Tests with the connections of a chat.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.others = Others()
        self.evictions = Evictions(self.chat.service.connections, self.others)
        self.mina, self.ada = self.chat.tcp("Mina", "dev"), self.chat.tcp("Ada", "dev")

    def evict(self, name: str) -> Deferred[int]:
        """
        Close the connections of a name.
        """
        return Deferred.fromCoroutine(self.evictions.evict(name))

    def test_interface(self) -> None:
        """
        The fake provides the interface.
        """
        verifyObject(IEvictions, self.others)

    def test_evict(self) -> None:
        """
        The connections of the name end, in any spelling, here and in the other processes.
        """
        self.assertEqual(self.successResultOf(self.evict("MINA")), 1)
        self.assertEqual((self.mina.connected, self.ada.connected), (False, True))
        self.assertEqual(self.others.asked, ["mina"])
        self.assertEqual(self.successResultOf(self.evict("Zoe")), 0)

    def test_asked(self) -> None:
        """
        A request of another process is not passed on.
        """
        self.others.evicted("ada")
        self.assertEqual((self.mina.connected, self.ada.connected), (True, False))
        self.assertEqual(self.others.asked, [])

    def test_unavailable(self) -> None:
        """
        Without the other processes, the connections here end, and the request fails.
        """
        self.others.up = False
        self.assertEqual(self.failureResultOf(self.evict("Ada"), ChatError).value.code, FAILED)
        self.assertFalse(self.ada.connected)

    def test_badName(self) -> None:
        """
        A name that is not allowed is refused.
        """
        self.failureResultOf(self.evict("a b"), ChatError)
        self.assertEqual(self.others.asked, [])
