"""
The cost of a delivery in Python: only MaChat's batching, without Twisted, in one loop around one
C{epoll}. All messages that a room receives in one poll are sent to each member in one C{send}. The
server speaks the text dialect, trusts its clients, and has no limits: C{python_floor.py PORT tcp}.
"""

from __future__ import annotations

import contextlib
import gc
import json
import re
import sys
from base64 import b64encode
from collections import defaultdict
from hashlib import sha1
from select import EPOLLIN, EPOLLOUT, epoll
from socket import IPPROTO_TCP, TCP_NODELAY, create_server, socket

#: Maximum number of sockets in one poll, and of bytes in one read. They are those of F{floor.c}.
EVENTS, READ = 1024, 65_536

ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %b\r\n\r\n"
)
HEADS = tuple([bytes((0x81, size)) for size in range(126)])
findKey = re.compile(rb"(?i)\r\nsec-websocket-key: *([^\r]+)").findall


class Room:
    def __init__(self) -> None:
        self.members: set[Lines] = set()
        self.batch: list[bytes] = []  # of this poll


class Lines:
    """
    A member on TCP: its socket, an incomplete line or frame, and what the socket has not accepted.
    """

    __slots__ = ("output", "prefix", "rest", "room", "send", "sock")

    def __init__(self, sock: socket) -> None:
        self.sock, self.send = sock, sock.send
        self.room: Room | None = None
        self.rest = self.output = self.prefix = b""

    def join(self, hello: bytes) -> Room:
        fields = json.loads(hello)
        self.prefix = fields["name"].encode() + b":"
        room = self.room = rooms[fields["room"]]
        room.members.add(self)
        return room

    def read(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        room = self.room
        for line in lines:
            if room is None:
                room = self.join(line)
                continue
            if not room.batch:
                dirty.append(room)
            room.batch.append(b"%b%b\n" % (self.prefix, line))


class Frames(Lines):
    """
    A member on WebSocket (RFC 6455 section 5.2). All of its frames are text.
    """

    __slots__ = ()

    def read(self, data: bytes) -> None:
        data, front, room = self.rest + data, 0, self.room
        while len(data) - front >= 6:
            size, start = data[front + 1] & 127, front + 6
            if size == 126:
                size, start = data[front + 2] << 8 | data[front + 3], front + 8
            if start + size > len(data):
                break
            front = start + size
            key = int.from_bytes((data[start - 4 : start] * (size // 4 + 1))[:size], "big")
            text = (int.from_bytes(data[start:front], "big") ^ key).to_bytes(size, "big")
            if room is None:
                room = self.join(text)
                continue
            size += len(self.prefix) + 1
            head = HEADS[size] if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
            if not room.batch:
                dirty.append(room)
            room.batch.append(b"%b%b%b\n" % (head, self.prefix, text))
        self.rest = data[front:]


class Handshake(Lines):
    """
    A connection that is not a WebSocket yet (RFC 6455 section 4.2.2).
    """

    __slots__ = ()

    def read(self, data: bytes) -> None:
        self.rest += data
        if self.rest.endswith(b"\r\n\r\n"):
            key = findKey(self.rest)[0] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send(ACCEPTED % b64encode(sha1(key).digest()))
            members[self.sock.fileno()] = Frames(self.sock)


#: The class of a new connection on each transport.
GUESTS: dict[str, type[Lines]] = {"tcp": Lines, "ws": Handshake}

members: dict[int, Lines] = {}
rooms: defaultdict[str, Room] = defaultdict(Room)
dirty: list[Room] = []
poller = epoll()


def flush() -> None:
    for room in dirty:
        batch = b"".join(room.batch)
        room.batch.clear()
        for member in room.members:
            try:
                sent = 0 if member.output else member.send(batch)
            except OSError:
                sent = 0  # the buffer is full, or the next read finds that the client has left
            if sent != len(batch):
                member.output += batch[sent:]
                poller.modify(member.sock, EPOLLIN | EPOLLOUT)
    dirty.clear()


def serve(member: Lines, event: int) -> None:
    try:
        if event & EPOLLOUT:
            member.output = member.output[member.send(member.output) :]
            poller.modify(member.sock, EPOLLIN | (EPOLLOUT if member.output else 0))
        data = member.sock.recv(READ)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    if data:
        member.read(data)
        return
    if member.room is not None:
        member.room.members.discard(member)
    del members[member.sock.fileno()]
    member.sock.close()


def listen(port: int) -> socket:
    listener = create_server(("127.0.0.1", port), backlog=4096)
    listener.setblocking(False)
    listener.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # the connections inherit it
    poller.register(listener, EPOLLIN)
    return listener


def turn(listener: socket, guest: type[Lines], timeout: float) -> None:
    """
    Poll once.
    """
    for descriptor, event in poller.poll(timeout, EVENTS):
        if descriptor in members:
            serve(members[descriptor], event)
            continue
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, _ = listener.accept()
                sock.setblocking(False)
                members[sock.fileno()] = guest(sock)
                poller.register(sock, EPOLLIN)
    flush()


def main(port: str, transport: str) -> None:
    """
    Serve until the process is stopped.
    """
    gc.disable()
    listener, guest = listen(int(port)), GUESTS[transport]
    while True:
        turn(listener, guest, -1)


if __name__ == "__main__":
    main(*sys.argv[1:])
