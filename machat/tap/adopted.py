"""
Listening sockets that another process has opened, and keeps open: systemd, or the parent of
workers.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.defer import Deferred, execute
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure


class AdoptedEndpoint(AdoptedStreamServerEndpoint):
    """
    Listens on a socket of another process. In contrast to Twisted's own endpoint, it leaves a UNIX
    socket unchanged: see L{AdoptedPort}.
    """

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        See C{IStreamServerEndpoint.listen}.
        """
        if self.addressFamily == socket.AF_UNIX:
            return execute(self._adopt, protocolFactory)
        listening: Deferred[IListeningPort] = AdoptedStreamServerEndpoint.listen(
            self, protocolFactory
        )
        return listening

    def _adopt(self, factory: IProtocolFactory) -> IListeningPort:
        port: Any = AdoptedPort(self.fileno, factory, self.reactor)
        port.startListening()
        return port  # type: ignore[no-any-return]


class AdoptedPort(unix.Port):
    """
    A UNIX socket of another process.

    C{adoptStreamPort} would give every user access to its path (mode 0666), limit its queue to 50
    connections, and at the end stop it for all processes and remove its path.
    """

    _log = Logger()
    _shouldShutdown = False  # as Twisted sets it for an adopted TCP socket

    def __init__(self, descriptor: int, factory: Any, reactor: Any) -> None:
        """
        @param descriptor: the socket, which is closed with the port
        """
        self._factory = factory
        self._adopted = socket.socket(fileno=descriptor)
        self._adopted.setblocking(False)
        unix.Port.__init__(self, self._adopted.getsockname(), factory, reactor=reactor)

    def startListening(self) -> None:
        """
        Accept connections.
        """
        tcp._reservedFD.reserve()  # to refuse connections when there are no descriptors left
        self._log.info(
            "{name} starting on {path!r}",
            name=self._getLogPrefix(self._factory),
            path=self._adopted.getsockname(),
        )
        self._factory.doStart()
        self.socket = self._adopted
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
        self.connected = True
        self.numberAccepts = 100
        self.startReading()

    def connectionLost(self, reason: Failure) -> None:
        """
        Close this process's descriptor.
        """
        tcp.Port.connectionLost(self, reason)
