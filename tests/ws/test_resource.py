"""
The WebSocket on a port of C{twisted.web}.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path

from machat.http.static import Pages
from machat.testing import clientFrame, clientRequest
from tests.processes import (
    BIN,
    LOCAL,
    PATIENCE,
    RawWebSocketClient,
    ServerTestCase,
    makeCertificate,
    portsOf,
    readUntil,
    start,
    waitForLine,
)

SITE = """
from math import inf
from twisted.application import service, strports
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data
from machat.limits import Limits
from machat.service import ChatService
from machat.ws import ChatWebSocketFactory
from machat.ws.resource import ChatResource, PageResource

application = service.Application("test")
limits = Limits(rate=inf, maxWaiting=1 << 26, maxStall=3600.0, ping=3600)
chat = ChatService(reactor, limits)
chat.setServiceParent(application)
root, below = Resource(), Resource()
root.putChild(b"front", Data(b"welcome", "text/plain"))
root.putChild(b"below", below)
below.putChild(b"page", PageResource(ChatWebSocketFactory(chat)))
below.putChild(b"chat", ChatResource(ChatWebSocketFactory(chat)))
strports.service("{endpoint}", Site(root)).setServiceParent(chat)
"""

#: The length of a message of which a few exceed what the kernel buffers for a connection.
LONG = "x" * 60_000
MANY = 100


class SiteClient(RawWebSocketClient):
    """
    A WebSocket at the path where the site serves it.
    """

    path = "/below/chat"


class ResourceTests(ServerTestCase):
    def site(self, endpoint: str, text: str = SITE) -> tuple[subprocess.Popen[str], int]:
        """
        @return: a site with a chat in it, and its port
        """
        path = Path(self.mktemp())
        path.write_text(text.format(endpoint=endpoint))
        server = self.stopAtEnd(start(BIN / "twistd", "--pidfile=", "-l", "-", "-ny", path))
        name = "Site (TLS)" if endpoint.startswith("ssl:") else "Site"
        return server, portsOf(server, name)[0]

    def client(self, connection: socket.socket, name: str) -> SiteClient:
        client = SiteClient(connection)
        self.addCleanup(client.close)
        client.send(v=1, name=name, room="dev", presence=False)
        client.await_("joined")
        return client

    def stall(self, mina: SiteClient, ada: SiteClient) -> None:
        """
        Have Mina send more than Ada reads until all of it waits, then have Ada read it.
        """
        for seq in range(1, MANY + 1):
            mina.send(type="say", text=LONG)
            self.assertEqual(mina.await_("message")["seq"], seq)
        for seq in range(1, MANY + 1):
            self.assertEqual(ada.await_("message")["seq"], seq)

    def test_stalled(self) -> None:
        """
        Queued data for a slow reader is not lost, and a stop sends a bye.
        """
        server, port = self.site(LOCAL)
        mina, ada = (self.client(self.connect(port), name) for name in ("Mina", "Ada"))
        self.stall(mina, ada)
        server.terminate()
        self.assertEqual(ada.await_("bye")["reason"], "shutdown")
        ada.close()
        mina.close()
        out, _ = server.communicate(timeout=PATIENCE)
        self.assertNotIn("Traceback", out)

    def test_stalledTLS(self) -> None:
        """
        The same holds over TLS.
        """
        key, certificate = self.mktemp(), self.mktemp()
        makeCertificate(key, certificate)
        _, port = self.site(f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        mina, ada = (
            self.client(context.wrap_socket(self.connect(port)), name) for name in ("Mina", "Ada")
        )
        self.stall(mina, ada)

    def test_framesWithTheRequest(self) -> None:
        """
        Data that a client sends before it receives the answer to its handshake is not lost.
        """
        _, port = self.site(LOCAL)
        connection = self.connect(port)
        hello, line = b'{"name": "Mina", "room": "dev"}', b"hello"
        frames = clientFrame(0x81, hello) + clientFrame(0x81, line)
        connection.sendall(clientRequest("/below/chat") + frames)
        answer = readUntil(connection, b"Mina:hello\n")
        self.assertTrue(answer.endswith(b"\r\n\r\n\x81\x0bMina:hello\n"), answer)

    def test_page(self) -> None:
        """
        The page is served with its security headers, and once for a browser that has cached it;
        without the slash, a browser is redirected.
        """
        _, port = self.site(LOCAL)
        request = b"%s /below/page%s HTTP/1.0\r\nHost: test\r\n%s\r\n"
        whole = self.answers(port, request % (b"GET", b"/", b""))
        head, _, body = whole.partition(b"\r\n\r\n")
        file = Pages().files["/"]
        self.assertEqual(body, file.body)
        policy = file.fields["Content-Security-Policy"]
        for field in (b"Content-Type: text/html; charset=utf-8", policy.encode()):
            self.assertIn(field, head)
        tag = next(line for line in head.splitlines() if line.lower().startswith(b"etag: "))
        known = self.answers(port, request % (b"GET", b"/", b"If-None-Match: %s\r\n" % tag[6:]))
        self.assertIn(b" 304 ", known.partition(b"\r\n")[0])
        self.assertTrue(known.endswith(b"\r\n\r\n"))
        head = self.answers(port, request % (b"HEAD", b"/client.js", b""))
        self.assertIn(b"Access-Control-Allow-Origin: *", head)
        self.assertTrue(head.endswith(b"\r\n\r\n"))
        moved = self.answers(port, request % (b"GET", b"", b""))
        self.assertIn(b"\r\nLocation: page/\r\n", moved)

    def answers(self, port: int, request: bytes) -> bytes:
        """
        @return: the whole answer
        """
        connection = self.connect(port)
        connection.sendall(request)
        return readUntil(connection, b"nothing")

    def answer(self, port: int, request: bytes) -> bytes:
        """
        @return: the first line of the answer
        """
        connection = self.connect(port)
        connection.sendall(request)
        connection.settimeout(PATIENCE)
        return connection.recv(4096).partition(b"\r\n")[0]

    def test_others(self) -> None:
        """
        The site works as before; a request that is not a WebSocket handshake and one from a
        foreign origin are refused; and a client that disconnects leaves the room.
        """
        server, port = self.site(LOCAL)
        host = b"Host: test\r\n"
        self.assertEqual(
            self.answer(port, b"GET /front HTTP/1.1\r\n%s\r\n" % host), b"HTTP/1.1 200 OK"
        )
        plain = self.answer(port, b"GET /below/chat HTTP/1.1\r\n%s\r\n" % host)
        self.assertTrue(plain.startswith(b"HTTP/1.1 426 "), plain)
        elsewhere = clientRequest("/below/chat").replace(
            b"\r\n\r\n", b"\r\nOrigin: https://other.example\r\n\r\n"
        )
        self.assertTrue(self.answer(port, elsewhere).startswith(b"HTTP/1.1 403 "))
        self.client(self.connect(port), "Mina").close()
        waitForLine(server, "Mina leaves dev")

    def test_lines(self) -> None:
        """
        Other requests are answered with one line, and with the fields that RFC 9110 requires.
        """
        _, port = self.site(LOCAL)
        for first, status, field in (
            (b"GET /below/chat HTTP/1.0", b"426", b"Upgrade: websocket"),
            (b"GET /below/chat?origin=http://test HTTP/1.1", b"426", b"Connection: Upgrade"),
            (b"GET /below/chat?origin=http://a HTTP/1.1", b"403", b"X-Machat-Reason: origin"),
            (b"POST /below/chat HTTP/1.1", b"405", b"Allow: GET, HEAD, OPTIONS"),
            (b"POST /below/page/client.js HTTP/1.1", b"405", b"Allow: GET, HEAD, OPTIONS"),
            (b"GET /below/page/x HTTP/1.1", b"404", b"Content-Type: text/plain; charset=utf-8"),
            (b"OPTIONS /below/page/ HTTP/1.1", b"204", b"Allow: GET, HEAD, OPTIONS"),
            (b"HEAD /below/chat HTTP/1.1", b"426", b"Upgrade: websocket"),
        ):
            request = b"%s\r\nHost: test\r\nConnection: close\r\n\r\n" % first
            head, _, body = self.answers(port, request).partition(b"\r\n\r\n")
            answer, *fields = [line.strip().lower() for line in head.split(b"\r\n")]
            self.assertEqual(answer.split()[1], status, first)
            self.assertIn(field.lower(), fields)
            self.assertRegex(body, rb"\A([ -~]+\n)?\Z")
            self.assertEqual(bool(body), not first.startswith((b"HEAD", b"OPTIONS")))

    def test_hosts(self) -> None:
        """
        The page and the WebSocket are served only for the hosts that the factory allows; the log
        of a refused WebSocket has the address, and no control characters.
        """
        text = SITE.replace(
            "ChatWebSocketFactory(chat)", "ChatWebSocketFactory(chat, hosts=['test'])"
        )
        server, port = self.site(LOCAL, text)
        for path in (b"/below/page", b"/below/page/", b"/below/page/client.js", b"/below/chat"):
            for method in (b"GET", b"HEAD", b"POST"):
                request = b"%s %s HTTP/1.1\r\nHost: evil.test\r\n\r\n" % (method, path)
                self.assertTrue(self.answer(port, request).startswith(b"HTTP/1.1 421 "), request)
        request = b"GET /below/page/ HTTP/1.1\r\nHost: TEST:1\r\n\r\n"
        self.assertTrue(self.answer(port, request).startswith(b"HTTP/1.1 200 "))
        evil = clientRequest("/below/chat").replace(b"localhost", b"evil.test")
        self.assertTrue(self.answer(port, evil).startswith(b"HTTP/1.1 421 "))
        line = waitForLine(server, "refused 127.0.0.1:")
        self.assertIn("421 This server does not serve the host evil.test.", line)

    def test_log(self) -> None:
        """
        The site's log has no unescaped input of a client.
        """
        server, port = self.site(LOCAL)
        for path in (b"/below/page/", b"/below/chat", b"/below/page/client.js", b"/below/page/x"):
            for method in (b"GET", b"HEAD", b"POST", b"OPTIONS"):
                fields = b"Host: test\r\nReferer: \x1b[31m\r\nUser-Agent: \x1b[32m\r\n"
                head = b"%s %s?\x1b[33m HTTP/1.1\r\n%s\r\n" % (method, path, fields)
                self.answer(port, head)
        self.client(self.connect(port), "Mina").close()
        server.terminate()
        out, err = server.communicate(timeout=PATIENCE)
        self.assertNotIn("\x1b", out + err)
        self.assertNotIn("Traceback", out + err)
