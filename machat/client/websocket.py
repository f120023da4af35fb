"""
The WebSocket connection of a client.
"""

from __future__ import annotations

import re
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.client.certificates import checkNamesHost
from machat.client.interfaces import IServerConnection, IServerConnectionUser
from machat.codec import SUBPROTOCOL
from machat.sansio.quota import ReplyQuota
from machat.sansio.reasons import Closed, Foreign, Refused

#: The longest header of a handshake response, and the longest body of a rejection, bytes.
HEAD = 16_384
BODY = 1_024

#: The maximum number of frames in a message.
FRAMES = 4_096

#: The status line of an HTTP response, and fields of its header (RFC 9112).
_STATUS = re.compile(rb"HTTP/1\.[01] (?P<status>\d{3}) ?(?P<phrase>[^\r\n]*)")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n")
_PLAIN = re.compile(rb"(?i)\r\ncontent-type:[ \t]*text/plain\b")
_LOCATION = re.compile(rb"(?i)\r\nlocation:[ \t]*([^\r\n]*)")


def refusal(data: bytes, ended: bool) -> Exception | None:
    """
    Examine the response to a handshake as far as it was received.

    @param ended: whether the response is complete
    @return: the reason why the handshake fails; C{None} if it may still succeed
    """
    status = _STATUS.match(data)
    head, end, body = data.partition(b"\r\n\r\n")
    if status is None and not (b"HTTP/1.".startswith(data[:7]) and b"\n" not in data):
        return Foreign(f"it responded {_decode(data.splitlines()[0])!r}")
    if not end:
        return Foreign("the header of its response is too long") if len(data) > HEAD else None
    if status is None or status["status"] == b"101":
        return None
    head += b"\r\n"
    length = _LENGTH.search(head)
    whole = len(body) >= (int(length[1]) if length else BODY)
    if not (whole or ended or len(body) >= BODY):
        return None
    text = _decode(status["phrase"])
    location = _LOCATION.search(head)
    if location is not None:
        text += f", see {_decode(location[1])}"
    elif _PLAIN.search(head) and body.strip():
        text += f": {_decode(body[:BODY].strip().splitlines()[0])}"
    return Refused(int(status["status"]), text)


def _decode(data: bytes) -> str:
    return data[:BODY].decode(errors="replace")


@implementer(IServerConnection)
class LineWebSocketProtocol(WebSocketClientProtocol):
    """
    A connection that carries objects as WebSocket messages.
    """

    data: bytes

    def __init__(self, user: IServerConnectionUser) -> None:
        WebSocketClientProtocol.__init__(self)
        self._user = user
        self._quota = ReplyQuota()
        self._reason: Exception | None = None
        self._frames = 0

    def connectionMade(self) -> None:
        self._user.connecting(self)
        WebSocketClientProtocol.connectionMade(self)

    def processHandshake(self) -> None:
        """
        Read the response to the handshake.
        """
        self._reason = refusal(self.data, False)
        if self._reason is not None:
            self.abort()
            return
        status = _STATUS.match(self.data)
        if status is None or status["status"] != b"101":
            return  # the rest has not arrived yet
        try:
            WebSocketClientProtocol.processHandshake(self)
        except Exception as error:  # from Autobahn, if the response is not HTTP
            self.failHandshake(str(error))

    def failHandshake(self, reason: str) -> None:
        """
        Record that the response does not accept the handshake.
        """
        self._reason = Foreign(reason)
        WebSocketClientProtocol.failHandshake(self, reason)

    def onOpen(self) -> None:
        self._reason = checkNamesHost(self.transport)
        if self._reason is None:
            self._user.opened(self)
        else:
            self.abort()

    def onMessageBegin(self, isBinary: bool) -> None:
        WebSocketClientProtocol.onMessageBegin(self, isBinary)
        self._frames = 0

    def onMessageFrameBegin(self, length: int) -> None:
        WebSocketClientProtocol.onMessageFrameBegin(self, length)
        self._frames += 1
        if self._frames > FRAMES:
            self._reason = Foreign("it sent a message that is too long")
            self.abort()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._user.received(payload)

    def onPing(self, payload: bytes) -> None:
        if self._quota.allow(len(payload) + 6):
            WebSocketClientProtocol.onPing(self, payload)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._reason is None and self.state == self.STATE_CONNECTING and self.data:
            self._reason = refusal(self.data, True)
        WebSocketClientProtocol.connectionLost(self, reason)
        if self._reason is None and self.remoteCloseCode is not None:
            self._reason = Closed(self.remoteCloseCode, self.remoteCloseReason or "")
        self.data = b""
        self._user.closed(self, Failure(self._reason) if self._reason else reason)

    def sendLine(self, line: bytes) -> None:
        """
        Send one object.
        """
        if self.state == self.STATE_OPEN:
            self.sendMessage(line)

    def confirmed(self) -> None:
        """
        Record that the server has provably read all pongs.
        """
        self._quota.confirmed()

    def pause(self) -> None:
        """
        Stop reading.
        """
        self.transport.pauseProducing()

    def resume(self) -> None:
        """
        Read again.
        """
        self.transport.resumeProducing()

    def close(self) -> None:
        """
        Close the connection after everything is sent.
        """
        self.transport.loseConnection()

    def abort(self) -> None:
        """
        Close the connection at once.
        """
        self.dropConnection(abort=True)


class LineWebSocketFactory(WebSocketClientFactory):
    """
    Builds the WebSocket connection of an L{IServerConnectionUser}.
    """

    noisy = False

    def __init__(
        self,
        url: str,
        clock: IReactorTime,
        user: IServerConnectionUser,
        largest: int,
        origin: str | None = None,
    ) -> None:
        """
        @param url: C{ws://} or C{wss://}
        @param user: the user of each connection
        @param largest: the longest message to accept, bytes
        @param origin: the C{Origin} header, for servers that require one (RFC 6454)
        """
        WebSocketClientFactory.__init__(
            self, url, origin=origin, protocols=[SUBPROTOCOL], useragent="MaChat", reactor=clock
        )
        self._user = user
        self.setProtocolOptions(
            version=13,
            failByDrop=True,  # disconnect at once if the server violates the protocol
            maxFramePayloadSize=largest,
            maxMessagePayloadSize=largest,
            openHandshakeTimeout=0,  # the user has its own timer
            closeHandshakeTimeout=0,
        )

    def buildProtocol(self, addr: Any) -> LineWebSocketProtocol:
        protocol = LineWebSocketProtocol(self._user)
        protocol.factory = self
        return protocol
