"""
Tests for L{machat.cli.scrollback}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.cli.display import Line
from machat.cli.scrollback import MAX_LINES, MAX_SIZE, Scrollback


class ScrollbackTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.scrollback = Scrollback()

    def test_bounds(self) -> None:
        """
        The last lines are kept, up to a number and a size.
        """
        for number in range(MAX_LINES + 5):
            self.scrollback.add(Line(str(number)))
        texts = [line.text for line in self.scrollback]
        self.assertEqual(texts, [str(number) for number in range(5, MAX_LINES + 5)])
        self.assertEqual(self.scrollback.total, MAX_LINES + 5)
        for _ in range(3):
            self.scrollback.add(Line("x" * (MAX_SIZE // 2)))
        self.assertEqual(len(list(self.scrollback)), 2)

    def test_removed(self) -> None:
        """
        The text of a removed message disappears, also from edits and quotations.
        """
        target = ("dev", 1)
        other = Line("secret", "Mina", target=("other", 1))
        for line in (
            Line("secret", "Mina", target=target, reactions="+ Eve", quote="#9 Eve: x"),
            Line("Mina edited #1: secret", target=target),
            Line("oh", "Eve", target=("dev", 3), quote="#1 Mina: secret"),
            Line("ah", "Eve", target=("dev", 4), quote="#10 Mina: y"),
            other,
            Line("Mina removed #1", target=target, removes=True),
        ):
            self.scrollback.add(line)
        shown = list(self.scrollback)
        self.assertEqual(
            [(line.text, line.mark, line.reactions, line.quote) for line in shown],
            [
                ("", "(removed)", "", "#9 Eve: x"),
                ("(removed)", "", "", None),
                ("oh", "", "", "#1"),
                ("ah", "", "", "#10 Mina: y"),
                ("secret", "", "", None),
                ("Mina removed #1", "", "", None),
            ],
        )
