"""
Clients for every kind of connection and dialect, on asyncio's streams, for L{tools.crowd}.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from machat.testing import clientFrame, clientRequest


class Closed(Exception):
    """
    The server has closed the connection.
    """


#: Exceptions that any conversation may raise.
EXPECTED = (
    Closed,
    OSError,
    ValueError,  # a line that is longer than the read buffer
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    asyncio.TimeoutError,
)


class Tally:
    """
    Records what happened.

    @ivar counts: for each kind, a number for each name
    @ivar problems: errors of the server
    @ivar latencies: the time from posting to receiving a message, seconds
    """

    def __init__(self) -> None:
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.problems: list[str] = []
        self.latencies: list[float] = []


class Lines:
    """
    A connection that exchanges lines.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tally: Tally
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.tally = tally
        self.ended = ""

    async def begin(self) -> None:
        """
        Lines need no handshake before the hello.
        """

    def write(self, data: bytes) -> None:
        """
        Send bytes unchanged.
        """
        self.writer.write(data)

    def sendLine(self, line: str) -> None:
        """
        Send one line.
        """
        self.write(line.encode() + b"\n")

    async def readLine(self) -> bytes:
        """
        @return: the next line
        @raise Closed: there is none
        """
        line = await self.reader.readline()
        if not line:
            raise Closed
        return line

    def end(self, code: object) -> None:
        """
        Record the reason for the end of the connection; the first reason counts.
        """
        self.ended = self.ended or str(code)

    def reset(self) -> None:
        """
        Reset the connection, discarding all data in flight.
        """
        self.end("reset by the client")
        self.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.writer.transport.abort()


class Frames(Lines):
    """
    A WebSocket.
    """

    async def begin(self) -> None:
        self.write(clientRequest())
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Closed

    def sendLine(self, line: str) -> None:
        self.write(clientFrame(0x81, line.encode(), os.urandom(4)))

    async def readLine(self) -> bytes:
        while True:
            first, size = await self.reader.readexactly(2)
            if size > 125:
                more = await self.reader.readexactly(2 if size == 126 else 8)
                size = int.from_bytes(more, "big")
            payload = await self.reader.readexactly(size)
            if first == 0x81:
                return payload
            if first == 0x89:
                self.write(clientFrame(0x8A, payload))
            elif first == 0x88:
                self.end(int.from_bytes(payload[:2], "big"))
                raise Closed


class Text:
    """
    The C{text} dialect.
    """

    def hello(self, name: str, room: str, **fields: Any) -> str:
        """
        @return: the first line
        """
        return json.dumps({"name": name, "room": room})

    def say(self, room: str, text: str) -> str:
        """
        @return: a line that posts a message
        """
        return text

    def event(self, line: bytes) -> dict[str, Any]:
        """
        @return: the event of a line from the server, as an object of the C{events} dialect
        """
        sender, _, text = line.decode().removesuffix("\n").partition(":")
        if sender != "machat":
            return {"type": "message", "from": sender, "text": text}
        if text.startswith("bye "):
            return {"type": "bye", "code": text}
        return {"type": "error", "code": text.split(" ")[1]}


class Events(Text):
    """
    The C{events} dialect.
    """

    def hello(self, name: str, room: str, **fields: Any) -> str:
        return json.dumps({"v": 1, "name": name, "room": room, **fields})

    def say(self, room: str, text: str) -> str:
        return json.dumps({"type": "say", "room": room, "text": text})

    def event(self, line: bytes) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(line)
        return event


#: The kind of connection and the dialect of each client.
KINDS: dict[str, tuple[type[Lines], Text]] = {
    "TCP text": (Lines, Text()),
    "TCP events": (Lines, Events()),
    "WebSocket text": (Frames, Text()),
    "WebSocket events": (Frames, Events()),
}


class Client:
    """
    One conversation.
    """

    def __init__(self, kind: str, wire: Lines, name: str) -> None:
        self.kind = kind
        self.wire = wire
        self.name = name
        self.dialect = KINDS[kind][1]
        self.speaksEvents = isinstance(self.dialect, Events)

    def hello(self, room: str, **fields: Any) -> None:
        """
        Send a hello.
        """
        self.wire.sendLine(self.dialect.hello(self.name, room, **fields))

    def say(self, room: str, text: str) -> None:
        """
        Post a message to a room.
        """
        self.wire.tally.counts["messages"]["said"] += 1
        self.wire.sendLine(self.dialect.say(room, text))

    def command(self, type: str, **fields: Any) -> None:
        """
        Send a command, which only the C{events} dialect has.
        """
        self.wire.sendLine(json.dumps({"type": type, **fields}))

    async def hear(self, *types: str) -> dict[str, Any]:
        """
        @return: the next event, of one of these types if any are given; pings are answered
        """
        while True:
            event = self.dialect.event(await self.wire.readLine())
            what = event["type"]
            if what == "ping":
                self.command("pong")
            elif what == "error":
                self.wire.tally.counts["refusals"][event["code"]] += 1
            elif what == "bye":
                self.wire.end(event["code"])
            elif what == "message":
                self.wire.tally.counts["messages"]["heard"] += 1
            if not types or what in types:
                return event

    async def listen(self, until: str | None = None) -> None:
        """
        Receive events until this text, or the end of the connection.
        """
        event: dict[str, Any] = {}
        while until is None or event.get("text") != until:
            event = await self.hear()


class Door:
    """
    The endpoint of the server.

    @ivar rooms: the rooms in use
    """

    def __init__(self, tcp: int, ws: int, tally: Tally, rooms: list[str]) -> None:
        self.tally = tally
        self.rooms = rooms
        self._ports = {Lines: tcp, Frames: ws}

    @asynccontextmanager
    async def wire(
        self, make: type[Lines], limit: int = 1 << 20, receive: int = 0
    ) -> AsyncIterator[Lines]:
        """
        Connect, and disconnect when the body ends.

        @param limit: the size of the read buffer, bytes
        @param receive: the size of the socket's receive buffer, bytes
        """
        connection = socket.socket()
        connection.setblocking(False)
        if receive:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(connection, ("127.0.0.1", self._ports[make]))
            reader, writer = await asyncio.open_connection(sock=connection, limit=limit)
        except BaseException:
            connection.close()
            raise
        wire = make(reader, writer, self.tally)
        try:
            yield wire
        except asyncio.TimeoutError:  # an OSError since Python 3.11
            raise
        except (Closed, OSError, asyncio.IncompleteReadError):
            wire.end("closed by the server")
            raise
        finally:
            writer.close()
            if writer.transport.get_write_buffer_size():  # not read by the server
                writer.transport.abort()
            self.tally.counts["ends"][wire.ended or "closed by the client"] += 1

    @asynccontextmanager
    async def client(self, kind: str, name: str, **options: Any) -> AsyncIterator[Client]:
        """
        A client that has not sent its hello yet.
        """
        async with self.wire(KINDS[kind][0], **options) as wire:
            await wire.begin()
            yield Client(kind, wire, name)
