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
from machat.cli.slash import COMMAND_NAMES, ROOM_COMMANDS
from machat.cli.talk import Talk

_WORD = re.compile(r"\S*\Z")

#: The maximum number of possible completions that are shown.
MAX_SHOWN = 100


class ConversationCompleter(Completer):
    """
    Completes the name of a command at the beginning of the input, of a room after a command that
    needs one, and otherwise the name of a member of the current room. At the beginning of a
    message, a colon follows the name.
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
        if begin and typed.startswith("/"):
            yield from _matching(typed[1:], COMMAND_NAMES)
        elif typed.startswith("/") and command in ROOM_COMMANDS:
            if rest == word:
                yield from _matching(word, self._talk.roomNames())
        elif word:
            at = "@" if word.startswith("@") else ""
            after = ": " if begin and not at else ""
            yield from _matching(word[len(at) :], self._talk.memberNames(), after)


def _matching(word: str, candidates: Iterable[str], after: str = "") -> Iterator[Completion]:
    """
    @param after: a text that follows the completed word
    @return: the candidates that begin with a word, in any spelling
    """
    key = names.key(word)
    for name in candidates:
        if names.key(name).startswith(key):
            yield Completion(name + after, start_position=-len(word))
