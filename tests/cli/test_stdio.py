"""
Tests for L{machat.cli.stdio}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.cli.stdio import Input


class InputTests(SynchronousTestCase):
    @given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 50)))
    def test_pieces(self, lines: list[bytes], sizes: list[int]) -> None:
        """
        Lines are separated by newlines, in whatever pieces they arrive.
        """
        data = b"\n".join(lines)
        source, start = Input(), 0
        for size in [*sizes, len(data)]:
            source.received(data[start : start + size], 1_000)
            start += size
        source.end()
        expected = data.split(b"\n")
        if not expected[-1]:
            expected.pop()
        self.assertEqual([source.take() for _ in range(len(source.lines))], expected)
        self.assertEqual(source.number, len(expected))

    def test_long(self) -> None:
        """
        A line without an end uses no more memory than the line limit.
        """
        source = Input()
        source.received(b"a\n", 100)
        for _ in range(1_000):
            source.received(b"x" * 1_000, 100)
        self.assertLess(source.held, 200)
        source.received(b"\nb\n", 100)
        self.assertEqual([len(source.take()) for _ in range(3)], [1, 101, 1])
        self.assertEqual(source.held, 0)
