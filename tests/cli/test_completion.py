"""
Tests for L{machat.cli.completion}.
"""

from __future__ import annotations

from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from twisted.trial.unittest import SynchronousTestCase

from machat.cli.completion import CommandCompleter


class CompleterTests(SynchronousTestCase):
    def completed(self, text: str) -> list[str]:
        """
        @return: the input with each possible completion
        """
        found = CommandCompleter().get_completions(Document(text), CompleteEvent())
        return [text[: len(text) + each.start_position] + each.text for each in found]

    def test_commands(self) -> None:
        """
        The beginning of a command is completed.
        """
        self.assertEqual(self.completed("/h"), ["/help", "/history"])
        self.assertEqual(self.completed("/hi"), ["/history"])
        self.assertIn("/mute", self.completed("/"))

    def test_others(self) -> None:
        """
        Messages and arguments are not completed.
        """
        for text in ("", "h", "//h", "/x", "/history ", "/join h", "see /h", "a\n/h"):
            self.assertEqual(self.completed(text), [])
