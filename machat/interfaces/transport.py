"""
The transport of a session.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import Interface

from machat.errors import Disconnect
from machat.wire.pieces import Pieces


class ISessionTransport(Interface):
    """
    The protocol of a transport, as its session sees it.
    """

    def write(data: bytes) -> None:
        """
        Queue bytes that the session's dialect has encoded. They are ignored once the connection is
        closing.
        """

    def writePieces(pieces: Pieces) -> Deferred[None] | None:
        """
        Queue bytes that are made piece by piece, as the peer reads them. Until a piece is made, the
        memory that is held for it is counted.

        @return: C{None} if all bytes have been passed on; otherwise fires when they have. It does
            not fire if the connection closes first
        """

    def keepAsking() -> None:
        """
        Begin to check that the peer is alive, with L{machat.events.Ping} or with the pings of the
        transport, and disconnect a peer that does not answer.
        """

    def hangUp(end: Disconnect) -> None:
        """
        Close the connection after the queued bytes have been sent, or after
        L{Limits.closeTimeout} seconds.
        """

    def pauseReading() -> None:
        """
        Stop reading from the peer until L{resumeReading}.
        """

    def resumeReading() -> None:
        """
        Read from the peer again.
        """

    def silent() -> bool:
        """
        @return: whether the peer may have vanished, because it has sent nothing for L{Limits.pong}
            seconds or leaves something unacknowledged
        """

    def peerAddress() -> Any:
        """
        @return: the peer's L{twisted.internet.interfaces.IAddress}. With a C{haproxy:} endpoint,
            this is the address of the client only after the first bytes have arrived
        """
