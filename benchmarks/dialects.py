"""
How a client talks to each kind of server: its hello, a message, and what it has to answer.

A message body is a stamp (L{MARK} and the time in hex) and filler. A delivery is a mark read: the
mark is one byte, so that counting them is one call on whatever a read returned, and no read can cut
one in two. It occurs nowhere else in what any of these servers sends to a member who is in a room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

MARK = b"$"

#: Bytes of a stamp: the mark and 17 hex digits of nanoseconds.
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

    @cvar echo: whether a message comes back to its sender
    @cvar opening: said first; the hello follows when C{opened} has been read
    @cvar question: one byte that a read can only hold if it may need an L{answer}
    """

    echo = True
    opening = b""
    opened = b""
    question = b""

    def hello(self, name: str, room: str) -> bytes:
        """
        @return: what makes the client a member of the room
        """
        return b"%s\n" % json.dumps({"name": name, "room": room}).encode()

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        """
        @return: what turns a stamp into a message with a body of C{size} bytes
        """
        return _around(b"", b"x" * (size - STAMP) + b"\n")

    def answer(self, data: bytes) -> bytes:
        """
        @return: what to send back for what was read, if anything
        """
        return b""


class TextFrames(TextLines):
    """
    The same on WebSocket. A server's ping has to be empty, and none of the frame lengths used here
    has a byte like that of a ping.
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
        filler = _masked(b"xx" + b"x" * (size - STAMP))[2:]  # a stamp ends in mid-mask

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
    The same on WebSocket.
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
    The protocol of NATS: a room is a subject.
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
