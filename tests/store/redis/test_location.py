"""
Tests for L{machat.store.redis.location}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.store.redis.location import Host, Location, parseLocation


class LocationTests(SynchronousTestCase):
    """
    Tests for addresses and credentials.
    """

    def test_forms(self) -> None:
        """
        An address is a host, a UNIX socket, or several Sentinels.
        """
        local = Location(hosts=(Host("localhost", 6379),))
        for argument, expected in (
            ("//localhost", local),
            ("//localhost:6379/", local),
            ("//[::1]:7/3", Location(hosts=(Host("::1", 7),), database=3)),
            ("///run/a%20b.sock", Location(socket="/run/a b.sock")),
            ("/run/s?db=2&prefix=x", Location(socket="/run/s", database=2, prefix="x")),
            (
                "//a,b:1/4?sentinel=main",
                Location((Host("a", 26379), Host("b", 1)), sentinel="main", database=4),
            ),
            ("//u:p%40@h", Location((Host("h", 6379),), user="u", password="p@")),
            ("//:p@h", Location((Host("h", 6379),), password="p")),
        ):
            self.assertEqual(parseLocation(argument), expected, argument)

    def test_credentials(self) -> None:
        """
        The password comes from the address, or from a file that is read for each connection.
        """
        self.assertEqual(parseLocation("//h").credentials(), [])
        self.assertEqual(parseLocation("//u:p@h").credentials(), [b"u", b"p"])
        path = self.mktemp()
        location = parseLocation(f"//h?password-file={path}&user=u")
        for password in ("one", "two"):
            with open(path, "w") as file:
                file.write(f"{password}\nignored\n")
            self.assertEqual(location.credentials(), [b"u", password.encode()])

    def test_secret(self) -> None:
        """
        The description of an address does not contain the password.
        """
        location = parseLocation("//u:hidden@h")
        self.assertNotIn("hidden", f"{location} {location!r}")

    @given(st.text(max_size=30))
    def test_anything(self, text: str) -> None:
        """
        Any text is an address, or fails with C{ValueError} in one line.
        """
        try:
            parseLocation(f"//{text}")
        except ValueError as error:
            self.assertNotIn("\n", str(error))
