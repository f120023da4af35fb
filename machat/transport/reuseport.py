"""
Listening sockets with C{SO_REUSEPORT} (C{socket(7)}): several processes listen on one port, each
with a socket and a queue of its own, and the kernel distributes new connections among them.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer

#: The length of the listen queue. The kernel limits it to C{net.core.somaxconn}.
BACKLOG = 4096


def checkSupport() -> None:
    """
    @raise ValueError: the platform has no C{SO_REUSEPORT}
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ValueError("this platform has no SO_REUSEPORT, so processes cannot share a port")


def openSocket(host: str, port: int, backlog: int = BACKLOG) -> socket.socket:
    """
    Open a listening socket with C{SO_REUSEPORT}. Other processes of the same user can do the same
    for the same address.

    @param host: an address of this machine, or a name of one; empty for all IPv4 addresses
    @param port: the port; 0 for any free one
    @raise OSError: the socket cannot be opened
    """
    return _bound(host, port, socket.SO_REUSEPORT, backlog)


def openSockets(
    count: int, host: str, port: int, backlog: int = BACKLOG, shared: bool = False
) -> list[socket.socket]:
    """
    Open several listening sockets for one address.

    @param count: the number of sockets
    @param port: the port; 0 for any free one, which is then the port of all sockets
    @param shared: whether other programs may already listen on the port with C{SO_REUSEPORT}
    @raise OSError: a socket cannot be opened. None is left open then
    """
    opened: list[socket.socket] = []
    try:
        if not port or not shared:
            with _bound(host, port, socket.SO_REUSEADDR) as probe:
                port = probe.getsockname()[1]
        for _ in range(count):
            opened.append(openSocket(host, port, backlog))
    except OSError:
        for each in opened:
            each.close()
        raise
    return opened


def _bound(host: str, port: int, option: int, backlog: int | None = None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.getaddrinfo(host or None, port, family, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.SOL_SOCKET, option, 1)
        opened.bind(found[0][4])
        if backlog is not None:
            opened.listen(backlog)
    except OSError:
        opened.close()
        raise
    return opened


@implementer(IStreamServerEndpoint)
class ReusePortEndpoint:
    """
    Listens on a socket of its own, with C{SO_REUSEPORT}.
    """

    def __init__(self, reactor: Any, port: int, host: str = "", backlog: int = BACKLOG) -> None:
        """
        @param reactor: an C{IReactorSocket}
        @param port: the port; 0 for any free one
        @param host: see L{openSocket}
        @param backlog: the length of the listen queue
        @raise ValueError: the platform has no C{SO_REUSEPORT}
        """
        checkSupport()
        self._reactor = reactor
        self._address = (host, port)
        self._backlog = backlog

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        See C{IStreamServerEndpoint.listen}. The C{Deferred} fails with C{OSError} if the address
        cannot be used, for example because a program without C{SO_REUSEPORT} or of another user
        listens on it.
        """
        try:
            with openSocket(*self._address, self._backlog) as opened:
                port: IListeningPort = self._reactor.adoptStreamPort(
                    opened.fileno(), opened.family, protocolFactory
                )
        except OSError:
            return fail()
        return succeed(port)


@implementer(IPlugin, IStreamServerEndpointStringParser)
class ReusePortParser:
    """
    Parses C{reuseport:PORT[:interface=ADDRESS][:backlog=NUMBER]}.
    """

    prefix = "reuseport"

    def parseStreamServer(self, reactor: Any, *args: Any, **kwargs: Any) -> ReusePortEndpoint:
        """
        See C{IStreamServerEndpointStringParser.parseStreamServer}.

        @raise ValueError: a number is invalid, or the platform has no C{SO_REUSEPORT}
        """
        return self._parse(reactor, *args, **kwargs)

    def _parse(
        self, reactor: Any, port: str, interface: str = "", backlog: str = str(BACKLOG)
    ) -> ReusePortEndpoint:
        return ReusePortEndpoint(reactor, int(port), interface, int(backlog))


def suspend(listening: socket.socket) -> None:
    """
    Stop listening, and reset the connections in the queue. The kernel then gives new connections
    to the other sockets of the port. The address stays reserved for L{resume}.
    """
    try:
        listening.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        if error.errno != errno.ENOTCONN:  # it does not listen already
            raise


def resume(listening: socket.socket, backlog: int = BACKLOG) -> None:
    """
    Listen again after L{suspend}, or do nothing if the socket listens.

    @raise OSError: another program has taken the address
    """
    listening.listen(backlog)
