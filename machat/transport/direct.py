"""
Direct writes beneath TLS: TLS records are sent to an idle socket immediately.

Twisted collects the bytes that are written to a TLS connection until the next turn, and then lets
the reactor wait until the socket is writable. MaChat has already collected the messages of a turn,
so waiting for another turn would gain nothing. Therefore this module sends the records directly, in
the same way as L{machat.transport.senders.SocketSender}. Only the bytes that the socket does not
accept wait in the transport.
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
    @return: whether bytes for this transport may be sent on its socket unchanged. This depends on
        its class, because a transport that wraps another, such as TLS, may have all attributes of
        the other
    """
    return isinstance(transport, Connection) and not ISSLTransport.providedBy(transport)


def sendDirectly(transport: Any) -> None:
    """
    Make a TLS transport encrypt and send immediately. Any transport other than TLS on a plain
    socket is left unchanged.

    @param transport: a connected transport, to which nothing has been written
    """
    if isinstance(transport, TLSMemoryBIOProtocol) and isPlainSocket(transport.transport):
        beneath: Any = DirectTransport(transport.transport)
        transport.transport = beneath
        write: Any = partial(TLSMemoryBIOProtocol.write, transport)
        transport.write = write  # type: ignore[method-assign]


class DirectTransport:
    """
    The transport of a plain socket, whose C{write} sends immediately while nothing waits. While
    something waits, its push producer is paused.

    All other methods are those of the transport. Among them are C{resumeProducing} and
    C{stopProducing}, which concern reading. Therefore the producer of what waits is another object.
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
        Send bytes after all bytes that were written before.
        """
        if self._draining:
            self._transport.write(data)
            return
        try:
            sent = self._send(data)
        except OSError:  # the socket is full or broken, which the transport will find out
            sent = 0
        if sent != len(data):
            self._draining = True
            self._rest = data[sent:]
            if self._producer is not None:
                self._producer.pauseProducing()
            drain = _Drain(self._drain, self._stop)
            self._transport.registerProducer(drain, False)  # calls resumeProducing immediately

    def _drain(self) -> None:
        if self._rest:
            rest, self._rest = self._rest, b""
            self._transport.write(rest)
        elif self._draining:
            self._draining = False
            self._transport.unregisterProducer()
            if self._producer is not None:
                self._producer.resumeProducing()

    def _stop(self) -> None:
        if self._producer is not None:
            self._producer.stopProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        @param streaming: always C{True}, because TLS wraps pull producers
        """
        self._producer = producer
        if self._draining:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """
        Stop pausing and resuming the producer.
        """
        self._producer = None


@implementer(IPullProducer)
class _Drain:
    """
    The producer of the bytes that wait for the socket.
    """

    def __init__(self, drain: Callable[[], None], stop: Callable[[], None]) -> None:
        """
        @param drain: called when the transport has sent everything that it was given
        @param stop: called when the connection is lost
        """
        self.resumeProducing = drain
        self.stopProducing = stop
