"""
Tests for L{machat.http.static}, and for a WebSocket endpoint's answers to a browser.
"""

from __future__ import annotations

import gzip
import re
from base64 import b64encode
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.addresses import forwardedFor
from machat.http.origins import Hosts, Origins
from machat.http.site import Reply, Site
from machat.http.static import FOLDER, POLICY, Pages, acceptsGzip, checkTokens
from machat.limits import Limits
from machat.testing import (
    MemoryChat,
    MemoryClient,
    MemoryWebSocketClient,
    clientFrame,
    clientRequest,
)
from machat.ws import PATH, SUBPROTOCOL, ChatWebSocketFactory
from machat.ws.kept import CONNECTIONS, KEPT, REQUESTS


def request(path: str = "/", method: str = "GET", *fields: str) -> bytes:
    """
    @return: the head of a request
    """
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost:8099", *fields, "", ""]
    return "\r\n".join(lines).encode()


class PagesTests(SynchronousTestCase):
    """
    Tests for L{Pages}.
    """

    site = Site(PATH, SUBPROTOCOL, Pages(), Origins(), Hosts())

    def ask(self, *asked: str) -> tuple[str, dict[str, str], bytes]:
        """
        @return: the status, the fields and the body of an answer
        """
        path, method, *fields = (*asked, "GET") if len(asked) == 1 else asked
        head, _, body = self.raw(path, *fields, method=method)
        status, *lines = head.decode().split("\r\n")
        pairs = [line.split(": ", 1) for line in lines]
        return status, {name: value for name, value in pairs}, body

    def raw(self, path: str, *fields: str, method: str = "GET") -> tuple[bytes, bytes, bytes]:
        """
        @return: the head of an answer, the separator, and the body
        """
        reply = self.site.reply(request(path, method, *fields))
        assert isinstance(reply, Reply)
        return reply.encode().partition(b"\r\n\r\n")

    def test_everyFile(self) -> None:
        """
        Every file of the folder is served with its type and its size. Only the document is changed.
        """
        for path in FOLDER.iterdir():
            if path.suffix not in (".py", ".pyc", ""):
                status, fields, body = self.ask(f"/{path.name}")
                self.assertEqual(status, "HTTP/1.1 200 OK")
                self.assertEqual(int(fields["Content-Length"]), len(body))
                if path.name != "index.html":
                    self.assertEqual(body, path.read_bytes())
        self.assertEqual(self.ask("/?x=1"), self.ask("/index.html"))

    def test_inlined(self) -> None:
        """
        The document contains its style, and all modules as one script. It loads only the icon.
        """
        document = self.ask("/")[2].decode()
        self.assertEqual(set(re.findall('(?:src|href)="([^"#]+)"', document)), {"icon.svg"})
        self.assertEqual(document.count("new App().start()"), 1)
        self.assertNotRegex(document, re.compile("^(import|export)", re.MULTILINE))

    def test_hashes(self) -> None:
        """
        The policy of the document allows exactly the scripts and the style that it contains.
        """
        _, fields, body = self.ask("/")
        policy = dict(part.split(" ", 1) for part in fields["Content-Security-Policy"].split("; "))
        for tag, name in ((b"script", "script-src"), (b"style", "style-src")):
            found = re.findall(b"<%s(?: [^>]*)?>(.*?)</%s>" % (tag, tag), body, re.DOTALL)
            hashes = [b64encode(sha256(content).digest()).decode() for content in found]
            wanted = ["'self'"] * (tag == b"script") + [f"'sha256-{each}'" for each in hashes]
            self.assertEqual(policy[name], " ".join(wanted))
        rest = {"script-src": "'self'", "style-src": "'self'"}
        joined = "; ".join(f"{name} {value}" for name, value in {**policy, **rest}.items())
        self.assertEqual(joined, POLICY)

    def test_compressed(self) -> None:
        """
        A file is compressed with gzip if the client accepts that. The compressed file has another
        tag. All that a browser loads has at most 60 kB.
        """
        plain = self.ask("/app.js")
        self.assertNotIn("Content-Encoding", plain[1])
        total = 0
        for path in ("/", "/icon.svg"):
            whole = self.ask(path)[2]
            head, _, body = self.raw(path, "Accept-Encoding: br, gzip, deflate")
            self.assertIn(b"\r\nContent-Encoding: gzip", head)
            self.assertIn(b"\r\nVary: Accept-Encoding", head)
            self.assertEqual(gzip.decompress(body), whole)
            total += len(head) + len(body)
        self.assertLess(total, 60_000)
        tag = plain[1]["ETag"]
        for known, wanted in ((tag, b"200"), (f'{tag[:-1]}-gzip"', b"304")):
            fields = ("Accept-Encoding: gzip", f"If-None-Match: {known}")
            self.assertEqual(self.raw("/app.js", *fields)[0].split()[1], wanted)

    def test_accepted(self) -> None:
        """
        Files are compressed only for clients that accept gzip.
        """
        for field in ("gzip", "deflate, GZIP", "gzip;q=0.5", "x-gzip", "br,gzip ; q=1"):
            self.assertTrue(acceptsGzip(field), field)
        for field in ("", "br", "gzip;q=0", "gzip;q=0.0, br", "gzipped", "*;q=0"):
            self.assertFalse(acceptsGzip(field), field)

    def test_tokens(self) -> None:
        """
        The document names the endpoint of the tokens, and the policy allows its origin.
        """
        for url, named, origin in (
            ("/chat-token?a=1&b", b'content="/chat-token?a=1&amp;b"', ""),
            ("https://example.org/token", b'content="https://example.org/token"', "example.org"),
            ("http://LOCALHOST:8080", b'content="http://LOCALHOST:8080"', "localhost:8080"),
        ):
            file = Pages(tokens=checkTokens(url)).files["/"]
            self.assertIn(b'<meta name="machat-tokens" ' + named, file.body)
            scheme = url.partition("/")[0]
            allowed = f"connect-src 'self' {scheme}//{origin};" if origin else "connect-src 'self';"
            self.assertIn(allowed, file.fields["Content-Security-Policy"])
            self.assertNotEqual(file.tag, Pages().files["/"].tag)

    def test_notTokens(self) -> None:
        """
        Anything but a path and a web address is refused as an endpoint of tokens.
        """
        for url in (
            "",
            "token",
            "//example.org/token",
            "/\\example.org",
            "javascript:alert(1)",
            "https://example.org;script-src",
            "https://user:secret@example.org/",
            "/to ken",
            "/token#part",
        ):
            self.assertRaises(ValueError, checkTokens, url)

    def test_preloaded(self) -> None:
        """
        The document loads every module that the page needs from the start.
        """
        document = (FOLDER / "index.html").read_text()
        needed, left = set[str](), ["app.js"]
        while left:
            module = (FOLDER / left.pop()).read_text()
            found = set(re.findall(r'^(?:import|export).* from "\./(\w+\.js)";', module, re.M))
            found |= set(re.findall(r'^} from "\./(\w+\.js)";', module, re.M))
            left += found - needed
            needed |= found
        preloaded = re.findall(r'<link rel="modulepreload" href="([^"]*)">', document)
        self.assertEqual(preloaded, sorted(needed))
        self.assertEqual(
            {path.name for path in FOLDER.glob("*.js")},
            needed | {"app.js", "early.js", "german.js", "theme.js"},
        )
        self.assertIn('<script src="theme.js"></script>', document)  # before the first paint

    def test_safe(self) -> None:
        """
        Every answer forbids what the page does not need, and no answer sets a cookie.
        """
        for path in ("/", "/style.css", "/client.js"):
            _, fields, _ = self.ask(path)
            self.assertNotIn("unsafe", fields["Content-Security-Policy"])
            if path != "/":
                self.assertEqual(fields["Content-Security-Policy"], POLICY)
            self.assertEqual(fields["X-Content-Type-Options"], "nosniff")
            self.assertEqual(fields["Referrer-Policy"], "no-referrer")
            self.assertNotIn("Set-Cookie", fields)

    def test_shared(self) -> None:
        """
        Other pages may import the modules, but they may not read the document.
        """
        self.assertEqual(self.ask("/client.js")[1]["Access-Control-Allow-Origin"], "*")
        self.assertNotIn("Access-Control-Allow-Origin", self.ask("/")[1])

    def test_head(self) -> None:
        """
        HEAD is answered like GET without the body, and a request for a cached file with 304.
        """
        status, fields, body = self.ask("/", "HEAD")
        self.assertEqual((status, body), ("HTTP/1.1 200 OK", b""))
        self.assertEqual(fields, self.ask("/")[1])
        status, _, body = self.ask("/", "GET", f'If-None-Match: W/"x", {fields["ETag"]}')
        self.assertEqual((status, body), ("HTTP/1.1 304 Not Modified", b""))

    def test_nothingElse(self) -> None:
        """
        No other file is served, whatever the path contains.
        """
        for path in (
            "/../pyproject.toml",
            "/%2e%2e/pyproject.toml",
            "//",
            "/page",
            "/client.js/",
            "/\\..\\",
        ):
            self.assertEqual(self.ask(path)[0], "HTTP/1.1 404 Not Found")


