"""
Clients in memory that send and receive bytes.
"""

from __future__ import annotations

from itertools import cycle
from operator import xor
from typing import Any

import msgspec
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from machat.ws import PATH


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
        Remove the producer, if there is one. Unlike C{StringTransport}, and like the transport of a
        socket, this does not fail if there is none.
        """
        self.producer = None

    def _close(self) -> None:
        if self.connected:
            self.connected = False
            self.protocol.connectionLost(Failure(ConnectionDone()))


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
