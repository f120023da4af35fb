"""
Tests for L{machat.auth.passwords}.
"""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import Any, cast

from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from machat.auth.credentials import IKnowsUsers, NotChecked
from machat.auth.passwords import START, BadPasswords, PasswordFile, Workers, read

#: A hash that is cheap to verify.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")


class ReadTests(SynchronousTestCase):
    """
    Tests for L{read}.
    """

    def test_lines(self) -> None:
        """
        A line is a name and the text after the first colon; empty lines and comments are skipped.
        """
        users = read(f"# users\n\nMina:se:cret \nAda:{HASH}\n")
        self.assertEqual(users, {"mina": ("Mina", "se:cret "), "ada": ("Ada", HASH)})

    def test_wrong(self) -> None:
        """
        The error names the first invalid line.
        """
        for line in ("Mina", "Mina:", ":x", "a b:x", "machat:x", "Ada:$argon2id$broken", "BOB:x"):
            error = self.assertRaises(BadPasswords, read, f"Bob:x\n{line}\n")
            self.assertTrue(str(error).startswith("line 2: "), str(error))

    def test_otherHashes(self) -> None:
        """
        A hash of another kind than argon2 is refused, and is not taken for a plain-text password.
        """
        for other in (
            "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
            *("$1$salt$digest", "$apr1$salt$digest", "$5$rounds=5000$salt$digest", "$6$salt$x"),
            *("$y$j9T$salt$digest", "$md5,rounds=904$salt$x", "$pbkdf2-sha256$29000$salt$x"),
            *("{SSHA}c2FsdA==", "{SHA}x", "{CRYPT}x", "{PBKDF2-SHA256}1$x$x", "{plain}x"),
            *(
                "$argon2",
                "$argon2x$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ",
                HASH[:40],
                HASH + "$",
            ),
            *(HASH.replace("id", "ix"), f"{HASH}\t", f"{HASH} "),
        ):
            error = self.assertRaises(BadPasswords, read, f"Bob:x\nAda:{other}\n")
            self.assertEqual(str(error)[:24], "line 2: unsupported hash", other)

    def test_plain(self) -> None:
        """
        Plain-text passwords may contain the characters of hashes.
        """
        for password in ("$ecret", "pa$$word", "a$b$c", "{", "a{b}", "{a b}c", "argon2", "$ $"):
            self.assertEqual(read(f"Ada:{password}\n"), {"ada": ("Ada", password)})

    @given(st.text(max_size=60))
    def test_anything(self, text: str) -> None:
        """
        Any file is either read or refused.
        """
        try:
            self.assertTrue(all(name and word for name, word in read(text).values()))
        except BadPasswords as error:
            self.assertIn("line ", str(error))


