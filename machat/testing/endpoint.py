"""
A client endpoint in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from machat.testing.clients import MemoryTransport


class _Pipe(MemoryTransport):
    """
    One end of a connection in memory. Bytes that are written to it arrive at the protocol of the
    other end in the next turn.
    """

    other: _Pipe

    def __init__(self, clock: Clock, protocol: Any, address: IPv4Address) -> None:
        super().__init__(peerAddress=address)
        self._clock = clock
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        """
        Send bytes.
        """
        if not self.value():
            self._clock.callLater(0, self._arrive)
        super().write(data)

    def _arrive(self) -> None:
        data = self.value()
        self.clear()
        if self.other.connected and data:
            self.other.protocol.dataReceived(data)

    def _close(self) -> None:
        if self.connected:
            self._arrive()
            super()._close()
            self.other._close()


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """
    A client endpoint that connects to a chat in memory.

    @ivar refuses: set this to C{True} to make connection attempts fail
    """

    def __init__(self, clock: Clock, factory: Any) -> None:
        self._clock = clock
        self._factory = factory
        self._pipes: list[_Pipe] = []
        self.refuses = False

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        @return: a C{Deferred} that has already fired with the client's protocol or, if C{refuses}
            is true, has already failed with
            L{ConnectionRefusedError<twisted.internet.error.ConnectionRefusedError>}
        """
        if self.refuses:
            return fail(ConnectionRefusedError())
        address = IPv4Address("TCP", "192.0.2.1", 50000)
        client = protocolFactory.buildProtocol(address)
        here = _Pipe(self._clock, client, address)
        there = _Pipe(self._clock, self._factory.buildProtocol(address), address)
        here.other, there.other = there, here
        self._pipes.append(here)
        there.protocol.makeConnection(there)
        client.makeConnection(here)
        return succeed(client)

    def serve(self, factory: Any) -> None:
        """
        Connect to another chat from now on.

        @param factory: its protocol factory
        """
        self._factory = factory

    def cut(self) -> None:
        """
        Close all connections. Bytes that have not arrived are lost.
        """
        pipes, self._pipes = self._pipes, []
        for pipe in pipes:
            pipe.clear()
            pipe.other.clear()
            pipe._close()
