"""
The numbers of a batch with entries of any kind: which are stored, which are discarded because they
change nothing, and which are refused.
"""

from __future__ import annotations

from collections.abc import Callable

from machat import names
from machat.entries import REACTIONS, Draft, Message, React, RichDraft, Said
from machat.errors import NO_SUCH_MESSAGE, TOO_MANY_REACTIONS
from machat.records import Stored
from machat.revisions import countOf, hasReaction
from machat.store.deduplication import Key


class Numbering:
    """
    Numbers entries, one after the other.
    """

    def __init__(
        self,
        room: str,
        first: int,
        find: Callable[[Key], int | None],
        add: Callable[[Key, int], object],
    ) -> None:
        """
        @param room: the key of the room
        @param first: the number of the first new entry
        @param find: returns the number of the entry with an id; C{None} if the id is new
        @param add: remembers an id and its number
        """
        self._room = room
        self._next = first
        self._find = find
        self._add = add
        self._numbers: list[int] = []
        self._duplicates: set[int] = set()
        self._refusals: dict[int, str] = {}

    @property
    def stored(self) -> Stored:
        """
        The result of storing the entries.
        """
        return Stored(self._numbers, self._duplicates, self._refusals)

    def add(self, draft: Draft, find: Callable[[int], Message | None]) -> bool:
        """
        Number an entry.

        @param find: returns the current state of a stored message that is not redacted
        @return: whether the entry is to be stored
        """
        key = None
        if draft.id is not None:
            key = (self._room, names.key(draft.sender), draft.id)
            known = self._find(key)
            if known is not None:
                return self._discard(known)
        if isinstance(draft, RichDraft) and not isinstance(draft.content, Said):
            message = find(draft.content.target)
            if message is None:
                return self._refuse(NO_SUCH_MESSAGE)
            if isinstance(draft.content, React):
                emoji, remove = draft.content.text, draft.content.remove
                if hasReaction(message.reactions, emoji, draft.sender) is not remove:
                    return self._discard(message.seq)
                if not remove and countOf(message.reactions) >= REACTIONS:
                    return self._refuse(TOO_MANY_REACTIONS)
        if key is not None:
            self._add(key, self._next)
        self._numbers.append(self._next)
        self._next += 1
        return True

    def _discard(self, seq: int) -> bool:
        self._duplicates.add(len(self._numbers))
        self._numbers.append(seq)
        return False

    def _refuse(self, code: str) -> bool:
        self._refusals[len(self._numbers)] = code
        self._numbers.append(0)
        return False
