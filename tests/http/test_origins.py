"""
Tests for L{machat.http.origins}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.http.origins import LOOPBACK, Hosts, Origins, readAuthority, readOrigin


def allows(origin: str, host: str, *patterns: str) -> bool:
    """
    @return: whether a page of this origin may open a WebSocket at this host
    """
    read, asked = readOrigin(origin), readAuthority(host)
    return read is not None and asked is not None and Origins(patterns).allows(read, asked)


#: Values that are not the origin of any page loaded over HTTP.
INVALID = (
    *("", "null", "file://", "localhost:8099", "ws://localhost:8099", "http:localhost:8099"),
    *("http://", "http:///x", "//localhost:8099", "chrome-extension://abcdef", "http:/localhost"),
    *("http://x@localhost:8099", "http://localhost:8099@evil.example", "http://:@localhost:8099"),
    *("http://localhost:80990", "http://localhost:0", "http://localhost:-1", "http://localhost:+1"),
    *("http://localhost:8099 x", " http://localhost:8099", "http://localhost:8099\t"),
    *("http://local\thost:8099", "http://localhost:8099\n", "http://localhost\r\n:8099"),
    *("http://localhost:8099\x00", "http://localhost:8099/\x1b[31m", "http://localhost:8099/ "),
    *("http://evil.example\\@localhost:8099", "http://localhost:8099\\.evil.example"),
    *("http://%6cocalhost:8099", "http://l\u00f6calhost", "http://\uff4cocalhost:8099"),
    *("http://[::1", "http://::1:8099", "http://[::1%25lo]:8099", "http://[v1.x]", "http://[:::]"),
    *("http://a..b", "http://.a", "http://a:\u0663", f"http://{'a' * 254}"),
)


class OriginsTests(SynchronousTestCase):
    """
    Tests for L{Origins}.
    """

    def test_sameHost(self) -> None:
        """
        Pages of the requested host are allowed, in every spelling of its URL.
        """
        for origin, host in (
            ("http://localhost:8099", "localhost:8099"),
            ("http://localhost:8099/", "localhost:8099"),
            ("http://localhost:8099/chat/?a=b#c@d", "localhost:8099"),
            ("http://localhost:8099?x", "localhost:8099"),
            ("http://localhost:08099", "localhost:8099"),
            ("http://localhost:", "localhost"),
            ("https://chat.example.com", "chat.example.com"),
            ("https://chat.example.com", "chat.example.com:443"),
            ("HTTP://Chat.Example.com", "chat.example.COM"),
            ("http://chat.example.com:80", "chat.example.com"),
            ("http://[::1]:8099", "[::1]:8099"),
            ("http://[0:0::0001]:8099/", "[::1]:8099"),
            ("http://my_app:3000", "my_app:3000"),
            ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ):
            self.assertTrue(allows(origin, host), (origin, host))

    def test_another(self) -> None:
        """
        Pages of another host or port are not allowed, however similar they look.
        """
        for origin in (
            *("http://evil.example", "http://localhost", "https://localhost"),
            *("http://localhost:8099.evil.example", "http://localhost.evil.example:8099"),
            *("http://evil.example/localhost:8099", "http://evil.example?localhost:8099"),
            *("http://evil.example#@localhost:8099", "http://xlocalhost:8099"),
            *("http://localhost.:8099", "http://127.0.0.1:8099", "http://[::1]:8099"),
        ):
            self.assertFalse(allows(origin, "localhost:8099"), origin)
        self.assertFalse(allows("http://chat.example.com:443", "chat.example.com"))
        self.assertFalse(allows("http://chat.example.com", "chat.example.com:443"))

    def test_invalid(self) -> None:
        """
        An invalid origin is refused, even if it equals the host or all origins are allowed.
        """
        for origin in INVALID:
            self.assertFalse(allows(origin, "localhost:8099", "*"), origin)
        for host in (
            "",
            " ",
            "a b",
            "a@b",
            "[::1",
            "::1",
            "a:b",
            "a:99999",
            "http://a",
            "a/",
            "\x1b",
        ):
            self.assertIsNone(readAuthority(host), host)

    def test_patterns(self) -> None:
        """
        An operator can allow more origins: C{*} matches whole labels of the host, and nothing
        else.
        """
        for pattern, good, bad in (
            (
                "https://*.Example.com",
                ("https://a.example.com", "https://a.b.example.com", "https://a.example.com:443/"),
                (
                    *("http://a.example.com", "https://example.com", "https://.example.com"),
                    *("https://evil.com/x.example.com", "https://a.example.com:444"),
                    *("https://a.example.com.evil.com", "https://aexample.com"),
                ),
            ),
            ("https://a.*.com/", ("https://a.b.com",), ("https://a.b.c.com", "https://a.com")),
            (
                "http://[::1]:3000",
                ("http://[::1]:3000", "http://[0::1]:3000/"),
                ("http://[::1]", "http://::3000", "http://1:3000", "http://[::]:3000"),
            ),
            ("http://localhost:3000", ("HTTP://LOCALHOST:3000",), ("http://localhost:30001",)),
            ("http://[2001:db8::1]", ("http://[2001:DB8::1]:80",), ("http://2",)),
            ("http://a.b", ("http://a.b",), ("http://axb", "http://a.b.c")),
            ("*", ("http://anything", "https://[::1]:1"), ("null",)),
        ):
            for origin in good:
                self.assertTrue(allows(origin, "chat.test", pattern), (origin, pattern))
            for origin in bad:
                self.assertFalse(allows(origin, "chat.test", pattern), (origin, pattern))

    def test_badPatterns(self) -> None:
        """
        A pattern that cannot match anything, or would match more than it appears to, is refused.
        """
        for pattern in (
            *("", "example.com", "null", "NULL", "ws://a", "file://", "*://a", "**", "http://"),
            *("http://*x.example.com", "http://x*", "http://a.*b", "http://a:*", "http://[::*]"),
            *("http://[a-z].example.com", "http://?.example.com", "http://a.example.com/path"),
            *("http://a@b", "http://a:0", "http://a:65536", "http://a b", "http://\u00e4"),
            *("http://a\n", "http://[::1", "http://[1:2]", "https://a, https://b"),
        ):
            self.assertRaises(ValueError, Origins, [pattern])

    def test_quick(self) -> None:
        """
        No origin takes long to compare with a pattern.
        """
        pattern = f"https://{'*.' * 30}example.com"
        self.assertFalse(allows(f"https://{'a.' * 120}example.org", "chat.test", pattern))


class HostsTests(SynchronousTestCase):
    """
    Tests for L{Hosts}.
    """

    def assertAllowed(self, expected: bool, host: str, *names: str) -> None:
        """
        A request that names this host is answered, or is not.
        """
        asked = readAuthority(host)
        assert asked is not None
        self.assertEqual(Hosts(names).allows(asked), expected, (host, names))

    def test_any(self) -> None:
        """
        Without names, and with C{*}, all hosts are allowed.
        """
        self.assertAllowed(True, "anything:1")
        self.assertAllowed(True, "anything:1", "*")
        self.assertAllowed(True, "anything:1", "a", "*")

    def test_names(self) -> None:
        """
        Case, the final dot, the port and the spelling of an address make no difference.
        """
        for host in ("localhost", "LOCALHOST:8099", "localhost.:1", "127.0.0.1:8099", "[0::1]:2"):
            self.assertAllowed(True, host, *LOOPBACK)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.2", "[::2]", "x"):
            self.assertAllowed(False, host, *LOOPBACK)
        for name in ("::1", "[::1]", "0:0::1"):
            self.assertAllowed(True, "[::1]:8099", name)
        self.assertAllowed(True, "chat.example.org", "Chat.Example.ORG.")

    def test_bad(self) -> None:
        """
        A name that no request can contain is refused.
        """
        for name in (
            "",
            "a:80",
            "http://a",
            "a/b",
            "*.a",
            "a b",
            "\u00e4",
            "[::1]:80",
            "::x",
            "a\n",
        ):
            self.assertRaises(ValueError, Hosts, [name])
