"""
Tests for L{machat.api.site}.
"""

from __future__ import annotations

from msgspec.structs import replace
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from machat.api import ApiLimits
from machat.api.site import DROPPED, IDLE
from machat.limits import DEFAULTS
from tests.api.clients import SECRET, MemoryApi

HEAD = f"POST /api/publish HTTP/1.1\r\nHost: x\r\nX-API-Key: {SECRET}\r\n".encode()
BODY = b'{"room":"dev","text":"hi"}'


class SiteTests(SynchronousTestCase):
    """
    Tests for what a client may send before its request is complete.
    """

    def setUp(self) -> None:
        self.api = MemoryApi()
        self.client = self.api.client()

    def feed(self, data: bytes) -> None:
        self.client.transport.protocol.dataReceived(data)

    def test_keepAlive(self) -> None:
        """
        One connection carries many requests, also pipelined ones.
        """
        request = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
        for _ in range(3):
            self.feed(request)
            self.api.chat.turn()
            self.assertEqual(self.client.response().status, 200)
        self.feed(request + request)
        self.api.chat.turn()
        self.api.chat.turn()
        self.assertEqual(self.client.received().count(b"HTTP/1.1 200 OK"), 2)
        self.assertTrue(self.client.connected)

    def test_chunks(self) -> None:
        """
        A body may arrive in chunks and in any pieces.
        """
        data = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
        for index in range(len(data)):
            self.feed(data[index : index + 1])
        self.api.chat.turn()
        self.assertEqual(self.client.response().status, 200)

    def test_fieldsOfBytes(self) -> None:
        """
        A header field that is not UTF-8 is refused like any other wrong value.
        """
        key = f"X-API-Key: {SECRET}\r\n".encode()
        for fields, status in (
            (b"X-API-Key: \xff\r\n", 401),
            (b"Authorization: Bearer \xff\r\n", 401),
            (key + b"Origin: \xff\r\n", 403),
            (key + b"Host: \xff\r\nOrigin: http://localhost\r\n", 403),
            (key + b"Last-Event-ID: \xff:1\r\n", 200),
        ):
            client = self.api.client()
            head = b"GET /api/events?room=dev HTTP/1.1\r\n%b\r\n" % fields
            client.transport.protocol.dataReceived(head)
            self.api.chat.turn()
            self.assertEqual(client.response().status, status, fields)

    def test_form(self) -> None:
        """
        The content type does not matter, because curl labels any body as a form.
        """
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "x"):
            self.client.send("POST", "/api/publish", BODY, X_API_Key=SECRET, Content_Type=kind)
            self.api.chat.turn()
            self.assertEqual(self.client.response().status, 200, kind)

    def test_longBody(self) -> None:
        """
        A body that is too long is not kept, and its client receives the reason.
        """
        self.feed(HEAD + b"Content-Length: 10485760\r\n\r\n")
        for _ in range(160):
            self.feed(b"x" * 65_536)
        self.assertEqual(self.client.response().status, 413)

    def test_endlessBody(self) -> None:
        """
        A connection is aborted if it announces, or sends, far more than is dropped.
        """
        self.feed(HEAD + b"Content-Length: %d\r\n\r\n" % (DROPPED + 1))
        self.assertFalse(self.client.connected)
        self.client = self.api.client()
        self.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        for _ in range(20):
            if self.client.connected:
                self.feed(chunk)
        self.assertFalse(self.client.connected)

    def test_bodyWithoutKey(self) -> None:
        """
        The body of a request without a valid key is not kept.
        """
        self.feed(HEAD.replace(SECRET.encode(), b"wrong") + b"Content-Length: 200000\r\n\r\n")
        self.feed(b"x" * 100_000)
        request = self.client.channel.requests[0]
        self.assertEqual(request.content.tell(), 0)
        self.feed(b"x" * 100_000)
        self.assertEqual(self.client.response().status, 401)

    def test_slowRequest(self) -> None:
        """
        A request must be complete in time, however many pieces it has.
        """
        for data in (HEAD, HEAD + b"Content-Length: 9\r\n\r\n"):
            self.client = self.api.client()
            self.feed(data)
            for _ in range(4):
                self.api.chat.clock.advance(2)
                self.feed(b"x")
            self.assertTrue(self.client.connected)
            self.api.chat.clock.pump([2, 0, 0])
            self.assertFalse(self.client.connected)
        self.successResultOf(self.api.resource.whenIdle())

    def test_idle(self) -> None:
        """
        An idle connection is closed.
        """
        self.api.chat.clock.pump([IDLE, 0, 0])
        self.assertFalse(self.client.connected)

    def test_notRead(self) -> None:
        """
        A connection whose last answer is not read is closed after the same time.
        """
        closing: list[object] = []
        self.patch(self.client.transport, "loseConnection", lambda: closing.append(None))
        self.client.send("GET", "/api/openapi.json", Connection="close")
        self.assertEqual((len(closing), self.client.connected), (1, True))
        self.api.chat.clock.pump([IDLE - 1, 1])
        self.assertFalse(self.client.connected)

    def test_connections(self) -> None:
        """
        The number of connections is limited, in total and for each network.
        """
        api = MemoryApi(replace(DEFAULTS, maxPerAddress=2), ApiLimits(connections=3))
        first, second, third = [api.client("192.0.2.1") for _ in range(3)]
        self.assertEqual([first.connected, second.connected, third.connected], [True, True, False])
        other, last = api.client("192.0.2.2"), api.client("192.0.2.3")
        self.assertEqual([other.connected, last.connected], [True, False])
        first.close()
        self.assertTrue(api.client("192.0.2.3").connected)

    def test_log(self) -> None:
        """
        Connections that are aborted do not fill the log.
        """
        api = MemoryApi(api=ApiLimits(connections=0))
        with capturedLogs() as logs:
            for _ in range(100):
                self.assertFalse(api.client("192.0.2.1").connected)
        lines = [formatEvent(event) for event in logs]
        self.assertEqual(len(lines), 10)
        self.assertIn("connection of 192.0.2.1:1 to the API aborted: too many", lines[0])

    def test_streamIsNoConnection(self) -> None:
        """
        An event stream does not take the place of a request.
        """
        api = MemoryApi(api=ApiLimits(connections=1))
        for _ in range(3):
            client = api.client()
            client.send("GET", "/api/events?room=dev", X_API_Key=SECRET)
            self.assertEqual(client.response().status, 200)

    def test_stop(self) -> None:
        """
        A chat that stops answers the requests in progress, and closes idle connections at once.
        """
        self.api.chat.lag(1.0)
        busy = self.api.client()
        busy.send("POST", "/api/history", b'{"room":"dev"}', X_API_Key=SECRET)
        stopping = self.api.chat.service.stopService()
        self.assertFalse(self.client.connected)
        self.api.chat.clock.pump([1.0] * 5)
        answer = busy.response()
        self.assertEqual((answer.status, answer.fields["connection"]), (200, "close"))
        self.assertFalse(busy.connected)
        self.successResultOf(stopping)

    def test_stopWithoutAnswer(self) -> None:
        """
        A request that is not answered does not delay the stop for longer than the output of a
        connection.
        """
        self.api.chat.cut()
        busy = self.api.client()
        busy.send("POST", "/api/history", b'{"room":"dev"}', X_API_Key=SECRET)
        stopping = self.api.chat.service.stopService()
        self.api.chat.clock.pump([1.0] * 4)
        self.assertNoResult(stopping)
        self.api.chat.clock.pump([1.0] * 20)
        self.assertEqual(busy.response().status, 503)
        self.successResultOf(stopping)
