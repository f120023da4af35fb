"""
Tests for L{machat.store.redis.frames}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec import MsgspecError
from twisted.trial.unittest import SynchronousTestCase

from machat.entries import Draft
from machat.records import (
    Change,
    Imposed,
    KeySet,
    Kicked,
    Lifted,
    ListingSet,
    LockSet,
    TopicSet,
)
from machat.store.redis.frames import (
    TYPING,
    Batch,
    Top,
    changesOf,
    linesOf,
    packChange,
    packDraft,
    packTyping,
    parse,
    unpackChange,
    unpackLine,
    unpackTyping,
)
from machat.store.redis.scripts import ALL, RELEASE

texts = st.tuples(st.text(max_size=40), st.text(max_size=200))
changes = st.one_of(
    st.builds(
        Imposed,
        st.sampled_from(["mute", "ban", "address"]),
        st.text(max_size=20),
        st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.text(max_size=20),
        st.none() | st.text(max_size=20),
    ),
    st.builds(Lifted, st.sampled_from(["mute", "ban"]), st.text(max_size=20)),
    st.builds(TopicSet, st.none() | st.text(max_size=100)),
    st.builds(LockSet, st.booleans()),
    st.builds(ListingSet, st.booleans()),
    st.builds(KeySet, st.none() | st.text(max_size=100)),
    st.builds(Kicked, st.text(max_size=20), st.text(max_size=50)),
)


class FrameTests(SynchronousTestCase):
    """
    Tests for the stored and the published bytes.
    """

    @given(st.lists(texts, max_size=5), st.lists(changes, max_size=3), st.integers(0, 10**13))
    def test_batch(self, said: list[tuple[str, str]], made: list[Change], seq: int) -> None:
        """
        A published batch contains exactly what was packed, whatever bytes it contains.
        """
        messages = b"".join([packDraft(Draft("dev", *each)) for each in said])
        head = f"m e1 {seq} 2 {len(said)} {len(made)} 1700000000000 w 7 9 {len(messages)}\n"
        body = messages + b"".join([packChange(change)[0] for change in made])
        batch = parse(head.encode() + body)
        assert isinstance(batch, Batch)
        self.assertEqual((batch.epoch, batch.before, batch.number), ("e1", Top(seq, 2), 7))
        self.assertEqual([(each.sender, each.text) for each in linesOf(batch)], said)
        self.assertEqual(list(changesOf(batch)), made)
        sub = len(made) + (0 if said else 2)
        self.assertEqual(batch.after, Top(seq + len(said), sub))

    @given(texts, changes)
    def test_entries(self, text: tuple[str, str], change: Change) -> None:
        """
        Stored messages and changes are equal to those that were packed.
        """
        line = unpackLine(packDraft(Draft("dev", *text)))
        self.assertEqual((line.sender, line.text), text)
        self.assertEqual(unpackChange(packChange(change)[0]), change)

    @given(st.binary(max_size=100) | st.binary(max_size=60).map(lambda rest: b"m " + rest))
    def test_foreign(self, frame: bytes) -> None:
        """
        A frame that another program publishes raises no other error than the documented ones.
        """
        try:
            batch = parse(frame)
            if isinstance(batch, Batch):
                linesOf(batch)
                changesOf(batch)
        except (ValueError, MsgspecError):
            pass

    def test_unlocked(self) -> None:
        """
        The scripts know the stored form of the end of a lock.
        """
        self.assertEqual(packChange(LockSet(False))[0], b"\x92\xa4lock\xc2")
        self.assertIn(rb"'\146\164lock\194'", RELEASE.source)
        self.assertEqual(bytes([146, 164]) + b"lock" + bytes([194]), b"\x92\xa4lock\xc2")

    def test_scripts(self) -> None:
        """
        All scripts declare their flags, and are ASCII.
        """
        for script in ALL:
            self.assertTrue(script.source.startswith(b"#!lua"))
            self.assertTrue(script.source.isascii())


class TypingTests(SynchronousTestCase):
    """
    Tests for the frames that report that a member is typing.
    """

    def test_typing(self) -> None:
        """
        A process takes the name from the frame of another one, and ignores its own.
        """
        frame = packTyping(b"abc", "Mïna")
        self.assertTrue(frame.startswith(TYPING))
        self.assertEqual(unpackTyping(frame, b"def"), "Mïna")
        self.assertIsNone(unpackTyping(frame, b"abc"))

    def test_notValid(self) -> None:
        """
        A frame without a name, or with one that is too long, is ignored.
        """
        for frame in (b"t ", b"t abc", b"t abc\n", b"t abc\n" + b"x" * 33):
            self.assertIsNone(unpackTyping(frame, b"def"))
