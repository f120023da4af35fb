"""
The hello: the JSON object that begins every conversation, with or without a newline behind it.
"""

from __future__ import annotations

import re

import msgspec

from machat.commands import Hello
from machat.errors import BAD_HELLO, ChatError
from machat.wire.commands import oneLine

_END = re.compile(rb"[}\x00-\x1f]")

#: The version of the C{events} dialect.
VERSION = 1

#: The path of the WebSocket.
PATH = "/mychat"

#: The name of the C{events} dialect, for a client that offers it in its request.
SUBPROTOCOL = "machat.v1"

_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Versioned(msgspec.Struct):
    v: object = None


class _TextHello(msgspec.Struct):
    name: str
    room: str
    password: str | None = None
    token: str | None = None


_VERSION = msgspec.json.Decoder(_Versioned)
_HELLO = msgspec.json.Decoder(Hello)
_TEXT_HELLO = msgspec.json.Decoder(_TextHello)
_SPACE = b" \t\r\n"

#: A byte order mark, which some libraries put before the first text that they write. RFC 8259
#: section 8.1 allows a receiver to ignore it.
_MARK = b"\xef\xbb\xbf"

#: Closing braces in a hello: each may make L{splitHello} look at all that has come again.
_BRACES = 128

#: A whole string, a brace, or the quote that opens a string not yet whole (RFC 8259 section 7).
_TOKEN = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*"|[{}]|"')
_OPEN_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*\\?\Z')


def splitHello(data: bytes) -> tuple[bytes, bytes] | None:
    """
    Take the hello object off the front of a byte stream. A byte order mark before it is ignored.

    @return: the object and the bytes behind it, or C{None} while the object is not complete
    @raise ChatError: C{bad-hello}: this can never become a hello
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
    @param data: a piece of a stream, behind the first
    @return: whether it may complete the hello, or show that there cannot be one: else
        L{splitHello} need not look at all that came before it again
    """
    return _END.search(data) is not None


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


def hasVersion(data: bytes) -> bool:
    """
    @param data: the hello object
    @return: whether it asks for the C{events} dialect
    """
    try:
        return _VERSION.decode(data).v is not None
    except _ERRORS:
        return b'"v"' in data  # it is not an object, but was meant for one


def decodeHello(data: bytes, events: bool) -> Hello:
    """
    @param data: the hello object
    @param events: whether it is one of the C{events} dialect
    @raise ChatError: C{bad-hello}, which names the field
    """
    try:
        if not events:
            first = _TEXT_HELLO.decode(data)
            return Hello(first.name, first.room, password=first.password, token=first.token)
        hello = _HELLO.decode(data)
    except _ERRORS as error:
        raise ChatError(BAD_HELLO, oneLine(str(error))) from None
    if hello.v not in (None, VERSION):
        raise ChatError(BAD_HELLO, f"this server speaks version {VERSION} - at `$.v`")
    return hello
