"""
Opens the connections of a shape, and joins their rooms.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterator
from select import EPOLLIN, EPOLLOUT, epoll

from benchmarks.dialects import DIALECTS
from benchmarks.links import Link, StampedLink, TlsLink
from benchmarks.pump import Member, Pump, Room
from benchmarks.shapes import Kind, Plan

#: Connections from one source address. Each address has a little over 28,000 ports.
FROM_ONE_ADDRESS = 5_000

#: Maximum time until all connections are open, seconds.
PATIENCE = 90.0

#: Receive buffer of a stalled reader, bytes. It is small, so that unread data stays in the server.
SMALL = 65_536


class CannotConnect(Exception):
    """
    The clients could not connect.
    """


class Guest:
    """
    A connection that is not yet a member. It connects, completes TLS, opens the WebSocket, and
    joins.
    """

    def __init__(self, link: Link, index: int) -> None:
        self.link = link
        self.index = index
        self.secured = False
        self.heard = b""


class Crowd:
    """
    The members of a plan.

    @ivar rooms: the rooms of the shape
    @ivar stalling: the members that stop reading later. The C{rooms} do not count them.
    """

    def __init__(self, plan: Plan, pump: Pump, rooms: list[Room]) -> None:
        self._plan = plan
        self._pump = pump
        self._dialect = DIALECTS[plan.dialect]
        self._door = epoll()
        self._guests: dict[int, Guest] = {}
        self.joined = 0
        shape = plan.shape
        self.rooms = rooms
        for room in rooms:
            room.hearers = shape.members if self._dialect.echo else shape.members - 1
        self.stalling: list[Member] = []
        self._aside = Room()

    def connect(self) -> Iterator[float]:
        """
        Open all connections. Yield the fraction that has joined.

        @raise CannotConnect: the server refused or closed a connection, or took too long
        """
        total = self._plan.shape.connections
        opened = 0
        deadline = time.monotonic() + PATIENCE
        while self.joined < total:
            while opened < total and len(self._guests) < self._dialect.atOnce:
                self._open(opened)
                opened += 1
            for fd, _ in self._door.poll(0.01):
                self._advance(self._guests[fd])
            self._pump.turn(0)
            if self._pump.closed or time.monotonic() > deadline:
                closed = self._pump.closed
                raise CannotConnect(f"{self.joined} of {total} joined, {closed} were disconnected")
            yield self.joined / total

    def _open(self, index: int) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if index >= self._plan.shape.rooms * self._plan.shape.members:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        sock.bind((f"127.0.{1 + os.getpid() % 250}.{1 + index // FROM_ONE_ADDRESS}", 0))
        port = self._plan.ports[index % len(self._plan.ports)]
        result = sock.connect_ex(("127.0.0.1", port))
        if result not in (0, errno.EINPROGRESS):
            raise CannotConnect(os.strerror(result))
        self._guests[sock.fileno()] = Guest(self._link(sock), index)
        self._door.register(sock.fileno(), EPOLLOUT)

    def _link(self, sock: socket.socket) -> Link:
        if self._plan.tls:
            return TlsLink(sock)
        if self._plan.shape.kind in (Kind.RATE, Kind.STALL):
            return StampedLink(sock)
        return Link(sock)

    def _advance(self, guest: Guest) -> None:
        """
        Perform the next step of a connection.
        """
        try:
            if not guest.secured:
                self._door.modify(guest.link.sock.fileno(), EPOLLIN)
                guest.secured = guest.link.handshake()
                if guest.secured:
                    self._greet(guest)
            else:
                self._hear(guest)
        except OSError as error:
            raise CannotConnect(f"{self.joined} joined, then: {error}") from None

    def _greet(self, guest: Guest) -> None:
        opening = self._dialect.opening(*self._names(guest))
        if opening:
            guest.link.send(opening)
        else:
            self._join(guest)

    def _hear(self, guest: Guest) -> None:
        buffer = bytearray(4096)
        size = guest.link.receive(memoryview(buffer))
        if not size:
            raise ConnectionAbortedError("closed by the server")
        guest.heard += buffer[:size]
        if self._dialect.opened(guest.heard):
            self._join(guest)

    def _names(self, guest: Guest) -> tuple[str, str]:
        """
        @return: the names of the member and of the room. Stalled readers join the first room.
        """
        number, place = divmod(guest.index, self._plan.shape.members)
        if number >= self._plan.shape.rooms:
            number, place = 0, guest.index
        return f"u{number}_{place}", f"r{number}"

    def _join(self, guest: Guest) -> None:
        """
        Send the hello and add the connection to the pump.
        """
        shape = self._plan.shape
        number, place = divmod(guest.index, shape.members)
        stalls = number >= shape.rooms
        room = self._aside if stalls else self.rooms[number]
        name, roomName = self._names(guest)
        member = Member(guest.link, room, self._dialect.speech(roomName, shape.size))
        if stalls:
            self.stalling.append(member)
        elif place < shape.senders:
            room.talkers.append(member)
        hello = self._dialect.hello(name, roomName)
        if hello:
            guest.link.send(hello)
        self._door.unregister(member.fd)
        del self._guests[member.fd]
        self._pump.add(member)
        self.joined += 1
