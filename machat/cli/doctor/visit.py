"""
A connection of C{machat doctor} to a chat.
"""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import events, wire
from machat.client import reasons
from machat.client.endpoints import dial
from machat.client.interfaces import IServerConnection, IServerConnectionUser
from machat.commands import Hello, Ping, Pong
from machat.sansio.quota import ReplyQuota


class Ended(Exception):
    """
    The connection has ended, or could not be opened.

    @ivar failure: the reason, see L{machat.client.reasons.explain}; C{None} if the server did not
        answer
    @ivar bye: the server's last words; C{None} if it sent none
    @ivar opened: whether the connection had been opened
    """

    def __init__(self, failure: Failure | None, visit: Visit) -> None:
        super().__init__(failure)
        self.failure = failure
        self.bye = visit.bye
        self.opened = visit.connection is not None


class Refused(Exception):
    """
    The server refused a command.

    @ivar error: the refusal
    @ivar bye: its last words, if it closed the connection
    """

    def __init__(self, error: events.Error) -> None:
        super().__init__(error)
        self.error = error


@implementer(IServerConnectionUser)
class Visit:
    """
    One connection, which is used once.

    @ivar connection: the connection; C{None} until it is opened
    @ivar bye: the last words of the server; C{None} if it has sent none
    """

    def __init__(self, reactor: Any, timeout: float) -> None:
        """
        @param timeout: the time to wait for each answer, seconds
        """
        self.connection: IServerConnection | None = None
        self.bye: events.Bye | None = None
        self._quota = ReplyQuota()
        self._reactor = reactor
        self._timeout = timeout
        self._waiting: Deferred[Any] | None = None
        self._wanted: tuple[type[Any], ...] = ()
        self._ended: Ended | None = None

    async def open(self, address: str, origin: str | None) -> None:
        """
        Connect, including the handshake of a WebSocket.

        @raise Ended: this failed
        """
        endpoint, factory = dial(self._reactor, address, self, origin)
        connecting: Deferred[Any] = endpoint.connect(factory)
        connecting.addErrback(self.unreachable)
        try:
            await self.wait(IServerConnection)
        except Ended:
            connecting.cancel()
            raise

    async def ask(self, command: Hello | Ping, answer: type[Any]) -> Any:
        """
        Send a command, and wait for the answer.

        @raise Refused: the server refused the command
        @raise Ended: the connection ended, or there was no answer
        """
        assert self.connection is not None
        self.connection.sendLine(msgspec.json.encode(command))
        event = await self.wait(answer, events.Error)
        if isinstance(event, events.Error):
            raise Refused(event)
        return event

    def wait(self, *wanted: type[Any]) -> Deferred[Any]:
        """
        Wait for an event.

        @param wanted: the types of the event
        @return: fires with the event; fails with L{Ended}
        """
        waiting = self._waiting = Deferred()
        self._wanted = wanted
        if self._ended is not None:
            waiting.errback(self._ended)
        else:
            waiting.addTimeout(self._timeout, self._reactor, self._silent)
        return waiting

    def _silent(self, failure: Any, timeout: float) -> Any:
        raise Ended(None, self)

    async def listen(self, seconds: float) -> None:
        """
        Do nothing for a time, except answering pings.

        @raise Ended: the connection ended
        """
        if self._ended is not None:
            raise self._ended
        waiting = self._waiting = Deferred()
        self._wanted = ()
        waiting.addTimeout(seconds, self._reactor, lambda *_: None)
        await waiting

    def close(self) -> None:
        """
        Close the connection, if it is open.
        """
        if self.connection is not None:
            self.connection.abort()

    def unreachable(self, reason: Failure) -> None:
        """
        Record that the attempt to connect has failed.
        """
        self._end(reason)

    def connecting(self, connection: IServerConnection) -> None:
        pass

    def opened(self, connection: IServerConnection) -> None:
        self.connection = connection
        self._give(connection, IServerConnection)

    def received(self, data: bytes) -> None:
        """
        Examine an event.
        """
        assert self.connection is not None
        event = wire.decodeEvent(data)
        early = reasons.refusedEarly(data)
        if early is not None:
            event = events.Error(code=early.code, text=early.text)
        elif event is None and not data.startswith(b"{"):
            text = data[: reasons.LONGEST].decode(errors="replace")
            self._end(Failure(reasons.Foreign(f"it sent {text!r}")))
            self.connection.abort()
        if isinstance(event, events.Ping):
            pong = wire.encodeCommand(Pong())
            if self._quota.allow(len(pong)):
                self.connection.sendLine(pong)
        if isinstance(event, events.Bye):
            self.bye = event
        self._give(event, type(event))

    def closed(self, connection: IServerConnection, reason: Failure) -> None:
        self._end(reason)

    def _give(self, event: Any, kind: Any) -> None:
        if kind in self._wanted and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(event)

    def _end(self, reason: Failure) -> None:
        if self._ended is None:
            self._ended = Ended(reason, self)
            waiting, self._waiting = self._waiting, None
            if waiting is not None and not waiting.called:
                waiting.errback(self._ended)
