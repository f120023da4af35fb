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
    A transport's protocol, as its session sees it.
    """

    def write(data: bytes) -> None:
        """
        Queue bytes that the session's dialect made. Ignored once the connection is closing.
        """

    def writePieces(pieces: Pieces) -> Deferred[None] | None:
        """
        Queue bytes that are made while the peer takes them, and count what is kept for them.

        @return: C{None} if all is handed over, or what fires when it is: never, if the connection
            closes first
        """

    def keepAsking() -> None:
        """
        From now on see to it that the session hears L{machat.events.Ping} or the transport does so
        itself, and that a peer which does not answer is disconnected.
        """

    def hangUp(end: Disconnect) -> None:
        """
        Close the connection: first what is queued, within L{Limits.closeTimeout} seconds.
        """

    def pauseReading() -> None:
        """
        Read no more from the peer until L{resumeReading}.
        """

    def resumeReading() -> None:
        """
        Read on.
        """

    def silent() -> bool:
        """
        @return: whether the peer may have vanished: it has sent nothing for L{Limits.pong} seconds,
            or does not answer
        """

    def peerAddress() -> Any:
        """
        @return: the peer's L{twisted.internet.interfaces.IAddress}. Read it late: behind a
            C{haproxy:} endpoint it is the client's only once bytes have arrived.
        """
