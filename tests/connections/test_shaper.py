"""
Tests for L{machat.connections.shaper}: the byte rates of rooms and networks, and the guarantees of
the defaults.
"""

from __future__ import annotations

import json
from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat import wire
from machat.connections.shaper import BURST, Shaper, Shapers, SharedRates
from machat.events import Message
from machat.limits import DEFAULTS, Limits
from machat.tcp import ChatFactory
from machat.testing import MemoryChat, MemoryClient, MemoryTransport

#: The rate at which a client reads that must never become a slow consumer, bytes per second.
READER = 1_000_000

#: The line that is longest on delivery, because each of its characters is encoded in six bytes.
LONGEST = "\x01" * DEFAULTS.maxLine


class ShaperTests(SynchronousTestCase):
    """
    Tests for L{Shaper}, at 100 bytes per second.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.shaper = Shaper(self.clock, 100)
        self.served: list[str] = []

    def take(self, name: str, size: int) -> Deferred[None] | None:
        waiting = self.shaper.take(name, size)
        if waiting is None:
            self.served.append(name)
        else:
            waiting.addCallback(lambda _: self.served.append(name))
        return waiting

    def test_burst(self) -> None:
        """
        The bytes of one second may arrive at once; later messages wait until the rate allows them.
        """
        for name in "abcd":
            self.take(name, 25)
        self.take("e", 50)
        self.assertEqual(self.served, list("abcd"))
        self.clock.advance(0.49)
        self.assertEqual(self.served, list("abcd"))
        self.clock.advance(0.01)
        self.assertEqual(self.served, list("abcde"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_smallFirst(self) -> None:
        """
        A small message is served before waiting large ones, but delays them by no more than its
        sender's share.
        """
        self.take("first", 100)
        for name in ("large", "larger"):
            self.take(name, 90)
        self.clock.advance(0.1)
        self.take("small", 5)
        self.assertEqual(self.served, ["first", "small"])
        self.clock.pump([0.1] * 20)
        self.assertEqual(self.served, ["first", "small", "large", "larger"])

    def test_share(self) -> None:
        """
        Senders of large and small messages receive equal shares of the bytes, and all bytes are
        used.
        """
        bytesOf = {"large": 0, "medium": 0, "small": 0}

        def say(name: str, size: int) -> None:
            bytesOf[name] += size
            waiting = self.shaper.take(name, size)
            if waiting is not None:
                waiting.addCallback(lambda _: say(name, size))
            else:
                self.clock.callLater(0, say, name, size)

        say("large", 80)
        say("medium", 30)
        say("small", 10)
        self.clock.pump([0.05] * 2_000)
        total = sum(bytesOf.values())
        self.assertLess(abs(total - 10_000), 300)
        self.assertLess(max(bytesOf.values()) - min(bytesOf.values()), 300)

    def test_crowd(self) -> None:
        """
        A small message does not wait for all large messages that arrived at the same time.
        """
        for number in range(50):
            self.take(f"large{number}", 100)
        for number in range(20):
            self.clock.advance(2)
            self.take(f"small{number}", 1)
            self.clock.advance(1)
            self.assertIn(f"small{number}", self.served)

    def test_credit(self) -> None:
        """
        A message larger than the bytes of one second passes when nothing else is in progress, and
        later messages wait until it is paid for.
        """
        self.take("small", 10)
        self.take("huge", 300)
        self.assertEqual(self.served, ["small"])
        self.clock.advance(0.11)
        self.assertEqual(self.served, ["small", "huge"])
        self.take("next", 10)
        self.clock.advance(2.0)
        self.assertEqual(self.served, ["small", "huge"])
        self.clock.advance(0.2)
        self.assertEqual(self.served, ["small", "huge", "next"])

    def test_cancel(self) -> None:
        """
        A cancelled message is removed from any position, and costs nothing.
        """
        self.take("a", 100)
        waiting = [self.take(name, 50) for name in "bcd"]
        for each in (waiting[0], waiting[2]):
            assert each is not None
            each.cancel()
            self.failureResultOf(each).trap(CancelledError)
        self.clock.advance(0.5)
        self.assertEqual(self.served, ["a", "c"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertFalse(self.shaper.idle)
        self.clock.advance(1)
        self.assertTrue(self.shaper.idle)

    def test_cancelWhileServed(self) -> None:
        """
        A message that is served may cancel others, and submit new ones.
        """
        self.take("a", 100)
        first, second = self.take("b", 10), self.take("c", 10)
        assert first is not None and second is not None
        second.addErrback(lambda failure: self.served.append("cancelled"))
        first.addCallback(lambda _: second.cancel())
        first.addCallback(lambda _: self.take("d", 10))
        self.clock.pump([0.1] * 3)
        self.assertEqual(self.served, ["a", "b", "cancelled", "d"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(st.tuples(st.integers(0, 4), st.integers(1, 250), st.floats(0, 1)), max_size=30)
    )
    def test_anything(self, steps: list[tuple[int, int, float]]) -> None:
        """
        Whatever is sent and when, the rate is never exceeded, all messages are served, and those
        of each sender in order.
        """
        clock = Clock()
        shaper = Shaper(clock, 100)
        served: list[tuple[int, int]] = []
        queues: dict[int, list[int]] = {}
        total = 0

        def serve(sender: int, size: int) -> None:
            nonlocal total
            served.append((sender, size))
            total += size
            self.assertLessEqual(total, 100 * clock.seconds() + max(100, size) + 0.01)
            queues[sender].pop(0)
            if queues[sender]:
                ask(sender)

        def ask(sender: int) -> None:
            size = queues[sender][0]
            waiting = shaper.take(sender, size)
            if waiting is None:
                serve(sender, size)
            else:
                waiting.addCallback(lambda _: serve(sender, size))
                waiting.addErrback(failures.append)

        failures: list[Any] = []
        for sender, size, delay in steps:
            queue = queues.setdefault(sender, [])
            queue.append(size)
            if len(queue) == 1:
                ask(sender)
            clock.advance(delay)
        clock.pump([0.5] * 200)
        self.assertEqual(failures, [])
        for sender in queues:
            sizes = [size for each, size, _ in steps if each == sender]
            self.assertEqual([size for each, size in served if each == sender], sizes)
        self.assertEqual(clock.getDelayedCalls(), [])


class ShapersTests(SynchronousTestCase):
    """
    Tests for L{Shapers}.
    """

    def test_apart(self) -> None:
        """
        Each key has its own rate, and idle keys are forgotten.
        """
        clock = Clock()
        shapers = Shapers(clock, 100)
        for key in range(1_000):
            self.assertIsNone(shapers.take(str(key), self, 100))
        self.assertEqual(len(shapers._shapers), 1_000)
        self.assertIsNotNone(shapers.take("7", self, 100))
        clock.advance(1)
        for key in range(1_000, 1_100):
            shapers.take(str(key), self, 100)
        self.assertLess(len(shapers._shapers), 200)
        self.assertIn("7", shapers._shapers)

    def test_off(self) -> None:
        """
        Without a rate, no state is kept.
        """
        shapers = Shapers(Clock(), inf)
        self.assertIsNone(shapers.take("dev", self, 10**12))
        self.assertEqual(shapers._shapers, {})


NAMES = st.text(st.sampled_from("aZ\u00e9\u4e2d\U00020000"), min_size=1, max_size=64)


class WeighTests(SynchronousTestCase):
    @given(NAMES, NAMES, st.text(st.characters(blacklist_categories=["Cs"])), st.booleans())
    def test_most(self, room: str, sender: str, text: str, replay: bool) -> None:
        """
        No dialect encodes a message in more bytes than L{wire.weigh} returns.
        """
        message = Message(room, 2**53, sender, text, 10**14, replay)
        for dialect in (wire.TEXT, wire.TEXT_FRAMES, wire.EVENTS, wire.EVENTS_FRAMES):
            size = len(dialect.encode([message]))
            self.assertLessEqual(size, wire.weigh(text, room, sender))


class DefaultsTests(SynchronousTestCase):
    """
    The defaults are consistent: no sender that respects them, and no number of senders from one
    address or in one room, turns a client that reads 1 MB/s into a slow consumer.
    """

    def assertReadable(self, atOnce: float, rate: float) -> None:
        """
        The data received in any period must not exceed what is read in that period plus the queue
        limit.
        """
        self.assertLessEqual(atOnce, DEFAULTS.maxWaiting)
        self.assertLessEqual(rate, READER)

    def test_sender(self) -> None:
        """
        One sender posts a message for each token.
        """
        perToken = wire.weigh("\x01" * DEFAULTS.rateBytes, "r" * 64, "n" * 32)
        self.assertReadable(DEFAULTS.burst * perToken, DEFAULTS.rate * perToken)

    def test_address(self) -> None:
        """
        As many senders as one address may have, in as many rooms as the reader is in.
        """
        largest = wire.weigh(LONGEST, "r" * 64, "n" * 32)
        self.assertReadable(max(DEFAULTS.addressRate * BURST, largest), DEFAULTS.addressRate)

    def test_room(self) -> None:
        """
        Any number of senders in one room, from any addresses.
        """
        largest = wire.weigh(LONGEST, "r" * 64, "n" * 32)
        self.assertReadable(max(DEFAULTS.roomRate * BURST, largest), DEFAULTS.roomRate)


class Attack:
    """
    Clients that send as much as they can, and one client that reads.
    """

    def __init__(self, limits: Limits = DEFAULTS) -> None:
        self.chat = MemoryChat(limits)
        self.sent: dict[MemoryClient, int] = {}
        self.reader = self.chat.tcp()
        self.waiting = self.most = 0.0
        self.heard = b""

    def connect(self, name: str, room: str, host: str) -> MemoryClient:
        """
        @return: a client from this address
        """
        address = IPv4Address("TCP", host, 50_000)
        client = MemoryClient(ChatFactory(self.chat.service))
        client.close()
        client.transport = MemoryTransport(peerAddress=address)
        client._protocol = client.transport.protocol = ChatFactory(self.chat.service).buildProtocol(
            address
        )
        client._protocol.makeConnection(client.transport)
        client.join(name, room)
        return client

    def attack(self, name: str, room: str, host: str) -> None:
        """
        Add a client that sends the longest lines.
        """
        self.sent[self.connect(name, room, host)] = 0

    def run(self, seconds: float) -> None:
        """
        Run all senders and the reader.
        """
        tick = 0.05
        for _ in range(round(seconds / tick)):
            for client in self.sent:
                if client.transport.producerState == "producing":
                    client.send(LONGEST)
                    self.sent[client] += 1
                client.transport.clear()
            self.chat.clock.advance(tick)
            data = self.reader.transport.value()
            self.heard += data
            self.reader.transport.clear()
            self.waiting = max(0.0, self.waiting + len(data) - READER * tick)
            self.most = max(self.most, self.waiting)


class AttackTests(SynchronousTestCase):
    """
    Many senders at once.
    """

    def test_oneAddress(self) -> None:
        """
        Sixty-four connections from one address, two in each of the reader's rooms, do not fill its
        queue up to the limit for slow consumers.
        """
        attack = Attack()
        attack.reader.send('{"v": 1, "name": "Mina"}')
        for number in range(DEFAULTS.maxRooms):
            attack.reader.send(json.dumps({"type": "join", "room": f"r{number}"}))
            attack.chat.clock.advance(1)
        for number in range(DEFAULTS.maxPerAddress - 1):
            attack.attack(f"a{number}", f"r{number % DEFAULTS.maxRooms}", "192.0.2.1")
        attack.run(8)
        self.assertLessEqual(attack.most, DEFAULTS.maxWaiting)
        self.assertGreater(attack.heard.count(b'"type":"message"'), 8, "it is slowed, not stopped")

    def test_oneRoom(self) -> None:
        """
        A hundred senders from a hundred addresses in one room do not do so either. A normal
        message in this room is posted within two seconds, one in another room in the same turn.
        """
        attack = Attack()
        attack.reader.join("Mina", "dev")
        for number in range(100):
            attack.attack(f"a{number}", "dev", f"192.0.3.{number}")
        attack.run(4)
        honest = attack.connect("Ada", "dev", "192.0.2.9")
        other = attack.connect("Bob", "quiet", "192.0.2.9")
        for number in range(5):
            honest.send(f"hello {number}")
            other.send(f"hello {number}")
            attack.chat.turn()
            self.assertEqual(other.received(), [f"Bob:hello {number}"])
            attack.run(2)
            self.assertIn(f"Ada:hello {number}\n".encode(), attack.heard)
        self.assertLessEqual(attack.most, DEFAULTS.maxWaiting)

    def test_nothingLost(self) -> None:
        """
        Delayed messages are posted in the end, in their sender's order.
        """
        attack = Attack(Limits(roomRate=1_000, addressRate=1_000))
        attack.reader.join("Mina", "dev")
        clients = [attack.connect(f"a{n}", "dev", f"192.0.2.{n % 3}") for n in range(6)]
        for number in range(5):
            for client in clients:
                client.send(f"{number:300}")
        attack.chat.turn()
        self.assertLess(len(attack.reader.received()), 10)
        self.assertGreater(attack.chat.service.metrics.throttles, 0)
        attack.chat.clock.pump([0.2] * 20)
        early = attack.reader.received()
        attack.chat.clock.pump([0.2] * 100)
        heard = [*early, *attack.reader.received()]
        for number, client in enumerate(clients):
            own = [line for line in heard if line.startswith(f"a{number}:")]
            self.assertEqual(own[-3:], [f"a{number}:{n:300}" for n in (2, 3, 4)])
            self.assertEqual(client.transport.producerState, "producing")

    def test_gone(self) -> None:
        """
        If a client disconnects, is removed from the room or leaves it while its message waits, the
        message is not posted, and nothing is left.
        """
        attack = Attack(Limits(roomRate=100))
        attack.reader.join("Mina", "dev")
        text = attack.connect("Ada", "dev", "192.0.2.2")
        events = attack.connect("Bob", "dev", "192.0.2.3")
        events.close()
        events = MemoryClient(ChatFactory(attack.chat.service))
        events.send('{"v": 1, "name": "Bob", "room": "dev"}')
        attack.reader.send("x" * 200)
        text.send("late")
        events.send('{"type": "say", "text": "late", "id": "1"}')
        text.close()
        attack.chat.service.moderation.kick("dev", "Bob")
        attack.chat.clock.pump([0.5] * 40)
        heard = attack.reader.received()
        self.assertEqual([line for line in heard if "late" in line], [])
        self.assertIn('"code":"not-joined"', events.received()[-1])
        events.close()
        attack.reader.close()
        attack.chat.clock.pump([1] * 40)
        self.assertEqual(attack.chat.clock.getDelayedCalls(), [])

    def test_off(self) -> None:
        """
        Without the rate, or with both byte rates C{off}, no message waits.
        """
        for limits in (Limits(rate=inf), Limits(burst=1_000, roomRate=inf, addressRate=inf)):
            attack = Attack(limits)
            attack.reader.join("Mina", "dev")
            for _ in range(30):
                attack.reader.send(LONGEST)
            attack.chat.turn()
            self.assertEqual(len(attack.reader.received()), 30)
            self.assertEqual(attack.chat.service.metrics.throttles, 0)


class SharedRatesTests(SynchronousTestCase):
    """
    Tests for L{SharedRates}, at 100 bytes per second for a room and 150 for a network.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.rates = SharedRates(self.clock, 100, 150)

    def test_takesBothOrNone(self) -> None:
        """
        Bytes are taken from both rates, or from neither.
        """
        self.assertTrue(self.rates.takeFree("192.0.2.1", "dev", 60))
        self.assertFalse(self.rates.takeFree("192.0.2.1", "dev", 60))
        self.assertTrue(self.rates.takeFree("192.0.2.1", "lounge", 90))
        self.assertFalse(self.rates.takeFree("192.0.2.1", "den", 1))
        self.assertTrue(self.rates.takeFree(None, "den", 100))

    def test_queue(self) -> None:
        """
        While a sender waits, no bytes are free for others.
        """
        self.assertTrue(self.rates.takeFree(None, "dev", 100))
        waiting = self.rates.take(None, "dev", "Mina", 100)
        assert waiting is not None
        self.clock.advance(0.5)
        self.assertFalse(self.rates.takeFree(None, "dev", 1))
        self.clock.advance(0.5)
        self.successResultOf(waiting)

    def test_unlimited(self) -> None:
        """
        An infinite rate is no limit.
        """
        rates = SharedRates(self.clock, inf, inf)
        self.assertTrue(rates.takeFree("192.0.2.1", "dev", 10**9))
        self.assertIsNone(rates.take("192.0.2.1", "dev", "Mina", 10**9))
