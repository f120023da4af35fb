"""
A chat in memory, for the tests of applications that embed MaChat: without sockets, a running
reactor or waiting.

    >>> chat = MemoryChat()
    >>> mina = chat.tcp("Mina", "dev")
    >>> bot = chat.member("bot", "dev")
    >>> mina.send("hello")
    >>> chat.turn()
    >>> mina.received(), bot.received()
    (['Mina:hello'], ['Mina:hello'])

Messages are delivered at the end of a reactor turn: call L{MemoryChat.turn}.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from operator import xor
from typing import Any

import msgspec
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.client import ChatClient
from machat.commands import Auth
from machat.errors import Disconnect
from machat.events import Event, Message
from machat.interfaces import IChatHooks, IMessageLog
from machat.limits import DEFAULTS, Limits
from machat.member import Member
from machat.service import ChatService
from machat.tcp import ChatFactory
from machat.ws import PATH, ChatWebSocketFactory


def clientRequest(path: str = PATH, protocol: str | None = None) -> bytes:
    """
    @param path: the path of the WebSocket
    @param protocol: the subprotocol to offer
    @return: the request that opens a WebSocket (RFC 6455 section 4.1)
    """
    offer = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{offer}\r\n"
    ).encode()


def clientFrame(first: int, payload: bytes, mask: bytes = bytes(4)) -> bytes:
    """
    @param first: the first byte: flags and opcode
    @param payload: the unmasked payload
    @param mask: the masking key, four bytes
    @return: a masked frame with the shortest encoding of its length (RFC 6455 section 5.2)
    """
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65_536:
        head = bytes((first, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0xFF)) + size.to_bytes(8, "big")
    return head + mask + bytes(map(xor, payload, cycle(mask)))


class MemoryTransport(StringTransport):
    """
    A transport that keeps the bytes written to it, and notifies its protocol when it is closed.
    """

    protocol: Any = None
    producer: Any

    def loseConnection(self) -> None:
        """
        Close the connection immediately.
        """
        self._close()

    def abortConnection(self) -> None:
        """
        Close the connection immediately.
        """
        self._close()

    def unregisterProducer(self) -> None:
        """
        Remove the producer, if there is one. Unlike L{StringTransport}, and like the transport of a
        socket, this does not fail if there is none.
        """
        self.producer = None

    def _close(self) -> None:
        if self.connected:
            self.connected = False
            self.protocol.connectionLost(Failure(ConnectionDone()))


class MemoryMember(Member):
    """
    A member inside the process that keeps the events that it receives.

    @ivar messages: the L{Message}s since the last call of L{received}
    @ivar events: all events, including messages
    @ivar end: the L{Disconnect} that ended the chat for this member, or C{None}
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.messages: list[Message] = []
        self.events: list[Event] = []
        self.end: Disconnect | None = None

    def heard(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Message):
            self.messages.append(event)

    def disconnected(self, end: Disconnect) -> None:
        self.end = end

    def received(self) -> list[str]:
        """
        @return: the messages since the last call, each in the form C{name:text}
        """
        messages, self.messages = self.messages, []
        return [f"{message.sender}:{message.text}" for message in messages]


class MemoryClient:
    """
    A client of the C{text} dialect on a byte stream.

    @ivar transport: the server's side of the connection
    """

    def __init__(self, factory: Any) -> None:
        address = IPv4Address("TCP", "192.0.2.1", 50000)
        self.transport = MemoryTransport(peerAddress=address)
        self.transport.protocol = self._protocol = factory.buildProtocol(address)
        self._protocol.makeConnection(self.transport)

    @property
    def connected(self) -> bool:
        """
        Whether the connection is open.
        """
        return bool(self.transport.connected)

    def join(self, name: str, room: str) -> None:
        """
        Send the hello.

        @param name: the name to use
        @param room: the room to join
        """
        self.send(msgspec.json.encode({"name": name, "room": room}).decode())

    def send(self, line: str) -> None:
        """
        Send one line.
        """
        self.sendBytes(line.encode() + b"\n")

    def sendBytes(self, data: bytes) -> None:
        """
        Send bytes. Ignored after the connection is closed.
        """
        if self.connected:
            self._protocol.dataReceived(data)

    def received(self) -> list[str]:
        """
        @return: the lines since the last call, without newlines
        """
        data: bytes = self.transport.value()
        self.transport.clear()
        return data.decode().removesuffix("\n").split("\n") if data else []

    def close(self) -> None:
        """
        Close the connection from the client's side.
        """
        self.transport._close()


class MemoryWebSocketClient(MemoryClient):
    """
    A client of the C{text} dialect on a WebSocket.

    @ivar response: the head of the server's answer to the handshake
    @ivar closeCode: the code in the server's close frame; C{None} before L{received} has read one
    """

    def __init__(self, factory: Any, path: str = PATH, protocol: str | None = None) -> None:
        """
        @param factory: the server's L{ChatWebSocketFactory}
        @param path: the path of the WebSocket
        @param protocol: the subprotocol to offer
        """
        super().__init__(factory)
        self.closeCode: int | None = None
        self.sendBytes(clientRequest(path, protocol))
        head, _, rest = self.transport.value().partition(b"\r\n\r\n")
        self.response = head.decode()
        self.transport.clear()
        self.transport.write(rest)

    def send(self, line: str) -> None:
        """
        Send one text message.
        """
        self.sendFrame(0x81, line.encode())

    def sendFrame(self, first: int, payload: bytes) -> None:
        """
        Send one frame, see L{clientFrame}.
        """
        self.sendBytes(clientFrame(first, payload))

    def received(self) -> list[str]:
        data = self.transport.value()
        self.transport.clear()
        lines = []
        while data:
            size, begin = data[1], 2
            if size > 125:
                begin = 4 if size == 126 else 10
                size = int.from_bytes(data[2:begin], "big")
            payload, first, data = data[begin : begin + size], data[0], data[begin + size :]
            if first == 0x81:
                lines.append(payload.decode().removesuffix("\n"))
            elif first == 0x88:
                self.closeCode = int.from_bytes(payload[:2], "big")
        return lines


