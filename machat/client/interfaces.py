"""
The contract between the client and its connection, for any transport.
"""

from __future__ import annotations

from twisted.python.failure import Failure
from zope.interface import Interface


class IServerConnection(Interface):
    """
    A client's connection to a server, over any transport.
    """

    def sendLine(line: bytes) -> None:
        """
        Send one object. Does nothing once the connection is closing.
        """

    def confirmed() -> None:
        """
        Record that the server has provably read everything that was sent so far.
        """

    def pause() -> None:
        """
        Stop reading. Data that was read already may still be received.
        """

    def resume() -> None:
        """
        Read again.
        """

    def close() -> None:
        """
        Close the connection after everything is sent.
        """

    def abort() -> None:
        """
        Close the connection at once.
        """


class IServerConnectionUser(Interface):
    """
    The user of an L{IServerConnection}.
    """

    def connecting(connection: IServerConnection) -> None:
        """
        Called when the transport is connected. The connection can be aborted, but not used yet.
        """

    def opened(connection: IServerConnection) -> None:
        """
        Called when the connection can be used.
        """

    def received(data: bytes) -> None:
        """
        Called with each object from the server.
        """

    def closed(connection: IServerConnection, reason: Failure) -> None:
        """
        Called when a connection is closed, whether it was opened or not.

        @param reason: an error of Twisted, of OpenSSL, or of L{machat.sansio.reasons}
        """
