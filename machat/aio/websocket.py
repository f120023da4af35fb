"""
The WebSocket connection of a client, with the library C{websockets}.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from machat.aio.connections import CONNECT, LARGEST
from machat.codec import SUBPROTOCOL
from machat.sansio.reasons import Closed, Foreign, Refused


class WebSocketConnection:
    """
    A connection that carries objects as WebSocket messages. A task sends what waits, in order.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._sender = asyncio.ensure_future(self._send())

    async def receive(self) -> list[bytes]:
        try:
            data = await self._socket.recv(decode=False)
        except ConnectionClosed as error:
            if error.rcvd is not None:
                raise Closed(error.rcvd.code, error.rcvd.reason) from None
            raise EOFError from None
        return [data if isinstance(data, bytes) else data.encode()]

    async def _send(self) -> None:
        try:
            while (line := await self._waiting.get()) is not None:
                await self._socket.send(line.decode())
            await self._socket.close()
        except ConnectionClosed:
            pass  # receive reports it

    def send(self, line: bytes) -> None:
        if not self._sender.done():
            self._waiting.put_nowait(line)

    def close(self) -> None:
        self._waiting.put_nowait(None)

    def abort(self) -> None:
        self._sender.cancel()
        self._socket.transport.abort()


class _Connect(connect):
    """
    Opens a WebSocket. It follows no redirect, because it would send the credentials there.
    """

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def dialWebSocket(
    url: str, context: ssl.SSLContext | None, origin: str | None
) -> WebSocketConnection:
    """
    Open a WebSocket.

    @param context: the TLS settings; C{None} for C{ws://}
    @param origin: the C{Origin} header
    """
    options: dict[str, Any] = {"ssl": context} if context is not None else {}
    if origin is not None:
        options["origin"] = origin
    try:
        socket = await _Connect(
            url,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            compression=None,
            user_agent_header="MaChat",
            open_timeout=CONNECT,
            ping_interval=None,  # the client sends its own pings
            max_size=LARGEST,
            max_queue=4,
            **options,
        )
    except InvalidStatus as error:
        response = error.response
        raise Refused(response.status_code, _text(response)) from None
    except ssl.SSLError:  # some of them are also a ValueError
        raise
    except (InvalidHandshake, ValueError) as error:  # websockets 14 raises both
        raise Foreign(str(error)) from None
    return WebSocketConnection(socket)


def _text(response: Any) -> str:
    """
    @return: the reason phrase of a response, and where it leads to or the first line of its body
    """
    text: str = response.reason_phrase
    headers = response.headers
    if "Location" in headers:
        return f"{text}, see {headers['Location']}"
    body = getattr(response, "body", None)
    if headers.get("Content-Type", "").startswith("text/plain") and body:
        first = body[:1_024].decode(errors="replace").strip().splitlines()[:1]
        return ": ".join([text, *first])
    return text
