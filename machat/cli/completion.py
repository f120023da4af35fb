"""
The completion of command names with the Tab key.
"""

from __future__ import annotations

from collections.abc import Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from machat.cli.slash import COMMAND_NAMES


class CommandCompleter(Completer):
    """
    Completes the name of a command at the beginning of the input.
    """

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        typed = document.text_before_cursor
        if typed.startswith("/"):
            for name in COMMAND_NAMES:
                if name.startswith(typed[1:]):
                    yield Completion(name, start_position=1 - len(typed))
