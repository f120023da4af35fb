"""
Tests for L{machat.wire.lines}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat import wire
from machat.errors import ChatError


class LineTests(SynchronousTestCase):
    """
    Tests for L{wire.skipNewline} and L{wire.decodeLine}.
    """

    def test_skipNewline(self) -> None:
        """
        One newline, with or without a carriage return, is removed.
        """
        for data, expected in (
            (b"\n", b""),
            (b"\r\n", b""),
            (b"\nhi\n", b"hi\n"),
            (b"\r\nhi\n", b"hi\n"),
            (b"\n\n", b"\n"),
            (b"\r\n\r\n", b"\r\n"),
            (b"hi\n", b"hi\n"),
            (b"\rhi\n", b"\rhi\n"),
            (b"\r\r\n", b"\r\r\n"),
            (b" \n", b" \n"),
        ):
            self.assertEqual(wire.skipNewline(data), expected)

    def test_skipNewlineWaits(self) -> None:
        """
        Empty input, or a carriage return alone, is not decided yet.
        """
        self.assertIsNone(wire.skipNewline(b""))
        self.assertIsNone(wire.skipNewline(b"\r"))

    def test_decodeLine(self) -> None:
        """
        A line is UTF-8, and one carriage return at its end is removed.
        """
        for line, expected in (
            (b"hi", "hi"),
            (b"", ""),
            (b"\r", ""),
            (b"hi\r", "hi"),
            (b"hi\r\r", "hi\r"),
            (b"\rhi", "\rhi"),
            (b" \x00\x1b ", " \x00\x1b "),
            ("é明😀".encode(), "é明😀"),
        ):
            self.assertEqual(wire.decodeLine(line, 20), expected)

    def test_tooLong(self) -> None:
        """
        The limit counts bytes, without the carriage return.
        """
        self.assertEqual(wire.decodeLine(b"x" * 8, 8), "x" * 8)
        self.assertEqual(wire.decodeLine(b"x" * 8 + b"\r", 8), "x" * 8)
        for line in (b"x" * 9, b"x" * 9 + b"\r", b"x" * 8 + b"\r\r", "éééé1".encode(), b"\xff" * 9):
            error = self.assertRaises(ChatError, wire.decodeLine, line, 8)
            self.assertEqual(
                (error.code, error.text), ("too-long", "a line may have at most 8 bytes")
            )

    def test_badEncoding(self) -> None:
        """
        A line that is not UTF-8 is refused.
        """
        for line in (b"\xff", b"a\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\x80"):
            error = self.assertRaises(ChatError, wire.decodeLine, line, 8)
            self.assertEqual(
                (error.code, error.text),
                ("bad-encoding", "the line is not UTF-8 and was not sent"),
            )
