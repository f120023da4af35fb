"""
Tests for L{machat.tcp}: behaviour that only a byte stream has.
"""

from __future__ import annotations

import json
import select
import socket
from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from machat.limits import Limits
from machat.tcp import ChatFactory
from machat.testing import MemoryChat, MemoryClient
from machat.ws import ChatWebSocketFactory

HELLO = b'{"name": "Mina", "room": "dev"}'


class HelloTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat()

    def heard(self, *pieces: bytes) -> list[str]:
        """
        @return: what a client receives that sends these pieces
        """
        client = self.chat.tcp()
        for piece in pieces:
            client.sendBytes(piece)
        self.chat.turn()
        heard = client.received()
        client.close()
        return heard

    def test_withoutNewline(self) -> None:
        """
        The original Go client sends no newline after the hello.
        """
        self.assertEqual(self.heard(HELLO + b"hello\n"), ["Mina:hello"])
        self.assertEqual(self.heard(HELLO, b"hello\n"), ["Mina:hello"])

    def test_oneNewlineBelongsToTheHello(self) -> None:
        """
        One newline after the hello, with any line ending and split anywhere, is not a message; a
        second one is.
        """
        for pieces in (
            (HELLO + b"\nhello\n",),
            (HELLO, b"\n", b"hello\n"),
            (HELLO + b"\r\n", b"hello\n"),
            (HELLO + b"\r", b"\nhello\n"),
            (HELLO, b"\r", b"\n", b"hello\n"),
        ):
            self.assertEqual(self.heard(*pieces), ["Mina:hello"], pieces)
        self.assertEqual(self.heard(HELLO + b"\n\nhello\n"), ["Mina:", "Mina:hello"])

    def test_sameSegment(self) -> None:
        """
        Messages in the hello's segment are not lost.
        """
        self.assertEqual(self.heard(HELLO + b"\none\ntwo\nth"), ["Mina:one", "Mina:two"])

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.integers(0, 80), max_size=8), st.sampled_from([b"", b"\n", b"\r\n"]))
    def test_anySplit(self, cuts: list[int], newline: bytes) -> None:
        """
        Any split of the bytes gives the same messages.
        """
        data = b" " + HELLO + newline + 'one\r\n\ntw\u00f6 {"\nthree\n'.encode()
        places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        pieces = [data[start:end] for start, end in zip(places, places[1:], strict=False)]
        self.assertEqual(
            self.heard(*pieces), ["Mina:one", "Mina:", 'Mina:tw\u00f6 {"', "Mina:three"]
        )

    def test_notOurProtocol(self) -> None:
        """
        HTTP and TLS on this port receive one clear line.
        """
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"):
            self.assertEqual(
                self.heard(data),
                ['machat:error bad-hello expected {"name": "...", "room": "..."}'],
            )

    def test_anything(self) -> None:
        """
        No bytes, in any pieces, raise an exception or leave anything.
        """

        @settings(deadline=None, max_examples=200)
        @given(st.lists(st.binary(max_size=60), max_size=6), st.booleans())
        def send(pieces: list[bytes], joined: bool) -> None:
            self.heard(*([HELLO] if joined else []), *pieces)
            self.assertEqual(len(self.chat.service.connections), 0)
            self.chat.service.logbook.close()
            self.assertEqual(self.chat.clock.getDelayedCalls(), [])

        send()


class LineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(maxLine=100))
        self.client: MemoryClient = self.chat.tcp("Mina", "dev")

    def test_longestLine(self) -> None:
        """
        A line of exactly the maximum length is accepted, with either line ending.
        """
        self.client.sendBytes(b"x" * 100 + b"\n" + b"y" * 100)
        self.client.sendBytes(b"\r\n")
        self.chat.turn()
        self.assertEqual(self.client.received(), ["Mina:" + "x" * 100, "Mina:" + "y" * 100])

    def test_tooLong(self) -> None:
        """
        A longer line is refused, in one segment and in many, and ends the connection; the lines
        before it are posted.
        """
        other = self.chat.tcp("Ada", "dev")
        for pieces in ([b"one\n" + b"x" * 101 + b"\ntwo\n"], [b"one\n", *[b"x" * 40] * 3, b"\n"]):
            client = self.chat.tcp("Bob", "dev")
            for piece in pieces:
                client.sendBytes(piece)
            self.chat.turn()
            refused = ["machat:error too-long a line may have at most 100 bytes"]
            self.assertEqual(client.received(), refused)
            self.assertFalse(client.connected)
            self.assertEqual(other.received(), ["Bob:one"])

    def test_defaultLimit(self) -> None:
        """
        By default a line has at most 65,536 bytes.
        """
        chat = MemoryChat()
        client = chat.tcp("Mina", "dev")
        client.send("x" * 65_536)
        chat.turn()
        self.assertEqual(client.received(), ["Mina:" + "x" * 65_536])
        client.send("x" * 65_537)
        chat.clock.advance(3)  # two lines of that length exceed the rate
        self.assertFalse(client.connected)


class SlowTests(SynchronousTestCase):
    def test_slowConsumer(self) -> None:
        """
        A client that does not read is aborted when too much data waits for it, and the others
        receive all messages.
        """
        chat = MemoryChat(Limits(rate=inf, maxWaiting=1000))
        slow, quick = chat.tcp("slow", "dev"), chat.tcp("quick", "dev")
        slow.transport.producer.pauseProducing()
        for number in range(60):
            quick.send(f"{number:020}")
            chat.turn()
        self.assertFalse(slow.connected)
        self.assertEqual(len(quick.received()), 60)
        self.assertEqual(slow.received(), [])


class PolledTests(SynchronousTestCase):
    """
    Connections on pairs of sockets, which the chat polls together.
    """

    def setUp(self) -> None:
        if not hasattr(select, "epoll"):
            self.skipTest("no epoll on this system")
        self.chat = MemoryChat()
        self.factory = ChatFactory(self.chat.service)
        self.reactor: Any = MemoryReactor()

    def connect(self, name: str) -> socket.socket:
        """
        @return: the client's end of a connection whose hello has been served
        """
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        protocol = self.factory.buildProtocol(None)
        port: Any = None
        protocol.makeConnection(Server(here, protocol, ("", 0), port, 0, self.reactor))
        there.send(json.dumps({"name": name, "room": "dev"}).encode() + b"\n")
        self.factory.sockets.doRead()
        return there

    def test_oneBatch(self) -> None:
        """
        The lines that arrive on several sockets in one turn form one batch, which is delivered
        after the last of them has been read, in the same turn.
        """
        clients = [self.connect(name) for name in ("Ada", "Bob", "Eve")]
        for turn in range(2):
            for client in clients:
                client.send(b"one\ntwo\n")
            self.factory.sockets.doRead()
            received = [client.recv(1_000) for client in clients]
            self.assertEqual(received, received[:1] * 3)
            lines = [f"{name}:{text}" for name in ("Ada", "Bob", "Eve") for text in ("one", "two")]
            self.assertCountEqual(received[0].decode().split(), lines)
            self.assertEqual(self.chat.service.metrics.batches[6], turn + 1)

    def test_shared(self) -> None:
        """
        The connections of all factories of a chat are polled together, so that a room with members
        on TCP and on WebSockets has one batch in a turn.
        """
        self.assertIs(ChatWebSocketFactory(self.chat.service).sockets, self.factory.sockets)
        self.assertIs(ChatFactory(self.chat.service).sockets, self.factory.sockets)
