"""
Tests for L{machat.wire.dialects} and the events that they encode.
"""

from __future__ import annotations

from typing import get_args

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import verify

from machat import commands, events, wire
from machat.errors import NAME_TAKEN
from machat.events import Bye, Error, Event, Left, Message, Moved, Pong, Presence
from machat.wire import IDialect


def message(text: str, sender: str = "Mina") -> Message:
    """
    @return: a message in which only sender and text matter
    """
    return Message("dev", 1, sender, text, 0)


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
            defined = {each for each in classes if issubclass(each, base)} - {base, Message}
            self.assertEqual(set(get_args(vocabulary)), defined)
        self.assertIsNone(wire.decodeEvent(b'{"type": "connected"}'))  # made by machat.client

    def test_typed(self) -> None:
        """
        Members inside the process receive the message objects.
        """
        batch = [message("hi")]
        self.assertIs(wire.TYPED.encode(batch), batch)
        self.assertEqual(wire.TYPED.encodeEvent(batch[0]), (batch[0],))
