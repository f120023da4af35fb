"""
Tests for L{machat.passwords}.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from machat.credentials import IKnowsUsers
from machat.passwords import BadPasswords, PasswordFile, read

#: Cheap to look at.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")


class ReadTests(SynchronousTestCase):
    """
    Tests for L{read}.
    """

    def test_lines(self) -> None:
        """
        A line is a name and what is behind the first colon; empty lines and comments are not.
        """
        users = read(f"# users\n\nMina:se:cret \nAda:{HASH}\n")
        self.assertEqual(users, {"mina": ("Mina", "se:cret "), "ada": ("Ada", HASH)})

    def test_wrong(self) -> None:
        """
        The first line that is wrong is told.
        """
        for line in ("Mina", "Mina:", ":x", "a b:x", "machat:x", "Ada:$argon2id$broken", "BOB:x"):
            error = self.assertRaises(BadPasswords, read, f"Bob:x\n{line}\n")
            self.assertTrue(str(error).startswith("line 2: "), str(error))

    @given(st.text(max_size=60))
    def test_anything(self, text: str) -> None:
        """
        Whatever is in a file, it is read or refused.
        """
        try:
            self.assertTrue(all(name and word for name, word in read(text).values()))
        except BadPasswords as error:
            self.assertIn("line ", str(error))


class PasswordFileTests(TestCase):
    """
    Tests for L{PasswordFile}, with real threads.
    """

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.path = Path(self.mktemp())
        self.path.write_text(f"Mina:plain\nAda:{HASH}\n")
        self.checker = PasswordFile(self.path, reactor)

    async def outcome(self, name: str, password: str) -> Any:
        """
        @return: the name, or C{None} if they are not right
        """
        try:
            shown = UsernamePassword(name.encode(), password.encode())
            return await self.checker.requestAvatarId(shown)
        except UnauthorizedLogin:
            return None

    async def test_encoding(self) -> None:
        """
        The file is UTF-8, also if an editor has begun it with a byte order mark.
        """
        self.path.write_text("Zo\u00eb:k\u00e4se\n", "utf-8-sig")
        os.utime(self.path, (1, 1))
        self.assertEqual(await self.outcome("ZO\u00cb", "k\u00e4se"), "Zo\u00eb".encode())

    async def test_check(self) -> None:
        """
        Plain or hashed, the right password tells the name as the file has it.
        """
        verifyObject(ICredentialsChecker, self.checker)
        verifyObject(IKnowsUsers, self.checker)
        self.assertEqual(await self.outcome("MINA", "plain"), b"Mina")
        self.assertEqual(await self.outcome("ada", "secret"), b"Ada")
        for name, password in (
            *(("Mina", "secret"), ("Ada", "plain"), ("Ada", ""), ("Ada", HASH)),
            *(("Nobody", "secret"), ("Nobody", ""), ("", "")),
        ):
            self.assertIsNone(await self.outcome(name, password), (name, password))

    async def test_changed(self) -> None:
        """
        A file that has changed counts at once; one that is broken is logged, and changes nothing.
        """
        self.path.write_text("Eve:new\n")
        os.utime(self.path, ns=(1, 1))
        self.assertEqual(await self.outcome("Eve", "new"), b"Eve")
        self.assertFalse(self.checker.knows("Mina"))
        self.path.write_text("broken\n")
        self.assertTrue(self.checker.knows("Eve"))
        self.path.unlink()
        self.assertTrue(self.checker.knows("EVE"))

    def test_missing(self) -> None:
        """
        A file that is not there, or is wrong, is told at once.
        """
        self.assertRaises(OSError, PasswordFile, self.path.with_name("none"), None)
        self.path.write_text("broken\n")
        self.assertRaises(BadPasswords, PasswordFile, self.path, None)
