"""
The keys of rooms: what a member has to know to join.

A store keeps a salted hash of a key. It is a fast one, unlike those of passwords: anyone who can
read the store can read the messages that the key protects, and many members join at once after a
restart. Guessing over the network is limited instead.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from hmac import compare_digest
from math import ceil

from machat.errors import BAD_COMMAND, BAD_KEY, BUSY, ChatError
from machat.interfaces import IQuotas
from machat.records import Quota, Taken

#: The maximum length of a key, characters.
LENGTH = 128

#: The time for which a wrong key counts, seconds.
MINUTE = 60.0

#: The maximum number of pairs of an origin and a room for which wrong keys are counted. Beyond it,
#: the oldest are forgotten.
COUNTED = 10_000

_SALT = 16


def hashOf(key: str) -> str:
    """
    @param key: a new key
    @return: a salted hash, in ASCII
    @raise ChatError: C{bad-command}: the key is empty, too long, or not valid Unicode
    """
    if not 1 <= len(key) <= LENGTH:
        raise ChatError(BAD_COMMAND, f"a key must have 1 to {LENGTH} characters - at `$.key`")
    try:
        return _hash(key, secrets.token_hex(_SALT // 2))
    except UnicodeEncodeError:
        raise ChatError(BAD_COMMAND, "a key must be valid Unicode - at `$.key`") from None


def isKey(key: str, stored: str) -> bool:
    """
    @param key: what a client presents
    @param stored: the hash of the key of the room
    """
    if len(key) > LENGTH:
        return False
    try:
        return compare_digest(_hash(key, stored.partition(":")[0]), stored)
    except (UnicodeEncodeError, TypeError):
        return False


def _hash(key: str, salt: str) -> str:
    text = unicodedata.normalize("NFC", key).encode()
    return f"{salt}:{blake2b(text, digest_size=16, salt=salt.encode()[:_SALT]).hexdigest()}"


class Guesses:
    """
    The wrong keys of the last minute. They are counted for each pair of an origin, which is a
    network or a user, and a room. A guesser therefore prevents nobody else from joining the room,
    and nobody from joining another one.
    """

    def __init__(self, seconds: Callable[[], float], most: int) -> None:
        """
        @param seconds: returns the time, seconds
        @param most: the maximum number of wrong keys of one origin for one room within a minute
        """
        self._seconds = seconds
        self._most = most
        self._wrong: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._wrong)

    def check(self, origin: str, room: str, key: str | None, stored: str) -> None:
        """
        Require the key of a room.

        @param origin: where the attempt comes from
        @param room: the key of the room's name
        @param key: what the client presents; C{None}: nothing. That is no guess
        @param stored: the hash of the key of the room
        @raise ChatError: C{bad-key}; C{busy}: too many wrong keys from this origin
        """
        if key is None:
            raise ChatError(BAD_KEY, "that room requires a key")
        now = self._seconds()
        wrong = self._recent(origin, room, now)
        if len(wrong) >= self._most:
            raise _busy(wrong[0] + MINUTE - now)
        if not isKey(key, stored):
            wrong.append(now)
            self._wrong[origin, room] = wrong
            self._wrong.move_to_end((origin, room))
            self._forget(now)
            raise ChatError(BAD_KEY, "wrong key")

    def _recent(self, origin: str, room: str, now: float) -> list[float]:
        return [at for at in self._wrong.get((origin, room), ()) if at > now - MINUTE]

    def _forget(self, now: float) -> None:
        """
        Forget what no longer counts: the oldest are first.
        """
        while self._wrong:
            first = next(iter(self._wrong))
            if len(self._wrong) <= COUNTED and self._wrong[first][-1] > now - MINUTE:
                return
            del self._wrong[first]


class SharedGuesses:
    """
    The wrong keys that all processes of a chat count together. While their store is not available,
    each process counts for itself.
    """

    def __init__(self, guesses: Guesses, quotas: IQuotas, most: int) -> None:
        """
        @param guesses: those of this process
        @param most: see L{Guesses}
        """
        self._guesses = guesses
        self._quotas = quotas
        self._most = most

    async def check(self, origin: str, room: str, key: str, stored: str) -> None:
        """
        See L{Guesses.check}. The store decides in which order the keys of all processes were
        presented.
        """
        wrong = None
        try:
            self._guesses.check(origin, room, key, stored)
        except ChatError as error:
            if error.code != BAD_KEY:
                raise
            wrong = error
        quota = Quota("room-key", f"{origin} {room}", secrets.token_hex(8), MINUTE)
        try:
            taken = await self._quotas.take(quota, int(wrong is not None), self._most)
        except ChatError:
            taken = Taken(True)
        if taken.others >= self._most:
            raise _busy(taken.wait)
        if wrong is not None:
            raise wrong


def _busy(seconds: float) -> ChatError:
    wait = max(1, ceil(seconds))
    return ChatError(BUSY, f"too many wrong keys: try again in {wait} s", retry=wait)
