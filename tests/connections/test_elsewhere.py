"""
Tests for L{machat.connections.elsewhere}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.connections.elsewhere import Elsewhere
from machat.connections.registry import Connections
from machat.errors import ChatError
from machat.interfaces import IQuotas
from machat.limits import Limits
from tests.quotas import MemoryQuotas, Numbers

HERE = IPv4Address("TCP", "192.0.2.1", 1)


class ElsewhereTests(SynchronousTestCase):
    """
    The connections of two processes of one chat.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.numbers = Numbers()
        self.quotas: list[MemoryQuotas] = []

    def process(self, **limits: int) -> Any:
        """
        @return: the connections of a new process
        """
        quotas = MemoryQuotas(self.clock, self.numbers)
        verifyObject(IQuotas, quotas)
        self.quotas.append(quotas)
        known = Limits(**limits)
        return Connections(known, True, Elsewhere(self.clock, quotas, known))

    def identify(self, connections: Any, *names: str) -> None:
        """
        Add connections of Mina, and require that they are admitted.
        """
        for name in names:
            connections.add(name, None)
            self.assertIsNone(self.successResultOf(connections.identify(name, "Mina")))

    def assertTooMany(self, waiting: Any) -> None:
        """
        Require a refusal.
        """
        error = self.failureResultOf(waiting, ChatError).value
        self.assertEqual(error.code, "too-many-connections")

    def test_user(self) -> None:
        """
        The connections of a user to all processes count. One that ends makes room everywhere.
        """
        here, there = self.process(maxPerUser=3), self.process(maxPerUser=3)
        self.identify(here, "a", "b")
        self.identify(there, "c")
        there.add("d", None)
        self.assertTooMany(there.identify("d", "MINA"))
        here.end("a")
        self.identify(there, "e")
        here.add("f", None)
        self.assertTooMany(here.identify("f", "Mina"))
        self.assertEqual(sum(v for v, _, _ in self.numbers.entries["user", "mina"].values()), 3)

    def test_userRefusedTogether(self) -> None:
        """
        Of connections that wait together, those that are refused do not count.
        """
        here, there = self.process(maxPerUser=2), self.process(maxPerUser=2)
        self.identify(here, "a")
        self.quotas[1].slow = True
        for connection in "bcd":
            there.add(connection, None)
        first, second = there.identify("b", "Mina"), there.identify("c", "Mina")
        self.quotas[1].answer()
        self.assertIsNone(self.successResultOf(first))
        self.assertTooMany(second)
        self.quotas[1].answer()
        here.end("a")
        third = there.identify("d", "Mina")
        self.quotas[1].answer()
        self.assertIsNone(self.successResultOf(third))

    def test_userEnded(self) -> None:
        """
        A connection that ends while it is counted does not count, admitted or not.
        """
        for most in (1, 2):
            here, there = self.process(maxPerUser=most), self.process(maxPerUser=most)
            self.identify(here, "a")
            self.quotas[-1].slow = True
            there.add("b", None)
            waiting = there.identify("b", "Mina")
            there.end("b")
            self.quotas[-1].answer()
            waiting.addErrback(lambda _: None)
            self.assertEqual(len(self.numbers.entries["user", "mina"]), 1)
            here.end("a")
            self.assertEqual(self.numbers.entries["user", "mina"], {})

    def test_userUnavailable(self) -> None:
        """
        While the store is not available, each process counts its own connections.
        """
        here, there = self.process(maxPerUser=2), self.process(maxPerUser=2)
        self.identify(here, "a", "b")
        self.quotas[1].up = False
        self.identify(there, "c", "d")
        there.add("e", None)
        with self.assertRaises(ChatError):
            there.identify("e", "Mina")

    def test_again(self) -> None:
        """
        A connection that is authenticated again is not counted again.
        """
        here = self.process()
        self.identify(here, "a")
        self.assertIsNone(here.identify("a", "Mina"))
        self.assertEqual(len(self.quotas[0].calls), 1)

    def place(self, connections: Any, *names: str) -> list[str]:
        """
        @return: those of these new connections that have a place
        """
        return [name for name in names if connections.add(name, HERE) > 1]

    def test_network(self) -> None:
        """
        The connections of a network to all processes count. A connection that is refused because of
        the others asks for them again, after a second.
        """
        here, there = self.process(maxPerAddress=16), self.process(maxPerAddress=16)
        self.assertEqual(self.place(here, *"abcdefghij"), list("abcdefghij"))
        self.assertEqual(self.place(there, *"123456789"), list("123456"))
        for connection in "abcd":
            here.end(connection)
        with self.assertRaises(ChatError):
            there.check("7", HERE)
        self.clock.advance(1)
        with self.assertRaises(ChatError):
            there.check("7", HERE)  # it has asked again
        for connection in "789":
            there.check(connection, HERE)

    def test_ordinaryNetworks(self) -> None:
        """
        A network with few connections costs no request, and leaves nothing.
        """
        here = self.process(maxPerAddress=16)
        self.place(here, "a")
        here.discard("a")
        self.assertEqual(self.quotas[0].calls, [])
        self.place(here, "a", "b", "c")
        for connection in "abc":
            here.discard(connection)
        self.assertEqual(self.numbers.entries["address", "192.0.2.1"], {})
        elsewhere = here._elsewhere
        self.assertEqual((elsewhere._others, elsewhere._asking, elsewhere._fresh), ({}, {}, {}))

    def test_oneRequest(self) -> None:
        """
        Of a network, one request is on its way. The next one has the latest number.
        """
        here = self.process(maxPerAddress=16)
        self.quotas[0].slow = True
        self.place(here, *"abcdef")
        here.end("a")
        self.quotas[0].answer()
        self.quotas[0].answer()
        self.assertEqual([count for _, count, _ in self.quotas[0].calls], [2, 5])

    def test_networkUnavailable(self) -> None:
        """
        While the store is not available, the connections to other processes do not count.
        """
        here, there = self.process(maxPerAddress=8), self.process(maxPerAddress=8)
        self.place(here, *"abcdef")
        self.assertEqual(self.place(there, *"123"), ["1", "2"])
        self.quotas[1].up = False
        self.clock.advance(1)
        self.assertEqual(self.place(there, *"456789"), ["5", "6", "7", "8", "9"])
