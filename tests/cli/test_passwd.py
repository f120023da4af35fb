"""
Tests for L{machat.cli.passwd}.
"""

from __future__ import annotations

import os
import stat
import sys
import warnings
from getpass import GetPassWarning
from pathlib import Path
from subprocess import CompletedProcess, run

from twisted.trial.unittest import SynchronousTestCase

from machat.auth.passwords import BadPasswords, read
from machat.cli import stdio
from machat.cli.passwd import put
from tests.processes import BIN, PATIENCE, ServerTestCase
from tests.terminal import Terminal


class PutTests(SynchronousTestCase):
    """
    Tests for L{put}.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "passwords"

    def mode(self) -> int:
        """
        @return: the text of the file
        """
        return stat.S_IMODE(self.path.stat().st_mode)

    def test_new(self) -> None:
        """
        A new file is readable only by its owner, whatever the umask.
        """
        umask = os.umask(0)
        try:
            put(self.path, "Mina", "Mina:x")
        finally:
            os.umask(umask)
        self.assertEqual((self.path.read_text(), self.mode()), ("Mina:x\n", 0o600))
        self.assertEqual(os.listdir(self.folder), ["passwords"])

    def test_others(self) -> None:
        """
        The line replaces the user's own, in any spelling, or is appended. The other lines stay
        unchanged.
        """
        self.path.write_text("# Mina: admin\n\nMINA:a\nZo\u00eb:k:\u00e4 ", "utf-8")
        put(self.path, "Mina", "Mina:b")
        put(self.path, "Bob", "Bob:c")
        expected = "# Mina: admin\n\nMina:b\nZo\u00eb:k:\u00e4 \nBob:c\n"
        self.assertEqual(self.path.read_text("utf-8"), expected)

    def test_replaced(self) -> None:
        """
        The file is replaced, not overwritten: a process that has it open reads the old one to its
        end.
        """
        self.path.write_text("Mina:a\n")
        with self.path.open() as old:
            put(self.path, "Mina", "Mina:b")
            self.assertEqual(old.read(), "Mina:a\n")

    def test_link(self) -> None:
        """
        A symbolic link is kept.
        """
        real = self.folder / "real"
        real.write_text("Mina:a\n")
        self.path.symlink_to("real")
        put(self.path, "Mina", "Mina:b")
        self.assertEqual((self.path.is_symlink(), real.read_text()), (True, "Mina:b\n"))

    def test_mode(self) -> None:
        """
        A file that a group may read keeps its mode; one that others may read, or a group may
        write, becomes accessible only to its owner.
        """
        for before, after in ((0o600, 0o600), (0o640, 0o640), (0o644, 0o600), (0o660, 0o600)):
            self.path.write_text("Mina:a\n")
            self.path.chmod(before)
            put(self.path, "Mina", "Mina:b")
            self.assertEqual(self.mode(), after)

    def test_broken(self) -> None:
        """
        A file that a server would refuse is not changed, and no temporary file is left.
        """
        self.path.write_text("Mina\n")
        self.assertRaises(BadPasswords, put, self.path, "Mina", "Mina:b")
        self.assertEqual(self.path.read_text(), "Mina\n")
        self.path.unlink()
        self.path.mkdir()
        self.assertRaises(OSError, put, self.path, "Mina", "Mina:b")
        self.assertEqual(os.listdir(self.folder), ["passwords"])


class CommandTests(SynchronousTestCase):
    """
    Tests for the command C{machat-passwd}.
    """

    def passwd(self, *arguments: object) -> CompletedProcess[str]:
        """
        @return: the result of the command, with a password on standard input
        """
        command = [sys.executable, str(BIN / "machat-passwd"), *map(str, arguments)]
        return run(command, input="secret\n", capture_output=True, text=True, timeout=PATIENCE)

    def test_print(self) -> None:
        """
        Without a file, the line is printed.
        """
        done = self.passwd("--stdin", "Mina")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(list(read(done.stdout)), ["mina"])

    def test_file(self) -> None:
        """
        With a file, the line is written to it.
        """
        path = Path(self.mktemp())
        for name in ("Mina", "Ada", "MINA"):
            done = self.passwd("--stdin", "--file", path, name)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual([name for name, _ in read(path.read_text()).values()], ["MINA", "Ada"])

    def test_refused(self) -> None:
        """
        An error is reported in one line.
        """
        path = Path(self.mktemp())
        path.write_text("Mina\n")
        for arguments, told in (
            (["a b"], "a b: "),
            (["--file", path, "Mina"], f"{path}: line 1: not name:password"),
            (["--file", "/nowhere/x", "Mina"], "/nowhere/x: No such file or directory"),
        ):
            done = self.passwd("--stdin", *arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertTrue(done.stderr.startswith(f"machat-passwd: {told}"), done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_noTerminal(self) -> None:
        """
        Without a terminal, a password is read only with C{--stdin}, and is not read with echo.
        """
        done = self.passwd("Mina")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(
            done.stderr, "machat-passwd: standard input is not a terminal: use --stdin\n"
        )

    def test_echo(self) -> None:
        """
        If the terminal's echo cannot be turned off, no password is asked for.
        """

        def fallback(prompt: str) -> str:
            warnings.warn("Can not control echo on the terminal.", GetPassWarning, stacklevel=2)
            return "secret"

        self.patch(stdio, "getpass", fallback)
        error = self.assertRaises(OSError, stdio.askPassword, "Password: ")
        self.assertEqual(str(error), "there is no terminal on which to ask for a password")


class TerminalTests(ServerTestCase):
    def test_prompt(self) -> None:
        """
        In a terminal, the password is typed twice, without echo, and must be the same.
        """
        for again, answer in (("secret", "Mina:$argon2id$"), ("other", "the passwords differ")):
            terminal = Terminal(self, f"{BIN}/machat-passwd Mina")
            terminal.awaitScreen("Password:")
            terminal.type("secret")
            terminal.awaitScreen("Repeat the password:")
            terminal.type(again)
            self.assertNotIn("secret", terminal.awaitScreen(answer))
