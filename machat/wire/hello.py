"""
The hello: the JSON object that a client sends first, with or without a newline after it.
"""

from __future__ import annotations

import re

import msgspec

from machat.codec import VERSION
from machat.commands import Hello
from machat.errors import BAD_HELLO, ChatError
from machat.wire.commands import oneLine

_END = re.compile(rb"[}\x00-\x1f]")

#: The path of the WebSocket.
PATH = "/mychat"

_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Versioned(msgspec.Struct):
    v: object = None


class _TextHello(msgspec.Struct):
    name: str
    room: str
    password: str | None = None
    token: str | None = None
    key: str | None = None


_VERSION = msgspec.json.Decoder(_Versioned)
_HELLO = msgspec.json.Decoder(Hello)
_TEXT_HELLO = msgspec.json.Decoder(_TextHello)
_SPACE = b" \t\r\n"

#: A byte order mark, which some libraries write at the start of a text. RFC 8259 section 8.1 allows
#: a receiver to ignore it.
_MARK = b"\xef\xbb\xbf"

#: The maximum number of closing braces in a hello. For each of them, L{splitHello} may scan all
#: received bytes again.
_BRACES = 128

#: A complete string, a brace, or the quote that opens an incomplete string (RFC 8259 section 7).
_TOKEN = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*"|[{}]|"')

#: An object without objects in it, and without escapes in its strings, as most hellos are.
_FLAT = re.compile(rb'\{[^"{}]*(?:"[^"\\\x00-\x1f]*"[^"{}]*)*\}')

#: The same, without braces in its strings, which L{splitHello} counts.
_TAKEN = re.compile(rb'\{[^"{}]*(?:"[^"\\{}\x00-\x1f]*"[^"{}]*)*\}')

_OPEN_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*\\?\Z')


def takeHello(data: bytes, largest: int) -> tuple[bytes, bytes] | None:
    """
    Split the hello object from a byte stream, if it is flat and has arrived as a whole, as most do.

    @param data: all bytes received so far
    @param largest: the maximum length of the object, bytes
    @return: the object and the bytes after it; C{None}: use a
        L{HelloBuffer<machat.wire.hellobuffer.HelloBuffer>}
    """
    taken = _TAKEN.match(data, 0, largest)
    if taken is None:
        return None
    end = taken.end()
    return data[:end], data[end:]


def splitHello(data: bytes) -> tuple[bytes, bytes] | None:
    """
    Split the hello object from the front of a byte stream. A byte order mark before it is ignored.

    @param data: all bytes received so far
    @return: the object and the bytes after it, or C{None} while the object is incomplete
    @raise ChatError: C{bad-hello}: the bytes are not the start of a hello
    """
    if _MARK.startswith(data[:3]):
        data = data[3:]
    data = data.lstrip(_SPACE)
    if data and not data.startswith(b"{"):
        raise ChatError(BAD_HELLO, 'expected {"name": "...", "room": "..."}')
    end = _objectEnd(data)
    if data.count(b"}", 0, end) > _BRACES:
        raise ChatError(BAD_HELLO, f"more than {_BRACES} closing braces")
    return None if end is None else (data[:end], data[end:])


def mayEnd(data: bytes) -> bool:
    """
    @param data: a piece of a byte stream, but not the first one
    @return: whether this piece may complete the hello or make it invalid; if not, calling
        L{splitHello} again is not necessary
    """
    return _END.search(data) is not None


def _objectEnd(data: bytes) -> int | None:
    flat = _FLAT.match(data)
    if flat is not None:
        return flat.end()
    depth = 0
    for token in _TOKEN.finditer(data):
        kind = token[0]
        if kind == b"{":
            depth += 1
        elif kind == b"}":
            depth -= 1
            if depth == 0:
                return token.end()
        elif kind == b'"':
            if not _OPEN_STRING.match(data, token.start()):
                raise ChatError(BAD_HELLO, "a string in the hello has a control character")
            return None
    return None


def hasVersion(data: bytes) -> bool:
    """
    @param data: the hello object
    @return: whether it has a version, which selects the C{events} dialect
    """
    if data.find(b'"v"') < 0 and data.find(b"\\") < 0:  # C{in} creates and drops an exception
        return False  # it has no such field, whether it is valid or not. Saves decoding it twice
    try:
        return _VERSION.decode(data).v is not None
    except _ERRORS:
        return b'"v"' in data  # invalid JSON that was probably meant to have one


def decodeHello(data: bytes, events: bool) -> Hello:
    """
    @param data: the hello object
    @param events: whether it is in the C{events} dialect
    @return: the hello
    @raise ChatError: C{bad-hello}, with a text that names the invalid field
    """
    try:
        if not events:
            first = _TEXT_HELLO.decode(data)
            return Hello(
                first.name,
                first.room,
                password=first.password,
                token=first.token,
                key=first.key,
            )
        hello = _HELLO.decode(data)
    except _ERRORS as error:
        raise ChatError(BAD_HELLO, oneLine(str(error))) from None
    if hello.v not in (None, VERSION):
        raise ChatError(BAD_HELLO, f"this server supports version {VERSION} - at `$.v`")
    return hello
