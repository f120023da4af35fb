"""
The client's side of each server's protocol: the hello, a message, and required answers.

A message body is a stamp (the dialect's mark and the time in hex) and filler. Each mark that a
client reads counts as one delivery. The mark is a single byte, so one call counts the marks in the
result of a read, and no read can split a mark. It does not occur elsewhere in the output of these
servers to a member of a room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TypeAlias

#: The result of a read.
Buffer: TypeAlias = "bytes | bytearray"

#: Size of a stamp in bytes: the mark and 17 hex digits of nanoseconds.
STAMP = 18


class TextLines:
    """
    MaChat's text dialect on TCP: a JSON object, then lines.

    @cvar echo: whether the sender of a message receives it too
    @cvar mark: the byte that begins a stamp
    @cvar question: a byte. Only a read that contains it may need an L{answer}.
    @cvar atOnce: maximum number of connections that are being opened at a time
    """

    echo = True
    mark = b"$"
    question = b""
    atOnce = 50

    def stamp(self, now: int) -> bytes:
        """
        @return: the stamp for a time in nanoseconds
        """
        return b"%b%017x" % (self.mark, now)

    def stampFinder(self) -> Callable[[Buffer, int, int], list[bytes]]:
        """
        @return: a function that finds the hex digits of all complete stamps between two positions
        """
        return re.compile(re.escape(self.mark) + b"([0-9a-f]{17})").findall

    def opening(self, name: str, room: str) -> bytes:
        """
        @return: the bytes to send first; empty to send the hello first
        """
        return b""

    def opened(self, data: bytes) -> bool:
        """
        @param data: all bytes that were read after the L{opening}
        @return: whether it is time to send the hello
        @raise ConnectionAbortedError: the server refuses the connection
        """
        return True

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

    question = b"\x89"

    def opening(self, name: str, room: str) -> bytes:
        return self._handshake("mychat")

    def opened(self, data: bytes) -> bool:
        if b"\r\n\r\n" not in data:
            return False
        if b" 101 " not in data[:16]:
            raise ConnectionAbortedError(data[:60].decode(errors="replace"))
        return True

    def _handshake(self, path: str) -> bytes:
        return b"GET /%b HTTP/1.1\r\n%b" % (path.encode(), _UPGRADE)

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


class SocketIo(TextFrames):
    """
    Socket.IO 4 on WebSocket. The path of the handshake contains the room, because a client may not
    send events before the server has answered its connect packet, which is the hello. The server
    sends no pings during a run.
    """

    question = b""

    def opening(self, name: str, room: str) -> bytes:
        return self._handshake(f"socket.io/?EIO=4&transport=websocket&room={room}")

    def hello(self, name: str, room: str) -> bytes:
        return _frame(b"40")

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        event = _around(b'42["say","', b"x" * (size - STAMP) + b'"]')
        return lambda stamp: _frame(event(stamp))


class NchanFrames(TextFrames):
    """
    The WebSockets of Nchan. The path of the handshake selects the channel, so there is no hello.
    """

    def opening(self, name: str, room: str) -> bytes:
        return self._handshake(room)

    def hello(self, name: str, room: str) -> bytes:
        return b""


class Irc(TextLines):
    """
    IRC (RFC 1459): a line has at most 512 bytes.
    """

    echo = False
    question = b"N"

    def hello(self, name: str, room: str) -> bytes:
        return self._register(name) + self._join(room)

    def _register(self, name: str) -> bytes:
        return f"PASS bench\r\nNICK {name}\r\nUSER {name} 0 * :{name}\r\n".encode()

    def _join(self, room: str) -> bytes:
        return f"JOIN #{room}\r\n".encode()

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        return _around(b"PRIVMSG #%s :" % room.encode(), b"x" * (size - STAMP) + b"\r\n")

    def answer(self, data: bytes) -> bytes:
        pings = re.findall(rb"PING ([^\r\n]*)\r", data)
        return b"".join([b"PONG %s\r\n" % ping for ping in pings])


class IrcWaiting(Irc):
    """
    IRC for a server that registers clients only once a second, and refuses a JOIN before that.
    """

    atOnce = 1_000

    def opening(self, name: str, room: str) -> bytes:
        return self._register(name)

    def opened(self, data: bytes) -> bool:
        return b" 001 " in data

    def hello(self, name: str, room: str) -> bytes:
        return self._join(room)


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


class JetStream(Nats):
    """
    The protocol of NATS, with acknowledgements of stored messages, for rooms of one member. The
    stamp is in the subject of the acknowledgement, so a latency ends when the message is stored.
    """

    def hello(self, name: str, room: str) -> bytes:
        subscribe = f"SUB acks.{room}.* 2\r\n".encode()
        stream = {"name": "bench", "subjects": ["rooms.*"], "storage": "file"}
        create = json.dumps(stream).encode()
        # Every client creates the same stream. All but the first have no effect.
        head = f"PUB $JS.API.STREAM.CREATE.bench acks.{room}.new {len(create)}\r\n".encode()
        return Nats.hello(self, name, room) + subscribe + head + create + b"\r\n"

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        head = f"PUB rooms.{room} acks.{room}.".encode()
        body = b" %d\r\n" % size + b"x" * size + b"\r\n"
        return _around(head, body)


class Redis(TextLines):
    """
    Redis, version 3 of its protocol, in which a subscriber can publish on the same connection. The
    protocol uses the usual mark in every string.
    """

    mark = b"~"

    def hello(self, name: str, room: str) -> bytes:
        return f"HELLO 3\r\nSUBSCRIBE {room}\r\n".encode()

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        head = _command(b"PUBLISH", room.encode()) + b"$%d\r\n" % size
        return _around(head, b"x" * (size - STAMP) + b"\r\n")


class RedisStreams(Redis):
    """
    Redis, with a stream for each room, for rooms of one member. The reply is the number of the
    stored message, as a string with one dollar sign. It contains no stamp, so latencies are not
    measured.
    """

    mark = b"$"

    def hello(self, name: str, room: str) -> bytes:
        return b""

    def speech(self, room: str, size: int) -> Callable[[bytes], bytes]:
        head = _command(b"XADD", room.encode(), b"*", b"m") + b"$%d\r\n" % size
        return _around(head, b"x" * (size - STAMP) + b"\r\n")


DIALECTS: dict[str, TextLines] = {
    "lines": TextLines(),
    "frames": TextFrames(),
    "events": EventLines(),
    "event-frames": EventFrames(),
    "nchan": NchanFrames(),
    "socketio": SocketIo(),
    "irc": Irc(),
    "irc-waiting": IrcWaiting(),
    "nats": Nats(),
    "jetstream": JetStream(),
    "redis": Redis(),
    "redis-streams": RedisStreams(),
}

_KEY = bytes.fromhex("11223344")

_UPGRADE = (
    b"Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def _around(before: bytes, after: bytes) -> Callable[[bytes], bytes]:
    return lambda stamp: before + stamp + after


def _command(*words: bytes) -> bytes:
    """
    @return: a command of Redis, without its last word
    """
    strings = [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"*%d\r\n" % (len(words) + 1) + b"".join(strings)


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
