"""
The wire: bytes to events and events to bytes. Pure: nothing here does I/O or keeps state.

The C{text} dialect is that of the original MaChat. A client sends one JSON object, then lines; the
server answers each line to everybody as C{name:line}. Its own words come from the name C{machat}.
L{TEXT} is that dialect on a byte stream, L{TEXT_FRAMES} on a WebSocket, one frame a message;
L{TYPED} is for members inside the process, who get the L{Message}s themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from zope.interface import implementer

from machat.errors import BAD_ENCODING, BAD_HELLO, TOO_LONG, ChatError, Disconnect
from machat.events import Hello, Message
from machat.interfaces import IDialect
from machat.names import RESERVED


def frame(payload: bytes) -> bytes:
    """
    @return: the payload as one final, unmasked text frame (RFC 6455 section 5.2)
    """
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


#: The largest frame that L{takeTextFrames} takes, bytes. Above it a masker in C is faster.
LARGEST_PLAIN = 4_096


def takeTextFrames(data: bytes, largest: int = LARGEST_PLAIN) -> tuple[list[bytes], bytes, bool]:
    """
    Take the whole text messages off the front of a WebSocket's byte stream, between messages, while
    they are plain: final, masked, without extension, valid UTF-8, and of at most C{largest} bytes
    (RFC 6455 section 5.2). It judges nothing: what is not plain stays where it is.

    @return: the messages; the bytes behind them; and whether those begin, as far as can be seen, a
        plain frame that is not yet whole
    """
    messages: list[bytes] = []
    start, size = 0, len(data)
    plain = True
    while size - start >= 6:
        length = data[start + 1] ^ 0x80
        begin = start + 6
        if length == 126 and size - start >= 8:
            length = data[start + 2] << 8 | data[start + 3]
            begin = start + 8
            plain = length > 125
        elif length > 126:  # a longer one, or not masked
            plain = False
        plain = plain and length <= largest and data[start] == 0x81
        end = begin + length
        if not plain or end > size:
            break
        message = _unmask(data[begin:end], data[begin - 4 : begin])
        if not isText(message):
            plain = False
            break
        messages.append(message)
        start = end
    else:
        begun = data[start : start + 2]
        plain = begun in (b"", b"\x81") or (begun[0] == 0x81 and begun[-1] >= 0x80)
    return messages, data[start:] if start else data, plain


def _unmask(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def isText(data: bytes | str) -> bool:
    """
    @return: whether bytes can be decoded as UTF-8, or a string encoded
    """
    if data.isascii():
        return True
    try:
        data.decode() if isinstance(data, bytes) else data.encode()
    except UnicodeError:
        return False
    return True


@implementer(IDialect)
class TextLines:
    """
    The C{text} dialect on a byte stream.
    """

    def encode(self, messages: Sequence[Message]) -> bytes:
        return "".join([f"{m.sender}:{m.text}\n" for m in messages]).encode()

    def refusal(self, error: ChatError) -> bytes:
        return f"{RESERVED}:error {error.code} {error.text}\n".encode()

    def farewell(self, end: Disconnect) -> bytes:
        return f"{RESERVED}:bye {end.reason}\n".encode()


@implementer(IDialect)
class TextFrames(TextLines):
    """
    The C{text} dialect on a WebSocket: one text frame a message.
    """

    def encode(self, messages: Sequence[Message]) -> bytes:
        return b"".join([frame(f"{m.sender}:{m.text}\n".encode()) for m in messages])

    def refusal(self, error: ChatError) -> bytes:
        return frame(super().refusal(error))

    def farewell(self, end: Disconnect) -> bytes:
        return frame(super().farewell(end))


@implementer(IDialect)
class Typed:
    """
    No wire at all: members inside the process get the events as they are.
    """

    def encode(self, messages: Sequence[Message]) -> Sequence[Message]:
        return messages

    def refusal(self, error: ChatError) -> ChatError:
        return error

    def farewell(self, end: Disconnect) -> Disconnect:
        return end


TEXT = TextLines()
TEXT_FRAMES = TextFrames()
TYPED = Typed()


_HELLO = msgspec.json.Decoder(Hello)
_SPACE = b" \t\r\n"
#: A whole string, a brace, or the quote that opens a string not yet whole (RFC 8259 section 7).
_TOKEN = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*"|[{}]|"')
_OPEN_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*\\?\Z')


def splitHello(data: bytes) -> tuple[Hello, bytes] | None:
    """
    Take the hello object off the front of a byte stream, with or without a newline behind it.

    @return: the hello and the bytes behind it, or C{None} while the object is not complete
    @raise ChatError: C{bad-hello}: this can never become a hello
    """
    data = data.lstrip(_SPACE)
    if data and not data.startswith(b"{"):
        raise ChatError(BAD_HELLO, 'expected {"name": "...", "room": "..."}')
    end = _objectEnd(data)
    return None if end is None else (_decodeHello(data[:end]), data[end:])


def _objectEnd(data: bytes) -> int | None:
    depth = 0
    for token in _TOKEN.finditer(data):
        if token[0] == b"{":
            depth += 1
        elif token[0] == b"}":
            depth -= 1
            if depth == 0:
                return token.end()
        elif token[0] == b'"':
            if not _OPEN_STRING.match(data, token.start()):
                raise ChatError(BAD_HELLO, "a string in the hello has a control character")
            return None
    return None


def _decodeHello(data: bytes) -> Hello:
    try:
        hello = _HELLO.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ChatError(BAD_HELLO, _oneLine(str(error))) from None
    if hello.v is not None:
        raise ChatError(BAD_HELLO, 'this server speaks the text dialect: leave out "v"')
    return hello


def _oneLine(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:200]


def skipNewline(data: bytes) -> bytes | None:
    """
    Take off the one newline that may stand behind the hello.

    @return: what follows, or C{None} while that cannot be told yet
    """
    if data in (b"", b"\r"):
        return None
    if data.startswith(b"\r\n"):
        return data[2:]
    return data[1:] if data.startswith(b"\n") else data


def decodeLine(line: bytes, limit: int) -> str:
    """
    @param line: a line without its newline; a carriage return at its end is taken off
    @param limit: the longest line, bytes
    @raise ChatError: C{too-long} or C{bad-encoding}
    """
    if line.endswith(b"\r"):
        line = line[:-1]
    if len(line) > limit:
        raise ChatError(TOO_LONG, f"a line has at most {limit} bytes")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ChatError(BAD_ENCODING, "that line is not UTF-8 and was not sent") from None