class EndpointTests(SynchronousTestCase):
    """
    The page on the WebSocket's endpoint.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat()

    def connect(self, page: bool = True) -> MemoryClient:
        """
        @return: a connection that has sent nothing
        """
        return MemoryClient(ChatWebSocketFactory(self.chat.service, page))

    def ask(self, *fields: str) -> bytes:
        """
        @return: the head of the answer to a request for the page, of a connection that then ends
            and leaves nothing
        """
        client = self.connect()
        for byte in request("/", "GET", "User-Agent: test", *fields):
            client.sendBytes(bytes((byte,)))
        answer: bytes = client.transport.value()
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertIn(b"<title>MaChat</title>", answer)
        self.chat.clock.advance(KEPT)
        self.assertFalse(client.connected)
        self.assertEqual(client.transport.value(), answer)
        self.assertEqual(len(self.chat.service.connections), 0)
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])
        self.assertEqual(self.chat.service.metrics.refusals, {})
        return answer.partition(b"\r\n\r\n")[0]

    def test_page(self) -> None:
        """
        A browser receives the page. The connection ends if it asks for that, and after 5 seconds.
        """
        kept = self.ask()
        self.assertIn(b"\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n", kept)
        self.assertIn(b"\r\nConnection: close\r\n", self.ask("Connection: close"))
        self.assertIn(b"\r\nConnection: close\r\n", self.ask("Content-Length: 1"))

    def test_left(self) -> None:
        """
        Each answer states for how long its connection stays open.
        """
        client = self.connect()
        client.sendBytes(request("/icon.svg"))
        self.chat.clock.advance(2)
        client.sendBytes(request("/icon.svg"))
        found = re.findall(rb"timeout=(\d+)", client.transport.value())
        self.assertEqual(found, [b"5", b"3"])

    def test_lateRequest(self) -> None:
        """
        If the first request arrives late, the connection ends with the answer. Otherwise, it would
        count as refused.
        """
        client = self.connect()
        self.chat.clock.advance(self.chat.service.limits.joinTimeout - KEPT)
        client.sendBytes(request("/icon.svg"))
        self.assertIn(b"\r\nConnection: close\r\n", client.transport.value())
        self.chat.clock.advance(KEPT)
        self.assertFalse(client.connected)
        self.assertEqual(self.chat.service.metrics.refusals, {})

    def test_closed(self) -> None:
        """
        After a request with a body, further input is not read.
        """
        client = self.connect()
        client.sendBytes(request("/", "GET", "Transfer-Encoding: chunked") + request("/icon.svg"))
        self.assertFalse(client.connected)
        self.assertEqual(client.transport.value().count(b"HTTP/1.1 "), 1)

    def test_kept(self) -> None:
        """
        Several files can be requested on one connection, up to a limit, and the WebSocket after
        them. An answer of one line ends the connection.
        """
        client = self.connect()
        client.sendBytes(request("/icon.svg") * 2 + request("/")[:7])
        self.assertEqual(client.transport.value().count(b"HTTP/1.1 200 OK"), 2)
        client.sendBytes(request("/")[7:])
        self.assertEqual(client.transport.value().count(b"HTTP/1.1 200 OK"), 3)
        client.sendBytes(clientRequest())
        self.assertIn(b"101 Switching Protocols", client.transport.value())
        self.chat.clock.advance(KEPT)
        self.assertTrue(client.connected)
        for requests, answers in (
            (request("/icon.svg") * (REQUESTS + 1), REQUESTS),
            (request("/nothing") * 2, 1),
        ):
            client = self.connect()
            client.sendBytes(requests)
            self.assertEqual(client.transport.value().count(b"HTTP/1.1 "), answers)
            self.assertFalse(client.connected)

    def test_most(self) -> None:
        """
        The number of connections that are kept is limited.
        """
        self.chat = MemoryChat(Limits(maxPerAddress=2 * CONNECTIONS))
        factory = ChatWebSocketFactory(self.chat.service)
        clients = [MemoryClient(factory) for _ in range(CONNECTIONS + 1)]
        for client in clients:
            client.sendBytes(request("/icon.svg"))
        self.assertEqual([client.connected for client in clients[-2:]], [True, False])
        clients[0].close()
        clients.append(MemoryClient(factory))
        clients[-1].sendBytes(request("/icon.svg"))
        self.assertTrue(clients[-1].connected)

    def test_full(self) -> None:
        """
        A connection above a limit receives the page, and is neither kept nor counted as refused.
        """
        self.chat = MemoryChat(Limits(maxPerAddress=1))
        first, second = self.connect(), self.connect()
        second.sendBytes(request("/icon.svg"))
        self.assertIn(b"\r\nConnection: close\r\n", second.transport.value())
        self.assertFalse(second.connected)
        first.sendBytes(request("/icon.svg"))
        self.assertTrue(first.connected)
        self.chat.clock.advance(KEPT)
        self.assertEqual(self.chat.service.metrics.refusals, {})

    def test_noPage(self) -> None:
        """
        Without the page, only the WebSocket is served.
        """
        client = self.connect(False)
        client.sendBytes(request())
        self.assertNotIn(b"200 OK", client.transport.value())

    @given(st.binary(max_size=200), st.sampled_from([b"", b"GET / HTTP/1.1\r\n", b"GET /"]))
    def test_anything(self, data: bytes, before: bytes) -> None:
        """
        No request is answered with a traceback.
        """
        client = self.connect()
        client.sendBytes(before + data + b"\r\n\r\n")
        client.close()
        self.assertEqual(len(self.chat.service.connections), 0)
        self.assertEqual(self.flushLoggedErrors(), [])


class OriginTests(SynchronousTestCase):
    """
    Pages of other origins.
    """

    def open(self, origin: str, *fields: str) -> str:
        """
        @return: the answer to a page's WebSocket request
        """
        chat = MemoryChat()
        client = MemoryClient(ChatWebSocketFactory(chat.service, origins=["https://*.friend.test"]))
        more = "".join(f"{field}\r\n" for field in (f"Origin: {origin}", *fields))
        client.sendBytes(clientRequest().replace(b"\r\n\r\n", f"\r\n{more}\r\n".encode()))
        data: bytes = client.transport.value()
        return data.decode().partition("\r\n")[0].split(" ", 1)[1]

    def test_origins(self) -> None:
        """
        Foreign pages cannot open a WebSocket unless they are allowed, with either implementation
        of the handshake.
        """
        for fields in ((), ("Cookie: unusual=1", "Sec-WebSocket-Extensions: x-unusual")):
            self.assertEqual(self.open("http://localhost", *fields), "101 Switching Protocols")
            self.assertEqual(self.open("https://a.friend.test", *fields), "101 Switching Protocols")
            self.assertEqual(self.open("http://evil.test", *fields), "403 Forbidden")
            self.assertEqual(self.open("null", *fields), "403 Forbidden")

    def test_none(self) -> None:
        """
        Non-browser clients send no origin, and are accepted.
        """
        client = MemoryWebSocketClient(ChatWebSocketFactory(MemoryChat().service))
        self.assertIn("101", client.response)


class ForwardedTests(SynchronousTestCase):
    """
    Client addresses that proxies forward.
    """

    def assertFrom(self, expected: str | None, proxies: int, *fields: str) -> None:
        """
        A request with these fields comes from this address.
        """
        told = forwardedFor(request("/mychat", "GET", *fields), proxies)
        self.assertEqual(told.host if told is not None else None, expected, fields)

    def test_forwarded(self) -> None:
        """
        The last proxy appends its value at the end; values before those of the trusted proxies may
        be forged.
        """
        fields = ("X-Forwarded-For: 6.6.6.6, 192.0.2.7", "x-forwarded-for:2001:db8::1")
        self.assertFrom("2001:db8::1", 1, *fields)
        self.assertFrom("192.0.2.7", 2, *fields)
        self.assertFrom("6.6.6.6", 3, *fields)
        self.assertFrom(None, 4, *fields)
        self.assertFrom("192.0.2.7", 1, "X-Forwarded-For: 192.0.2.7:4711")
        self.assertFrom("2001:db8::1", 1, "X-Forwarded-For: [2001:db8::1]:4711")

    def test_nonsense(self) -> None:
        """
        An invalid address is ignored.
        """
        for said in (
            "unknown",
            "",
            "1.2.3",
            "evil\x00",
            "[::1",
            "::1]",
            "1.2.3.4:x",
            "fe80::1%eth0",
        ):
            self.assertFrom(None, 1, f"X-Forwarded-For: {said}")
        self.assertFrom(None, 1)

    def test_believed(self) -> None:
        """
        The forwarded address is used only if the option is set; the client is then counted and
        logged under it.
        """
        for proxies, network in ((0, "192.0.2.1"), (1, "198.51.100.7")):
            chat = MemoryChat()
            client = MemoryClient(ChatWebSocketFactory(chat.service, proxies=proxies))
            field = b"\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n"
            client.sendBytes(clientRequest().replace(b"\r\n\r\n", field))
            client.sendBytes(clientFrame(0x81, b'{"name": "Mina", "room": "dev"}'))
            self.assertEqual(dict(chat.service.connections._counts), {network: 1})

    def upgrade(self, chat: MemoryChat, address: str, protocol: str | None) -> MemoryClient:
        """
        @return: a client that a proxy forwards from this address, and that sends no hello
        """
        client = MemoryWebSocketClient.__new__(MemoryWebSocketClient)
        MemoryClient.__init__(client, ChatWebSocketFactory(chat.service, proxies=1))
        field = f"\r\nX-Forwarded-For: {address}\r\n\r\n".encode()
        client.sendBytes(clientRequest(protocol=protocol).replace(b"\r\n\r\n", field))
        answer = client.transport.value()
        client.transport.clear()
        client.transport.write(answer.partition(b"\r\n\r\n")[2])
        return client

    def test_limited(self) -> None:
        """
        The number of WebSockets per forwarded address is limited, even before their hellos. The
        first one over the limit is refused in its dialect, with a time to reconnect.
        """
        chat = MemoryChat(Limits(maxPerAddress=2))
        for address in ("198.51.100.7", "198.51.100.8"):
            clients = [self.upgrade(chat, address, None) for _ in range(2)]
            self.assertEqual([client.received() for client in clients], [[], []])
        text = self.upgrade(chat, "198.51.100.7", None)
        self.assertTrue(text.received()[0].startswith("machat:error too-many-connections "))
        error, bye = self.upgrade(chat, "198.51.100.7", "machat.v1").received()
        self.assertIn('"too-many-connections"', error)
        self.assertIn('"code":3003', bye)
        self.assertIn('"reconnect":true,"retry":15', bye)
        clients[1].close()
        self.assertEqual(self.upgrade(chat, "198.51.100.8", None).received(), [])
