"""
Tests for L{machat.http.handshake}.
"""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.http.handshake import Opening, open_
from machat.http.messages import Answer, readRequest
from machat.testing import MemoryChat, MemoryClient
from machat.ws import PATH, SUBPROTOCOL, ChatWebSocketFactory
from tests.ws.test_autobahn import StockProtocol

KEY = "dGhlIHNhbXBsZSBub25jZQ=="

#: The example of RFC 6455 section 1.3, as a browser sends it.
HEADERS = {
    "Host": "server.example.com:8099",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    "Origin": "https://server.example.com",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "Cookie": "a=b; c=d",
}
ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

#: The request of golang.org/x/net/websocket, and of the client of the original MaChat that uses
#: it.
GO = (
    b"GET /mychat HTTP/1.1\r\nHost: localhost:8099\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Origin: http://localhost:8099/\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def request(*lines: str, first: str = f"GET {PATH} HTTP/1.1") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("utf-8")


def browser(**changes: str | None) -> bytes:
    """
    @param changes: headers that replace the usual ones, with C{_} for C{-}; C{None} removes one
    """
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return request(*(f"{name}: {value}" for name, value in headers.items() if value is not None))


def opened(head: bytes) -> Opening | Answer:
    return open_(readRequest(head), SUBPROTOCOL)


class OpenTests(SynchronousTestCase):
    """
    Tests for L{open_}.
    """

    def test_browser(self) -> None:
        """
        A browser's request is answered as the RFC requires.
        """
        self.assertEqual(opened(browser()), Opening(KEY.encode(), None))
        self.assertEqual(Opening(KEY.encode(), None).answer, ANSWER)

    def test_plain(self) -> None:
        """
        Optional parts may be missing, and free spellings are accepted.
        """
        for head in (
            browser(Origin=None, Sec_WebSocket_Extensions=None, Cookie=None),
            browser(Upgrade="WebSocket", Connection="upgrade"),
            browser(Upgrade="h2c, websocket", Connection="close,Upgrade"),
            browser(Sec_WebSocket_Extensions="x-other; a=b"),
            browser(Sec_WebSocket_Protocol="soap"),
            browser(Cookie="\u00e4"),
            browser().replace(b": ", b":"),
            browser().replace(b"Host", b"HOST"),
            GO,
        ):
            self.assertEqual(opened(head), Opening(KEY.encode(), None), head)

    def test_subprotocol(self) -> None:
        """
        The only subprotocol may be requested, also among others.
        """
        answer = ANSWER.replace(b"Sec-", b"Sec-WebSocket-Protocol: machat.v1\r\nSec-", 1)
        for offered in ("machat.v1", "soap, machat.v1", "machat.v1,soap"):
            head = browser(Sec_WebSocket_Protocol=offered)
            self.assertEqual(opened(head), Opening(KEY.encode(), "machat.v1"))
        self.assertEqual(Opening(KEY.encode(), "machat.v1").answer, answer)

    def test_refused(self) -> None:
        """
        Anything else is refused with a line that states the error; 426 names the required version.
        """
        for status, head, word in (
            (426, browser(Connection="close"), b"Connection: Upgrade"),
            (426, browser(Sec_WebSocket_Version="12"), b"13"),
            (426, browser(Sec_WebSocket_Version=None), b"13"),
            (426, browser().replace(b"/1.1", b"/1.0"), b"proxy_http_version"),
            (400, browser(Sec_WebSocket_Key="short"), b"Sec-WebSocket-Key"),
            (400, browser(Sec_WebSocket_Key=None), b"Sec-WebSocket-Key"),
        ):
            answer = opened(head)
            assert isinstance(answer, Answer)
            self.assertEqual(answer.status, status, head)
            self.assertIn(word, answer.body)
            self.assertRegex(answer.body, rb"\A[ -~]+\n\Z")
            if status == 426:
                head = answer.encode("GET")
                for field in (b"Upgrade: websocket", b"Connection: Upgrade, close"):
                    self.assertIn(b"\r\n%s\r\n" % field, head)
                self.assertIn(b"\r\nSec-WebSocket-Version: 13\r\n", head)


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
    Autobahn accepts the same requests.
    """

    @settings(deadline=None, max_examples=100)
    @given(st.lists(LINES, max_size=3), st.lists(st.sampled_from(sorted(HEADERS)), max_size=2))
    @example([], [])
    @example([], ["Cookie", "Origin", "Sec-WebSocket-Extensions"])
    def test_same(self, more: list[str], less: list[str]) -> None:
        """
        A request opens a WebSocket only if Autobahn accepts it too, byte for byte. Extensions and
        repeated headers make no difference here, as RFC 6455 allows.
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
        if not answers[0][0].startswith(b"HTTP/1.1 101 "):
            self.assertFalse(answers[0][1])
        elif not re.match(rb"[^\r]* (Sec-WebSocket-Ext|duplicate)", answers[1][0]):
            self.assertEqual(*answers)
