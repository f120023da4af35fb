"""
Tests for L{machat.cli.layout} and L{machat.cli.settings}.
"""

from __future__ import annotations

from datetime import datetime, timezone

from twisted.trial.unittest import SynchronousTestCase

from machat.cli.display import Line
from machat.cli.layout import layout
from machat.cli.settings import Settings

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=timezone.utc)
AT = int(NOW.timestamp() * 1000)


class LayoutTests(SynchronousTestCase):
    def shown(self, line: Line, settings: Settings) -> str:
        """
        @return: the text without its styles
        """
        return "".join([text for _, text in layout(line, settings, NOW)])

    def test_message(self) -> None:
        """
        The time, the number, the room, the quotation, all lines, and what else is known.
        """
        line = Line(
            text="a\nb",
            sender="Mina",
            room="dev",
            at=AT,
            number=7,
            quote="#3 Eve: x",
            mark="(edited)",
            reactions="+1 Eve",
        )
        self.assertEqual(
            self.shown(line, Settings()),
            "  > #3 Eve: x\n12:00 #7 [dev] Mina: a\n  | b (edited)\n  + +1 Eve\n",
        )
        self.assertEqual(
            self.shown(Line("", "Mina", None, AT, 7, mark="(removed)"), Settings(False, False)),
            "Mina: (removed)\n",
        )

    def test_note(self) -> None:
        """
        A text of the client has the current time.
        """
        self.assertEqual(self.shown(Line("connected"), Settings()), "12:00 connected\n")

    def test_lines(self) -> None:
        """
        No line of a message begins like another message, a quotation or a reaction.
        """
        text = "\n".join(["12:00 #8 Eve: x", "  > #3 Eve: x", "Eve: y", "  + z"])
        _, *more = self.shown(Line(text, "Mina"), Settings()).splitlines()
        self.assertTrue(all(line.startswith("  | ") for line in more), more)


class SettingsTests(SynchronousTestCase):
    def test_switch(self) -> None:
        """
        A setting is switched on and off, and shown without an argument.
        """
        settings = Settings()
        self.assertEqual(settings.switch("times", "off"), "times: off")
        self.assertFalse(settings.times)
        self.assertEqual(settings.switch("times", ""), "times: off")
        self.assertEqual(settings.switch("times", "on"), "times: on")
        self.assertEqual(settings.switch("times", "x"), "use /times on or /times off")
        self.assertTrue(settings.times)
