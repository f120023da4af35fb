"""
Tests for L{machat.transport.proxy}.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from machat.testing import MemoryClient
from machat.transport import proxy
from machat.transport.proxy import Header, ProxiedFactory, takeHeader

LINE = b"PROXY TCP4 198.51.100.7 192.0.2.2 4711 8989\r\n"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = bytes([198, 51, 100, 7, 192, 0, 2, 2, 0x12, 0x67, 0x23, 0x1D])
V6 = bytes.fromhex("20010db8000000000000000000000007") * 2 + V4[8:]

SOURCE = IPv4Address("TCP", "198.51.100.7", 4711)
SOURCE_6 = IPv6Address("TCP", "2001:db8::7", 4711)


def binary(command: int, family: int, rest: bytes) -> bytes:
    """
    @return: a header of version 2
    """
    return SIGNATURE + bytes([command, family]) + len(rest).to_bytes(2, "big") + rest


#: Headers, and the source address in each.
RIGHT = {
    LINE: SOURCE,
    b"PROXY TCP6 2001:db8::7 2001:DB8::8 4711 8989\r\n": SOURCE_6,
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n": None,
    b"PROXY UNKNOWN \x1b[2J anything\r\n": None,
    binary(0x21, 0x11, V4): SOURCE,
    binary(0x21, 0x11, V4 + b"\x04\x00\x03abc" * 20): SOURCE,
    binary(0x21, 0x12, V4): SOURCE,
    binary(0x21, 0x21, V6): SOURCE_6,
    binary(0x21, 0x31, b"/run/\x1b[2J".ljust(108, b"\0") * 2): UNIXAddress(None),
    binary(0x21, 0x00, b""): None,
    binary(0x20, 0x11, V4): None,
    binary(0x20, 0x00, b""): None,
}

#: Invalid headers, and the reason for each.
WRONG = {
    b'{"name": "Mina", "room": "dev"}': "no PROXY header",
    b"GET / HTTP/1.1\r\n": "no PROXY header",
    b"\x16\x03\x01": "no PROXY header",
    b"PROXY  TCP4 \r\n": "malformed PROXY header",
    b"PROXY\r\n": "no PROXY header",
    b"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n": "malformed PROXY header",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n": "malformed PROXY header",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n": "malformed PROXY header",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n": "invalid port in the PROXY header",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n": "invalid port in the PROXY header",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 x 2\r\n": "invalid port in the PROXY header",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 \xb2\r\n": "invalid port in the PROXY header",
    b"PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n": "invalid address in the PROXY header",
    b"PROXY TCP4 1.2.3.4\x1b[2J 1.2.3.4 1 2\r\n": "invalid address in the PROXY header",
    b"PROXY TCP4 ::1 ::1 1 2\r\n": "invalid address in the PROXY header",
    b"PROXY TCP6 fe80::1%\x1b[2J ::1 1 2\r\n": "invalid address in the PROXY header",
    b"PROXY TCP6 \xff ::1 1 2\r\n": "invalid address in the PROXY header",
    b"PROXY TCP4 " + b"1" * 200: "unterminated PROXY header",
    b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n": "unterminated PROXY header",
    binary(0x11, 0x11, V4): "unsupported PROXY header",
    binary(0x22, 0x11, V4): "unsupported PROXY header",
    binary(0x21, 0x41, V4): "unsupported PROXY header",
    binary(0x21, 0x13, V4): "unsupported PROXY header",
    binary(0x21, 0x11, V4[:-1]): "no address in the PROXY header",
    binary(0x21, 0x21, V4): "no address in the PROXY header",
    binary(0x21, 0x11, b"\0" * 5_000)[:16]: "PROXY header longer than 4096 bytes",
}


class HeaderTests(SynchronousTestCase):
    """
    Tests for L{takeHeader}.
    """

    def test_right(self) -> None:
        """
        A header contains the address of the client, unless the connection is from the proxy
        itself.
        """
        for data, source in RIGHT.items():
            header = takeHeader(data + b"rest")
            self.assertEqual(header and (header.length, header.source), (len(data), source), data)

    def test_pieces(self) -> None:
        """
        An incomplete header is neither refused nor taken for a complete one.
        """
        for data in RIGHT:
            for end in range(len(data)):
                self.assertIsNone(takeHeader(data[:end]), data[:end])

    def test_wrong(self) -> None:
        """
        Anything else is refused as soon as it cannot be a header.
        """
        for data, why in WRONG.items():
            error = self.assertRaises(ValueError, takeHeader, data)
            self.assertEqual(str(error), why, data)

    @given(st.one_of(st.binary(), st.binary().map(lambda data: SIGNATURE + b"\x21" + data)))
    def test_anyBytes(self, data: bytes) -> None:
        """
        Any input is a header, the beginning of one, or a C{ValueError}.
        """
        for begun in (data, b"PROXY TCP4 " + data + b"\r\n", b"PROXY TCP6 " + data + b"\r\n"):
            try:
                self.assertIsInstance(takeHeader(begun), (Header, type(None)))
            except ValueError as error:
                self.assertIn("PROXY header", str(error))


class Taker(Protocol):
    """
    Records what it receives.

    @ivar peer: the peer's address when the connection was made
    """

    data = b""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.peer = self.transport.getPeer()

    def dataReceived(self, data: bytes) -> None:
        self.data += data


class Takers(Factory):
    """
    Makes L{Taker}s.

    @ivar made: all of them
    """

    def __init__(self) -> None:
        self.made: list[Taker] = []

    def buildProtocol(self, addr: Any) -> Any:
        self.made.append(Taker())
        return self.made[-1]


class ProxiedTests(SynchronousTestCase):
    """
    Tests for L{ProxiedFactory}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.takers = Takers()
        self.factory = ProxiedFactory(self.takers, self.clock)

    def client(self, *pieces: bytes) -> MemoryClient:
        """
        @return: a connection that has sent these pieces, delivered as by a socket
        """
        client = MemoryClient(self.factory)
        for piece in pieces:
            if client.connected:
                client.transport.protocol.dataReceived(piece)
        return client

    def assertServed(self, peer: Any, data: bytes) -> None:
        taker = self.takers.made.pop()
        self.assertEqual((taker.peer, taker.data), (peer, data))
        self.assertEqual((self.takers.made, self.factory.waiting), ([], {}))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_served(self) -> None:
        """
        Data after the header arrives with the client's address, in whatever pieces it was sent.
        """
        for header in (LINE, binary(0x21, 0x11, V4)):
            self.client(header + b"hello")
            self.assertServed(SOURCE, b"hello")
            data = header + b"hello"
            self.client(*[data[at : at + 1] for at in range(len(data))])
            self.assertServed(SOURCE, b"hello")

    def test_unknown(self) -> None:
        """
        A header without an address means that the connection is from the proxy.
        """
        self.client(b"PROXY UNKNOWN\r\nhello")
        self.assertServed(IPv4Address("TCP", "192.0.2.1", 50000), b"hello")

    def test_lost(self) -> None:
        """
        The protocol is notified of the end of the connection; if the header is incomplete by then,
        no protocol exists.
        """
        self.client(LINE).close()
        self.assertServed(SOURCE, b"")
        self.client(LINE[:9]).close()
        self.assertEqual((self.takers.made, self.factory.waiting), ([], {}))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """
        Any other input is cut off, with one line in the log in which all input is escaped.
        """
        for data, why in WRONG.items():
            self.setUp()  # the log limits these lines per minute
            with capturedLogs() as logged:
                client = self.client(data)
            self.assertFalse(client.connected, data)
            (line,) = map(formatEvent, logged)
            self.assertTrue(line.startswith(f"refused 192.0.2.1:50000: {why}: b"), line)
            self.assertTrue(line.isascii() and line.isprintable(), line)
        self.assertEqual((self.takers.made, self.factory.waiting), ([], {}))

    def test_late(self) -> None:
        """
        The header must arrive within five seconds. Data that has arrived by then is read first,
        even if the process stood still.
        """
        client, waits = self.client(LINE[:9]), self.client()
        self.clock.callLater(6, client.transport.protocol.dataReceived, LINE[9:])
        with capturedLogs() as logged:
            self.clock.advance(60)
        self.assertEqual((client.connected, waits.connected), (True, False))
        self.assertIn("no complete PROXY header within 5 s", formatEvent(logged[0]))
        self.assertServed(SOURCE, b"")

    def test_many(self) -> None:
        """
        If too many connections wait for their header, the oldest are aborted.
        """
        self.patch(proxy, "WAITING", 3)
        clients = [self.client() for _ in range(5)]
        self.assertEqual([client.connected for client in clients], [False] * 2 + [True] * 3)
        self.assertEqual(len(self.factory.waiting), 3)
