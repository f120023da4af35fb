"""
Passwords in a file, with one line per user: C{name:password}, or C{name:$argon2id$...} as
C{machat-passwd} writes it.
"""

from __future__ import annotations

import hmac
import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from zope.interface import implementer

from machat import names
from machat.auth.credentials import IKnowsUsers, NotChecked
from machat.auth.modes import warnIfExposed
from machat.errors import ChatError

#: Maximum number of hashes computed at once. Each takes 64 MiB and a tenth of a second of one core.
AT_ONCE = 2

#: The delay before a hash is computed, seconds. If the client disconnects during this delay, no
#: hash is computed.
START = 0.02

#: The time without a change to a file after which users missing from it are removed, seconds: an
#: editor may still be writing it.
SETTLED = 1.0

_LINE = re.compile(r"([^:\s]+):(.+)")

#: An argon2 hash, with salt and digest.
_ARGON2 = re.compile(r"\$argon2(id|i|d)\$(v=\d+\$)?m=[^$]+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{6,}")

#: The beginning of an unsupported hash, such as C{$2b$...} of bcrypt or C{{SSHA}...}.
_FOREIGN = re.compile(r"\$argon2|\$[A-Za-z0-9_.,=-]+\$|\{[A-Za-z0-9_./-]+\}")


class BadPasswords(ValueError):
    """
    A password file is invalid.
    """


def read(text: str) -> dict[str, tuple[str, str]]:
    """
    @param text: the text of a password file. Empty lines and lines that begin with C{#} are ignored
    @return: for each L{names.key}, the user's name and the password or hash
    @raise BadPasswords: the text is invalid; the message names the first invalid line
    """
    users: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            try:
                name, password = _entry(line)
            except ValueError as error:
                raise BadPasswords(f"line {number}: {error}") from None
            if names.key(name) in users:
                raise BadPasswords(f"line {number}: {name} appears more than once")
            users[names.key(name)] = (name, password)
    return users


def _entry(line: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError("not name:password")
    name, password = match[1], match[2]
    try:
        name = names.checkName(name)
        if _ARGON2.fullmatch(password):
            extract_parameters(password)
        elif _FOREIGN.match(password):
            raise ValueError("unsupported hash type: use machat-passwd to create argon2 hashes")
    except ChatError as error:
        raise ValueError(error.text) from None
    except InvalidHashError:
        raise ValueError("not a valid argon2 hash") from None
    return name, password


class Workers:
    """
    Calls functions in threads, a limited number at once. A function that is cancelled before it
    starts is not called. One that is cancelled later occupies its thread until it has returned.
    """

    def __init__(self, reactor: Any, most: int) -> None:
        """
        @param reactor: provides the thread pool
        @param most: maximum number of calls at once
        """
        self._reactor = reactor
        self._most = most
        self._working = 0
        self._waiting: dict[Deferred[Any], Callable[[], Any]] = {}

    def call(self, function: Callable[[], Any]) -> Deferred[Any]:
        """
        @return: fires or fails with the result of the function; fails with L{NotChecked} if it is
            cancelled before the call starts
        """
        done: Deferred[Any] = Deferred(self._cancelled)
        self._waiting[done] = function
        self._reactor.callLater(START, self._next)
        return done

    def _cancelled(self, done: Deferred[Any]) -> None:
        if self._waiting.pop(done, None) is not None:
            done.errback(NotChecked())

    def _next(self) -> None:
        while self._waiting and self._working < self._most:
            done = next(iter(self._waiting))
            function = self._waiting.pop(done)
            self._working += 1
            threads = self._reactor.getThreadPool()
            deferToThreadPool(self._reactor, threads, function).addBoth(self._ended, done)

    def _ended(self, result: Any, done: Deferred[Any]) -> None:
        self._working -= 1
        self._next()
        if not done.called:  # it was not cancelled
            done.callback(result)


@implementer(ICredentialsChecker, IKnowsUsers)
class PasswordFile:
    """
    Checks passwords against a file. The file is read again when it has changed. If the new version
    is invalid, the error is logged and the previous version stays in use.
    """

    credentialInterfaces = (IUsernamePassword,)
    _log = Logger()

    def __init__(self, path: str | Path, reactor: Any) -> None:
        """
        @param path: the path of the file
        @param reactor: provides the threads that compute hashes
        @raise BadPasswords: the file is invalid
        @raise OSError: the file cannot be read
        """
        self._path = Path(path)
        self._users: dict[str, tuple[str, str]] = {}
        self._whole = False
        state = self._path.stat()
        self._seen: tuple[int, ...] | None = _fingerprint(state)
        self._read(state)
        self._workers = Workers(reactor, AT_ONCE)
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash("")

    def knows(self, name: str) -> bool:
        self._readAgain()
        return names.key(name) in self._users

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """
        @return: fires with the user's name as the file spells it; fails with
            L{UnauthorizedLogin<twisted.cred.error.UnauthorizedLogin>}. A hash is computed in a
            thread, even if the user is unknown. The check may be cancelled
        """
        self._readAgain()
        key = names.key(credentials.username.decode(errors="replace"))
        name, expected = self._users.get(key, ("", ""))
        if not name and any(known.startswith("$argon2") for _, known in self._users.values()):
            expected = self._nobody
        if not expected.startswith("$argon2"):
            right = hmac.compare_digest(credentials.password, expected.encode()) and bool(name)
            return maybeDeferred(self._answer, right, name)
        checking = self._workers.call(lambda: self._isRight(expected, credentials.password))
        return checking.addCallback(self._answer, name)

    def _isRight(self, expected: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(expected, password)
        except (VerificationError, InvalidHashError):
            return False

    def _answer(self, right: bool, name: str) -> bytes:
        if not right or not name:
            raise UnauthorizedLogin("wrong password" if name else "unknown user")
        return name.encode()

    def _readAgain(self) -> None:
        """
        Read the file if it has changed. An error is logged once.
        """
        seen = self._seen
        try:
            self._seen = ()  # if the file does not exist
            state = self._path.stat()
            self._seen = _fingerprint(state)
            if self._seen != seen:
                self._read(state)
        except (OSError, ValueError) as error:
            if self._seen != seen:
                self._log.error(
                    "{path}: {error}; the previous users stay in use",
                    path=str(self._path),
                    error=str(error),
                )

    def _read(self, state: os.stat_result) -> None:
        """
        @raise BadPasswords: the file has no users or seems to be incomplete
        """
        text = self._path.read_text("utf-8-sig")
        users = read(text)
        if not users:
            raise BadPasswords("the file has no users")
        if self._whole and not text.endswith("\n"):
            raise BadPasswords("the last line has no newline, so the file may be incomplete")
        if set(self._users) - set(users) and 0 <= time.time() - state.st_mtime < SETTLED:
            self._seen = None  # check again at the next login
            return
        self._users, self._whole = users, text.endswith("\n")
        self._warnOfMode(state.st_mode)

    def _warnOfMode(self, mode: int) -> None:
        exposed = stat.S_IRWXG | stat.S_IRWXO
        warnIfExposed(self._log, self._path, mode, "read the passwords", exposed)


def _fingerprint(state: os.stat_result) -> tuple[int, ...]:
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino, state.st_mode
