"""
The opening handshake of a WebSocket (RFC 6455 section 4.2). Pure.

Autobahn has a handshake too. It takes ten times as long, logs what it refuses without the address,
in bytes that the client chose, and answers a request that it does not know with an empty body.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha1
from typing import NamedTuple

from machat.http.messages import Answer, Request, line

VERSION = "13"

_KEY = re.compile("[A-Za-z0-9+/]{22}==", re.ASCII)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"%sSec-WebSocket-Accept: %s\r\n\r\n"
)

#: The text for a request of HTTP/1.0, and the remedy.
OLD = (
    "The request came as HTTP/1.0, which has no WebSockets: a proxy in front has to use HTTP/1.1 "
    "(nginx: proxy_http_version 1.1) and pass on Upgrade and Connection."
)


class Opening(NamedTuple):
    """
    A WebSocket that may be opened.

    @ivar answer: what opens it
    @ivar protocol: the subprotocol, if there is one in common
    """

    answer: bytes
    protocol: str | None


def isAsked(request: Request) -> bool:
    """
    @return: whether a request asks for a WebSocket, rightly or not
    """
    return request.asks("upgrade", "websocket")


def open_(request: Request, protocol: str) -> Opening | Answer:
    """
    @param request: asks for a WebSocket, where there is one
    @param protocol: the only subprotocol there is. No extension is accepted
    @return: the opened WebSocket, or what was wrong
    """
    if not request.modern:
        return required(OLD, reason="http-1.0")
    if not request.asks("connection", "upgrade"):
        return required("The field Connection: Upgrade is missing: a proxy has to pass it on.")
    if request.fields.get("sec-websocket-version") != VERSION:
        return required(f"The version of WebSocket has to be {VERSION}.")
    key = request.fields.get("sec-websocket-key", "")
    if _KEY.fullmatch(key) is None:
        return line(400, "Sec-WebSocket-Key has to be 16 bytes in base64.")
    chosen = protocol if _offers(request, protocol) else None
    field = f"Sec-WebSocket-Protocol: {chosen}\r\n".encode() if chosen else b""
    proof = b64encode(sha1(key.encode() + _GUID).digest())
    return Opening(_ACCEPTED % (field, proof), chosen)


def required(text: str, reason: str = "") -> Answer:
    """
    @param reason: one word for a program
    @return: the answer to a request that should have asked for a WebSocket (RFC 9110 section
        15.5.22, RFC 6455 section 4.4)
    """
    more = {"X_Machat_Reason": reason} if reason else {}
    return line(426, text, Upgrade="websocket", Sec_WebSocket_Version=VERSION, **more)


def _offers(request: Request, protocol: str) -> bool:
    offered = request.fields.get("sec-websocket-protocol", "")
    return protocol in (part.strip(" \t") for part in offered.split(","))
