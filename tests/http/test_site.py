"""
Tests for L{machat.http.site}.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.http.handshake import Opening
from machat.http.origins import LOOPBACK, Hosts, Origins
from machat.http.site import METHODS, Reply, Site
from machat.http.static import thePage
from machat.ws import PATH, SUBPROTOCOL

#: The headers of a WebSocket request, without the host.
UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)

HOST = "Host: localhost:8099"


KEYS = st.one_of(
    st.binary(min_size=16, max_size=16).map(lambda key: b64encode(key).decode()),
    st.sampled_from(
        ["", "short", "A" * 25, "AAAAAAAAAAAAAAAAAAAAAA==, B", "AAAAAAAAAAAAAAAAAAAAAA=\r"]
    ),
)

#: The fields of a handshake, more or less.
FIELDS = st.lists(
    st.one_of(
        st.sampled_from([*UPGRADE, HOST, "Host: elsewhere", "Sec-WebSocket-Protocol: machat.v1"]),
        st.builds("{}: {}".format, st.sampled_from(["Sec-WebSocket-Key", "X", "x: y"]), KEYS),
    ),
    max_size=4,
)


class SiteTests(SynchronousTestCase):
    """
    Tests for L{Site}.
    """

    def setUp(self) -> None:
        self.site = self.make()

    def make(self, page: bool = True, hosts: tuple[str, ...] = ()) -> Site:
        origins = Origins(["https://*.friend.test"])
        return Site(PATH, SUBPROTOCOL, thePage() if page else None, origins, Hosts(hosts))

    def ask(self, first: str, *fields: str) -> Reply:
        """
        @return: the answer to a request
        """
        reply = self.site.reply("\r\n".join([first, *fields, "", ""]).encode("latin-1"))
        assert isinstance(reply, Reply), reply
        return reply

    def assertLine(self, reply: Reply, status: int, *words: str) -> None:
        """
        An answer has this status, and one line of text that contains these words.
        """
        self.assertEqual(reply.answer.status, status)
        self.assertEqual(reply.answer.fields["Content-Type"], "text/plain; charset=utf-8")
        self.assertRegex(reply.answer.body, rb"\A[ -~]+\n\Z")
        for word in words:
            self.assertIn(word, reply.answer.body.decode())

    @given(st.lists(st.tuples(FIELDS, KEYS), min_size=1, max_size=6))
    def test_remembered(self, requests: list[tuple[list[str], str]]) -> None:
        """
        A handshake is answered in the same way, whichever requests were answered before.
        """
        site = self.make()
        for more, key in requests:
            for fields in ([HOST, *UPGRADE[:3], f"Sec-WebSocket-Key: {key}", *more], [HOST, *more]):
                head = "\r\n".join([f"GET {PATH} HTTP/1.1", *fields, "", ""]).encode("latin-1")
                self.assertEqual(site.reply(head), self.make().reply(head), head)

    def test_rememberedBounds(self) -> None:
        """
        The number and the size of the handshakes that are remembered are limited.
        """
        for size in (10, 4_000):
            for number in range(200):
                fields = [HOST, *UPGRADE, f"X: {number} {'x' * size}", "", ""]
                head = "\r\n".join([f"GET {PATH} HTTP/1.1", *fields]).encode()
                self.assertIsInstance(self.site.reply(head), Opening)
        self.assertLessEqual(len(self.site._accepted), 64)
        self.assertLess(max(map(len, self.site._accepted)), 2_049)

    def test_versions(self) -> None:
        """
        HTTP/1.0, with or without a host, is answered like HTTP/1.1, and so is a whole URL.
        """
        for fields in ((), (HOST,)):
            for path, status in (("/", 200), ("/client.js", 200), ("/x", 404), (PATH, 426)):
                for method in ("GET", "HEAD"):
                    reply = self.ask(f"{method} {path} HTTP/1.0", *fields)
                    self.assertEqual(reply.answer.status, status, path)
                    self.assertEqual(reply.log, "")
        reply = self.ask("GET http://localhost:8099/ HTTP/1.1", "Host: other")
        self.assertEqual(reply.answer.status, 200)
        self.assertLine(self.ask("GET /x HTTP/1.0"), 404, PATH)

    def test_options(self) -> None:
        """
        C{OPTIONS} is answered for every existing path, and for the server as a whole, as health
        checks request it, with or without the page.
        """
        for site in (self.site, self.make(page=False)):
            self.site = site
            for path in ("*", "/", PATH):
                for first, *fields in (
                    (f"OPTIONS {path} HTTP/1.0",),
                    (f"OPTIONS {path} HTTP/1.1", HOST),
                ):
                    reply = self.ask(first, *fields)
                    self.assertEqual(reply.answer.status, 204)
                    self.assertEqual(reply.answer.fields["Allow"], METHODS)
                    self.assertEqual(reply.log, "")
            self.assertLine(self.ask("OPTIONS /x HTTP/1.0"), 404)

    def test_methods(self) -> None:
        """
        Other methods are not allowed on existing paths.
        """
        for path in ("/", "/style.css", PATH):
            for method in ("POST", "PUT", "get", "X"):
                reply = self.ask(f"{method} {path} HTTP/1.1", HOST)
                self.assertLine(reply, 405, "GET")
                self.assertEqual(reply.answer.fields["Allow"], METHODS)
        self.assertLine(self.ask("POST /x HTTP/1.1", HOST), 404)
        self.assertLine(self.ask(f"POST {PATH} HTTP/1.1", HOST, *UPGRADE), 405)

    def test_noPage(self) -> None:
        """
        Without the page, C{/} is not found.
        """
        self.site = self.make(page=False)
        self.assertLine(self.ask("GET / HTTP/1.1", HOST), 404, PATH)

    def test_otherUpgrades(self) -> None:
        """
        An unknown upgrade is ignored, and a WebSocket is not offered at other paths.
        """
        reply = self.ask(
            "GET / HTTP/1.1", HOST, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"
        )
        self.assertEqual(reply.answer.status, 200)
        for path in ("/", "/other", f"{PATH}/"):
            reply = self.ask(f"GET {path} HTTP/1.1", HOST, *UPGRADE)
            self.assertLine(reply, 404, PATH)
            self.assertIn("404" if not reply.log else PATH, reply.log)

    def test_explained(self) -> None:
        """
        A plain request to the WebSocket path, from a page that may open a WebSocket, is answered
        with an explanation.
        """
        for origin in ("http://localhost:8099", "https://a.friend.test", "HTTP://LOCALHOST:8099/"):
            for first, field in (
                (f"GET {PATH}?origin={quote(origin, safe='')} HTTP/1.1", "X: y"),
                (f"GET {PATH}?a=b&origin={origin} HTTP/1.1", "X: y"),
                (f"GET {PATH} HTTP/1.1", f"Origin: {origin}"),
            ):
                reply = self.ask(first, HOST, field)
                self.assertLine(reply, 426, "WebSocket")
                self.assertEqual(reply.answer.fields["Upgrade"], "websocket")
                self.assertEqual(reply.answer.fields["Access-Control-Allow-Origin"], "*")
                self.assertNotIn("X-Machat-Reason", reply.answer.fields)
                self.assertEqual(reply.log, "")

    def test_refusedOrigin(self) -> None:
        """
        A request from a foreign page is answered with the reason and the remedy; the log reports
        it only if a WebSocket was requested.
        """
        origin = "https://chat.example.org"
        for first, *fields in (
            (f"GET {PATH}?origin={quote(origin, safe='')} HTTP/1.1",),
            (f"GET {PATH}?origin=http://localhost:8099 HTTP/1.1", f"Origin: {origin}"),
            (f"GET {PATH} HTTP/1.1", f"Origin: {origin}/", *UPGRADE),
            (f"GET {PATH}?origin=http://localhost:8099 HTTP/1.1", f"Origin: {origin}", *UPGRADE),
        ):
            reply = self.ask(first, HOST, *fields)
            self.assertLine(reply, 403, origin, f"--origin {origin},", "localhost:8099")
            self.assertEqual(reply.answer.fields["X-Machat-Reason"], "origin")
            self.assertEqual(reply.answer.fields["Access-Control-Allow-Origin"], "*")
            self.assertEqual(bool(reply.log), "Upgrade: websocket" in fields)
        self.assertLine(
            self.ask(f"GET {PATH}?origin={origin} HTTP/1.0", HOST), 403, origin, "HTTP/1.0"
        )

    def test_noOrigin(self) -> None:
        """
        An invalid origin is not repeated in the answer, and is escaped in the log.
        """
        for origin in ("null", "", "http://a\x1b[31m\xff", "file://", "http://\xe4"):
            fields = [f"Origin: {origin}", *UPGRADE]
            if "\x1b" in origin:
                self.assertEqual(self.ask(f"GET {PATH} HTTP/1.1", HOST, *fields).answer.status, 400)
                continue
            reply = self.ask(f"GET {PATH} HTTP/1.1", HOST, *fields)
            self.assertLine(reply, 403, "Serve the page over HTTP", "--origin")
            self.assertIn(ascii(origin), reply.log)
        self.assertLine(self.ask(f"GET {PATH}?origin=null%0a%1b HTTP/1.1", HOST), 403)

    def test_old(self) -> None:
        """
        A WebSocket over HTTP/1.0 is refused, and the answer names the cause, a proxy.
        """
        for fields in ((), UPGRADE):
            reply = self.ask(f"GET {PATH} HTTP/1.0", HOST, *fields)
            self.assertLine(reply, 426, "HTTP/1.0", "proxy_http_version 1.1")
            self.assertEqual(reply.answer.fields["X-Machat-Reason"], "http-1.0")
            self.assertEqual(bool(reply.log), bool(fields))

    def test_hosts(self) -> None:
        """
        For all paths, only requests that name one of the server's hosts, or no host, are answered.
        """
        self.site = self.make(hosts=LOOPBACK)
        for first in (
            "GET / HTTP/1.1",
            f"GET {PATH} HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "POST /x HTTP/1.0",
        ):
            for host in ("evil.test:8099", "localhost.evil.test", "192.0.2.1"):
                for fields in ((), UPGRADE, ("Origin: http://evil.test:8099", *UPGRADE)):
                    reply = self.ask(first, f"Host: {host}", *fields)
                    name = host.partition(":")[0]
                    self.assertLine(reply, 421, f"--host {name}.")
                    self.assertIn(name, reply.log)
                    self.assertEqual(reply.answer.fields["X-Machat-Reason"], "host")
        for host in ("localhost", "LOCALHOST:1", "127.0.0.1:8099", "[::1]:8099"):
            self.assertEqual(self.ask("GET / HTTP/1.1", f"Host: {host}").answer.status, 200)
        self.assertEqual(self.ask("OPTIONS / HTTP/1.0").answer.status, 204)
        self.assertLine(self.ask("GET http://evil.test/ HTTP/1.1", HOST), 421)

    def test_opened(self) -> None:
        """
        A WebSocket is opened from pages of the same host, from allowed pages and by non-browser
        clients. An C{origin} in the query makes no difference.
        """
        for fields in ((), ("Origin: http://localhost:8099",), ("Origin: https://a.friend.test/",)):
            lines = [f"GET {PATH}?origin=https://evil.test HTTP/1.1", HOST, *fields, *UPGRADE]
            head = "\r\n".join([*lines, "", ""]).encode()
            self.assertIsInstance(self.site.reply(head), Opening)
