"""
The opening handshake of a WebSocket (RFC 6455 section 4.2), where it is plain. Pure.

Browsers and libraries all ask alike. Their requests are answered here in a tenth of Autobahn's
time; a request that is in any way unusual, and every wrong one, is for Autobahn to judge.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha1

from machat.origins import Origins

_HEAD = re.compile(r"GET (\S+) HTTP/1\.1\r\n((?:[A-Za-z0-9-]+:[ -~\t]*\r\n)+)\r\n", re.ASCII)
_HOST = r"[A-Za-z0-9.-]+(?::\d{1,5})?"

#: What a plain request says: each header once. Compression is not accepted.
_PLAIN = {
    "host": re.compile(_HOST),
    "upgrade": re.compile("websocket", re.IGNORECASE),
    "connection": re.compile("(keep-alive, ?)?upgrade", re.IGNORECASE),
    "sec-websocket-version": re.compile("13"),
    "sec-websocket-key": re.compile("[A-Za-z0-9+/]{22}=="),
    "sec-websocket-extensions": re.compile("permessage-deflate(; ?client_max_window_bits)?"),
    "origin": re.compile(f"https?://{_HOST}"),
}
_OPTIONAL = {"sec-websocket-extensions", "origin"}

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"%sSec-WebSocket-Accept: %s\r\n\r\n"
)


def accept(
    head: bytes, path: str, protocol: str, origins: Origins
) -> tuple[bytes, str | None] | None:
    """
    @param head: the head of a request, with the empty line that ends it
    @param path: the only path there is a WebSocket at
    @param protocol: the only subprotocol there is
    @param origins: the pages that may ask
    @return: the answer that opens the WebSocket, and the subprotocol if it was asked for; C{None}
        if the request is not plain, or may not be answered
    """
    request = _HEAD.fullmatch(head.decode("latin-1"))
    if request is None or request[1] != path:
        return None
    lines = [line.partition(":") for line in request[2].splitlines()]
    headers = {name.lower(): value.strip(" \t") for name, _, value in lines}
    if len(headers) < len(lines):  # something is said twice
        return None
    for name, plain in _PLAIN.items():
        said = headers.get(name)
        if name not in _OPTIONAL if said is None else not plain.fullmatch(said):
            return None
    if not origins.allows(headers.get("origin"), headers["host"]):
        return None
    asked = headers.get("sec-websocket-protocol")
    if asked not in (None, protocol):
        return None
    chosen = f"Sec-WebSocket-Protocol: {asked}\r\n".encode() if asked else b""
    key = b64encode(sha1(headers["sec-websocket-key"].encode() + _GUID).digest())
    return _ACCEPTED % (chosen, key), asked
