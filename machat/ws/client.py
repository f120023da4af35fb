"""
The client: a WebSocket as a line of objects.
"""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.interfaces import ILine, ILineUser
from machat.ws.server import SUBPROTOCOL


@implementer(ILine)
class LineWebSocketProtocol(WebSocketClientProtocol):
    """
    One connection. Its user hears of it when the WebSocket is open.
    """

    def __init__(self, user: ILineUser) -> None:
        WebSocketClientProtocol.__init__(self)
        self._user = user
        self._opened = False

    def onOpen(self) -> None:
        self._opened = True
        self._user.opened(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._user.received(payload)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        WebSocketClientProtocol.connectionLost(self, reason)
        if self._opened:
            self._user.closed(self)

    def sendLine(self, line: bytes) -> None:
        """
        Send one object.
        """
        if self.state == self.STATE_OPEN:
            self.sendMessage(line)

    def abort(self) -> None:
        """
        Close the connection now.
        """
        self.dropConnection(abort=True)


class LineWebSocketFactory(WebSocketClientFactory):
    """
    Connects a L{ILineUser} to a WebSocket.
    """

    noisy = False

    def __init__(
        self,
        url: str,
        clock: IReactorTime,
        user: ILineUser,
        largest: int,
        origin: str | None = None,
    ) -> None:
        """
        @param url: C{ws://} or C{wss://}
        @param user: hears of each connection
        @param largest: the longest message to take, bytes
        @param origin: the C{Origin} to send, for servers that ask for one (RFC 6454)
        """
        WebSocketClientFactory.__init__(
            self, url, origin=origin, protocols=[SUBPROTOCOL], useragent="MaChat", reactor=clock
        )
        self._user = user
        self.setProtocolOptions(
            version=13,
            failByDrop=False,
            maxFramePayloadSize=largest,
            maxMessagePayloadSize=largest,
            openHandshakeTimeout=0,  # the user has a timer of its own
            closeHandshakeTimeout=0,
        )

    def buildProtocol(self, addr: Any) -> LineWebSocketProtocol:
        protocol = LineWebSocketProtocol(self._user)
        protocol.factory = self
        return protocol
