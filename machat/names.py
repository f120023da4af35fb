"""
The rules for the names of members and rooms.

A name is made of Unicode letters, marks, digits and a few signs, normalised to NFC. What cannot be
seen cannot be used. Two names are the same name when their keys are: NFKC and case folding
(Unicode 3.13, UAX 15), so that C{Mina}, C{MINA} and a full-width C{Mina} do not sit side by side.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from machat.errors import BAD_NAME, BAD_ROOM, ChatError

NAME_LENGTH = 32
ROOM_LENGTH = 64

#: The sender of the server's own words in the C{text} dialect: nobody else's name.
RESERVED = "machat"

_SIGNS = "-_.[]{}|^~'"
_ROOM_SIGNS = _SIGNS + "/+"
_ALLOWED = ("L", "M", "Nd")

#: The most nonspacing marks in a row, none of them twice: more would cover the lines above and
#: below (Unicode Technical Standard 39, section 5.4). Living languages need fewer.
MARKS = 4
_NONSPACING = ("Mn", "Me")

#: Names without a letter beyond ASCII, as most are: there is nothing to normalise.
_PLAIN_NAME = re.compile(rf"[A-Za-z0-9{re.escape(_SIGNS)}]{{1,{NAME_LENGTH}}}")
_PLAIN_ROOM = re.compile(rf"[A-Za-z0-9{re.escape(_ROOM_SIGNS)}]{{1,{ROOM_LENGTH}}}")

#: Letters and marks that show nothing (Default_Ignorable_Code_Point, Unicode 5.21).
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def key(name: str) -> str:
    """
    @return: what names are compared by; idempotent
    """
    if name.isascii():
        return name.lower()
    return _fold(name) if len(name) <= 4 * ROOM_LENGTH else name  # too long for a name


@lru_cache(maxsize=4096)
def _fold(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def checkName(name: str) -> str:
    """
    Check a member's name: 1 to 32 characters.

    @return: the name in NFC
    @raise ChatError: C{bad-name}
    """
    plain = _PLAIN_NAME.fullmatch(name) is not None
    checked = name if plain else _check(name, NAME_LENGTH, _SIGNS, BAD_NAME)
    if key(checked) == RESERVED:
        raise ChatError(BAD_NAME, f"the name {RESERVED} is the server's own")
    return checked


def checkRoom(name: str) -> str:
    """
    Check a room's name: 1 to 64 characters, C{/} and C{+} among them.

    @return: the name in NFC
    @raise ChatError: C{bad-room}
    """
    if _PLAIN_ROOM.fullmatch(name) is not None:
        return name
    return _check(name, ROOM_LENGTH, _ROOM_SIGNS, BAD_ROOM)


def _check(name: str, length: int, signs: str, code: str) -> str:
    if len(name) > 4 * length:  # normalising is not for whole novels
        raise ChatError(code, f"longer than {length} characters")
    name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name) <= length:
        raise ChatError(code, f"must have 1 to {length} characters")
    for character in name:
        if character not in signs and not unicodedata.category(character).startswith(_ALLOWED):
            raise ChatError(code, f"may have letters, marks, digits and {signs} only")
    if _INVISIBLE.search(name) or unicodedata.category(name[0]).startswith("M"):
        raise ChatError(code, "has a character that cannot be seen by itself")
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
