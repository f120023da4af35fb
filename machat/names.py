"""
The rules for the names of members and rooms.

A name consists of Unicode letters, marks, digits and a few signs, normalised to NFC. Invisible
characters are not allowed. Two names are the same if their keys are equal. The key is the name
after NFKC normalisation and case folding (Unicode 3.13, UAX 15), so that C{Mina}, C{MINA} and a
full-width C{Mina} cannot be in a room at the same time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from machat.errors import BAD_NAME, BAD_ROOM, ChatError

NAME_LENGTH = 32
ROOM_LENGTH = 64

#: The sender of the server's own lines in the C{text} dialect. No member can use this name.
RESERVED = "machat"

SIGNS = "-_.[]{}|^~'"
ROOM_SIGNS = SIGNS + "/+"
_ALLOWED = ("L", "M", "Nd")

#: The maximum number of consecutive nonspacing marks, which must all be different. More would cover
#: the lines above and below (Unicode Technical Standard 39, section 5.4). Living languages need
#: fewer.
MARKS = 4
_NONSPACING = ("Mn", "Me")

#: Names in ASCII, the most frequent case: they need no normalisation.
_PLAIN_NAME = re.compile(rf"[A-Za-z0-9{re.escape(SIGNS)}]{{1,{NAME_LENGTH}}}")
_PLAIN_ROOM = re.compile(rf"[A-Za-z0-9{re.escape(ROOM_SIGNS)}]{{1,{ROOM_LENGTH}}}")

#: Invisible letters and marks (Default_Ignorable_Code_Point, Unicode 5.21).
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def key(name: str) -> str:
    """
    @return: the key by which names are compared; the key of a key is the key itself
    """
    if name.isascii():
        lower = name.lower()
        return name if lower == name else lower  # so that most names and keys are one string
    return _fold(name) if len(name) <= 4 * ROOM_LENGTH else name  # too long for a name


def fold(text: str) -> str:
    """
    @return: the text after NFKC normalisation and case folding. This may take 2 us for each
        character
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


_fold = lru_cache(maxsize=4096)(fold)


def matches(patterns: Iterable[str], name: str) -> bool:
    """
    @param patterns: C{*} matches any text and C{?} any one character. Case and width of letters are
        ignored, see L{key}
    @return: whether the name matches one of them
    """
    folded = key(name)
    return any(pattern == "*" or fnmatchcase(folded, _literal(pattern)) for pattern in patterns)


def _literal(pattern: str) -> str:
    return key(pattern).replace("[", "[[]")  # brackets are allowed in names


@lru_cache(maxsize=1024)
def checkName(name: str) -> str:
    """
    Check a member's name. The results are cached, because a join checks its name twice.

    @param name: 1 to 32 characters
    @return: the name in NFC
    @raise ChatError: C{bad-name}: the name is not allowed
    """
    plain = _PLAIN_NAME.fullmatch(name) is not None
    if plain and len(name) != len(RESERVED):
        return name  # nearly always
    checked = name if plain else _check(name, NAME_LENGTH, SIGNS, BAD_NAME)
    if key(checked) == RESERVED:
        raise ChatError(BAD_NAME, f"the name {RESERVED} is reserved for the server")
    return checked


def direct(one: str, other: str) -> str:
    """
    @return: the name of the direct conversation of two users
    """
    return "@" + ",".join(sorted((one, other), key=key))


def conversation(own: str, other: str) -> str:
    """
    @param own: the name of a user
    @param other: the name of another user, which is checked
    @return: the name of their direct conversation
    @raise ChatError: C{bad-name}: C{other} is not allowed, or is the same as C{own}
    """
    other = checkName(other)
    if key(other) == key(own):
        raise ChatError(BAD_NAME, "that is your own name")
    return direct(own, other)


def partners(room: str) -> tuple[str, str] | None:
    """
    @param room: a name that L{checkRoom} has returned, or its key
    @return: the names of the two users of a direct conversation; C{None}: it is another room
    """
    if not room.startswith("@"):
        return None
    one, _, other = room[1:].partition(",")
    return one, other


def _checkDirect(name: str) -> str:
    try:
        one, other = [checkName(each) for each in name[1:].split(",", 2)]
    except (ChatError, ValueError):
        raise ChatError(BAD_ROOM, "expected @ and two names, separated by a comma") from None
    if key(one) == key(other):
        raise ChatError(BAD_ROOM, "expected the names of two users")
    return direct(one, other)


@lru_cache(maxsize=1024)
def checkRoom(name: str) -> str:
    """
    Check a room's name. The results are cached.

    @param name: 1 to 64 characters. C{/} and C{+} are allowed in addition to those of a member's
        name. Or the name of a direct conversation: the two names may have any order
    @return: the name in NFC
    @raise ChatError: C{bad-room}: the name is not allowed
    """
    if _PLAIN_ROOM.fullmatch(name) is not None:
        return name
    if name.startswith("@"):
        return _checkDirect(name)
    return _check(name, ROOM_LENGTH, ROOM_SIGNS, BAD_ROOM)


def _check(name: str, length: int, signs: str, code: str) -> str:
    if len(name) > 4 * length:  # do not normalise long texts
        raise ChatError(code, f"longer than {length} characters")
    name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name) <= length:
        raise ChatError(code, f"must have 1 to {length} characters")
    for character in name:
        if character not in signs and not unicodedata.category(character).startswith(_ALLOWED):
            raise ChatError(code, f"may contain only letters, marks, digits and {signs}")
    if _INVISIBLE.search(name) or unicodedata.category(name[0]).startswith("M"):
        raise ChatError(code, "contains an invisible character")
    if _piled(name):
        raise ChatError(code, f"may have at most {MARKS} marks on a character, each once")
    return name


def _piled(name: str) -> bool:
    count, before = 0, ""
    for character in unicodedata.normalize("NFD", name):
        count = count + 1 if unicodedata.category(character) in _NONSPACING else 0
        if count > MARKS or (count and character == before):
            return True
        before = character
    return False
