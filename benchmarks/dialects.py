"""
The client's side of each server's protocol: the hello, a message, and required answers.

A message body is a stamp (L{MARK} and the time in hex) and filler. Each mark that a client reads
counts as one delivery. The mark is a single byte, so one call counts the marks in the result of a
read, and no read can split a mark. It does not occur elsewhere in the output of these servers to a
member of a room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

MARK = b"$"

#: Size of a stamp in bytes: the mark and 17 hex digits of nanoseconds.
STAMP = 18

FINDSTAMPS = re.compile(rb"\$([0-9a-f]{17})").findall


def stampOf(now: int) -> bytes:
    """
    @return: the stamp for a time in nanoseconds
    """
    return b"$%017x" % now


class TextLines:
    """
    MaChat's text dialect on TCP: a JSON object, then lines.

    @cvar echo: whether the sender of a message receives it too
    @cvar opening: bytes to send first. The hello follows after C{opened} has been read.
    @cvar question: a byte. Only a read that contains it may need an L{answer}.
    """

    echo = True
    opening = b""
    opened = b""
    question = b""

    def hello(self, name: str, room: str) -> bytes:
        """
        @return: the bytes that make the client a member of the room
        """
        return b"%s\n" % json.dumps({"name": name, "room": room}).encode()

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        """
        @return: a function that encodes a message with a given stamp and a body of C{size} bytes
        """
        return _around(b"", b"x" * (size - STAMP) + b"\n")

    def answer(self, data: bytes) -> bytes:
        """
        @return: the answer to the bytes that were read; empty for no answer
        """
        return b""


class TextFrames(TextLines):
    """
    The text dialect on WebSocket. The server's pings must be empty. None of the frame lengths used
    here contains the byte that starts a ping.
    """

    opening = (
        b"GET /mychat HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    opened = b"\r\n\r\n"
    question = b"\x89"

    def hello(self, name: str, room: str) -> bytes:
        return _frame(TextLines.hello(self, name, room).rstrip())

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        head = _head(size)
        filler = _masked(b"xx" + b"x" * (size - STAMP))[2:]  # a stamp ends within the mask

        def say(stamp: bytes) -> bytes:
            return head + _masked(stamp) + filler

        return say

    def answer(self, data: bytes) -> bytes:
        return (b"\x8a\x80" + _KEY) * data.count(b"\x89\x00")


class EventLines(TextLines):
    """
    MaChat's events dialect on TCP.
    """

    def hello(self, name: str, room: str) -> bytes:
        hello = {"v": 1, "name": name, "room": room, "presence": False}
        return b"%s\n" % json.dumps(hello).encode()

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        return _around(b'{"type":"say","text":"', b"x" * (size - STAMP) + b'"}\n')


class EventFrames(TextFrames):
    """
    The events dialect on WebSocket.
    """

    def hello(self, name: str, room: str) -> bytes:
        return _frame(EventLines().hello(name, room).rstrip())

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        command = EventLines().speech(room, size)
        return lambda stamp: _frame(command(stamp).rstrip())


class Irc(TextLines):
    """
    IRC (RFC 1459): a line has at most 512 bytes.
    """

    echo = False
    question = b"N"

    def hello(self, name: str, room: str) -> bytes:
        lines = "PASS bench\r\nNICK {0}\r\nUSER {0} 0 * :{0}\r\nJOIN #{1}\r\n"
        return lines.format(name, room).encode()

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        return _around(b"PRIVMSG #%s :" % room.encode(), b"x" * (size - STAMP) + b"\r\n")

    def answer(self, data: bytes) -> bytes:
        pings = re.findall(rb"PING ([^\r\n]*)\r", data)
        return b"".join([b"PONG %s\r\n" % ping for ping in pings])


class Nats(TextLines):
    """
    The protocol of NATS. Each room is a subject.
    """

    question = b"N"

    def hello(self, name: str, room: str) -> bytes:
        options = json.dumps({"verbose": False, "pedantic": False, "name": name})
        return f"CONNECT {options}\r\nSUB {room} 1\r\n".encode()

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        head = f"PUB {room} {size}\r\n".encode()
        return _around(head, b"x" * (size - STAMP) + b"\r\n")

    def answer(self, data: bytes) -> bytes:
        return b"PONG\r\n" * data.count(b"PING\r\n")


DIALECTS: dict[str, TextLines] = {
    "lines": TextLines(),
    "frames": TextFrames(),
    "events": EventLines(),
    "event-frames": EventFrames(),
    "irc": Irc(),
    "nats": Nats(),
}

_KEY = bytes.fromhex("11223344")


def _around(before: bytes, after: bytes) -> Callable[[bytes], bytes]:
    return lambda stamp: before + stamp + after


def _head(size: int) -> bytes:
    """
    @return: the head of a final, masked text frame (RFC 6455 section 5.2)
    """
    if size < 126:
        return bytes((0x81, 0x80 | size)) + _KEY
    return b"\x81\xfe" + size.to_bytes(2, "big") + _KEY


def _frame(data: bytes) -> bytes:
    return _head(len(data)) + _masked(data)


def _masked(data: bytes) -> bytes:
    key = (_KEY * (len(data) // 4 + 1))[: len(data)]
    number = int.from_bytes(data, "big") ^ int.from_bytes(key, "big")
    return number.to_bytes(len(data), "big")
