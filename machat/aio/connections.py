"""
The connections of a client: TCP, TLS and UNIX sockets.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from urllib.parse import urlsplit

from machat.sansio.reasons import Foreign

#: The longest object that is accepted from a server, bytes: see
#: L{machat.client.endpoints.LARGEST}.
LARGEST = 4 * 1_048_576

#: The number of bytes of one read. asyncio buffers at most twice as many.
READ = 65_536

#: The time for an attempt to connect, seconds.
CONNECT = 30.0

#: The time after which a host's next address is tried as well, seconds (RFC 8305 section 5).
STAGGER = 0.25

#: C{host:port}. The host is an IPv6 address in brackets, or contains no colon.
_HOST = re.compile(r"(?P<tls>tls:)?(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^:/]+)):(?P<port>\d+)")

#: The first bytes of a TLS alert or handshake record (RFC 8446 section 5.1).
_TLS = (b"\x15\x03", b"\x16\x03")


class Connection(Protocol):
    """
    A connection to a server.
    """

    async def receive(self) -> list[bytes]:
        """
        @return: the next objects
        @raise Exception: the connection is closed. C{EOFError}: without an error
        """

    def send(self, line: bytes) -> None:
        """
        Send one object. Does nothing once the connection is closing.
        """

    def close(self) -> None:
        """
        Close the connection after everything is sent.
        """

    def abort(self) -> None:
        """
        Close the connection at once.
        """


#: Connects.
Dial = Callable[[], Coroutine[Any, Any, Connection]]


class LineConnection:
    """
    A connection that carries lines.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._rest = b""

    async def receive(self) -> list[bytes]:
        while True:
            data = await self._reader.read(READ)
            if not data:
                if self._rest.startswith(_TLS):
                    raise Foreign("it uses TLS: try tls:HOST:PORT or wss://...")
                raise EOFError
            lines = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
            self._rest = lines.pop()
            if len(self._rest) > LARGEST or any(len(line) > LARGEST for line in lines):
                raise Foreign("it sent a line that is too long")
            if lines:
                return lines

    def send(self, line: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(line + b"\n")

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()


def dialer(address: str, context: ssl.SSLContext | None, origin: str | None) -> Dial:
    """
    Parse an address.

    @param address: C{host:port}, C{tls:host:port}, C{unix:path}, or a C{ws://} or C{wss://} URL
    @param context: the TLS settings; by default those of Python
    @param origin: the C{Origin} header of a WebSocket handshake
    @return: connects
    @raise ValueError: the address is invalid
    @raise ImportError: C{websockets} is required and not installed
    """
    if address.startswith(("ws://", "wss://")):
        if not urlsplit(address).hostname:
            raise ValueError(f"{address}: the host is missing")
        from machat.aio.websocket import dialWebSocket

        tls = (context or ssl.create_default_context()) if address.startswith("wss:") else None
        return lambda: dialWebSocket(address, tls, origin)
    if address.startswith("unix:"):
        return lambda: _dialUnix(address.removeprefix("unix:"))
    found = _HOST.fullmatch(address)
    if found is None or int(found["port"]) > 65_535:
        raise ValueError(f"{address}: not an address. Use HOST:PORT, tls:HOST:PORT or ws://...")
    host, port = found["v6"] or found["host"], int(found["port"])
    secured = (context or ssl.create_default_context()) if found["tls"] else None
    return lambda: _dialTCP(host, port, secured)


async def _dialTCP(host: str, port: int, context: ssl.SSLContext | None) -> LineConnection:
    connecting = asyncio.open_connection(
        host, port, limit=READ, ssl=context, happy_eyeballs_delay=STAGGER
    )
    return LineConnection(*await asyncio.wait_for(connecting, CONNECT))


async def _dialUnix(path: str) -> LineConnection:
    connecting = asyncio.open_unix_connection(path, limit=READ)
    return LineConnection(*await asyncio.wait_for(connecting, CONNECT))
