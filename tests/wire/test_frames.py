"""
Tests for L{machat.wire.frames}.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat import wire
from machat.testing import clientFrame


def masked(payload: bytes, mask: bytes = b"\x37\xfa\x21\x3d", first: int = 0x81) -> bytes:
    """
    @return: the payload as a client's frame, by default a whole text message
    """
    return clientFrame(first, payload, mask)


def plainFrame(data: bytes) -> tuple[bytes, bytes] | None:
    """
    Read one plain frame slowly, bit by bit as in RFC 6455 section 5.2.

    @return: its text and the bytes after it; C{None} if the bytes do not begin with a complete
        plain frame
    """
    if len(data) < 2 or data[0] != 0b1000_0001 or not data[1] & 0b1000_0000:
        return None
    size, begin = data[1] & 0b0111_1111, 2
    if size == 127:
        return None
    if size == 126:
        size, begin = int.from_bytes(data[2:4], "big"), 4
        if not 126 <= size <= 4096:
            return None
    if len(data) < begin + 4 + size:
        return None
    mask, payload = data[begin : begin + 4], data[begin + 4 : begin + 4 + size]
    text = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    try:
        text.decode()
    except UnicodeDecodeError:
        return None
    return text, data[begin + 4 + size :]


#: Texts whose frames are plain, with every form of the length.
TEXTS = st.one_of(
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"x" * 125, b"x" * 126, b"\xc3\xa9" * 63, b"y" * 127, b"z" * 4096]),
)
MASKS = st.binary(min_size=4, max_size=4)


class TakeTextFrameTests(SynchronousTestCase):
    """
    Tests for L{wire.takeTextFrame}.
    """

    def test_alone(self) -> None:
        """
        A short frame that arrives alone is decoded, at every length.
        """
        for size in range(1, 126):
            for mask in (b"\x37\xfa\x21\x3d", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1"):
                text = "é".encode() * (size // 2) + b"x" * (size % 2)
                self.assertEqual(wire.takeTextFrame(masked(text, mask)), text)
        self.assertIsNone(wire.takeTextFrame(masked(b"x" * 41), 40))

    def test_part(self) -> None:
        """
        The first byte of a frame is not a frame, whatever it is.
        """
        for byte in range(256):
            self.assertIsNone(wire.takeTextFrame(bytes([byte])))

    @given(
        data=st.one_of(
            st.tuples(
                st.one_of(TEXTS, st.binary(max_size=130)),
                MASKS,
                st.sampled_from([0x81, 0x81, 0x81, 0x01, 0x82, 0x88, 0xC1]),
                st.integers(0, 3),
                st.binary(max_size=3),
            ).map(lambda t: masked(t[0], t[1], t[2])[t[3] // 3 :] + t[4] * (t[3] == 0)),
            st.binary(max_size=12),
        ),
        largest=st.sampled_from([0, 5, 20, 125, 4096]),
    )
    @settings(deadline=None, max_examples=300)
    def test_reference(self, data: bytes, largest: int) -> None:
        """
        A frame is decoded if it is complete, plain, short, and alone; to the same text as by
        L{wire.takeTextFrames}.
        """
        messages, rest, _ = wire.takeTextFrames(data, largest)
        alone = len(messages) == 1 and not rest and 0 < len(messages[0]) < 126
        self.assertEqual(wire.takeTextFrame(data, largest), messages[0] if alone else None)


class TakeTextFramesTests(SynchronousTestCase):
    """
    Tests for L{wire.takeTextFrames}.
    """

    #: The example of RFC 6455 section 5.7: "Hello", masked.
    hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"

    def assertLeft(self, frame: bytes) -> None:
        """
        The frame is left in place, alone and after a plain one, and nothing after it is taken.
        """
        for behind in (b"", self.hello):
            data = frame + behind
            self.assertEqual(wire.takeTextFrames(data), ([], data, False))
            self.assertEqual(wire.takeTextFrames(self.hello + data), ([b"Hello"], data, False))

    def test_example(self) -> None:
        """
        A masked text frame is decoded to its text.
        """
        self.assertEqual(wire.takeTextFrames(self.hello), ([b"Hello"], b"", True))

    def test_several(self) -> None:
        """
        All complete frames are taken in order, including empty ones.
        """
        data = self.hello + masked(b"") + masked("é".encode()) + masked(b"x" * 300)
        self.assertEqual(
            wire.takeTextFrames(data), ([b"Hello", b"", b"\xc3\xa9", b"x" * 300], b"", True)
        )

    def test_nothing(self) -> None:
        """
        Empty input yields nothing, and a plain frame may follow.
        """
        self.assertEqual(wire.takeTextFrames(b""), ([], b"", True))

    def test_partial(self) -> None:
        """
        An incomplete frame is waited for, wherever it is split.
        """
        for payload in (b"", b"Hello", b"x" * 125, b"x" * 126, b"x" * 300, "é".encode() * 100):
            data = masked(payload)
            for size in range(len(data)):
                tail = data[:size]
                self.assertEqual(wire.takeTextFrames(tail), ([], tail, True))
                self.assertEqual(wire.takeTextFrames(self.hello + tail), ([b"Hello"], tail, True))
            self.assertEqual(wire.takeTextFrames(data), ([payload], b"", True))

    def test_lengths(self) -> None:
        """
        Frames of up to 4,096 bytes are taken; larger ones are left as soon as their length is
        known.
        """
        for size in (0, 1, 125, 126, 127, 255, 256, 4095, 4096):
            self.assertEqual(
                wire.takeTextFrames(masked(b"x" * size)), ([b"x" * size], b"", True), size
            )
        for size in (4097, 65_535, 65_536):
            self.assertLeft(masked(b"x" * size))
        self.assertLeft(masked(b"x" * 4097)[:8])

    def test_largest(self) -> None:
        """
        With a lower limit, larger frames are left as soon as their length is known.
        """
        for largest in (0, 5, 125, 126, 300):
            fits, large = masked(b"x" * largest), masked(b"x" * (largest + 1))
            self.assertEqual(
                wire.takeTextFrames(fits + large, largest), ([b"x" * largest], large, False)
            )
            self.assertEqual(wire.takeTextFrames(fits[:-1], largest), ([], fits[:-1], True))
            self.assertEqual(wire.takeTextFrames(large[:8], largest), ([], large[:8], False))

    def test_notMinimal(self) -> None:
        """
        A frame whose length is not in the shortest form is left.
        """
        body = b"\x00\x00\x00\x00Hello"
        self.assertLeft(b"\x81\xfe\x00\x05" + body)
        self.assertLeft(b"\x81\xfe\x00\x00" + body[:4])
        self.assertLeft(b"\x81\xfe\x00\x7d\x00\x00\x00\x00" + b"x" * 125)
        self.assertLeft(b"\x81\xff\x00\x00\x00\x00\x00\x00\x00\x05" + body)
        self.assertLeft(b"\x81\xff\x00\x00\x00\x00\x00\x00\x01\x2c\x00\x00\x00\x00" + b"x" * 300)

    def test_unmasked(self) -> None:
        """
        An unmasked frame is left.
        """
        self.assertLeft(b"\x81\x05Hello")
        self.assertLeft(b"\x81\x00")
        self.assertLeft(b"\x81\x7e\x01\x00" + b"x" * 256)

    def test_otherKinds(self) -> None:
        """
        Binary and control frames, unknown opcodes, fragments and extensions are left.
        """
        for first in (0x82, 0x88, 0x89, 0x8A, 0x83, 0x8B, 0x01, 0x80, 0x00, 0xC1, 0xA1, 0x91, 0xF1):
            self.assertLeft(masked(b"Hello", first=first))
            self.assertLeft(bytes((first,)))

    def test_notUTF8(self) -> None:
        """
        A frame that is not UTF-8 is left.
        """
        for payload in (b"\xff", b"Hell\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"x" * 200 + b"\x80"):
            self.assertLeft(masked(payload))

    @given(
        frames=st.lists(st.tuples(TEXTS, MASKS), max_size=5),
        tail=st.one_of(
            st.binary(max_size=12),
            st.tuples(TEXTS, MASKS, st.integers(0, 20)).map(lambda t: masked(t[0], t[1])[: t[2]]),
            st.tuples(
                st.binary(max_size=300), MASKS, st.sampled_from([0x81, 0x01, 0x82, 0x88, 0xC1])
            ).map(lambda t: masked(*t)),
        ),
    )
    @settings(deadline=None, max_examples=300)
    def test_reference(self, frames: list[tuple[bytes, bytes]], tail: bytes) -> None:
        """
        Whatever follows a number of plain frames, the result equals that of a reader that examines
        every bit.
        """
        data = b"".join(masked(payload, mask) for payload, mask in frames) + tail
        expected, rest = [], data
        while taken := plainFrame(rest):
            expected.append(taken[0])
            rest = taken[1]
        messages, left, plain = wire.takeTextFrames(data)
        self.assertEqual((messages, left), (expected, rest))
        self.assertEqual(messages[: len(frames)], [payload for payload, _ in frames])
        if not left:
            self.assertTrue(plain)

    @given(
        frames=st.lists(st.tuples(TEXTS, MASKS), min_size=1, max_size=4),
        cuts=st.lists(st.integers(0, 200), max_size=4),
    )
    @settings(deadline=None, max_examples=200)
    def test_pieces(self, frames: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
        """
        However a stream of plain frames is split, its texts are the same, and it stays plain.
        """
        data = b"".join(masked(payload, mask) for payload, mask in frames)
        got, left = [], b""
        for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
            messages, left, plain = wire.takeTextFrames(left + data[begin:end])
            self.assertTrue(plain)
            got += messages
        self.assertEqual((got, left), ([payload for payload, _ in frames], b""))
