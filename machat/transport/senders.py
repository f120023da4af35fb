"""
The two ways in which an outbox sends: directly on a socket, or through a transport.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from twisted.internet.interfaces import IPullProducer

from machat.transport.direct import sendDirectly

#: The time for which a socket stays half closed, so that the peer can read the last bytes, seconds.
#: Closing a socket while the peer still sends resets the connection, and a reset discards what the
#: peer has not read yet.
LINGER = 1.0


class Sender(Protocol):
    """
    One way of sending.

    @ivar paused: whether the transport accepts nothing until it asks for more. The outbox sets it
        when the transport pauses or resumes
    """

    paused: bool

    def send(self, data: bytes, /) -> int:
        """
        Send bytes while nothing waits.

        @return: the number of bytes that were sent. If the sender is C{paused} afterwards, the
            transport has buffered the others; otherwise the outbox has to queue them
        @raise OSError: the socket is full or broken
        """

    def hand(self, piece: bytes) -> None:
        """
        Pass the front of the queue to the transport.
        """

    def startDraining(self, producer: IPullProducer) -> None:
        """
        Let the transport ask the producer for the contents of the queue.
        """

    def stopDraining(self) -> None:
        """
        Stop asking the producer, because the queue is empty.
        """

    def close(self) -> float:
        """
        Close the connection after everything that was sent.

        @return: the time for which the peer may keep the connection open, seconds; C{inf}: the
            transport limits it
        """


class SocketSender:
    """
    Sends on an idle plain TCP or UNIX socket, without its transport. This saves the reactor's two
    C{epoll_ctl} calls and one turn for each delivery. Only while something waits does the transport
    write, one piece at a time.
    """

    __slots__ = ("send", "paused", "_transport")

    def __init__(self, transport: Any) -> None:
        self.send: Callable[[bytes], int] = transport.getHandle().send
        self.paused = False
        self._transport = transport

    def hand(self, piece: bytes) -> None:
        self._transport.write(piece)
        self.paused = True  # a pull producer is asked for each piece

    def startDraining(self, producer: IPullProducer) -> None:
        self._transport.registerProducer(producer, False)  # calls resumeProducing immediately

    def stopDraining(self) -> None:
        self._transport.unregisterProducer()

    def close(self) -> float:
        self._transport.unregisterProducer()
        self._transport.loseWriteConnection()
        return LINGER


class TransportSender:
    """
    Sends through a transport, of which the outbox is the push producer: TLS, or a test's. Beneath
    TLS, L{machat.transport.direct} sends the records directly.
    """

    __slots__ = ("paused", "_transport")

    def __init__(self, transport: Any) -> None:
        sendDirectly(transport)
        self.paused = False
        self._transport = transport

    def send(self, data: bytes) -> int:
        self._transport.write(data)
        return 0 if self.paused else len(data)

    def hand(self, piece: bytes) -> None:
        self._transport.write(piece)

    def startDraining(self, producer: IPullProducer) -> None:
        pass  # a push producer is always asked

    def stopDraining(self) -> None:
        pass

    def close(self) -> float:
        self._transport.unregisterProducer()
        self._transport.loseConnection()
        return inf
