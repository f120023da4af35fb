"""
Beneath TLS: its records go to an idle socket at once.

Twisted gathers what is written to a TLS connection until the next turn, and then lets the reactor
wait for the socket to be writable. A chat has gathered already. So what leaves OpenSSL is sent as
an L{machat.transport.outbox.Outbox} sends, and only what the socket does not take waits in the
transport.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.interfaces import IPullProducer, ISSLTransport
from twisted.internet.tcp import Connection
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer


def isPlainSocket(transport: Any) -> bool:
    """
    @return: whether bytes for this transport may be sent on its socket as they are. One that wraps
        another, as TLS does, may pass on all of its attributes: what counts is its class
    """
    return isinstance(transport, Connection) and not ISSLTransport.providedBy(transport)


def sendDirectly(transport: Any) -> None:
    """
    Have TLS encrypt what is written to it at once, and send it directly. Any transport but TLS on a
    plain socket is left as it is.

    @param transport: connected, and not written to yet
    """
    if isinstance(transport, TLSMemoryBIOProtocol) and isPlainSocket(transport.transport):
        beneath: Any = DirectTransport(transport.transport)
        transport.transport = beneath
        write: Any = partial(TLSMemoryBIOProtocol.write, transport)
        transport.write = write  # type: ignore[method-assign]


@implementer(IPullProducer)
class DirectTransport:
    """
    A plain socket's transport whose C{write} sends at once while nothing waits. As long as anything
    does, its push producer is paused.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._send: Callable[[bytes], int] = transport.getHandle().send
        self._rest = b""
        self._draining = False
        self._producer: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """
        Send bytes after all that were written before.
        """
        if self._draining:
            self._transport.write(data)
            return
        try:
            sent = self._send(data)
        except OSError:  # it is full, or broken: that is for the transport to find out
            sent = 0
        if sent != len(data):
            self._draining = True
            self._rest = data[sent:]
            if self._producer is not None:
                self._producer.pauseProducing()
            self._transport.registerProducer(self, False)  # calls resumeProducing at once

    def resumeProducing(self) -> None:
        """
        The transport has sent what it was given.
        """
        if self._rest:
            rest, self._rest = self._rest, b""
            self._transport.write(rest)
        elif self._draining:
            self._draining = False
            self._transport.unregisterProducer()
            if self._producer is not None:
                self._producer.resumeProducing()

    def stopProducing(self) -> None:
        """
        The connection is lost.
        """
        if self._producer is not None:
            self._producer.stopProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        @param streaming: C{True}: TLS makes a push producer of any
        """
        self._producer = producer
        if self._draining:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """
        Pause and resume nobody any more.
        """
        self._producer = None
