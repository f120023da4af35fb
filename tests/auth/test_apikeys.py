"""
Tests for L{machat.auth.apikeys}.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from machat.auth.apikeys import ApiKeys, BadKeys, KeyFile, makeKey, newSecret, readKeys

HASH = "sha256:" + "0a" * 32


class FileTests(SynchronousTestCase):
    """
    Tests for the format of key files, and for reading them again.
    """

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def write(self, text: str) -> None:
        self.path.write_text(text, "utf-8")
        self.path.chmod(0o600)

    def test_read(self) -> None:
        """
        A line has a label, rights, patterns of rooms and a hash.
        """
        (key,) = readKeys(f"# a comment\n\nops read,publish ops*,dev {HASH}\n")
        self.assertEqual((key.label, key.rights), ("ops", ("publish", "read")))
        self.assertEqual((key.rooms, key.hash.hex()), (("ops*", "dev"), "0a" * 32))
        self.assertEqual(readKeys(key.line), [key])

    def test_invalid(self) -> None:
        """
        An invalid file is refused, with the number of the line but without the hash.
        """
        for line, reason in (
            ("x", "not LABEL RIGHTS ROOMS sha256:HASH"),
            (f"a read {HASH}", "not LABEL"),
            ("a read * sha256:0a", "not LABEL"),
            ("a read * secret", "not LABEL"),
            (f"a write * {HASH}", "unknown right 'write'"),
            (f"a read ,, {HASH}", "is not a list of patterns"),
            (f"machat read * {HASH}", "label machat"),
            (f"B read * {HASH}\nb read * {HASH}", "b appears more than once"),
        ):
            error = self.assertRaises(BadKeys, readKeys, f"#\n{line}")
            self.assertIn(reason, str(error))
            self.assertRegex(str(error), r"^line [23]: ")
            self.assertNotIn("0a", str(error))

    def test_reload(self) -> None:
        """
        A reload replaces the keys and notifies the observers. If the file is invalid or missing,
        the previous keys stay in use, and the log has the reason.
        """
        secret = newSecret()
        key = makeKey("ops", "read", "*", sha256(secret.encode()).digest())
        self.write(key.line)
        keys = KeyFile(self.path)
        notified: list[int] = []
        keys.observers.append(lambda: notified.append(1))
        self.assertEqual(keys.find(secret), key)
        self.write("nonsense")
        keys.reload()
        self.path.unlink()
        keys.reload()
        self.assertEqual((keys.find(secret), notified), (key, []))
        self.write("")
        keys.reload()
        self.assertEqual((keys.find(secret), notified), (None, [1]))

    def test_missing(self) -> None:
        """
        A file that does not exist is an error at the start.
        """
        self.assertRaises(FileNotFoundError, KeyFile, self.path)


class KeyTests(SynchronousTestCase):
    """
    Tests for keys.
    """

    def test_secrets(self) -> None:
        """
        A secret has 256 random bits and no characters that a shell or a URL changes.
        """
        secret = newSecret()
        self.assertRegex(secret, r"^machat_[A-Za-z0-9_-]{43}\Z")
        self.assertNotEqual(secret, newSecret())

    def test_find(self) -> None:
        """
        A key is found by its whole secret only.
        """
        key = makeKey("ops", "read", "*", sha256(b"secret").digest())
        keys = ApiKeys([key])
        self.assertEqual(list(keys), [key])
        self.assertEqual(keys.find("secret"), key)
        for wrong in ("", "secre", "secret ", "Secret", "x" * 129, "\ud800"):
            self.assertIsNone(keys.find(wrong))
        self.assertEqual((keys.labelled("OPS"), keys.labelled("x")), (key, None))

    def test_direct(self) -> None:
        """
        A key opens direct conversations only with a pattern that begins with C{@}.
        """
        for rooms, direct, other in (
            ("*", False, True),
            ("@*", True, False),
            ("*,@*", True, True),
            ("?Ada*", False, False),
            ("@ADA*", True, False),
        ):
            key = makeKey("bot", "read,publish", rooms, b"x" * 32)
            for right in ("read", "publish"):
                self.assertEqual(key.may(right, "@Ada,Mina"), direct, rooms)
                self.assertEqual(key.may(right, "dev"), other, rooms)

    def test_rooms(self) -> None:
        """
        A right applies to the rooms that match, in any spelling. Brackets are literal.
        """
        key = makeKey("ops", "read", "Ops*,a[b]", bytes(32))
        self.assertTrue(key.may("read", "ops-1") and key.may("read", "A[B]"))
        self.assertFalse(key.may("read", "ab") or key.may("publish", "ops") or key.everywhere)
