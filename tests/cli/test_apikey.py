"""
Tests for L{machat.cli.apikey}.
"""

from __future__ import annotations

import os
import stat
import sys
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from machat.auth.apikeys import KeyFile
from machat.cli.apikey import main


class CommandTests(SynchronousTestCase):
    """
    Tests for C{machat-apikey}.
    """

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "keys"

    def run_(self, *arguments: str) -> str:
        """
        @return: the standard output; or the exit status or message, if it is not 0
        """
        output, errors = StringIO(), StringIO()
        self.patch(sys, "argv", ["machat-apikey", "--file", str(self.path), *arguments])
        self.patch(sys, "stdout", output)
        self.patch(sys, "stderr", errors)
        try:
            main()
        except SystemExit as stop:
            return str(stop.code) if isinstance(stop.code, str) else errors.getvalue()
        return output.getvalue()

    def test_add(self) -> None:
        """
        A new key is printed once, and stored as a hash, in a file that only its owner can read.
        """
        umask = os.umask(0)
        try:
            secret = self.run_("--label", "ops", "--rights", "publish,read", "--rooms", "ops*")
        finally:
            os.umask(umask)
        self.assertNotIn(secret.strip(), self.path.read_text())
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        key = KeyFile(self.path).find(secret.strip())
        assert key is not None
        self.assertEqual((key.label, key.rights), ("ops", ("publish", "read")))
        self.assertEqual(self.run_("--list"), "ops publish,read ops*\n")
        self.assertEqual(os.listdir(self.path.parent), ["keys"])

    def test_revoke(self) -> None:
        """
        A revoked key is removed; the other lines stay as they are.
        """
        self.path.write_text("# my keys\n")
        self.run_("--label", "a", "--rights", "read")
        self.run_("--label", "b", "--rights", "read")
        self.run_("--revoke", "A")
        self.assertEqual(self.run_("--list"), "b read *\n")
        self.assertTrue(self.path.read_text().startswith("# my keys\nb read * sha256:"))

    def test_refused(self) -> None:
        """
        Anything else is refused, and changes nothing.
        """
        self.assertIn("No such file", self.run_("--list"))
        self.assertIn("No such file", self.run_("--revoke", "a"))
        self.run_("--label", "a", "--rights", "read")
        before = self.path.read_text()
        for arguments, reason in (
            (("--label", "A", "--rights", "read"), "there is a key A"),
            (("--label", "b", "--rights", "write"), "unknown right 'write'"),
            (("--label", "b c", "--rights", "read"), "label b c"),
            (("--label", "b", "--rights", "read", "--rooms", "a b"), "is not a list of patterns"),
            (("--label", "b"), "--label requires --rights"),
            (("--revoke", "b"), "there is no key b"),
            ((), "one of the arguments"),
        ):
            self.assertIn(reason, self.run_(*arguments))
        self.assertEqual(self.path.read_text(), before)
        self.path.write_text("Mina:secret\n")
        self.assertIn("line 1: not LABEL", self.run_("--label", "b", "--rights", "read"))
