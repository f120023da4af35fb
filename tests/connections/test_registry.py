"""
Tests for L{machat.connections.registry} and L{machat.addresses}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from machat.addresses import networkOf
from machat.connections.registry import Connections
from machat.errors import ChatError
from machat.limits import Limits
from machat.records import Holder
from machat.testing import MemoryChat, MemoryClient, MemoryMember
from tests.members import asConnection


def v4(host: str) -> IPv4Address:
    """
    @return: an address with a port
    """
    return IPv4Address("TCP", host, 50000)


def v6(host: str) -> IPv6Address:
    """
    @return: an address with a port
    """
    return IPv6Address("TCP", host, 50000)


class NetworkTests(SynchronousTestCase):
    """
    Tests for L{networkOf}.
    """

    def test_networks(self) -> None:
        """
        An IPv4 address counts by itself, including behind NAT64, and so does a link-local
        neighbour. IPv6 counts by /64, and this machine is not counted.
        """
        for address, network in (
            (v4("192.0.2.7"), "192.0.2.7"),
            (v6("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"),
            (v6("::ffff:192.0.2.7"), "192.0.2.7"),
            (v6("fe80::1%eth0"), "fe80::1%eth0"),
            (v6("fe80::2"), "fe80::2"),
            (v6("64:ff9b::192.0.2.7"), "192.0.2.7"),
            (v6("64:ff9b::127.0.0.1"), "127.0.0.1"),
            (v4("127.0.0.1"), None),
            (v4("127.8.9.10"), None),
            (v6("::1"), None),
            (v6("::ffff:127.0.0.1"), None),
            (UNIXAddress(b"/run/machat"), None),
            (v4("nonsense"), None),
            (None, None),
        ):
            self.assertEqual(networkOf(address), network, address)


class ConnectionsTests(SynchronousTestCase):
    """
    Tests for L{Connections}.
    """

    def refused(self, connections: Any, connection: object, address: object) -> bool:
        """
        @return: whether the connection exceeds the limit when it sends its hello
        """
        try:
            connections.check(connection, address)
        except ChatError as error:
            self.assertEqual(error.code, "too-many-connections")
            return True
        return False

    def test_perAddress(self) -> None:
        """
        The number of connections per address is limited in every order of events, and separately
        for each address.
        """
        connections: Any = Connections(Limits(maxPerAddress=2))
        here = v4("192.0.2.1")
        self.assertEqual([connections.add(each, here) for each in "abc"], [10, 10, 1])
        self.assertTrue(self.refused(connections, "c", here))
        connections.add("d", v4("192.0.2.2"))
        self.assertFalse(self.refused(connections, "d", v4("192.0.2.2")))
        connections.discard("a")
        self.assertFalse(self.refused(connections, "c", here))

    def test_behindAProxy(self) -> None:
        """
        The address at the hello counts, so many connections may come from one proxy.
        """
        connections: Any = Connections(Limits(maxPerAddress=2))
        for number in range(6):
            connections.add(number, v4("192.0.2.9"))
        for number in range(6):
            client = v4(f"198.51.100.{number // 3}")
            self.assertEqual(self.refused(connections, number, client), number % 3 == 2)

    def test_loopback(self) -> None:
        """
        Connections from this machine are not limited by address.
        """
        connections: Any = Connections(Limits(maxPerAddress=1))
        for number in range(5):
            self.assertEqual(connections.add(number, v4("127.0.0.1")), 10)
            self.assertFalse(self.refused(connections, number, v4("127.0.0.1")))

    def test_all(self) -> None:
        """
        Of the connections over the total limit, a few have a second to receive their refusal; the
        others have none.
        """
        connections: Any = Connections(Limits(maxConnections=18))
        times = [connections.add(number, None) for number in range(21)]
        self.assertEqual(times, [10] * 18 + [1] + [0] * 2)

    def test_inOrder(self) -> None:
        """
        A connection over the limit does not displace earlier ones.
        """
        for limits, address in (
            (Limits(maxConnections=100), None),
            (Limits(maxPerAddress=64), v4("192.0.2.1")),
        ):
            most = min(limits.maxConnections, limits.maxPerAddress) if address else 100
            connections: Any = Connections(limits)
            for number in range(most + 10):
                connections.add(number, address)
            refused = [
                number
                for number in reversed(range(most + 10))
                if self.refused(connections, number, address)
            ]
            self.assertEqual(refused, list(reversed(range(most, most + 10))))

    def test_ended(self) -> None:
        """
        A connection that has ended no longer counts, neither in total nor for its address or user,
        even before it is lost.
        """
        connections: Any = Connections(Limits(maxConnections=2, maxPerAddress=1, maxPerUser=1))
        here, there = v4("192.0.2.1"), v4("192.0.2.2")
        connections.add("a", here)
        connections.identify("a", "Ada")
        connections.add("b", there)
        connections.add("c", here)
        self.assertTrue(self.refused(connections, "c", here))
        connections.end("a")
        self.assertFalse(self.refused(connections, "c", here))
        connections.identify("c", "Ada")
        connections.identify("a", "Ada")  # after the connection has ended
        connections.discard("a")
        connections.add("d", here)
        self.assertTrue(self.refused(connections, "d", here))

    def test_moves(self) -> None:
        """
        A connection whose real address becomes known counts there, and no longer at the old
        address.
        """
        connections: Any = Connections(Limits(maxPerAddress=1))
        proxy, client = v4("192.0.2.9"), v4("198.51.100.1")
        for connection in "abc":
            connections.add(connection, proxy)
        self.assertFalse(self.refused(connections, "a", client))
        self.assertTrue(self.refused(connections, "b", client))
        self.assertFalse(self.refused(connections, "c", proxy))
        connections.discard("a")
        self.assertFalse(self.refused(connections, "b", client))

    def test_nothingLeft(self) -> None:
        """
        Lost connections leave nothing, and a second removal has no effect.
        """
        connections: Any = Connections(Limits())
        connections.add("a", v4("192.0.2.1"))
        connections.check("a", v4("192.0.2.2"))
        connections.issue("a")
        connections.discard("a")
        connections.discard("a")
        for kept in (connections._secrets, connections._owners, connections.networks):
            self.assertEqual(kept, {})
        self.assertEqual((connections._counts, connections._placed), ({}, set()))


class HolderTests(SynchronousTestCase):
    """
    The properties of a connection for its claims of names.
    """

    def test_alone(self) -> None:
        """
        Without a shared store, only the user matters.
        """
        connections: Any = Connections(Limits())
        for name in "ab":
            connections.add(name, None)
            connections.check(name, None)
            connections.issue(name)
        connections.identify("a", "Ada")
        self.assertEqual(connections.holder("a"), Holder(True))
        self.assertEqual(connections.holder("b"), Holder(False))
        self.assertEqual(connections.holder("somebody"), Holder(False))

    def test_shared(self) -> None:
        """
        With a shared store, a claim contains the hash of the connection's secret, and the hash of
        the secret that it presented, even if that was issued by another process.
        """
        one: Any = Connections(Limits(), True)
        two: Any = Connections(Limits(), True)
        earlier, later = asConnection(MemoryMember("Mina")), asConnection(MemoryMember("Mina"))
        one.add(earlier, None)
        secret = one.issue(earlier)
        two.add(later, None)
        two.takeOver(later, secret)
        self.assertEqual(two.holder(later), Holder(False, None, one.holder(earlier).secret))
        two.issue(later)
        self.assertNotIn(two.holder(later).secret, (None, one.holder(earlier).secret))
        two.discard(later)
        self.assertEqual(two.holder(later), Holder(False))
        self.assertEqual(two._presented, {})


class RefusalTests(SynchronousTestCase):
    """
    Refusals of connections over the limit.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(maxPerAddress=1))
        self.first = self.chat.tcp("Ada", "dev")

    def assertGone(self, client: MemoryClient) -> None:
        self.chat.clock.advance(5)
        self.assertFalse(client.connected)
        self.first.send("still here")
        self.chat.turn()
        self.assertEqual(self.first.received(), ["Ada:still here"])

    def test_text(self) -> None:
        """
        A C{text} client receives an error line.
        """
        client = self.chat.tcp("Mina", "dev")
        words = "machat:error too-many-connections too many connections: try again later"
        self.assertEqual(client.received(), [words])
        self.assertGone(client)

    def test_webSocket(self) -> None:
        """
        A WebSocket client receives the close code.
        """
        client = self.chat.ws("Mina", "dev")
        self.assertIn("too-many-connections", client.received()[0])
        self.assertEqual(client.closeCode, 3003)
        self.assertGone(client)

    def test_events(self) -> None:
        """
        An C{events} client receives an error and a bye.
        """
        client = self.chat.tcp()
        client.send('{"v": 1, "name": "Mina", "room": "dev"}')
        error, bye = client.received()
        self.assertIn('"code":"too-many-connections"', error)
        self.assertIn('"code":3003', bye)
        self.assertGone(client)

    def test_silent(self) -> None:
        """
        A silent connection is closed after a second.
        """
        client = self.chat.tcp()
        self.chat.clock.advance(1)
        self.assertIn("too-many-connections", client.received()[0])
        self.assertGone(client)

    def test_roomMeanwhile(self) -> None:
        """
        A silent connection has the usual time if a place becomes free meanwhile.
        """
        client = self.chat.tcp()
        self.first.close()
        self.chat.clock.advance(8)
        client.send('{"name": "Mina", "room": "dev"}')
        client.send("hello")
        self.chat.turn()
        self.assertEqual(client.received(), ["Mina:hello"])
        silent = MemoryChat(Limits(maxPerAddress=1))
        silent.tcp("Ada", "dev").close()
        client = silent.tcp()
        silent.clock.advance(10)
        self.assertIn("hello-timeout", client.received()[0])

    def test_closing(self) -> None:
        """
        A refused connection that waits for the client to close it blocks no other connection.
        """
        self.first.close()
        refused = self.chat.ws()
        refused.send("nonsense")
        self.assertIn("bad-hello", refused.received()[0])
        self.assertEqual((refused.closeCode, refused.connected), (3501, True))
        second = self.chat.tcp("Mina", "dev")
        second.send("hello")
        self.chat.turn()
        self.assertEqual(second.received(), ["Mina:hello"])

    def test_manyClosing(self) -> None:
        """
        One address cannot have any number of connections that wait for the client to close them:
        if there are too many, they are counted until they are closed.
        """
        chat = MemoryChat(Limits(maxPerAddress=1))
        refused, answers = [], []
        for _ in range(5):
            client = chat.ws()
            client.send("{}")
            refused.append(client)
            answers.append(client.received()[0].split()[1])
            self.assertTrue(client.connected)
        self.assertEqual(answers, ["bad-hello"] * 3 + ["too-many-connections"] * 2)
        for client in refused:
            client.close()
        mina = chat.tcp("Mina", "dev")
        mina.send("hello")
        chat.turn()
        self.assertEqual(mina.received(), ["Mina:hello"])
