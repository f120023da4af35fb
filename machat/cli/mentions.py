"""
Finds out whether a message mentions a user.
"""

from __future__ import annotations

import unicodedata

from machat import names

#: The number of characters of a message that are searched.
MAX_LENGTH = 65_536


def mentions(text: str, name: str) -> bool:
    """
    @return: whether the text contains the name as a whole word, in any spelling that counts as the
        same name: C{MINA} mentions Mina, but C{Mina2} and C{Mina-2} do not
    """
    key = names.key(name)
    folded = _fold(text[:MAX_LENGTH])
    start = folded.find(key) if key else -1
    while start >= 0:
        end = start + len(key)
        if not _joins(folded[max(0, start - 2) : start][::-1]) and not _joins(
            folded[end : end + 2]
        ):
            return True
        start = folded.find(key, start + 1)
    return False


def _fold(text: str) -> str:
    """
    @return: the text, folded as L{names.key} folds a name
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _joins(characters: str) -> bool:
    """
    @param characters: the characters next to a name, the nearest first
    @return: whether they continue a word: a letter, or a sign and a letter
    """
    if characters[:1] in names.SIGNS:
        characters = characters[1:] if characters[:1] != "'" else ""
    return characters != "" and _isWord(characters[0])


def _isWord(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
