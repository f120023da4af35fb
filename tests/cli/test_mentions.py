"""
Tests for L{machat.cli.mentions}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.cli.mentions import mentions


class MentionsTests(SynchronousTestCase):
    def test_mentioned(self) -> None:
        """
        A name is found as a whole word, in any spelling.
        """
        for text in (
            "Mina",
            "hello mina!",
            "@MINA: yes",
            "Mina's book",
            "x-ray minas and Mina.",
            "\uff2d\uff29\uff2e\uff21",
            "(Mina)",
            "a\nMina\nb",
            "caf\u00e9 Mina",
            "\u4f60\u597d\uff0cMina\uff01",
        ):
            self.assertTrue(mentions(text, "Mina"), text)
        self.assertTrue(mentions("STRASSE", "Stra\u00dfe"))

    def test_notMentioned(self) -> None:
        """
        A part of another name or word is not a mention.
        """
        for text in (
            "",
            "Min",
            "Minas",
            "Mina2",
            "Mina-2",
            "a.Mina",
            "Mina\u0327",
            "amina",
            "M ina",
        ):
            self.assertFalse(mentions(text, "Mina"), text)
        self.assertFalse(mentions("anything", ""))

    @given(st.text())
    def test_any(self, text: str) -> None:
        """
        A name between spaces is found in any text.
        """
        self.assertTrue(mentions(f"{text} Mina {text}", "Mina"))
