"""
Connections to the engine. This is the only module that imports C{txredisapi}, which installs the
reactor.

MaChat uses the protocol of C{txredisapi}, and not its pool: a pool keeps calls without a limit
while it is not connected, and stops connecting for good after the engine has refused a password
(C{txredisapi} 1.6: C{ConnectionHandler}, C{BaseRedisProtocol.connectionMade}). If a call is
cancelled, its reply is discarded, and does not become the reply of another call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from txredisapi import ConnectionError as Disconnected
from txredisapi import HiredisProtocol, ResponseError

__all__ = ["Commands", "Disconnected", "ResponseError", "Subscription", "factoryOf"]

LOST = "the connection to the engine is lost"


def _detail(reason: Failure) -> str:
    """
    @return: why a connection was lost, for the end of a sentence; empty if it was closed
    """
    if reason.check(ConnectionDone, ConnectionLost):
        return ""
    parts = getattr(reason.value, "args", ())[:1]
    if parts and isinstance(parts[0], list):  # the errors of OpenSSL
        text = "; ".join([str(part[-1]) for part in parts[0] if part])
    else:
        text = reason.getErrorMessage()
    return f": {text}".replace("\n", " ")


def _packed(*words: bytes | int) -> bytes:
    """
    @return: the bytes of a command
    """
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]
    return packed


class _Replies:
    """
    Collects the replies to several commands.

    @ivar result: fires with all of them; fails with the first error, when all have arrived
    """

    def __init__(self, count: int) -> None:
        """
        @param count: the number of commands
        """
        self._count = count
        self._found: list[Any] = []
        self._error: Exception | None = None
        self.result: Deferred[list[Any]] = Deferred()

    def callback(self, reply: Any) -> None:
        """
        Add a reply.
        """
        self._found.append(reply)
        if len(self._found) == self._count:
            if self._error is None:
                self.result.callback(self._found)
            else:
                self.result.errback(self._error)

    def errback(self, error: Exception) -> None:
        """
        Add an error.
        """
        self._error = self._error or error
        self.callback(error)


class Commands(HiredisProtocol):
    """
    A connection for commands. The replies are C{bytes}, C{int} and lists.

    @ivar onLost: called when the connection is lost
    @ivar why: the reason why it was lost
    """

    def __init__(self) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self.why = LOST
        self._over = False
        self._replies = hiredis.Reader(replyError=ResponseError)
        self._waiting: deque[Deferred[Any] | _Replies] = deque()
        self.onLost: Callable[[], object] = lambda: None

    def command(self, *words: bytes | int) -> Deferred[Any]:
        """
        Send a command.

        @return: fires with the reply; fails with C{ResponseError} or C{Disconnected}. Cancelling it
            has no effect on the engine or on other commands
        """
        running: Deferred[Any] = Deferred()
        if self.connected:
            self._waiting.append(running)
            self.transport.write(_packed(*words))
        else:
            running.errback(Disconnected(self.why))
        return running

    def commands(self, several: Sequence[Sequence[bytes | int]]) -> Deferred[list[Any]]:
        """
        Send several commands together: for each, this takes half as long as L{command}.

        @return: fires with the replies; fails as L{command} does
        """
        if not several:
            return succeed([])
        if not self.connected:
            return fail(Disconnected(self.why))
        replies = _Replies(len(several))
        self._waiting.extend([replies] * len(several))
        self.transport.write(b"".join([_packed(*words) for words in several]))
        return replies.result

    def abort(self) -> None:
        """
        End the connection, unless it has ended: C{abortConnection} of a TLS connection that has
        ended fails (Twisted 26.10).
        """
        if self.transport is not None and not self._over:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        """
        Pass on the replies, without the conversions of C{txredisapi}.
        """
        self._replies.feed(data)
        reply = self._replies.gets()
        while reply is not False:
            self.replyReceived(reply)
            reply = self._replies.gets()

    def replyReceived(self, reply: Any) -> None:
        """
        Pass a reply to the command that has waited for it the longest. If that was cancelled, the
        reply is discarded.
        """
        if not self._waiting:
            self.transport.abortConnection()
        elif isinstance(reply, ResponseError):
            self._waiting.popleft().errback(reply)
        else:
            self._waiting.popleft().callback(reply)

    def connectionLost(self, reason: Failure) -> None:
        """
        Fail the commands without a reply.
        """
        self._over = True
        self.why = f"{LOST}{_detail(reason)}"
        super().connectionLost(reason)
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            each.errback(Disconnected(self.why))
        self.onLost()


class Subscription(Commands):
    """
    A connection for subscriptions.

    @ivar onFrame: called with the channel and the content of each published message
    """

    def __init__(self) -> None:
        super().__init__()
        self.onFrame: Callable[[bytes, bytes], object] = lambda channel, frame: None
        self._subscribing: dict[bytes, deque[Deferred[None]]] = {}

    def subscribe(self, channels: list[bytes]) -> list[Deferred[None]]:
        """
        @return: for each channel, fires when it is subscribed; fails with C{ResponseError} or
            C{Disconnected}
        """
        waiting: list[Deferred[None]] = [Deferred() for _ in channels]
        for channel, each in zip(channels, waiting, strict=True):
            self._subscribing.setdefault(channel, deque()).append(each)
        if not self.connected:
            self._fail(Disconnected(self.why))
        elif channels:
            self.transport.write(_packed(b"SUBSCRIBE", *channels))
        return waiting

    def unsubscribe(self, channel: bytes) -> None:
        """
        End a subscription.
        """
        if self.connected:
            self.transport.write(_packed(b"UNSUBSCRIBE", channel))

    def replyReceived(self, reply: Any) -> None:
        """
        Dispatch the published messages and the confirmations of subscriptions.
        """
        if type(reply) is list and len(reply) == 3:
            if reply[0] == b"message":
                self.onFrame(reply[1], reply[2])
                return
            if reply[0] == b"subscribe":
                self._confirmed(reply[1])
                return
            if reply[0] == b"unsubscribe":
                return
        if isinstance(reply, ResponseError) and not self._waiting:
            self._fail(reply)  # a subscription was refused
            return
        super().replyReceived(reply)

    def _confirmed(self, channel: bytes) -> None:
        waiting = self._subscribing.get(channel)
        if waiting:
            first = waiting.popleft()
            if not waiting:
                del self._subscribing[channel]
            if not first.called:
                first.callback(None)

    def _fail(self, error: Exception) -> None:
        subscribing, self._subscribing = self._subscribing, {}
        for waiting in subscribing.values():
            for each in waiting:
                if not each.called:
                    each.errback(error)

    def connectionLost(self, reason: Failure) -> None:
        """
        Fail the commands and subscriptions that are not confirmed.
        """
        super().connectionLost(reason)
        self._fail(Disconnected(self.why))


def factoryOf(protocol: type[Commands]) -> Factory[Commands]:
    """
    @return: a factory that writes nothing to the log
    """
    factory: Factory[Commands] = Factory.forProtocol(protocol)
    factory.noisy = False
    return factory
