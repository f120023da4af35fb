"""
Tests for L{machat.wire}.
"""

from __future__ import annotations

import json
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import verify

from machat import commands, events, wire
from machat.commands import Hello
from machat.errors import BAD_HELLO, NAME_TAKEN, ChatError
from machat.events import Bye, Error, Event, Left, Message, Moved, Pong, Presence
from machat.testing import clientFrame
from machat.wire import IDialect


def message(text: str, sender: str = "Mina") -> Message:
    """
    @return: a message in which only sender and text matter
    """
    return Message("dev", 1, sender, text, 0)


def split(data: bytes) -> tuple[Hello, bytes] | None:
    """
    @return: the hello of a C{text} client at the start of these bytes, and the bytes after it
    """
    found = wire.splitHello(data)
    return None if found is None else (wire.decodeHello(found[0], False), found[1])


DIALECTS = (wire.TEXT, wire.TEXT_FRAMES, wire.EVENTS, wire.EVENTS_FRAMES, wire.TYPED)


class DialectTests(SynchronousTestCase):
    """
    Tests for the dialects.
    """

    def test_interface(self) -> None:
        """
        Each dialect provides its interface.
        """
        for dialect in DIALECTS:
            verify.verifyObject(IDialect, dialect)

    def test_lines(self) -> None:
        """
        A batch is one byte string with a line per message, in order.
        """
        batch = [message("hi"), message("", "Ada"), message("grüß: 明\r", "é")]
        self.assertEqual(
            wire.TEXT.encode(batch), b"Mina:hi\nAda:\n\xc3\xa9:gr\xc3\xbc\xc3\x9f: \xe6\x98\x8e\r\n"
        )
        self.assertEqual(
            wire.TEXT.encode([message("x" * 65_536)]), b"Mina:" + b"x" * 65_536 + b"\n"
        )

    def test_frames(self) -> None:
        """
        A batch is one byte string with a final, unmasked text frame per message, in order.
        """
        batch = [message("hi"), message("", "Ada"), message("é")]
        self.assertEqual(
            wire.TEXT_FRAMES.encode(batch),
            b"\x81\x08Mina:hi\n\x81\x05Ada:\n\x81\x08Mina:\xc3\xa9\n",
        )

    def test_frameSizes(self) -> None:
        """
        A frame's head uses the shortest form for its length in bytes.
        """
        for text, head in (
            ("x" * 119, b"\x81\x7d"),
            ("x" * 120, b"\x81\x7e\x00\x7e"),
            ("é" * 60, b"\x81\x7e\x00\x7e"),
            ("x" * 65_529, b"\x81\x7e\xff\xff"),
            ("x" * 65_530, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
            ("x" * 65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x06"),
        ):
            expected = head + b"Mina:" + text.encode() + b"\n"
            self.assertEqual(wire.TEXT_FRAMES.encode([message(text)]), expected)

    def test_refusal(self) -> None:
        """
        A refusal is sent by the reserved name, with its code.
        """
        error = Error(code=NAME_TAKEN, text='"Mina" is already in devroom')
        line = b'machat:error name-taken "Mina" is already in devroom\n'
        self.assertEqual(wire.TEXT.encodeEvent(error), line)
        self.assertEqual(wire.TEXT_FRAMES.encodeEvent(error), b"\x81\x35" + line)

    def test_farewell(self) -> None:
        """
        The end of the connection is sent by the reserved name, with its reason.
        """
        bye = Bye(code=3001, reason="shutdown", reconnect=True)
        line = b"machat:bye shutdown\n"
        self.assertEqual(wire.TEXT.encodeEvent(bye), line)
        self.assertEqual(wire.TEXT_FRAMES.encodeEvent(bye), b"\x81\x14" + line)

    def test_lost(self) -> None:
        """
        If delivered messages are lost, the C{text} dialect sends one line, and C{events} the new
        position.
        """
        moved = Moved(room="dev", epoch="e", seq=3, lost=True)
        line = b"machat:the server lost messages of this room that were already delivered\n"
        self.assertEqual(wire.TEXT.encodeEvent(moved), line)
        self.assertEqual(wire.TEXT_FRAMES.encodeEvent(moved), wire.frame(line))
        said = b'{"type":"moved","room":"dev","epoch":"e","seq":3,"lost":true}'
        self.assertEqual(wire.EVENTS.encodeEvent(moved), said + b"\n")
        self.assertEqual(wire.decodeEvent(said), moved)
        self.assertEqual(wire.TYPED.encodeEvent(moved), (moved,))

    def test_noWords(self) -> None:
        """
        The C{text} dialect sends no other events.
        """
        kept = Moved(room="dev", epoch="e", seq=3, lost=False)
        for event in (Pong(), Left(room="dev"), Presence(room="dev", count=3), kept):
            self.assertIsNone(wire.TEXT.encodeEvent(event))
            self.assertIsNone(wire.TEXT_FRAMES.encodeEvent(event))

    def test_events(self) -> None:
        """
        The C{events} dialect sends each event as an object, in a line or a frame.
        """
        batch = [message("hi"), Message("dev", 2, "Ada", "grüß\u2028", 17, replay=True)]
        objects = [
            '{"type":"message","room":"dev","seq":1,"from":"Mina","text":"hi","at":0}',
            '{"type":"message","room":"dev","seq":2,"from":"Ada","text":"grüß\u2028","at":17,'
            '"replay":true}',
        ]
        lines = "".join(f"{each}\n" for each in objects).encode()
        frames = b"".join(wire.frame(each.encode()) for each in objects)
        self.assertEqual(wire.EVENTS.encode(batch), lines)
        self.assertEqual(wire.EVENTS_FRAMES.encode(batch), frames)
        bye = Bye(code=3001, reason="shutdown", reconnect=True, retry=1.0)
        said = b'{"type":"bye","code":3001,"reason":"shutdown","reconnect":true,"retry":1.0}'
        self.assertEqual(wire.EVENTS.encodeEvent(bye), said + b"\n")
        self.assertEqual(wire.EVENTS_FRAMES.encodeEvent(bye), wire.frame(said))

    def test_vocabulary(self) -> None:
        """
        Exactly the commands and events of the protocol are decoded.
        """
        for module, base, vocabulary in (
            (commands, commands.Command, commands.AnyCommand),
            (events, Event, events.AnyEvent),
        ):
            classes = [each for each in vars(module).values() if isinstance(each, type)]
            defined = {each for each in classes if issubclass(each, base)} - {base}
            self.assertEqual(set(get_args(vocabulary)), defined)
        self.assertIsNone(wire.decodeEvent(b'{"type": "connected"}'))  # made by machat.client

    def test_typed(self) -> None:
        """
        Members inside the process receive the message objects.
        """
        batch = [message("hi")]
        self.assertIs(wire.TYPED.encode(batch), batch)
        self.assertEqual(wire.TYPED.encodeEvent(batch[0]), (batch[0],))


HELLO = b'{"name": "Mina", "room": "devroom"}'
MINA = Hello("Mina", "devroom")


class SplitHelloTests(SynchronousTestCase):
    """
    Tests for L{wire.splitHello} and L{wire.decodeHello}.
    """

    def assertRefused(self, data: bytes, text: str | None = None) -> None:
        """
        These bytes can never become a hello, and are refused with one line.
        """
        error = self.assertRaises(ChatError, split, data)
        self.assertEqual(error.code, BAD_HELLO)
        self.assertTrue(error.text.isprintable(), error.text)
        self.assertTrue(0 < len(error.text) <= 200, error.text)
        if text is not None:
            self.assertEqual(error.text, text)

    def assertInPieces(self, data: bytes, expected: Hello) -> None:
        """
        An incomplete object is not a hello yet; a complete one is, whatever follows it.
        """
        for size in range(len(data)):
            self.assertIsNone(split(data[:size]), data[:size])
        for rest in (b"", b"\n", b"\r\nhi\n", b"}", b'"', b"{", b"\xff\x00"):
            self.assertEqual(split(data + rest), (expected, rest))

    def test_newline(self) -> None:
        """
        Bytes after the object are left unchanged, including a newline.
        """
        self.assertEqual(split(HELLO), (MINA, b""))
        self.assertEqual(split(HELLO + b"\n"), (MINA, b"\n"))
        self.assertEqual(split(HELLO + b"\r\nhi\nyou\n"), (MINA, b"\r\nhi\nyou\n"))
        self.assertEqual(split(HELLO + b"hello\n"), (MINA, b"hello\n"))
        self.assertEqual(split(HELLO + HELLO), (MINA, HELLO))

    def test_pieces(self) -> None:
        """
        The object may arrive in any pieces.
        """
        self.assertInPieces(HELLO, MINA)
        self.assertInPieces(b'{"name":"Mina","room":"devroom"}', MINA)

    def test_space(self) -> None:
        """
        Whitespace before and inside the object is ignored.
        """
        self.assertInPieces(b' \r\n\t{\n"name" :\t"Mina",\r\n "room": "devroom" }', MINA)
        self.assertIsNone(split(b"\r\n \t"))

    def test_byteOrderMark(self) -> None:
        """
        A byte order mark before the object is ignored; half of one, or two, are refused.
        """
        self.assertInPieces(b"\xef\xbb\xbf" + HELLO, MINA)
        self.assertInPieces(b"\xef\xbb\xbf\r\n" + HELLO, MINA)
        for wrong in (
            b"\xef" + HELLO,
            b"\xef\xbb\xbf\xef\xbb\xbf" + HELLO,
            b" \xef\xbb\xbf" + HELLO,
        ):
            self.assertRaises(ChatError, split, wrong)

    def test_bracesInStrings(self) -> None:
        """
        A brace inside a string is an ordinary character.
        """
        self.assertInPieces(b'{"name": "}{", "room": "{{}}}"}', Hello("}{", "{{}}}"))

    def test_escapes(self) -> None:
        """
        A quote or a backslash after a backslash does not end a string.
        """
        self.assertInPieces(
            rb'{"name": "a\"}\\", "room": "\\\"{\u00e9\ud83d\ude00"}', Hello('a"}\\', '\\"{é😀')
        )

    def test_utf8(self) -> None:
        """
        The object is UTF-8, and may be split inside a character.
        """
        self.assertInPieces('{"name": "Élodie明", "room": "é"}'.encode(), Hello("Élodie明", "é"))

    def test_unknownFields(self) -> None:
        """
        Unknown fields are ignored, whatever they contain.
        """
        self.assertInPieces(
            b'{"x": {"y": [{}, {"z": "}"}], "name": "not this"}, "name": "Mina", "n": [1e9, null,'
            b' true, -0.5], "room": "devroom", "": ""}',
            MINA,
        )

    def test_version(self) -> None:
        """
        A missing or null version selects the text dialect, and 1 the events dialect; any other
        version is refused.
        """
        hello = b'{"v": null, "name": "Mina", "room": "devroom"}'
        self.assertInPieces(hello, MINA)
        self.assertFalse(wire.hasVersion(hello))
        self.assertFalse(wire.hasVersion(HELLO))
        for version, text in (
            (b"0", "this server supports version 1 - at `$.v`"),
            (b"2", "this server supports version 1 - at `$.v`"),
            (b'"1"', "Expected `int | null`, got `str` - at `$.v`"),
        ):
            hello = b'{"v": ' + version + b', "name": "Mina"}'
            self.assertTrue(wire.hasVersion(hello))
            error = self.assertRaises(ChatError, wire.decodeHello, hello, True)
            self.assertEqual((error.code, error.text), (BAD_HELLO, text))
        first = wire.decodeHello(b'{"v": 1, "name": "Mina"}', True)
        self.assertEqual((first.name, first.room, first.v), ("Mina", None, 1))

    def test_notAnObject(self) -> None:
        """
        Input that does not begin with an object is refused at the first byte.
        """
        for data in (
            b"[[[[",
            b"h",
            b"GET / HTTP/1.1\r\n",
            b'"name"',
            b"}",
            b"1",
            b"null",
            b"\xef\xbb\xbf[",
            b"\xfe\xff" + HELLO,
            b"\x00",
            b"\xff",
            b"\x16\x03\x01",
            b" \n[",
        ):
            self.assertRefused(data, 'expected {"name": "...", "room": "..."}')

    def test_notJSON(self) -> None:
        """
        An object that is not JSON is refused.
        """
        for data in (
            b"{name}",
            b"{{}}",
            b'{"name": "Mina", "room": "dev",}',
            b'{"name": "Mina" "room": "dev"}',
            b"{'name': 'Mina', 'room': 'dev'}",
            b'{"name": "Mina", "room": "dev"]}',
            rb'{"name": "\x41", "room": "dev"}',
            rb'{"name": "\u12", "room": "dev"}',
        ):
            self.assertRefused(data)

    def test_wrongTypes(self) -> None:
        """
        Names must be strings.
        """
        for value in (b"1", b"null", b"true", b'["Mina"]', b'{"a": "b"}', b"1.5"):
            self.assertRefused(b'{"name": ' + value + b', "room": "dev"}')
            self.assertRefused(b'{"name": "Mina", "room": ' + value + b"}")

    def test_missingFields(self) -> None:
        """
        A hello must contain a name and a room.
        """
        self.assertRefused(b"{}", "Object missing required field `name`")
        self.assertRefused(b'{"room": "dev"}', "Object missing required field `name`")
        self.assertRefused(b'{"name": "Mina"}', "Object missing required field `room`")
        self.assertRefused(b'{"Name": "Mina", "Room": "dev"}')

    def test_deep(self) -> None:
        """
        Deep nesting does no harm: an incomplete object is waited for, a complete one that is too
        deep is refused.
        """
        self.assertIsNone(split(b'{"a":' + b"[" * 4000))
        self.assertIsNone(split(b'{"a":' * 2000))
        self.assertRefused(b'{"a":' + b"[" * 4000 + b"]" * 4000 + b"}")
        self.assertRefused(b'{"a":' * 2000 + b"1" + b"}" * 2000)

    def test_controlCharacter(self) -> None:
        """
        A control character in a string is refused as soon as it arrives.
        """
        text = "a string in the hello has a control character"
        for character in (b"\n", b"\r", b"\t", b"\x00", b"\x1f"):
            self.assertRefused(b'{"name": "Mi' + character, text)
            self.assertRefused(b'{"name": "Mi\\' + character, text)
            self.assertRefused(b'{"name": "Mi' + character + b'na", "room": "dev"}', text)

    def test_notUTF8(self) -> None:
        """
        A name that is not UTF-8 is refused.
        """
        for name in (b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            self.assertRefused(b'{"name": "' + name + b'", "room": "dev"}')
            self.assertRefused(b'{"name": "Mina", "room": "' + name + b'"}')

    def test_loneSurrogates(self) -> None:
        """
        Half a surrogate pair is refused.
        """
        for escape in (rb"\ud800", rb"\udc00", rb"\udc00\ud800", rb"\ud800x", rb"\ud800\n"):
            self.assertRefused(b'{"name": "' + escape + b'", "room": "dev"}')

    @given(
        name=st.text(),
        room=st.text(),
        more=st.dictionaries(
            st.text(max_size=5).filter(lambda field: field not in ("name", "room", "v")),
            st.recursive(
                st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
                max_leaves=5,
            ),
            max_size=3,
        ),
        ascii=st.booleans(),
        rest=st.binary(max_size=20),
    )
    @settings(deadline=None, max_examples=60)
    def test_anyHello(
        self, name: str, room: str, more: dict[str, object], ascii: bool, rest: bytes
    ) -> None:
        """
        Every JSON object with a name and a room is a hello, whole or in pieces.
        """
        fields = {**more, "name": name, "room": room}
        data = json.dumps(fields, ensure_ascii=ascii).encode()
        self.assertInPieces(data, Hello(name, room))
        self.assertEqual(split(data + rest), (Hello(name, room), rest))

    @given(
        data=st.lists(
            st.sampled_from(
                [b"{", b"}", b'"', b"\\", b"\\u", b"[", b",", b":", b"\n", b"\xff", b"a", HELLO]
            ),
            max_size=12,
        ).map(b"".join)
    )
    @settings(deadline=None, max_examples=300)
    def test_anyBytes(self, data: bytes) -> None:
        """
        A result, valid or not, does not change when more bytes arrive.
        """
        first: object = None
        for size in range(len(data) + 1):
            try:
                found = split(data[:size])
                answer: object = found and (found[0], size - len(found[1]))
            except ChatError as error:
                answer = error.code
            if first is not None:
                self.assertEqual(answer, first)
            first = answer


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
