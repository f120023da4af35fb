"""
Tests for L{machat.workers.messages}.
"""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat.workers.messages import (
    Answer,
    Ask,
    Changed,
    Splitter,
    State,
    Stop,
    Topic,
    decodeToParent,
    decodeToWorker,
    encode,
)


class MessageTests(SynchronousTestCase):
    def test_bothWays(self) -> None:
        """
        Every message is decoded as it was encoded, in its own direction only.
        """
        for sent in (Stop(), Ask(7, Topic.METRICS)):
            self.assertEqual(decodeToWorker(encode(sent)), sent)
            self.assertRaises(msgspec.ValidationError, decodeToParent, encode(sent))
        for answered in (Changed(State.READY), Answer(7, [200, "ready"])):
            self.assertEqual(decodeToParent(encode(answered)), answered)
            self.assertRaises(msgspec.ValidationError, decodeToWorker, encode(answered))


class SplitterTests(SynchronousTestCase):
    @given(st.lists(st.binary(max_size=5).map(lambda data: data.replace(b"n", b"\n"))))
    def test_anySplit(self, pieces: list[bytes]) -> None:
        """
        The lines do not depend on the pieces in which they arrive.
        """
        splitter = Splitter(1_000)
        lines = [line for piece in pieces for line in splitter.add(piece)]
        self.assertEqual([*lines, splitter.finish()], b"".join(pieces).split(b"\n"))

    def test_longest(self) -> None:
        """
        A line beyond the limit is divided, so that it needs no more memory.
        """
        splitter = Splitter(10)
        self.assertEqual(splitter.add(b"x" * 10), [])
        self.assertEqual(splitter.add(b"y"), [b"x" * 10 + b"y"])
        self.assertEqual(splitter.add(b"z\n"), [b"z"])
