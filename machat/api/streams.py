"""
The event streams of rooms: one listener on one connection.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import names
from machat.addresses import describe
from machat.api.dialect import (
    HEARTBEAT,
    Dialects,
    encodeBeginning,
    encodeEnd,
    encodeEntries,
)
from machat.auth.apikeys import READ, ApiKey
from machat.auth.users import IChatUser
from machat.errors import FAILED, REJECTED, SLOW, ChatError, Disconnect
from machat.events import Joined, Position
from machat.interfaces import IChatMember, IClientConnection
from machat.service import ChatService
from machat.service.stop import STOPPING
from machat.transport.keepalive import isSilent, keepAlive
from machat.transport.outbox import Outbox
from machat.wire.pieces import Encoded


class Wish(NamedTuple):
    """
    The parameters of a request for a stream.

    @ivar room: the name of the room
    @ivar since: see L{machat.interfaces.IChatRoom.join}
    @ivar history: see L{machat.interfaces.IChatRoom.join}
    """

    room: str
    since: Position | None
    history: int


@implementer(IChatMember, IClientConnection)
class Stream(Protocol):
    """
    A listener of a room. It has no name, so that presence does not report it. It takes over the
    connection of a request, and has the same limits as any other connection.

    @ivar key: the key of the client
    @ivar room: the name of the room
    @ivar dialect: the dialect of the streams of this room
    @ivar peer: the address of the client, as it appears in the log
    """

    transport: Any
    name = ""
    user: IChatUser | None = None
    throttled = False
    kind = ("http", "stream")
    _log = Logger()

    def __init__(self, streams: Streams, key: ApiKey, address: Any, room: str) -> None:
        """
        @param address: the address of the client
        @param room: the name of the room
        """
        self.key = key
        self.dialect = streams.dialects.take(names.key(room))
        self.peer = describe(address)
        self._streams = streams
        self._chat = streams.chat
        self.room = room
        self._outbox: Outbox | None = None
        self._timer: IDelayedCall | None = None
        self._ended = False

    @property
    def silent(self) -> bool:
        """
        See L{IClientConnection}.
        """
        return self._outbox is not None and isSilent(self.transport, self._chat.limits.pong)

    @property
    def open(self) -> bool:
        """
        Whether the stream has not ended.
        """
        return not self._ended

    def connectionMade(self) -> None:
        keepAlive(self.transport)
        chat = self._chat
        self._outbox = Outbox(self.transport, chat.clock, chat.limits, self, chat.sendBudget)

    def begin(self, head: bytes, joined: Joined) -> None:
        """
        Write the head of the answer, and what the client has missed.
        """
        assert self._outbox is not None, "the stream has a connection"
        self.dialect.epoch = joined.epoch
        self._outbox.write(head + encodeBeginning(joined))
        if joined.replay:
            encode = partial(encodeEntries, epoch=joined.epoch)
            self._outbox.writePieces(Encoded(joined.replay, encode))
        self._wait()

    def _wait(self) -> None:
        self._timer = self._chat.clock.callLater(self._chat.limits.ping, self._beat)

    def _beat(self) -> None:
        self.deliver(HEARTBEAT)
        if not self._ended:
            self._wait()

    def deliver(self, batch: bytes) -> None:
        if self._outbox is not None:
            self._outbox.write(batch)

    def dataReceived(self, data: bytes) -> None:
        """
        Ignore further requests on this connection: the stream is its last answer.
        """

    def notStored(self, room: str, error: ChatError) -> None:
        """
        Do nothing: a listener sends no messages.
        """

    def removed(self, room: str, reason: str) -> None:
        """
        Do nothing: a listener has no name that a moderator could remove.
        """

    def disconnected(self, end: Disconnect) -> None:
        if self._ended:
            return
        self._chat.metrics.disconnects[end.code] += 1
        if self._outbox is not None:
            self._outbox.write(encodeEnd(end))
            self._outbox.loseConnection()
        self.end()

    def slow(self, waiting: int) -> None:
        """
        See L{machat.transport.outbox.Owner}.
        """
        self._chat.metrics.slow += 1
        self._chat.metrics.disconnects[SLOW.code] += 1
        self._log.warn(
            "slow consumer {key} of an event stream from {peer}: {waiting} bytes waiting",
            key=self.key.label,
            peer=self.peer,
            waiting=waiting,
        )
        self.end()

    def end(self) -> None:
        """
        Listen no more.
        """
        if not self._ended:
            self._ended = True
            self._chat.visitors.unlisten(self, self.room)
            self._chat.ended(self)
            self._streams.dialects.release(names.key(self.room))
            if self._timer is not None and self._timer.active():
                self._timer.cancel()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._outbox is not None:
            self._outbox.connectionLost()
        self.end()
        self._streams.forget(self)


class Streams:
    """
    The event streams of one HTTP API.

    @ivar chat: the chat
    @ivar dialects: their dialects
    """

    def __init__(self, chat: ChatService) -> None:
        self.chat = chat
        self.dialects = Dialects()
        self._all: set[Stream] = set()

    def __len__(self) -> int:
        return len(self._all)

    async def open(self, key: ApiKey, address: Any, wish: Wish) -> tuple[Stream, Joined]:
        """
        @param address: the address of the client
        @return: a new stream, which needs a connection, see L{Stream.begin}; and the state of its
            room
        @raise ChatError: the stream is refused
        """
        names.checkRoom(wish.room)
        stream = Stream(self, key, address, wish.room)
        self._all.add(stream)
        try:
            self.chat.opened(stream, address)
            self.chat.admit(stream, address)
            network = self.chat.connections.networkOf(stream)
            joined = await self.chat.visitors.listen(
                stream, wish.room, wish.since, wish.history, network
            )
            if not stream.open or self.chat.draining:
                self.chat.visitors.unlisten(stream, wish.room)
                raise ChatError(FAILED, STOPPING)
        except BaseException:
            self.abandon(stream)
            raise
        return stream, joined

    def abandon(self, stream: Stream) -> None:
        """
        End a stream that has no connection.
        """
        stream.end()
        self.forget(stream)

    def forget(self, stream: Stream) -> None:
        """
        The connection of a stream has been closed.
        """
        if stream in self._all:
            self._all.remove(stream)
            self.chat.closed(stream)

    def check(self, current: dict[str, ApiKey]) -> None:
        """
        End the streams whose keys were revoked or changed.

        @param current: the keys by label
        """
        for stream in list(self._all):
            key = current.get(stream.key.label)
            if key != stream.key or not key.may(READ, stream.room):
                stream.disconnected(REJECTED)
