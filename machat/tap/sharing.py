"""
The listening sockets of C{--workers}, which the parent opens and each worker inherits.

For C{tcp:}, C{tcp6:}, C{ssl:}, C{tls:} and C{reuseport:}, each worker has a socket of its own, with
C{SO_REUSEPORT}. For C{unix:} and C{systemd:}, all workers accept from one socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.protocol import Factory

from machat.tap.endpoints import Endpoint
from machat.tap.stores import factoryOf
from machat.transport.reuseport import BACKLOG, checkSupport, openSockets, resume, suspend

#: The types of endpoints with one socket for each worker, and the host if none is given.
_PORTS = {"tcp": "", "tcp6": "::", "ssl": "", "tls": "::", "reuseport": ""}

#: The port if none is given.
_TLS = "443"


def checkShareable(endpoint: Endpoint) -> None:
    """
    @raise ValueError: workers cannot share the endpoint
    """
    if endpoint.kind in _PORTS:
        checkSupport()
    elif endpoint.kind != "unix" and endpoint.descriptor is None:
        raise ValueError(
            "workers cannot share this type of endpoint;"
            f" use {', '.join(f'{kind}:' for kind in _PORTS)}, unix: or systemd:"
        )


def storeIsShared(options: Mapping[str, Any]) -> bool:
    """
    @param options: the command line
    @return: whether several processes can use the store of the command line at the same time
    """
    return factoryOf(options["store"])[0].shared


class SharedSockets:
    """
    The sockets of one endpoint.

    @ivar endpoint: the endpoint
    """

    def __init__(self, endpoint: Endpoint) -> None:
        """
        @param endpoint: an endpoint that L{checkShareable} accepts
        """
        self.endpoint = endpoint
        self._sockets: list[Any] = []
        self._ports: list[Any] = []

    def open(self, count: int) -> None:
        """
        Open the sockets.

        @param count: the number of workers
        @raise Exception: a socket cannot be opened
        """
        arguments = self.endpoint.arguments
        if self.endpoint.kind in _PORTS:
            self._sockets = openSockets(
                count,
                arguments.get("interface", _PORTS[self.endpoint.kind]),
                int(arguments.get("port", _TLS)),
                self._backlog,
                self.endpoint.kind == "reuseport",
            )
        elif self.endpoint.descriptor is None:
            listening = self.endpoint.listen(Factory())
            listening.addCallback(self._ports.append)
            failures: list[Any] = []
            listening.addErrback(failures.append)
            for failure in failures:
                failure.raiseException()
            for port in self._ports:
                port.stopReading()  # the workers accept the connections

    @property
    def _backlog(self) -> int:
        return int(self.endpoint.arguments.get("backlog", BACKLOG))

    def descriptor(self, number: int) -> int:
        """
        @param number: the number of the worker, from 1
        @return: the descriptor of its socket
        """
        if self._sockets:
            return int(self._sockets[number - 1].fileno())
        if self._ports:
            return int(self._ports[0].fileno())
        assert self.endpoint.descriptor is not None
        return self.endpoint.descriptor

    def suspend(self, number: int) -> None:
        """
        Stop listening for one worker, so that the others receive its new connections. A socket that
        all workers share is not changed.
        """
        if self._sockets:
            suspend(self._sockets[number - 1])

    def resume(self, number: int) -> None:
        """
        Listen for a worker again.

        @raise OSError: another program has taken the address
        """
        if self._sockets:
            resume(self._sockets[number - 1], self._backlog)

    def close(self) -> Deferred[Any]:
        """
        Close the sockets of this process. Those of running workers stay open.

        @return: fires when all are closed
        """
        for each in self._sockets:
            each.close()
        closed = gatherResults([maybeDeferred(port.stopListening) for port in self._ports])
        self._sockets, self._ports = [], []
        return closed
