"""
The completion of commands, rooms and names with the Tab key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from machat import names
from machat.cli.slash import COMMAND_NAMES, ROOM_COMMANDS, USER_COMMANDS
from machat.cli.talk import Talk

_WORD = re.compile(r"\S*\Z")

#: The maximum number of possible completions that are shown.
MAX_SHOWN = 100


class ConversationCompleter(Completer):
    """
    Completes the name of a command at the beginning of the input, of a room or a user after a
    command that needs one, and otherwise the name of a member of the current room. At the beginning
    of a message, a colon follows the name.
    """

    def __init__(self, talk: Talk) -> None:
        """
        @param talk: the conversation
        """
        self._talk = talk

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        return islice(self._completions(document.text_before_cursor), MAX_SHOWN)

    def _completions(self, typed: str) -> Iterator[Completion]:
        found = _WORD.search(typed)
        word = found[0] if found is not None else ""
        begin = len(typed) == len(word)
        command, separator, rest = typed[1:].partition(" ")
        at = "@" if word.startswith("@") else ""
        if begin and typed.startswith("/"):
            yield from _matching(typed[1:], COMMAND_NAMES)
        elif typed.startswith("/") and command in ROOM_COMMANDS:
            if rest == word:
                yield from _matching(word, self._rooms())
        elif typed.startswith("/") and command in USER_COMMANDS and rest == word:
            yield from _matching(word[len(at) :], self._users())
        elif word:
            after = ": " if begin and not at else ""
            yield from _matching(word[len(at) :], self._members(), after)

    def _rooms(self) -> Iterable[str]:
        """
        @return: the names of the rooms that the client knows
        """
        client = self._talk.client
        return _sorted([*self._talk.listing.names, *(client.rooms() if client is not None else ())])

    def _members(self) -> Iterable[str]:
        """
        @return: the names of the members of the current room except the user
        """
        room, own = self._talk.room, names.key(self._talk.nick())
        people = self._talk.known.get(room).people if room is not None else {}
        return _sorted([name for key, name in people.items() if key != own])

    def _users(self) -> Iterable[str]:
        """
        @return: the names of the other members, of those with whom the user has conversations, and
            of those whom the user blocks
        """
        known = self._talk.known
        return _sorted([*known.blocked, *known.partners(self._talk.nick()), *self._members()])


def _sorted(found: Iterable[str]) -> Iterable[str]:
    """
    @return: names in alphabetical order, each once. Those with invisible characters are left out
    """
    known = {names.key(each): each for each in found}
    return sorted([each for each in known.values() if each.isprintable()])


def _matching(word: str, candidates: Iterable[str], after: str = "") -> Iterator[Completion]:
    """
    @param after: a text that follows the completed word
    @return: the candidates that begin with a word, in any spelling
    """
    key = names.key(word)
    for name in candidates:
        if names.key(name).startswith(key):
            yield Completion(name + after, start_position=-len(word))
