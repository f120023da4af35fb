"""
Tests for L{machat.upgrade}.
"""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.origins import Origins
from machat.testing import MemoryChat, MemoryClient
from machat.upgrade import accept
from machat.ws import PATH, SUBPROTOCOL, ChatWebSocketFactory
from tests.test_lean import StockProtocol

#: The example of RFC 6455 section 1.3, as a browser asks.
HEADERS = {
    "Host": "server.example.com:8099",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    "Origin": "https://server.example.com",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "Cookie": "a=b; c=d",
}
ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def request(*lines: str, first: str = f"GET {PATH} HTTP/1.1") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("utf-8")


def browser(**changes: str | None) -> bytes:
    """
    @param changes: headers in place of the usual ones, with C{_} for C{-}; C{None} takes one out
    """
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return request(*(f"{name}: {value}" for name, value in headers.items() if value is not None))


#: Origins have tests of their own.
ANY = Origins(["*"])


class AcceptTests(SynchronousTestCase):
    def test_browser(self) -> None:
        """
        What a browser asks is answered as the RFC says.
        """
        self.assertEqual(accept(browser(), PATH, SUBPROTOCOL, ANY), (ANSWER, None))

    def test_plain(self) -> None:
        """
        What may be missing, and what spelling is free.
        """
        for head in (
            browser(Origin=None, Sec_WebSocket_Extensions=None, Cookie=None),
            browser(Upgrade="WebSocket", Connection="upgrade"),
            browser(Sec_WebSocket_Extensions="permessage-deflate"),
            browser(Origin="http://localhost:8099", Host="localhost"),
            browser().replace(b": ", b":"),
            browser().replace(b"Host", b"HOST"),
        ):
            self.assertEqual(accept(head, PATH, SUBPROTOCOL, ANY), (ANSWER, None), head)

    def test_subprotocol(self) -> None:
        """
        The one subprotocol there is may be asked for.
        """
        answer = ANSWER.replace(b"Sec-", b"Sec-WebSocket-Protocol: machat.v1\r\nSec-", 1)
        head = browser(Sec_WebSocket_Protocol="machat.v1")
        self.assertEqual(accept(head, PATH, SUBPROTOCOL, ANY), (answer, "machat.v1"))

    def test_notPlain(self) -> None:
        """
        All else is not judged.
        """
        for head in (
            b"",
            b"\r\n\r\n",
            browser()[:-2],
            browser(Host=None),
            browser(Upgrade="h2c"),
            browser(Connection="close"),
            browser(Sec_WebSocket_Version="12"),
            browser(Sec_WebSocket_Key="short"),
            browser(Sec_WebSocket_Protocol="soap"),
            browser(Sec_WebSocket_Protocol="machat.v1, soap"),
            browser(Sec_WebSocket_Protocol=""),
            browser(Sec_WebSocket_Extensions="x-other"),
            browser(Origin="null"),
            browser(Origin=""),
            browser(Cookie="\u00e4"),
            request(*(["Host: a", "Host: b"] + [f"{n}: {v}" for n, v in HEADERS.items()])),
            browser().replace(PATH.encode(), b"/other"),
            browser().replace(b"GET", b"PUT"),
            browser().replace(b"/1.1", b"/1.0"),
            browser().replace(b"Cookie:", b"Cookie :"),
            browser().replace(b"Cookie:", b" folded:"),
        ):
            self.assertIsNone(accept(head, PATH, SUBPROTOCOL, ANY), head)


LINES = st.one_of(
    st.sampled_from([f"{name}: {value}" for name, value in HEADERS.items()]),
    st.builds(
        "{}:{}".format,
        st.sampled_from([*HEADERS, "Sec-WebSocket-Protocol", "Content-Length", "X"]),
        st.one_of(
            st.text(max_size=8), st.sampled_from(["13", "", "null", "a, a", "upgrade", "machat.v1"])
        ),
    ),
    st.text(max_size=20),
)


class SameAnswerTests(SynchronousTestCase):
    """
    Autobahn judges the same.
    """

    @settings(deadline=None, max_examples=200)
    @given(st.lists(LINES, max_size=3), st.lists(st.sampled_from(sorted(HEADERS)), max_size=2))
    @example([], [])
    @example([], ["Cookie", "Origin", "Sec-WebSocket-Extensions"])
    def test_same(self, more: list[str], less: list[str]) -> None:
        """
        Whatever the request, the answer is Autobahn's, byte for byte.
        """
        kept = [f"{name}: {value}" for name, value in HEADERS.items() if name not in less]
        head = request(*kept, *more)
        answers = []
        for protocol in (None, StockProtocol):
            factory = ChatWebSocketFactory(MemoryChat().service, origins=["*"])
            factory.protocol = protocol or factory.protocol
            client = MemoryClient(factory)
            client.sendBytes(head)
            answers.append((client.transport.value(), client.connected))
        self.assertEqual(*answers)
