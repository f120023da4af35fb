"""
Tests for L{machat.wire.hello}.
"""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from machat import wire
from machat.commands import Hello
from machat.errors import BAD_HELLO, ChatError
from machat.wire.hellobuffer import HelloBuffer


def split(data: bytes) -> tuple[Hello, bytes] | None:
    """
    @return: the hello of a C{text} client at the start of these bytes, and the bytes after it
    """
    found = wire.splitHello(data)
    return None if found is None else (wire.decodeHello(found[0], False), found[1])


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
        self.assertTrue(wire.hasVersion(b'{"\\u0076": 1, "name": "Mina"}'))
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


MANY_BRACES = b'{"' + b"}" * 128 + b'"'


class TakeHelloTests(SynchronousTestCase):
    """
    Tests for L{wire.takeHello}.
    """

    def test_whole(self) -> None:
        """
        A flat object that has arrived as a whole is taken, with any bytes after it. Others are
        not: objects with escapes, braces or objects in them, incomplete ones, and ones that are too
        long.
        """
        for rest in (b"", b"\n", b"\r\nhi\n", b"}", b"{", b"\xff\x00"):
            self.assertEqual(wire.takeHello(HELLO + rest, len(HELLO)), (HELLO, rest))
            self.assertIsNone(wire.takeHello(HELLO + rest, len(HELLO) - 1))
        others = b'{"name": "\\n"}', b'{"since": {}}', b'{"name": "}"}', b" " + HELLO, HELLO[:-1]
        for other in (*others, b"hi", b""):
            self.assertIsNone(wire.takeHello(other, 100))

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                [b"{", b"}", b'"', b"\\", b"a", b"\n", b" ", b'"v": 1', HELLO, MANY_BRACES]
            ),
            max_size=9,
        ).map(b"".join),
        st.integers(0, 400),
    )
    def test_asBuffer(self, data: bytes, limit: int) -> None:
        """
        L{takeHello} returns the same as a L{HelloBuffer}, or C{None}.
        """
        taken = wire.takeHello(data, limit)
        if taken is not None:
            self.assertEqual(HelloBuffer(limit).receive(data), taken)