class Threads:
    """
    The part of a reactor that L{Workers} use. A thread ends when a test says so.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.callLater = self.clock.callLater
        self.began: list[Any] = []

    def getThreadPool(self) -> Threads:
        return self

    def callFromThread(self, function: Any, *args: Any) -> None:
        """
        See L{twisted.internet.interfaces.IReactorFromThreads}.
        """
        function(*args)

    def callInThreadWithCallback(self, done: Any, function: Any, *args: Any, **more: Any) -> None:
        """
        See L{twisted.python.threadpool.ThreadPool}.
        """
        self.began.append(lambda: done(True, function(*args, **more)))


class WorkersTests(SynchronousTestCase):
    """
    Tests for L{Workers}.
    """

    def setUp(self) -> None:
        self.threads = Threads()
        self.workers = Workers(self.threads, 2)

    def call(self, count: int) -> list[Deferred[Any]]:
        """
        Start these calls.
        """
        calls = [self.workers.call(partial(int, number)) for number in range(count)]
        self.threads.clock.advance(START / 2)
        self.assertEqual(self.threads.began, [])
        self.threads.clock.advance(START / 2)
        return calls

    def test_fewAtOnce(self) -> None:
        """
        Two threads work at once, and the calls run in order.
        """
        calls = self.call(3)
        self.assertEqual(len(self.threads.began), 2)
        self.threads.began[0]()
        self.assertEqual(len(self.threads.began), 3)
        for end in self.threads.began[1:]:
            end()
        self.assertEqual([self.successResultOf(each) for each in calls], [0, 1, 2])

    def test_cancelledLate(self) -> None:
        """
        A cancelled call occupies its thread until the thread has ended.
        """
        calls = self.call(3)
        for each in calls[:2]:
            each.cancel()
            self.assertNotIsInstance(self.failureResultOf(each).value, NotChecked)
        self.threads.clock.advance(100)
        self.assertEqual(len(self.threads.began), 2)
        self.threads.began[1]()
        self.assertEqual(len(self.threads.began), 3)
        self.threads.began[2]()
        self.assertEqual(self.successResultOf(calls[2]), 2)

    def test_cancelledEarly(self) -> None:
        """
        A call that is cancelled before its turn does not run; even with a free thread, its turn
        comes after a short delay.
        """
        calls = [self.workers.call(int) for _ in range(150)]
        for each in reversed(calls):
            each.cancel()
            self.failureResultOf(each, NotChecked)
        self.threads.clock.advance(START)
        self.assertEqual(self.threads.began, [])
        waiting = self.call(3)[2]
        waiting.cancel()
        self.failureResultOf(waiting, NotChecked)
        self.threads.began[0]()
        self.assertEqual(len(self.threads.began), 2)


class PasswordFileTests(TestCase):
    """
    Tests for L{PasswordFile}, with real threads.
    """

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.path = Path(self.mktemp())
        self.path.write_text(f"Mina:plain\nAda:{HASH}\n")
        self.path.chmod(0o600)
        self.checker = PasswordFile(self.path, reactor)

    def reading(self, text: str) -> list[str]:
        """
        Overwrite the file, and look a name up twice.

        @return: the log lines of these lookups
        """
        told: list[str] = []

        def observe(event: Any) -> None:
            if event["log_namespace"].startswith("machat.auth.passwords"):
                told.append(formatEvent(event))

        globalLogPublisher.addObserver(cast(ILogObserver, observe))
        try:
            self.path.write_text(text)
            for _ in range(2):
                self.checker.knows("Mina")
        finally:
            globalLogPublisher.removeObserver(cast(ILogObserver, observe))
        return told

    async def outcome(self, name: str, password: str) -> Any:
        """
        @return: the name, or C{None} if the credentials are wrong
        """
        try:
            shown = UsernamePassword(name.encode(), password.encode())
            return await self.checker.requestAvatarId(shown)
        except UnauthorizedLogin:
            return None

    async def test_encoding(self) -> None:
        """
        The file is UTF-8, with or without a byte order mark.
        """
        self.path.write_text("Zo\u00eb:k\u00e4se\n", "utf-8-sig")
        os.utime(self.path, (1, 1))
        self.assertEqual(await self.outcome("ZO\u00cb", "k\u00e4se"), "Zo\u00eb".encode())

    async def test_check(self) -> None:
        """
        With the right password, plain or hashed, the result is the name as the file spells it.
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
        A changed file is used at once; an invalid one is logged, and changes nothing.
        """
        self.path.write_text("Eve:new\n")
        os.utime(self.path, ns=(1, 1))
        self.assertEqual(await self.outcome("Eve", "new"), b"Eve")
        self.assertFalse(self.checker.knows("Mina"))
        self.path.write_text("broken\n")
        self.assertTrue(self.checker.knows("Eve"))
        self.path.unlink()
        self.assertTrue(self.checker.knows("EVE"))

    async def test_notWhole(self) -> None:
        """
        A file that is empty or only half written is logged once, and changes nothing, so that no
        anonymous client can use a user's name meanwhile.
        """
        whole = self.path.read_text()
        for text in (
            "",
            "# users\n\n",
            "Mina",
            "Mina:plain\nAd",
            "Mina:plain\nAda:sec",
            whole[:-1],
        ):
            (line,) = self.reading(text)
            self.assertTrue(line.endswith("; the previous users stay in use"), line)
            self.assertIn(str(self.path), line)
            self.assertTrue(self.checker.knows("Mina") and self.checker.knows("Ada"), text)
            self.assertEqual(await self.outcome("Mina", "plain"), b"Mina")
        self.assertEqual(self.reading(f"{whole}Eve:new\n"), [])
        self.assertEqual(await self.outcome("Eve", "new"), b"Eve")
        self.path.unlink()
        self.assertTrue(self.checker.knows("Ada"))
        (line,) = self.reading("")
        self.assertTrue(self.checker.knows("Ada"))

    def test_fewerUsers(self) -> None:
        """
        Just after a write, users missing from the file are not treated as deleted; they are when
        the file has not changed for a second.
        """
        self.assertEqual(self.reading("Mina:plain\n"), [])
        self.assertTrue(self.checker.knows("Ada"))
        before = time.time() - 2
        os.utime(self.path, (before, before))
        self.assertFalse(self.checker.knows("Ada"))
        self.assertTrue(self.checker.knows("Mina"))

    def test_withoutNewline(self) -> None:
        """
        A file whose last line never had a newline is complete.
        """
        self.path.write_text("Mina:plain")
        self.checker = PasswordFile(self.path, None)
        self.assertEqual(self.reading("Mina:plain\nEve:new"), [])
        self.assertTrue(self.checker.knows("Eve"))

    def test_mode(self) -> None:
        """
        A file that others can read causes a warning, once for each change.
        """
        text = self.path.read_text()
        for mode in (0o640, 0o604, 0o622):
            self.path.chmod(mode)
            (line,) = self.reading(text)
            self.assertIn(f"has mode {mode:04o}", line)
        for mode in (0o600, 0o400):
            self.path.chmod(mode)
            self.assertEqual(self.reading(text), [])

    def test_missing(self) -> None:
        """
        A file that is missing or invalid is reported at once.
        """
        self.assertRaises(OSError, PasswordFile, self.path.with_name("none"), None)
        for text in ("broken\n", "", "# nobody\n"):
            self.path.write_text(text)
            self.assertRaises(BadPasswords, PasswordFile, self.path, None)