class _Pipe(MemoryTransport):
    """
    One end of a connection in memory. Bytes that are written to it arrive at the protocol of the
    other end in the next turn.
    """

    other: _Pipe

    def __init__(self, clock: Clock, protocol: Any, address: IPv4Address) -> None:
        super().__init__(peerAddress=address)
        self._clock = clock
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        """
        Send bytes.
        """
        if not self.value():
            self._clock.callLater(0, self._arrive)
        super().write(data)

    def _arrive(self) -> None:
        data = self.value()
        self.clear()
        if self.other.connected and data:
            self.other.protocol.dataReceived(data)

    def _close(self) -> None:
        if self.connected:
            self._arrive()
            super()._close()
            self.other._close()


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """
    A client endpoint that connects to a chat in memory.

    @ivar refuses: set this to C{True} to make connection attempts fail
    """

    def __init__(self, clock: Clock, factory: Any) -> None:
        self._clock = clock
        self._factory = factory
        self._pipes: list[_Pipe] = []
        self.refuses = False

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        @return: has fired with the client's protocol; has failed with
            L{ConnectionRefusedError<twisted.internet.error.ConnectionRefusedError>} while
            C{refuses} is true
        """
        if self.refuses:
            return fail(ConnectionRefusedError())
        address = IPv4Address("TCP", "192.0.2.1", 50000)
        client = protocolFactory.buildProtocol(address)
        here = _Pipe(self._clock, client, address)
        there = _Pipe(self._clock, self._factory.buildProtocol(address), address)
        here.other, there.other = there, here
        self._pipes.append(here)
        there.protocol.makeConnection(there)
        client.makeConnection(here)
        return succeed(client)

    def cut(self) -> None:
        """
        Close all connections. Bytes that have not arrived are lost.
        """
        pipes, self._pipes = self._pipes, []
        for pipe in pipes:
            pipe.clear()
            pipe.other.clear()
            pipe._close()


class MemoryChat:
    """
    A chat with its own clock.

    @ivar clock: the L{Clock} that runs all timers
    @ivar service: the L{ChatService}
    @ivar endpoint: the L{MemoryEndpoint} for clients
    """

    def __init__(
        self,
        limits: Limits = DEFAULTS,
        log: IMessageLog | None = None,
        hooks: IChatHooks | None = None,
        clock: Clock | None = None,
        portal: Portal | None = None,
    ) -> None:
        """
        @param limits: the limits of the chat
        @param log: see L{ChatService}
        @param hooks: see L{ChatService}
        @param clock: the clock; by default a new one
        @param portal: see L{ChatService}
        """
        self.clock = Clock() if clock is None else clock
        self.service = ChatService(self.clock, limits, log, None, hooks, portal)
        self._tcp = ChatFactory(self.service)
        self._ws = ChatWebSocketFactory(self.service)
        self.endpoint = MemoryEndpoint(self.clock, self._tcp)

    def client(
        self,
        name: str,
        listener: Callable[[Event], object] = lambda event: None,
        credentials: Callable[[], Auth] = Auth,
    ) -> ChatClient:
        """
        @param name: the client's name
        @param listener: called with each event
        @param credentials: see L{ChatClient}
        @return: a started client that connects through C{endpoint}
        """
        client = ChatClient(self.clock, self.endpoint, name, listener, credentials=credentials)
        client.startService()
        return client

    def turn(self) -> None:
        """
        End the reactor turn: messages are delivered.
        """
        self.clock.advance(0)

    def member(self, name: str, room: str, watch: bool = False) -> MemoryMember:
        """
        @param name: the member's name
        @param room: the room to join
        @param watch: whether the member receives presence updates
        @return: a member inside the process that has joined the room
        @raise ChatError: the join was refused
        """
        member = MemoryMember(name)
        results: list[Any] = []
        self.service.join(member, room, watch=watch).addBoth(results.append)
        if results and isinstance(results[0], Failure):
            results[0].raiseException()
        return member

    def tcp(self, name: str | None = None, room: str = "lounge") -> MemoryClient:
        """
        @param name: the client's name; without it, no hello is sent
        @param room: the room to join
        @return: a TCP client of the C{text} dialect
        """
        client = MemoryClient(self._tcp)
        if name is not None:
            client.join(name, room)
        return client

    def ws(self, name: str | None = None, room: str = "lounge") -> MemoryWebSocketClient:
        """
        @param name: the client's name; without it, no hello is sent
        @param room: the room to join
        @return: a WebSocket client of the C{text} dialect
        """
        client = MemoryWebSocketClient(self._ws)
        if name is not None:
            client.join(name, room)
        return client
