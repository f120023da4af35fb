"""
Passwords in a file, a line for each user: C{name:password}, or C{name:$argon2id$...} as
C{machat-passwd} writes it.
"""

from __future__ import annotations

import hmac
import re
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, DeferredSemaphore, maybeDeferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from zope.interface import implementer

from machat import names
from machat.credentials import IKnowsUsers
from machat.errors import ChatError

#: Hashes that are looked at together: each takes 64 MiB, and a tenth of a second of a core.
AT_ONCE = 2

_LINE = re.compile(r"([^:\s]+):(.+)")


class BadPasswords(ValueError):
    """
    A file of passwords cannot be used.
    """


def read(text: str) -> dict[str, tuple[str, str]]:
    """
    @param text: of a file; empty lines and those that begin with C{#} say nothing
    @return: the users' names and what their passwords are compared with, by L{names.key}
    @raise BadPasswords: which line is wrong
    """
    users: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            match = _LINE.fullmatch(line)
            if match is None:
                raise BadPasswords(f"line {number}: not name:password")
            try:
                name = names.checkName(match[1])
                if match[2].startswith("$argon2"):
                    extract_parameters(match[2])
            except ChatError as error:
                raise BadPasswords(f"line {number}: {error.text}") from None
            except InvalidHashError:
                raise BadPasswords(f"line {number}: not a hash of argon2") from None
            if names.key(name) in users:
                raise BadPasswords(f"line {number}: {name} is there already")
            users[names.key(name)] = (name, match[2])
    return users


@implementer(ICredentialsChecker, IKnowsUsers)
class PasswordFile:
    """
    Checks passwords. The file is read again when it has changed; one that cannot be used then is
    logged, and what was read before still counts.
    """

    credentialInterfaces = (IUsernamePassword,)
    _log = Logger()

    def __init__(self, path: str | Path, reactor: Any) -> None:
        """
        @param reactor: has the threads in which hashes are looked at
        @raise BadPasswords: the file cannot be used
        @raise OSError: or not be read
        """
        self._path = Path(path)
        self._reactor = reactor
        self._state = self._path.stat()
        self._users = read(self._path.read_text("utf-8-sig"))
        self._free = DeferredSemaphore(AT_ONCE)
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash("")

    def knows(self, name: str) -> bool:
        self._readAgain()
        return names.key(name) in self._users

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """
        @return: fires with the user's name as the file writes it; fails with L{UnauthorizedLogin}.
            A hash is looked at in a thread, and for an unknown user too
        """
        self._readAgain()
        key = names.key(credentials.username.decode(errors="replace"))
        name, expected = self._users.get(key, ("", ""))
        if not name and any(known.startswith("$argon2") for _, known in self._users.values()):
            expected = self._nobody
        if not expected.startswith("$argon2"):
            right = hmac.compare_digest(credentials.password, expected.encode()) and bool(name)
            return maybeDeferred(self._answer, right, name)
        looking = self._free.run(self._look, expected, credentials.password)
        return looking.addCallback(self._answer, name)

    def _look(self, expected: str, password: bytes) -> Deferred[bool]:
        threads = self._reactor.getThreadPool()
        return deferToThreadPool(self._reactor, threads, self._isRight, expected, password)

    def _isRight(self, expected: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(expected, password)
        except VerificationError:
            return False

    def _answer(self, right: bool, name: str) -> bytes:
        if not right or not name:
            raise UnauthorizedLogin("wrong password" if name else "unknown user")
        return name.encode()

    def _readAgain(self) -> None:
        try:
            state = self._path.stat()
            if (state.st_mtime_ns, state.st_size, state.st_ino) != (
                self._state.st_mtime_ns,
                self._state.st_size,
                self._state.st_ino,
            ):
                self._state = state
                self._users = read(self._path.read_text("utf-8-sig"))
        except (OSError, ValueError) as error:
            self._log.error("{path}: {error}", path=str(self._path), error=str(error))
