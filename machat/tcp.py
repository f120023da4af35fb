"""
The chat on TCP, UNIX sockets and TLS: lines to a session.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import wire
from machat.errors import NO_PONG, Disconnect
from machat.interfaces import IChatRoom, ISessionTransport
from machat.session.inbox import PARTIAL
from machat.session.session import Session
from machat.transport.keepalive import isSilent
from machat.transport.outbox import Outbox
from machat.transport.pings import Wheel
from machat.wire import IDialect
from machat.wire.pieces import Pieces


@implementer(ISessionTransport)
class ChatProtocol(LineReceiver):
    """
    One client that sends lines.

    L{LineReceiver} provides the two modes: raw mode until the hello is complete, since a hello
    needs no newline, and then line mode, which begins with the bytes that follow the hello. In line
    mode this class splits each read itself and passes on all of its lines together, because
    L{LineReceiver} searches and copies the rest of the read again for each line.
    """

    factory: Any
    transport: Any
    _rest = b""
    _alive = True

    def __init__(self, chat: IChatRoom, wheel: Wheel) -> None:
        self._chat = chat
        self._wheel = wheel

    def connectionMade(self) -> None:
        self.factory.sockets.adopt(self.transport)
        chat = self._chat
        self._outbox = Outbox(self.transport, chat.clock, chat.limits, self, chat.sendBudget)
        self.setRawMode()
        self._session = Session(chat, self, self.factory.dialects, self._outbox)
        self._session.connectionMade()

    def rawDataReceived(self, data: bytes) -> None:
        """
        Take the hello, and the newline that may follow it.
        """
        if self._session.awaitsHello:
            rest = self._session.helloReceived(data)
            if rest is None:
                self._session.inbox.charge(PARTIAL)
                return
            data = rest
        else:
            data = self._rest + data
        rest = wire.skipNewline(data)
        if rest is None:
            self._rest = data
        else:
            self._rest = b""
            self.setLineMode(rest)

    def dataReceived(self, data: bytes) -> None:
        """
        Pass all lines of a read to the session's inbox.
        """
        self._alive = True
        if not self.line_mode:
            self.rawDataReceived(data)
            return
        lines = (self._rest + data).split(b"\n")
        self._rest = rest = lines.pop()
        inbox = self._session.inbox
        if lines:
            inbox.received(lines)
        else:
            inbox.charge(PARTIAL)
        if rest and len(rest) > self._chat.limits.maxLine + 1:  # one for a carriage return
            inbox.received([rest])  # it is refused there
            self._rest = b""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._wheel.discard(self)
        self._outbox.connectionLost()
        self._session.connectionLost()

    def slow(self, waiting: int) -> None:
        """
        See L{machat.transport.outbox.Owner}.
        """
        self._session.slow(waiting)

    def write(self, data: bytes) -> None:
        self._outbox.write(data)

    def writePieces(self, pieces: Pieces) -> Deferred[None] | None:
        return self._outbox.writePieces(pieces)

    def keepAsking(self) -> None:
        self._wheel.add(self)

    def ping(self) -> None:
        """
        Check that the peer is alive. Anything that it sends counts as an answer.
        """
        self._alive = False
        self._session.ping()

    def checkPong(self) -> None:
        """
        Disconnect the client if it has not answered L{ping}.
        """
        if not self._alive and not self._session.busy:
            self._session.disconnected(NO_PONG)

    def hangUp(self, end: Disconnect) -> None:
        self._outbox.loseConnection()

    def pauseReading(self) -> None:
        self.transport.pauseProducing()

    def resumeReading(self) -> None:
        self._alive = True  # its answer may be in what has not been read yet
        self.transport.resumeProducing()

    def silent(self) -> bool:
        return isSilent(self.transport, self._chat.limits.pong)

    def peerAddress(self) -> Any:
        return self.transport.getPeer()


class ChatFactory(Factory):
    """
    Serves a chat on any stream endpoint.

    @ivar dialects: the dialects of its clients, see L{__init__}
    @ivar sockets: the sockets of the chat
    """

    noisy = False

    def __init__(
        self,
        chat: IChatRoom,
        dialects: tuple[IDialect, IDialect] = (wire.TEXT, wire.EVENTS),
    ) -> None:
        """
        @param dialects: a pair: the dialect of clients whose hello has no version, and the dialect
            of clients whose hello has one. The second must be able to encode every event
        """
        self.dialects = dialects
        self._chat = chat
        self._wheel = Wheel(chat.clock, chat.limits.ping, chat.limits.pong)
        self.sockets = chat.sockets

    def buildProtocol(self, addr: IAddress | None) -> ChatProtocol:
        protocol = ChatProtocol(self._chat, self._wheel)
        protocol.factory = self
        return protocol
