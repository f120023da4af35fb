"""
The connection of a client: from an address to an endpoint and a protocol.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from OpenSSL.crypto import Error as CryptoError
from twisted.internet.endpoints import HostnameEndpoint, clientFromString, wrapClientTLS
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    ISSLTransport,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.client.certificates import checkNamesHost
from machat.client.interfaces import IServerConnection, IServerConnectionUser
from machat.client.websocket import LineWebSocketFactory
from machat.sansio.reasons import Foreign

#: C{host:port}. The host is an IPv6 address in brackets, or contains no colon.
_SHORT = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^:]+)):(?P<port>\d+)")

#: The longest object that is accepted from a server, bytes. JSON can encode a character of a
#: message as six bytes, so this is enough for a server with a C{--max-line} of about 680 KiB.
LARGEST = 4 * 1_048_576

#: The first bytes of a TLS alert or handshake record (RFC 8446 section 5.1).
_TLS = (b"\x15\x03", b"\x16\x03")


@implementer(IServerConnection, IHandshakeListener)
class LineProtocol(LineReceiver):
    """
    A connection that carries lines.
    """

    delimiter = b"\n"
    MAX_LENGTH = LARGEST
    transport: Any

    def __init__(self, user: IServerConnectionUser) -> None:
        self._user = user
        self._reason: Exception | None = None

    def connectionMade(self) -> None:
        self._user.connecting(self)
        if not ISSLTransport.providedBy(self.transport):
            self._user.opened(self)

    def handshakeCompleted(self) -> None:
        """
        Open the connection, after TLS has verified the server's certificate.
        """
        self._reason = checkNamesHost(self.transport)
        if self._reason is None:
            self._user.opened(self)
        else:
            self.abort()

    def lineReceived(self, line: bytes) -> None:
        self._user.received(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        self._reason = Foreign("it sent a line that is too long")
        self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.clearLineBuffer().startswith(_TLS):
            self._reason = Foreign("it uses TLS: try tls:HOST:PORT or wss://...")
        self._user.closed(self, Failure(self._reason) if self._reason else reason)

    def confirmed(self) -> None:
        """
        Does nothing, because this connection sends nothing by itself.
        """

    def pause(self) -> None:
        """
        Stop reading.
        """
        self.pauseProducing()

    def resume(self) -> None:
        """
        Read again.
        """
        self.resumeProducing()

    def close(self) -> None:
        """
        Close the connection after everything is sent.
        """
        self.transport.loseConnection()

    def abort(self) -> None:
        """
        Close the connection at once.
        """
        self.transport.abortConnection()


class LineFactory(Factory):
    """
    Builds the connection of an L{IServerConnectionUser} for a stream endpoint.
    """

    noisy = False

    def __init__(self, user: IServerConnectionUser) -> None:
        self._user = user

    def buildProtocol(self, addr: IAddress | None) -> LineProtocol:
        return LineProtocol(self._user)


def dial(
    reactor: Any,
    address: str | IStreamClientEndpoint,
    user: IServerConnectionUser,
    origin: str | None = None,
) -> tuple[IStreamClientEndpoint, Factory]:
    """
    Parse an address.

    @param address: C{host:port}, a client endpoint string, an endpoint, or a C{ws://} or C{wss://}
        URL
    @return: the endpoint, and the factory to connect to it
    @raise ValueError: the address is invalid, or is an C{ssl:} endpoint
    """
    if not isinstance(address, str):
        return address, LineFactory(user)
    if address.startswith(("ws://", "wss://")):
        url = urlsplit(address)
        if not url.hostname:
            raise ValueError(f"{address}: the host is missing")
        secure = url.scheme == "wss"
        port = url.port or (443 if secure else 80)
        endpoint: IStreamClientEndpoint = HostnameEndpoint(reactor, url.hostname, port)
        if secure:
            endpoint = wrapClientTLS(optionsForClientTLS(url.hostname), endpoint)
        return endpoint, LineWebSocketFactory(address, reactor, user, LARGEST, origin)
    short = _SHORT.fullmatch(address)
    if short is not None:
        host = short["v6"] or short["host"]
        return HostnameEndpoint(reactor, host, int(short["port"])), LineFactory(user)
    if address.lower().startswith("ssl:"):
        raise ValueError("ssl: does not check the server's certificate. Use tls:HOST:PORT")
    try:
        return clientFromString(reactor, address), LineFactory(user)
    except (TypeError, OSError, CryptoError) as error:  # invalid arguments, or unreadable files
        raise ValueError(f"{address}: {error}") from None
