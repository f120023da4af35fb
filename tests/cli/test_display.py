"""
Tests for L{machat.cli.display}.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from machat.cli.display import clock, printable, printableName, stamp

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


class PrintableTests(SynchronousTestCase):
    def test_shown(self) -> None:
        """
        Printable text is shown unchanged: joined emoji, Persian, Devanagari, flags, wide spaces,
        emoji of the next Unicode.
        """
        for text in (
            "gr\u00fc\u00df",
            FAMILY,
            f"{FAMILY} at \u2764\ufe0f\u200d\U0001f525",
            PERSIAN,
            "\u0915\u094d\u200d\u0937",
            SCOTLAND,
            "\u4f60\u3000\u597d a\u00a0b",
            "\U0001fbff",
            "\u0600\u0661",
        ):
            self.assertEqual(printable(text), text)

    def test_escaped(self) -> None:
        """
        Control characters, and characters that hide or reorder text, are shown visibly.
        """
        for text, shown in (
            ("\x1b[2J\r\x9b\x00", "\\x1b[2J\\x0d\\x9b\\x00"),
            ("\u202etxt.exe\u2066\u200f\u061c", "\\x202etxt.exe\\x2066\\x200f\\x61c"),
            ("a\u200db\u200c", "a\\x200db\\x200c"),
            ("\u0645\u200c\u200c\u200c", "\u0645\u200c\\x200c\\x200c"),
            ("\u200d", "\\x200d"),
            ("\U000e0061\U000e007f", "\\xe0061\\xe007f"),
            ("a\u2028b\u2029\x85\x0c", "a\\x2028b\\x2029\\x85\\x0c"),
            ("\u200b\u2060\ufeff\u00ad", "\\x200b\\x2060\\xfeff\\xad"),
            ("\ud800\ue000", "\\xd800\\xe000"),
        ):
            self.assertEqual(printable(text), shown)

    def test_names(self) -> None:
        """
        A name is shown without any invisible character.
        """
        self.assertEqual(printableName(PERSIAN), PERSIAN.replace("\u200c", "\\x200c"))
        self.assertEqual(printableName("Mina"), "Mina")


class TimeTests(SynchronousTestCase):
    def test_clock(self) -> None:
        """
        A time of today is shown without its date, and an impossible time as a placeholder.
        """
        now = datetime(2026, 5, 4, 12, 0, tzinfo=timezone(timedelta(hours=2)))
        at = int(now.timestamp() * 1000)
        self.assertEqual(clock(at, now), "12:00")
        self.assertEqual(clock(at - 43_200_000, now), "00:00")
        self.assertEqual(clock(at - 43_260_000, now), "2026-05-03 23:59")
        for never in (10**30, -(10**30), 2**62):
            self.assertEqual(clock(never, now), "--:--")
            self.assertEqual(stamp(never), "-")

    def test_stamp(self) -> None:
        """
        For programs, the time includes its date and zone.
        """
        self.assertEqual(
            datetime.fromisoformat(stamp(1_764_000_000_123)).timestamp(), 1_764_000_000.123
        )
