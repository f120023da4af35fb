"""
A L{ClientCore} in a reactor: its connection, its timer and its outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.client import reasons
from machat.client.interfaces import IServerConnection, IServerConnectionUser
from machat.clock import ChatClock
from machat.commands import Auth
from machat.events import Event
from machat.sansio import (
    Authenticate,
    ClientCore,
    Close,
    Confirmed,
    Connect,
    Notify,
    Output,
    Pause,
    Send,
    Settle,
)


@implementer(IServerConnectionUser)
class CoreRunner:
    """
    Carries out the outputs of a core.
    """

    _log = Logger()

    def __init__(
        self,
        clock: ChatClock,
        core: ClientCore,
        dial: Callable[[IServerConnectionUser], tuple[IStreamClientEndpoint, Factory]],
        credentials: Callable[[], Auth],
        listener: Callable[[Event], object],
    ) -> None:
        """
        @param core: the core. Call L{carryOut} after each of its methods
        @param dial: see L{machat.client.endpoints.dial}
        @param credentials: returns the password or token
        @param listener: called with each event. It must not raise an exception
        """
        self._clock = clock
        self._core = core
        self._credentials = credentials
        self._listener = listener
        self._endpoint, self._factory = dial(self)
        self._connection: IServerConnection | None = None
        self._attempt: Deferred[Any] | None = None
        self._stopping: list[Deferred[None]] = []
        self._carrying = False
        self._timer: IDelayedCall | None = None
        self._deadline: float | None = None

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
        self._core.connecting()
        self.carryOut()

    def opened(self, connection: IServerConnection) -> None:
        self._core.opened()
        self.carryOut()

    def received(self, data: bytes) -> None:
        self._core.received(data)
        self.carryOut()

    def closed(self, connection: IServerConnection, reason: Failure) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self._core.closed(reasons.explain(reason))
        self.carryOut()
        stopping, self._stopping = self._stopping, []
        for each in stopping:
            each.callback(None)

    def _unreachable(self, reason: Failure) -> None:
        self._attempt = None
        self._core.unreachable(reasons.explain(reason))
        self.carryOut()

    # The outputs of the core.

    def carryOut(self) -> None:
        """
        Carry out all outputs, and set the timer.
        """
        if self._carrying:
            return  # this was called by a listener or a callback
        self._carrying = True
        outputs = self._core.outputs
        try:
            while outputs:
                output = outputs.popleft()
                _CARRY[type(output)](self, output)
        finally:
            self._carrying = False
        self._setTimer()

    def _setTimer(self) -> None:
        deadline = self._core.deadline
        if deadline != self._deadline:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._deadline = deadline
            if deadline is not None:
                delay = max(0.0, deadline - self._clock.seconds())
                self._timer = self._clock.callLater(delay, self._due)

    def _due(self) -> None:
        self._timer = self._deadline = None
        self._core.run()
        self.carryOut()

    def _connect(self, output: Connect) -> None:
        attempt = self._attempt = maybeDeferred(self._endpoint.connect, self._factory)
        attempt.addErrback(self._unreachable)

    def _authenticate(self, output: Authenticate) -> None:
        try:
            auth = self._credentials()
        except Exception as error:
            self._log.failure("reading the credentials failed")
            self._core.unauthenticated(str(error))
        else:
            self._core.authenticate(auth)

    def _notify(self, output: Notify) -> None:
        self._listener(output.event)

    def _settle(self, output: Settle) -> None:
        if isinstance(output.result, Exception):
            output.token.errback(output.result)
        else:
            output.token.callback(output.result)

    def _send(self, output: Send) -> None:
        if self._connection is not None:
            self._connection.sendLine(output.line)

    def _pause(self, output: Pause) -> None:
        if self._connection is not None:
            (self._connection.pause if output.paused else self._connection.resume)()

    def _confirmed(self, output: Confirmed) -> None:
        if self._connection is not None:
            self._connection.confirmed()

    def _close(self, output: Close) -> None:
        if self._connection is not None:
            (self._connection.abort if output.abort else self._connection.close)()
        elif self._attempt is not None:
            self._attempt.cancel()


_CARRY: dict[type[Output], Callable[[CoreRunner, Any], None]] = {
    Authenticate: CoreRunner._authenticate,
    Close: CoreRunner._close,
    Confirmed: CoreRunner._confirmed,
    Connect: CoreRunner._connect,
    Notify: CoreRunner._notify,
    Pause: CoreRunner._pause,
    Send: CoreRunner._send,
    Settle: CoreRunner._settle,
}
