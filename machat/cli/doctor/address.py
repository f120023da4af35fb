"""
The address that C{machat doctor} checks.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from machat.wire import PATH

_STREAM = re.compile(
    r"(?:(?P<kind>tcp|tls):)?(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^:/]+)):(?P<port>\d+)"
)

#: The default ports of the schemes.
_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}


class Address(NamedTuple):
    """
    An address.

    @ivar host: the host name or IP address
    @ivar secure: whether the connection uses TLS
    @ivar dialled: the address in the form that the client understands
    @ivar origin: the origin of a page that opens a WebSocket; C{None} if this is not a WebSocket
    """

    host: str
    port: int
    secure: bool
    dialled: str
    origin: str | None = None


def parse(text: str, origin: str | None = None) -> Address:
    """
    Parse C{host:port}, C{tls:host:port}, or the URL of a WebSocket or of the page.

    @param origin: the origin of the page, if another server serves it
    @raise ValueError: the text is none of these
    """
    stream = _STREAM.fullmatch(text)
    if stream is not None:
        host = stream["v6"] or stream["host"]
        port = _checked(int(stream["port"]))
        secure = stream["kind"] == "tls"
        return Address(host, port, secure, text.removeprefix("tcp:"))
    url = urlsplit(text)
    if url.scheme not in _PORTS or not url.hostname:
        raise ValueError("expected host:port, tls:host:port, ws://..., wss://... or https://...")
    secure = url.scheme in ("wss", "https")
    path = url.path
    if url.scheme in ("http", "https"):  # the page; its WebSocket is below it
        path = f"{path.rpartition('/')[0]}{PATH}"
    netloc = url.netloc.rpartition("@")[2]
    query = f"?{url.query}" if url.query else ""
    dialled = f"{'wss' if secure else 'ws'}://{netloc}{path or PATH}{query}"
    origin = origin or f"{'https' if secure else 'http'}://{netloc}"
    return Address(url.hostname, _checked(url.port or _PORTS[url.scheme]), secure, dialled, origin)


def _checked(port: int) -> int:
    if not 0 < port < 65_536:
        raise ValueError(f"{port} is not a port")
    return port
