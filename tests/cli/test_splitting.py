"""
Tests for L{machat.cli.splitting}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.cli.splitting import OVERHEAD, split
from machat.codec import encodeCommand
from machat.commands import Say
from machat.entries import LINES


class SplitTests(SynchronousTestCase):
    @given(st.lists(st.text("a\n\x1b\u20ac\\", max_size=30), max_size=300), st.integers(0, 600))
    def test_any(self, parts: list[str], longest: int) -> None:
        """
        Nothing is lost, each message has at most the allowed number of lines, and is too long only
        if it has a single line.
        """
        text = "\n".join(parts)
        found = list(split(text, OVERHEAD + longest))
        self.assertEqual("\n".join(found), text)
        for each in found:
            count = each.count("\n") + 1
            self.assertLessEqual(count, LINES)
            if count > 1:
                command = Say(text=each, room="\U0001f600" * 64, id="x" * 64, reply=2**53)
                self.assertLessEqual(len(encodeCommand(command)), OVERHEAD + longest)

    def test_one(self) -> None:
        """
        A text that fits is one message.
        """
        text = "\n".join(map(str, range(LINES)))
        self.assertEqual(list(split(text, 65_536)), [text])
        self.assertEqual(list(split(f"{text}\nmore", 65_536)), [text, "more"])
        self.assertEqual(list(split("", 65_536)), [""])
