"""
Tests for L{machat.origins}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.origins import Origins


class OriginsTests(SynchronousTestCase):
    """
    Tests for L{Origins}.
    """

    def assertAllowed(self, expected: bool, origin: str | None, host: str, *patterns: str) -> None:
        """
        A request of this origin is, or is not, answered.
        """
        self.assertEqual(Origins(patterns).allows(origin, host), expected, (origin, host))

    def test_sameHost(self) -> None:
        """
        The host that was asked is allowed, whatever its scheme and however its port is said.
        """
        for origin, host in (
            ("http://localhost:8099", "localhost:8099"),
            ("https://chat.example.com", "chat.example.com"),
            ("https://chat.example.com", "chat.example.com:443"),
            ("HTTP://Chat.Example.com", "chat.example.COM"),
            ("http://chat.example.com:80", "chat.example.com"),
            ("http://[::1]:8099", "[::1]:8099"),
        ):
            self.assertAllowed(True, origin, host)

    def test_another(self) -> None:
        """
        Another host or port is not, nor is C{null} or anything that is no origin of the web.
        """
        for origin in (
            *("http://evil.example", "http://localhost", "http://localhost:80990", "null", ""),
            *("file://", "http://localhost:8099/", "http://x@localhost:8099", "localhost:8099"),
            *(
                "https://localhost:8099.evil.example",
                "http://localhost:8099 x",
                "ws://localhost:8099",
            ),
        ):
            self.assertAllowed(False, origin, "localhost:8099")
        self.assertAllowed(False, "http://chat.example.com:443", "chat.example.com")

    def test_noBrowser(self) -> None:
        """
        What does not say where it comes from is no browser.
        """
        self.assertAllowed(True, None, "localhost:8099")

    def test_patterns(self) -> None:
        """
        An operator may allow more.
        """
        pattern = "https://*.Example.com"
        self.assertAllowed(True, "https://a.example.com", "chat.test", pattern)
        self.assertAllowed(False, "http://a.example.com", "chat.test", pattern)
        self.assertAllowed(False, "https://example.com", "chat.test", pattern)
        self.assertAllowed(False, "https://evil.com/x.example.com", "chat.test", pattern)
        self.assertAllowed(True, "http://anything", "chat.test", "*")
        self.assertAllowed(False, "null", "chat.test", "*")
