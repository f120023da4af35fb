"""
A L{ClientCore} in a reactor: its connection, its timer and its outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.client import reasons
from machat.client.interfaces import IServerConnection, IServerConnectionUser
from machat.clock import ChatClock
from machat.commands import Auth
from machat.events import Event
from machat.sansio import ClientCore
from machat.sansio.runner import Runner


@implementer(IServerConnectionUser)
class CoreRunner(Runner):
    """
    Carries out the outputs of a core with a Twisted endpoint.
    """

    def __init__(
        self,
        clock: ChatClock,
        core: ClientCore,
        dial: Callable[[IServerConnectionUser], tuple[IStreamClientEndpoint, Factory]],
        credentials: Callable[[], Auth],
        listener: Callable[[Event], object],
    ) -> None:
        """
        @param dial: see L{machat.client.endpoints.dial}
        @param credentials: returns the password or token, or raises an exception
        @param listener: called with each event. It must not raise an exception
        """
        super().__init__(core)
        self._clock = clock
        self._credentials = credentials
        self._listener = listener
        self._endpoint, self._factory = dial(self)
        self._connection: IServerConnection | None = None
        self._attempt: Deferred[Any] | None = None
        self._stopping: list[Deferred[None]] = []

    def whenClosed(self) -> Deferred[None]:
        """
        @return: fires when there is no connection any more
        """
        if self._connection is None:
            return succeed(None)
        closed: Deferred[None] = Deferred()
        self._stopping.append(closed)
        return closed

    # The connection.

    def connecting(self, connection: IServerConnection) -> None:
        self._connection, self._attempt = connection, None
        self.core.connecting()
        self.carryOut()

    def opened(self, connection: IServerConnection) -> None:
        self.core.opened()
        self.carryOut()

    def received(self, data: bytes) -> None:
        self.core.received(data)
        self.carryOut()

    def closed(self, connection: IServerConnection, reason: Failure) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self.core.closed(reasons.explain(reason))
        self.carryOut()
        stopping, self._stopping = self._stopping, []
        for each in stopping:
            each.callback(None)

    def _unreachable(self, reason: Failure) -> None:
        self._attempt = None
        self.core.unreachable(reasons.explain(reason))
        self.carryOut()

    # The outputs of the core.

    def _callAt(self, deadline: float) -> IDelayedCall:
        return self._clock.callLater(max(0.0, deadline - self._clock.seconds()), self.run)

    def _connect(self) -> None:
        attempt = self._attempt = maybeDeferred(self._endpoint.connect, self._factory)
        attempt.addErrback(self._unreachable)

    def _authenticate(self) -> None:
        try:
            auth = self._credentials()
        except Exception as error:
            self.core.unauthenticated(str(error))
        else:
            self.core.authenticate(auth)

    def _notify(self, event: Event) -> None:
        self._listener(event)

    def _settle(self, token: Deferred[Any], result: Any) -> None:
        if isinstance(result, Exception):
            token.errback(result)
        else:
            token.callback(result)

    def _send(self, line: bytes) -> None:
        if self._connection is not None:
            self._connection.sendLine(line)

    def _pause(self, paused: bool) -> None:
        if self._connection is not None:
            (self._connection.pause if paused else self._connection.resume)()

    def _confirmed(self) -> None:
        if self._connection is not None:
            self._connection.confirmed()

    def _close(self, abort: bool) -> None:
        if self._connection is not None:
            (self._connection.abort if abort else self._connection.close)()
        elif self._attempt is not None:
            self._attempt.cancel()
