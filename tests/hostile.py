"""
A server that tries to exhaust its client's memory.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def event(type: str, **fields: Any) -> bytes:
    """
    @return: an event as a line
    """
    return json.dumps({"type": type, **fields}).encode() + b"\n"


LIMITS = {"line": 65536, "history": 300, "rooms": 32}

#: The first line of an honest server.
WELCOME = event("welcome", v=1, server="machat", session="s", limits=LIMITS, ping=25)
JOINED = event("joined", room="dev", name="Mina", epoch="e", seq=0, count=1)


def frame(first: int, payload: bytes) -> bytes:
    """
    @param first: the frame's first byte
    @return: a frame of a server
    """
    size = len(payload)
    if size < 126:
        return bytes([first, size]) + payload
    if size < 65_536:
        return bytes([first, 126]) + size.to_bytes(2, "big") + payload
    return bytes([first, 127]) + size.to_bytes(8, "big") + payload


class HostileServer:
    """
    Accepts one client at a time, and sends it the data of an attack.

    @ivar port: the port on which it listens
    @ivar sent: bytes of the attack that the client has received
    @ivar over: whether an attack has ended: all data was sent, or the client has disconnected
    """

    def __init__(self, attack: Iterator[bytes], websocket: bool = False, join: bool = True) -> None:
        """
        @param attack: the pieces to send
        @param join: whether to let the client join first
        """
        self.sent = 0
        self.over = threading.Event()
        self.joined = threading.Event()
        self.go = threading.Event()
        self._attack = attack
        self._websocket = websocket
        self._join = join
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._socket.accept()
            with client:
                request = client.recv(65_536)
                if self._join:
                    self._begin(client, request)
                self.joined.set()
                self.go.wait()
                with contextlib.suppress(OSError):
                    for piece in self._attack:
                        client.sendall(piece)
                        self.sent += len(piece)
                self.over.set()
                while self.sent and self._join and client.recv(65_536):
                    pass

    def _begin(self, client: socket.socket, request: bytes) -> None:
        if not self._websocket:
            client.sendall(WELCOME + JOINED)
            return
        key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        head = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        client.sendall(head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        client.recv(65_536)
        client.sendall(frame(0x81, WELCOME) + frame(0x81, JOINED))

    def close(self) -> None:
        """
        Close everything.
        """
        self.go.set()
        self._socket.close()
