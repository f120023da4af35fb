"""
The keys of the HTTP API.

A key consists of 256 random bits, so a fast hash protects it: nobody can try 2**256 values, however
fast each try is. Slow, salted hashes protect passwords, which people choose. NIST SP 800-63B,
section 5.1.2.2, requires them only for secrets of less than 112 bits.

A line of a key file is C{LABEL RIGHTS ROOMS sha256:HASH}. Lines that begin with C{#} are ignored.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from msgspec import Struct
from twisted.logger import Logger

from machat import names
from machat.auth.modes import warnIfExposed
from machat.auth.users import User
from machat.errors import ChatError

#: The rights: to send messages, to read messages and presence, and to moderate.
PUBLISH, READ, MODERATE = "publish", "read", "moderate"
RIGHTS = (PUBLISH, READ, MODERATE)

#: The first characters of each key. Programs that search for leaked secrets recognise them.
PREFIX = "machat_"

#: The random bytes of a key.
BYTES = 32

#: The maximum number of keys in one file. Each request is compared with all of them.
MOST = 256

_LONGEST = 128
_PATTERNS = re.compile(r"[^\s,]{1,64}(,[^\s,]{1,64}){0,31}")
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


class BadKeys(ValueError):
    """
    A key file is invalid. The message names the line and the reason, but no secret.
    """


class ApiKey(Struct, frozen=True):
    """
    One key, without its secret.

    @ivar label: its name, which is also the default sender of its messages: see
        L{machat.names.checkName}
    @ivar rights: some of L{RIGHTS}
    @ivar rooms: patterns of the rooms to which the rights apply, see L{fnmatch}
    @ivar hash: the SHA-256 hash of the secret
    """

    label: str
    rights: tuple[str, ...]
    rooms: tuple[str, ...]
    hash: bytes

    def may(self, right: str, room: str) -> bool:
        """
        @param right: one of L{RIGHTS}
        @return: whether the key has this right for a room of this name
        """
        rooms = self.rooms
        if names.partners(room) is not None:
            rooms = tuple(each for each in rooms if each.startswith("@"))
        return right in self.rights and User(rooms=rooms).mayJoin(room)

    @property
    def everywhere(self) -> bool:
        """
        Whether the rights apply to all rooms.
        """
        return "*" in self.rooms

    @property
    def line(self) -> str:
        """
        The line in a key file.
        """
        rights, rooms = ",".join(self.rights), ",".join(self.rooms)
        return f"{self.label} {rights} {rooms} sha256:{self.hash.hex()}"


def newSecret() -> str:
    """
    @return: the secret of a new key
    """
    return PREFIX + secrets.token_urlsafe(BYTES)


def makeKey(label: str, rights: str, rooms: str, hash: bytes) -> ApiKey:
    """
    @param rights: some of L{RIGHTS}, separated by commas
    @param rooms: patterns, separated by commas
    @param hash: the SHA-256 hash of the secret
    @raise ValueError: an argument is invalid
    """
    try:
        label = names.checkName(label)
    except ChatError as error:
        raise ValueError(f"label {label}: {error.text}") from None
    given = rights.split(",")
    unknown = [each for each in given if each not in RIGHTS]
    if unknown:
        raise ValueError(f"unknown right {ascii(unknown[0])}: the rights are {', '.join(RIGHTS)}")
    if _PATTERNS.fullmatch(rooms) is None:
        raise ValueError(f"{ascii(rooms[:100])} is not a list of patterns such as ops*,dev")
    ordered = tuple([each for each in RIGHTS if each in given])
    return ApiKey(label, ordered, tuple(rooms.split(",")), hash)


def readKeys(text: str) -> list[ApiKey]:
    """
    @param text: the contents of a key file
    @raise BadKeys: it is invalid
    """
    keys: dict[str, ApiKey] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            try:
                key = _readLine(line)
            except ValueError as error:
                raise BadKeys(f"line {number}: {error}") from None
            if names.key(key.label) in keys:
                raise BadKeys(f"line {number}: {key.label} appears more than once")
            keys[names.key(key.label)] = key
    if len(keys) > MOST:
        raise BadKeys(f"more than {MOST} keys")
    return list(keys.values())


def _readLine(line: str) -> ApiKey:
    parts = line.split()
    match = _HASH.fullmatch(parts[-1])
    if len(parts) != 4 or match is None:
        raise ValueError("not LABEL RIGHTS ROOMS sha256:HASH: use machat-apikey to add keys")
    return makeKey(parts[0], parts[1], parts[2], bytes.fromhex(match[1]))


class ApiKeys:
    """
    A set of keys.

    @ivar observers: called without arguments when the keys have changed
    """

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self.observers: list[Callable[[], object]] = []
        self._keys = list(keys)

    def __iter__(self) -> Iterator[ApiKey]:
        return iter(self._keys)

    def find(self, secret: str) -> ApiKey | None:
        """
        Look for a key in a time that does not depend on the secrets.

        @param secret: what a client presents
        """
        if not 0 < len(secret) <= _LONGEST:
            return None
        hash = sha256(secret.encode("utf-8", "replace")).digest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.hash, hash):
                found = key
        return found

    def labelled(self, label: str) -> ApiKey | None:
        """
        @return: the key with this label
        """
        wanted = names.key(label)
        return next((key for key in self._keys if names.key(key.label) == wanted), None)

    def replace(self, keys: Iterable[ApiKey]) -> None:
        """
        Replace all keys.
        """
        self._keys = list(keys)
        for observer in list(self.observers):
            observer()


class KeyFile(ApiKeys):
    """
    The keys of a file, which is read again on L{reload}.
    """

    _log = Logger()

    def __init__(self, path: str | Path) -> None:
        """
        @raise BadKeys: the file is invalid
        @raise OSError: the file cannot be read
        """
        self._path = Path(path)
        ApiKeys.__init__(self, self._read())

    def _read(self) -> list[ApiKey]:
        keys = readKeys(self._path.read_text("utf-8-sig"))
        mode = self._path.stat().st_mode
        warnIfExposed(self._log, self._path, mode, "read or add keys")
        if not keys:
            self._log.warn(
                "{path} has no keys, so the HTTP API refuses all requests: add one with"
                " machat-apikey",
                path=str(self._path),
            )
        return keys

    def reload(self) -> None:
        """
        Read the file again. If it cannot be used, log an error and keep the previous keys.
        """
        try:
            keys = self._read()
        except (OSError, ValueError) as error:
            self._log.error(
                "{path}: {error}; the previous API keys stay in use",
                path=str(self._path),
                error=getattr(error, "strerror", None) or str(error),
            )
        else:
            self._log.info("{path}: {count} API keys", path=str(self._path), count=len(keys))
            self.replace(keys)
