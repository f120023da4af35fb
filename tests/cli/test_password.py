"""
Tests for the command C{machat}: passwords.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cli.consoles import PipeTestCase


class PasswordTests(PipeTestCase):
    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.file = folder / "password"
        self.file.write_bytes("s\u00e9cret \r\nmore\n".encode())
        users = folder / "users"
        users.write_text("Mina:s\u00e9cret \n", "utf-8")
        _, self.tcp, _ = self.serveBoth("--auth", f"file:{users}")

    def says(self, *more: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        """
        @return: the result of posting two lines
        """
        room = ("--room", "dev")
        return self.machat(f"localhost:{self.tcp}", b"a\nb\n", *room, *more, **environment)

    def test_password(self) -> None:
        """
        A pipe reads its password from a file, the environment or a descriptor, and posts all of
        its input.
        """
        for more, environment in (
            (("--password-file", str(self.file)), {}),
            ((), {"MACHAT_PASSWORD": "s\u00e9cret "}),
            (("--password",), {"MACHAT_PASSWORD": "s\u00e9cret "}),
        ):
            done = self.says(*more, LC_ALL="C.UTF-8", **environment)
            self.assertEqual(done.stdout[-16:], b"Mina: a\nMina: b\n", done.stderr)
            self.assertEqual(done.returncode, 0)

    def test_descriptor(self) -> None:
        """
        Only one line is read from a descriptor, so it may be the standard input.
        """
        data = "s\u00e9cret \na\n".encode()
        done = self.machat(f"localhost:{self.tcp}", data, "--room", "dev", "--password-fd", "0")
        self.assertEqual((done.returncode, done.stdout), (0, b"Mina: a\n"), done.stderr)

    def test_refused(self) -> None:
        """
        Without these sources the command does not run, and takes no other input for a password.
        """
        empty = self.file.with_name("empty")
        empty.touch()
        latin = self.file.with_name("latin")
        latin.write_bytes(b"\xe9\n")
        for more, words in (
            (("--password",), b"use --password-file, --password-fd or MACHAT_PASSWORD"),
            (("--password-file", "/nowhere"), b"No such file"),
            (("--password-file", str(empty)), b"a password must be a line of 1 to 4096 bytes"),
            (("--password-file", str(latin)), b"the password is not UTF-8"),
            (("--password-fd", "99"), b"Bad file descriptor"),
            (("--password", "--token-file", "x"), b"not allowed with argument"),
        ):
            done = self.says(*more)
            self.assertEqual((done.returncode, done.stdout), (2, b""), done.stderr)
            self.assertIn(words, done.stderr)

    def test_wrong(self) -> None:
        """
        A wrong password ends the command.
        """
        done = self.says(MACHAT_PASSWORD="wrong")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"bad-credentials", done.stderr)
        self.assertIn(b"2 lines were not acknowledged", done.stderr)
