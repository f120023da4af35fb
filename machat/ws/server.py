"""
The protocol of one WebSocket connection: its messages become the lines of a session.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import wire
from machat.addresses import forwardedFor
from machat.errors import (
    BAD_COMMAND,
    BAD_ENCODING,
    BAD_HELLO,
    NO_PONG,
    TOO_LONG,
    ChatError,
    Disconnect,
)
from machat.events import Error
from machat.http.handshake import Opening
from machat.http.messages import line
from machat.http.site import Reply
from machat.interfaces import IChatRoom, ISessionTransport
from machat.session.inbox import PARTIAL
from machat.session.session import Session
from machat.transport.keepalive import isSilent
from machat.transport.outbox import Outbox
from machat.wire import PATH, SUBPROTOCOL
from machat.wire.pieces import Pieces
from machat.ws._autobahn import FrameProtocol
from machat.ws.kept import IKept

#: The error codes for the close codes with which Autobahn fails a connection (RFC 6455 section
#: 7.4.1).
_FAILURES = {1002: BAD_COMMAND, 1007: BAD_ENCODING, 1009: TOO_LONG}

_NEWLINE = ord("\n")  # looking for a number saves an exception inside C{in}

_DIALECTS = (wire.TEXT_FRAMES, wire.EVENTS_FRAMES)

_CONNECTING = FrameProtocol.STATE_CONNECTING
_OPEN = FrameProtocol.STATE_OPEN
_CLOSED = FrameProtocol.STATE_CLOSED


@implementer(ISessionTransport, IKept)
class ChatWebSocketProtocol(FrameProtocol):
    """
    One client on a WebSocket. This class answers the handshake, and Autobahn processes the frames.
    Its transport is the outbox, so that pongs and close frames are sent in order with the batches.

    @ivar _midway: whether a part of a frame or of a message may have been read. This is one lookup
        instead of three in Autobahn's attributes
    """

    _alive = True
    _client: Any = None

    def makeConnection(self, transport: Any) -> None:
        """
        Wait for the request. Autobahn takes part only after the handshake.
        """
        self._chat: IChatRoom = self.factory.chat
        self._midway = False
        self.factory.sockets.adopt(transport)
        self.transport = self._outbox = Outbox(
            transport, self._chat.clock, self._chat.limits, self, self._chat.sendBudget
        )
        self._session = Session(self._chat, self, _DIALECTS, self._outbox)
        self._session.connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.wheel.discard(self)
        self.factory.kept.drop(self)
        self._outbox.connectionLost()
        FrameProtocol.connectionLost(self, reason)  # so that no more frames are read
        self._session.connectionLost()

    def onOpen(self) -> None:
        if self.websocket_protocol_in_use == SUBPROTOCOL:
            self._session.speakEvents()
        self.factory.wheel.add(self)
        if self.factory.proxies:
            self._session.addressKnown()

    def dataReceived(self, data: bytes) -> None:
        self._alive = True
        inbox = self._session.inbox
        if inbox.conversation is not None and not (inbox.held or self._midway):
            # the WebSocket is open. Most reads are one frame: saves a tenth of the instructions
            message = wire.takeTextFrame(data, self.factory.plain)
            if message is not None and _NEWLINE not in message:
                inbox.received([message])
                return
        state = self.state
        if state == _CLOSED:
            return  # Autobahn would store it
        if self.failedByMe:  # the close frame has been sent, and nothing after the fault is valid
            self.dropConnection()
            return
        if state == _CONNECTING:
            self._requestReceived(self.data + data)
            return
        if self._session.awaitsHello and state == _OPEN and not (inbox.held or self._midway):
            hello = wire.takeTextFrame(data, self.factory.plain)
            if hello is not None:  # saves 1 % of a join
                self.onMessage(hello, False)
                return
        self._midway = True
        self.data = waiting = self.data + data if self.data else data
        if inbox.held:
            inbox.readAhead(len(data))
        else:
            self._framesReceived()
            if len(self.data) == len(waiting):
                inbox.charge(PARTIAL)

    def _framesReceived(self) -> None:
        """
        Take small complete text frames, in a tenth of the time that Autobahn needs. Autobahn
        processes all others.
        """
        if self.state == _OPEN and not (self.current_frame or self.inside_message):
            messages, self.data, plain = wire.takeTextFrames(self.data, self.factory.plain)
            inbox = self._session.inbox
            if inbox.conversation is None and self._session.awaitsHello:
                for message in messages:
                    self.onMessage(message, False)
            elif messages:
                if b"\n".join(messages).count(b"\n") >= len(messages):
                    messages = _splitLines(messages)
                inbox.received(messages)
            if not plain:
                self.consumeData()
        else:
            self.consumeData()
        self._midway = bool(self.data or self.current_frame or self.inside_message)

    def mustWait(self) -> bool:
        return self._session.inbox.held

    def frameBegun(self, brief: bool) -> None:
        """
        Charge frames that contain no lines. The inbox charges the lines.
        """
        if brief or self._session.ended:
            self._session.inbox.charge(1)

    def partReceived(self) -> None:
        self._session.inbox.charge(PARTIAL)

    def _requestReceived(self, data: bytes) -> None:
        """
        Wait for the complete head of the request, up to its limit.
        """
        limit = self._chat.limits.head
        end = data.find(b"\r\n\r\n", 0, limit) + 4
        if not data[:1].isupper():
            refusal = ChatError(BAD_HELLO, f"this is a WebSocket endpoint, at {PATH}")
            error = Error(code=refusal.code, text=refusal.text)
            self._outbox.write(wire.TEXT.encodeEvent(error) or b"")
            self._session.refuseLast(refusal)
            self.finish()
        elif end >= 4:
            if self.data:
                self.data = b""
            self._answer(data[:end], data[end:])
        elif len(data) > limit:
            text = f"The head of a request has at most {limit} bytes."
            self._reply(Reply(line(431, text), log=text))
        else:
            self.data = data
            self._session.inbox.charge(PARTIAL)

    def _answer(self, head: bytes, rest: bytes) -> None:
        if self.factory.proxies:
            self._client = forwardedFor(head, self.factory.proxies)
        reply = self.factory.site.reply(head)
        if isinstance(reply, Opening):
            self._open(reply, rest)
        elif reply.keep and self._keep():
            self._outbox.write(reply.encode(self.factory.kept.left(self)))
            if rest:
                self.dataReceived(rest)
        else:
            self._reply(reply)

    def _keep(self) -> bool:
        """
        Keep the connection for another request, unless it would soon count as refused.

        @return: whether it stays open
        """
        try:
            self._chat.admit(self._session, self.peerAddress())
        except ChatError:
            return False
        return self.factory.kept.keep(self, self._session.timeLeft)  # type: ignore[no-any-return]

    def _reply(self, reply: Reply) -> None:
        self._outbox.write(reply.encode())
        self.factory.note(self.peerAddress(), reply)
        self.finish()

    def finish(self) -> None:
        """
        See L{IKept.finish}.
        """
        self.factory.kept.drop(self)
        self.state = self.STATE_CLOSED
        self.data = b""
        self._session.goodbye()
        self._outbox.loseConnection()

    def _open(self, opening: Opening, rest: bytes) -> None:
        self.factory.kept.drop(self)
        self._outbox.write(opening.answer)
        if opening.protocol is not None:
            self.websocket_protocol_in_use = opening.protocol
        self.state = self.STATE_OPEN
        self.onOpen()
        if rest:
            self.dataReceived(rest)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Take the hello, or lines. The last newline of a message is optional.
        """
        if self._session.awaitsHello:
            lines = self._session.helloReceived(payload)
            if lines is None:
                self._session.refuse(
                    ChatError(BAD_HELLO, "the first message is not a complete JSON object")
                )
            payload = wire.skipNewline(lines or b"") or b""
            if not payload:
                return
        self._session.inbox.received(payload.removesuffix(b"\n").split(b"\n"))

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False
    ) -> None:
        """
        Send the close frame, and limit the time to wait for the client's reply. If Autobahn fails
        the connection, send an error of the chat first.
        """
        if code in _FAILURES and not isReply:
            reason = (reasonUtf8 or b"").decode(errors="replace")
            self._session.refuseLast(ChatError(_FAILURES[code], reason))
        self._session.goodbye()
        FrameProtocol.sendCloseFrame(self, code, reasonUtf8, isReply)
        self._outbox.expire()

    def ping(self) -> None:
        """
        Check that the peer is alive. Anything that it sends counts as an answer.
        """
        self._alive = False
        self.sendPing()

    def checkPong(self) -> None:
        """
        Disconnect the client if it has not answered L{ping}.
        """
        if not self._alive and not self._session.inbox.held:
            self._session.disconnected(NO_PONG)

    def slow(self, waiting: int) -> None:
        """
        See L{machat.transport.outbox.Owner}.
        """
        self._session.slow(waiting)

    def write(self, data: bytes) -> None:
        if self.state == self.STATE_OPEN:
            self._outbox.write(data)

    def writePieces(self, pieces: Pieces) -> Deferred[None] | None:
        return self._outbox.writePieces(pieces) if self.state == self.STATE_OPEN else None

    def keepAsking(self) -> None:
        """
        Do nothing: every WebSocket connection is on the wheel from its start.
        """

    def hangUp(self, end: Disconnect) -> None:
        if self.state == self.STATE_OPEN:
            self.sendClose(end.code, end.reason)
        elif self.state == self.STATE_CONNECTING:
            self.finish()

    def pauseReading(self) -> None:
        self._outbox.transport.pauseProducing()

    def resumeReading(self) -> None:
        self._alive = True  # its answer may be in what has not been read yet
        waits = self.data and self.state in _CONSUMING and not self.failedByMe
        if waits and not self.consuming:
            self._framesReceived()
        if self._session.inbox.reads:
            self._outbox.transport.resumeProducing()

    def silent(self) -> bool:
        return isSilent(self._outbox.transport, self._chat.limits.pong)

    def peerAddress(self) -> Any:
        return self._client or self._outbox.transport.getPeer()


_CONSUMING = (_OPEN, ChatWebSocketProtocol.STATE_CLOSING)


def _splitLines(messages: list[bytes]) -> list[bytes]:
    """
    @return: the lines of the messages. The last newline of a message is optional
    """
    return b"\n".join([message.removesuffix(b"\n") for message in messages]).split(b"\n")
