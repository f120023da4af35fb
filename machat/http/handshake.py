"""
The opening handshake of a WebSocket (RFC 6455 section 4.2), without I/O.

It replaces Autobahn's handshake, which takes ten times as long, logs refusals with unescaped client
data but without the client's address, and refuses requests with an empty body.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from hashlib import sha1

from msgspec import Struct

from machat.http.messages import Answer, Request, line

VERSION = "13"

_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"%sSec-WebSocket-Accept: %s\r\n\r\n"
)

#: The answer to an HTTP/1.0 request, with the remedy.
OLD = (
    "The request uses HTTP/1.0, which does not support WebSockets: configure the proxy in front to "
    "use HTTP/1.1 (nginx: proxy_http_version 1.1) and to forward Upgrade and Connection."
)


#: The beginning of the field with the client's key, in its usual spelling; its value and its end;
#: and the key's length.
_KEY_FIELD = b"\r\nSec-WebSocket-Key: "
_KEY_LINE = re.compile(_KEY.pattern + b"\r\n")
_KEY_SIZE = 24


class Opening(Struct, frozen=True, gc=False):
    """
    An accepted handshake.

    @ivar key: the client's key
    @ivar protocol: the selected subprotocol; C{None} if the client does not offer it
    """

    key: bytes
    protocol: str | None

    @property
    def answer(self) -> bytes:
        """
        The response that opens the WebSocket.
        """
        field = f"Sec-WebSocket-Protocol: {self.protocol}\r\n".encode() if self.protocol else b""
        accepted = b2a_base64(sha1(self.key + _GUID).digest(), newline=False)
        return _ACCEPTED % (field, accepted)


def splitKey(head: bytes) -> tuple[tuple[bytes, bytes], bytes] | None:
    """
    @param head: the head of a request
    @return: the parts of the head before and after its key, and the key. Heads that differ only in
        their keys have the same parts. C{None}: there is no valid key in the usual spelling
    """
    before, _, after = head.partition(_KEY_FIELD)
    if _KEY_LINE.match(after) is None:
        return None
    return (before, after[_KEY_SIZE:]), after[:_KEY_SIZE]


def isAsked(request: Request) -> bool:
    """
    @return: whether a request asks for a WebSocket, even if it is invalid
    """
    return request.asks("upgrade", "websocket")


def open_(request: Request, protocol: str) -> Opening | Answer:
    """
    @param request: a request for a WebSocket, at its path
    @param protocol: the only supported subprotocol. No extension is accepted
    @return: the accepted handshake, or an answer that explains the refusal
    """
    if not request.modern:
        return required(OLD, reason="http-1.0")
    if not request.asks("connection", "upgrade"):
        return required(
            "The header Connection: Upgrade is missing: configure the proxy to forward it."
        )
    if request.fields.get("sec-websocket-version") != VERSION:
        return required(f"Sec-WebSocket-Version must be {VERSION}.")
    key = request.fields.get("sec-websocket-key", "").encode("latin-1", "replace")
    if _KEY.fullmatch(key) is None:
        return line(400, "Sec-WebSocket-Key must be 16 bytes in base64.")
    return Opening(key, protocol if _offers(request, protocol) else None)


def required(text: str, reason: str = "") -> Answer:
    """
    @param text: one line for a person
    @param reason: one word for a program
    @return: the answer to a request that does not ask for a WebSocket, or asks for one in a wrong
        way (RFC 9110 section 15.5.22, RFC 6455 section 4.4)
    """
    more = {"X_Machat_Reason": reason} if reason else {}
    return line(426, text, Upgrade="websocket", Sec_WebSocket_Version=VERSION, **more)


def _offers(request: Request, protocol: str) -> bool:
    offered = request.fields.get("sec-websocket-protocol", "")
    return protocol in (part.strip(" \t") for part in offered.split(","))
