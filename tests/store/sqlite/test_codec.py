"""
Tests for the encoding of messages and ids.
"""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from msgspec import DecodeError, msgpack
from twisted.trial.unittest import SynchronousTestCase

from machat.events import Draft, Message
from machat.store.packing import encode
from machat.store.sqlite.codec import SeenId, decodeEntries, decodeIds, encodeDrafts

#: Texts without surrogates, which no encoding of Unicode allows.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


class CodecTests(SynchronousTestCase):
    """
    Tests for the two directions.
    """

    @given(st.lists(st.tuples(TEXTS, TEXTS)), st.integers(1, 2**53))
    def test_messages(self, lines: list[tuple[str, str]], first: int) -> None:
        """
        All senders and texts come back, with consecutive numbers.
        """
        data = encodeDrafts([Draft("Dev", sender, text, "1") for sender, text in lines])
        self.assertEqual(
            decodeEntries("Dev", first, 5, data),
            [
                Message("Dev", number, sender, text, 5)
                for number, (sender, text) in enumerate(lines, first)
            ],
        )

    @given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, st.integers(1, 2**53))))
    def test_ids(self, ids: list[tuple[str, str, str, int]]) -> None:
        """
        All ids come back.
        """
        self.assertEqual(decodeIds(encode(ids)), [SeenId(*each) for each in ids])

    @given(st.binary())
    def test_damaged(self, data: bytes) -> None:
        """
        Arbitrary bytes are decoded or refused with one kind of exception.
        """
        for decode in (decodeIds, lambda data: decodeEntries("Dev", 1, 5, data)):
            with contextlib.suppress(DecodeError, UnicodeDecodeError):
                decode(data)

    def test_moreFields(self) -> None:
        """
        Fields that a later version appends are ignored.
        """
        data = msgpack.encode([["Mina", "a", 0, 0, 0, 0, {"new": 5}], ["Eve", "b"]])
        texts = [message.text for message in decodeEntries("Dev", 1, 5, data)]
        self.assertEqual(texts, ["a", "b"])

    def test_size(self) -> None:
        """
        A message takes a few bytes in addition to its sender and text.
        """
        data = encodeDrafts([Draft("Dev", "Mina", "x" * 100)] * 8)
        self.assertEqual(len(data), 1 + 8 * (1 + 1 + 4 + 2 + 100))
