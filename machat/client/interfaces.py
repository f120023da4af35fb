"""
What the client expects of a connection, whatever its transport.
"""

from __future__ import annotations

from twisted.python.failure import Failure
from zope.interface import Interface


class IServerConnection(Interface):
    """
    A client's connection to a server, whatever its transport.
    """

    def sendLine(line: bytes) -> None:
        """
        Send one object. Ignored once the connection is closing.
        """

    def answer(line: bytes) -> None:
        """
        Send one object that the server has asked for. Ignored where the server has asked for more
        than L{machat.client.quota.MOST} bytes and has not shown that it reads them.
        """

    def confirmed() -> None:
        """
        The server has shown that it has read what was sent.
        """

    def pause() -> None:
        """
        Read no more. What has been read already may still be received.
        """

    def resume() -> None:
        """
        Read on.
        """

    def abort() -> None:
        """
        Close the connection now.
        """


class IServerConnectionUser(Interface):
    """
    The user of an L{IServerConnection}.
    """

    def unreachable(reason: Failure) -> None:
        """
        An attempt to connect has failed.
        """

    def connecting(line: IServerConnection) -> None:
        """
        There is a connection. It can be aborted, and cannot be used yet.
        """

    def opened(line: IServerConnection) -> None:
        """
        The connection can be used.
        """

    def received(data: bytes) -> None:
        """
        One object has come.
        """

    def closed(line: IServerConnection, reason: Failure) -> None:
        """
        A connection is gone, opened or not.

        @param reason: an error of Twisted, of OpenSSL, or of L{machat.client.reasons}
        """
