"""
Tests for L{machat.webhooks.receiver}, with real sockets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet import ssl
from twisted.trial.unittest import SynchronousTestCase, TestCase

from machat.service import ChatService
from machat.tap.options import globalReactor
from machat.tcp import ChatFactory
from machat.webhooks import Receiver, Undelivered, receiver
from machat.webhooks.receiver import ANSWER, WHOLE, BadURL, checkURL
from machat.ws import ChatWebSocketFactory
from tests.cli.test_failures import Listener
from tests.processes import freePort, makeCertificate
from tests.webserver import acceptPosts

SECRET = b"x" * 32
NOW = 1_700_000_000.0


class URLTests(SynchronousTestCase):
    """
    The URLs of webhooks.
    """

    def test_valid(self) -> None:
        """
        The name in the log has no query, which may be secret.
        """
        for url, name in (
            ("https://example.com/hook?key=1", "https://example.com/hook"),
            ("http://[::1]:8055", "http://[::1]:8055"),
        ):
            self.assertEqual(checkURL(url), name)

    def test_invalid(self) -> None:
        """
        Other URLs are refused.
        """
        for url in (
            "example.com",
            "ftp://example.com/",
            "https://",
            "https://example.com:x/",
            "https://example.com:0/",
            "https://user:secret@example.com/",
            "https://example.com/#a",
            "https://example.com/a b",
            "https://example.com/\u00e9",
            "http://[::1/",
        ):
            error = self.assertRaises(BadURL, checkURL, url)
            self.assertNotIn("secret", str(error))


class ReceiverTests(TestCase):
    """
    The requests, and the causes of failures.
    """

    def make(self, url: str) -> Receiver:
        """
        @return: a receiver at this URL
        """
        reactor: Any = globalReactor()
        return Receiver(reactor, url, [SECRET], lambda: NOW)

    def listen(self, answer: bytes, close: bool = True) -> str:
        """
        @return: the URL of a server that answers like this
        """
        listener = Listener(answer, close)
        self.addCleanup(listener.close)
        return f"http://127.0.0.1:{listener.port}/hook"

    async def refusal(self, url: str) -> Undelivered:
        """
        @return: the failure of a request
        """
        try:
            await self.make(url).post("msg_1", b"{}")
        except Undelivered as error:
            return error
        raise AssertionError("the request was accepted")

    async def fails(self, url: str) -> str:
        """
        @return: the cause of the failure of a request
        """
        return str(await self.refusal(url))

    async def test_accepted(self) -> None:
        """
        A receiver that verifies the signature as the example does accepts the request.
        """
        from examples.webhook_receiver import verify

        port, requests = acceptPosts(self)
        url = f"http://127.0.0.1:{port}/hook?key=1"
        body = json.dumps({"text": "\u00e9" * 100_000}).encode()
        target = self.make(url)
        for id in ("msg_1", "msg_2"):
            await target.post(id, body)
        path, headers, received = requests[1]
        self.assertEqual((path, received), ("/hook?key=1", body))
        fields = {name.lower(): value for name, value in headers.items()}
        self.assertEqual(fields["webhook-id"], "msg_2")
        self.assertEqual(fields["content-type"], "application/json")
        secret = "whsec_eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg="
        verify(secret, fields, received, NOW + 200)
        for wrong in (
            lambda: verify(secret, fields, received + b" ", NOW),
            lambda: verify(secret, fields, received, NOW + 301),
            lambda: verify(secret, {**fields, "webhook-id": "msg_3"}, received, NOW),
            lambda: verify(secret, {}, received, NOW),
            lambda: verify("whsec_" + "A" * 44, fields, received, NOW),
        ):
            self.assertRaises(ValueError, wrong)

    async def test_answers(self) -> None:
        """
        Every answer other than 2xx is a failure, and redirects are not followed.
        """
        elsewhere = Listener(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.addCleanup(elsewhere.close)
        location = b"Location: http://127.0.0.1:%d/\r\n\r\n" % elsewhere.port
        for answer, cause in (
            (b"HTTP/1.1 500 Oh\x1b[2J no\r\n\r\n", "HTTP 500 Oh [2J no"),
            (b"HTTP/1.1 302 Found\r\n" + location, "HTTP 302: redirects are not followed"),
            (b"HTTP/1.1 307 Later\r\n" + location, "HTTP 307: redirects are not followed"),
            (b"HTTP/1.1 403 Forbidden\r\n\r\n", "compare the secrets and the clocks"),
            (b"", "the receiver closed the connection"),
            (b"SSH-2.0-x\r\n", "ParseError"),
        ):
            self.assertIn(cause, await self.fails(self.listen(answer)))
        self.assertFalse(elsewhere.accepted.is_set())

    async def test_unreachable(self) -> None:
        """
        The cause is reported in words.
        """
        refused = await self.fails(f"http://127.0.0.1:{freePort()}/")
        self.assertIn("connection refused; start the receiver", refused)
        self.assertIn("host name is unknown", await self.fails("http://nowhere.invalid/"))

    async def test_silent(self) -> None:
        """
        A receiver that does not answer, or does not end its answer, fails after the time limit.
        """
        self.patch(receiver, "REQUEST", 0.2)
        for answer in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"):
            cause = await self.fails(self.listen(answer, False))
            self.assertTrue(cause.startswith("no answer within"), cause)

    async def test_largeAnswer(self) -> None:
        """
        The body of an answer is discarded, and not read to its end if it is long.
        """
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
        url = self.listen(head + b"x" * (ANSWER + 1), False)
        await self.make(url).post("msg_1", b"{}")

    async def test_longHead(self) -> None:
        """
        An answer with endless header fields is not kept.
        """
        head = b"HTTP/1.1 200 OK\r\n" + b"X: %b\r\n" % (b"x" * 10_000) * 20
        cause = await self.fails(self.listen(head, False))
        self.assertIn(f"longer than {WHOLE} bytes", cause)

    async def test_refusals(self) -> None:
        """
        The status tells whether the request itself is refused, and the answer when to repeat it.
        """
        for answer, lasting, retry in (
            (b"413 Too Large\r\n\r\n", True, None),
            (b"404 No\r\nRetry-After: x\r\n\r\n", False, None),
            (b"503 Later\r\nRetry-After: 120\r\n\r\n", False, 120.0),
            (b"429 Later\r\nRetry-After: Tue, 14 Nov 2023 22:14:20 GMT\r\n\r\n", False, 60.0),
            (b"429 Later\r\nRetry-After: Tue, 99 Nov 2023 22:14:20 GMT\r\n\r\n", False, None),
        ):
            error = await self.refusal(self.listen(b"HTTP/1.1 " + answer))
            self.assertEqual((error.lasting, error.retry), (lasting, retry), answer)

    async def test_itself(self) -> None:
        """
        A chat does not accept webhooks, at any path.
        """
        reactor: Any = globalReactor()
        chat = ChatService(reactor)
        chat.startService()
        self.addCleanup(chat.stopService)
        port = reactor.listenTCP(0, ChatWebSocketFactory(chat), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        url = f"http://127.0.0.1:{port.getHost().port}"
        for path in ("", "/", "/mychat", "/client.js"):
            self.assertIn("HTTP 4", await self.fails(f"{url}{path}"))
        tcp = reactor.listenTCP(0, ChatFactory(chat), interface="127.0.0.1")
        self.addCleanup(tcp.stopListening)
        self.assertTrue(await self.fails(f"http://127.0.0.1:{tcp.getHost().port}/"))

    async def test_certificate(self) -> None:
        """
        The certificate of an HTTPS receiver is verified.
        """
        from twisted.web.resource import Resource
        from twisted.web.server import Site

        folder = Path(self.mktemp())
        folder.mkdir()
        key, certificate = str(folder / "key.pem"), str(folder / "cert.pem")
        makeCertificate(key, certificate)
        reactor: Any = globalReactor()
        context = ssl.DefaultOpenSSLContextFactory(key, certificate)
        port = reactor.listenSSL(0, Site(Resource()), context, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        number = port.getHost().port
        cause = await self.fails(f"https://localhost:{number}/")
        self.assertIn("the certificate is not trusted", cause)
        self.assertIn("receiver closed", await self.fails(f"http://localhost:{number}/"))
