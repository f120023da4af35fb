"""
How a client gets to a server: from an address to an endpoint and what speaks on it.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.endpoints import HostnameEndpoint, clientFromString, wrapClientTLS
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.interfaces import ILine, ILineUser
from machat.ws.client import LineWebSocketFactory

#: C{host:port}, the host an IPv6 address in brackets or without a colon.
_SHORT = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^:]+)):(?P<port>\d+)")

#: The longest object that is taken from a server, bytes.
LARGEST = 16 * 1_048_576


@implementer(ILine)
class LineProtocol(LineReceiver):
    """
    One connection that speaks lines.
    """

    delimiter = b"\n"
    MAX_LENGTH = LARGEST
    transport: Any

    def __init__(self, user: ILineUser) -> None:
        self._user = user

    def connectionMade(self) -> None:
        self._user.opened(self)

    def lineReceived(self, line: bytes) -> None:
        self._user.received(line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._user.closed(self)

    def abort(self) -> None:
        """
        Close the connection now.
        """
        self.transport.abortConnection()


class LineFactory(Factory):
    """
    Connects an L{ILineUser} to a stream endpoint.
    """

    noisy = False

    def __init__(self, user: ILineUser) -> None:
        self._user = user

    def buildProtocol(self, addr: IAddress | None) -> LineProtocol:
        return LineProtocol(self._user)


def dial(
    reactor: Any, address: str | IStreamClientEndpoint, user: ILineUser, origin: str | None = None
) -> tuple[IStreamClientEndpoint, Factory]:
    """
    @param address: C{host:port}, a client endpoint string, an endpoint, or a C{ws://} or C{wss://}
        URL
    @return: the endpoint to connect to, and what to connect to it
    @raise ValueError: the address cannot be one
    """
    if not isinstance(address, str):
        return address, LineFactory(user)
    if address.startswith(("ws://", "wss://")):
        url = urlsplit(address)
        secure = url.scheme == "wss"
        if not url.hostname:
            raise ValueError(f"{address}: there is no host in it")
        port = url.port or (443 if secure else 80)
        endpoint: IStreamClientEndpoint = HostnameEndpoint(reactor, url.hostname, port)
        if secure:
            endpoint = wrapClientTLS(optionsForClientTLS(url.hostname), endpoint)
        return endpoint, LineWebSocketFactory(address, reactor, user, LARGEST, origin)
    short = _SHORT.fullmatch(address)
    if short is not None:
        host = short["v6"] or short["host"]
        return HostnameEndpoint(reactor, host, int(short["port"])), LineFactory(user)
    return clientFromString(reactor, address), LineFactory(user)
