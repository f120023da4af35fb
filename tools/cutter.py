"""
A proxy between a node and its engine, which cuts, holds and delays connections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure


class Side(Protocol):
    """
    One side of a connection. It writes everything that it reads to the other side.
    """

    transport: Any
    other: Side | None = None

    def __init__(self, cutter: Cutter, direction: str) -> None:
        """
        @param direction: C{out}: to the engine, C{in}: from it
        """
        self._cutter = cutter
        self.direction = direction
        self._held: list[bytes] = []
        self._late = 0

    def dataReceived(self, data: bytes) -> None:
        if self._cutter.delay or self._late:
            self._late += 1
            self._cutter.later(self._passLate, data)
        else:
            self._pass(data)

    def _passLate(self, data: bytes) -> None:
        self._late -= 1
        self._pass(data)

    def _pass(self, data: bytes) -> None:
        self._held.append(data)
        self.flush()

    def flush(self) -> None:
        """
        Write what has been read, unless this direction is held.
        """
        if self.direction not in self._cutter.held and self.other is not None:
            held, self._held = self._held, []
            if held and self.other.transport is not None:
                self.other.transport.write(b"".join(held))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._cutter.sides.discard(self)
        other, self.other = self.other, None
        if other is not None:
            other.transport.abortConnection()


class Cutter(Factory):
    """
    The proxy.

    @ivar target: where new connections lead
    @ivar held: the directions in which nothing is passed on: C{in} and C{out}
    @ivar delay: the delay of each piece of data, in seconds
    @ivar closed: whether new connections are closed at once
    """

    noisy = False

    def __init__(self, reactor: Any, target: IStreamClientEndpoint) -> None:
        self._reactor = reactor
        self.target = target
        self._port: Any = None
        self.held: set[str] = set()
        self.delay = 0.0
        self.closed = False
        self.sides: set[Side] = set()
        self._delayed: set[Any] = set()
        self._due = 0.0

    async def listen(self, endpoint: IStreamServerEndpoint) -> None:
        """
        Begin to accept connections.
        """
        self._port = await endpoint.listen(self)

    def later(self, forward: Callable[[bytes], None], data: bytes) -> None:
        """
        Call a function after the delay.
        """

        def due() -> None:
            self._delayed.discard(call)
            forward(data)

        self._due = max(self._due + 1e-6, self._reactor.seconds() + self.delay)
        call = self._reactor.callLater(self._due - self._reactor.seconds(), due)
        self._delayed.add(call)

    def buildProtocol(self, addr: object) -> Side | None:
        if self.closed:
            return None
        near, far = Side(self, "out"), Side(self, "in")
        self.sides.add(near)
        connecting: Deferred[Any] = self.target.connect(Factory.forProtocol(lambda: far))
        connecting.addCallbacks(lambda _: self._met(near, far), lambda _: self._abort(near))
        return near

    def _met(self, near: Side, far: Side) -> None:
        if near not in self.sides:
            far.transport.abortConnection()
            return
        self.sides.add(far)
        near.other, far.other = far, near
        near.flush()
        far.flush()

    def _abort(self, side: Side) -> None:
        if side.transport is not None:
            side.transport.abortConnection()

    def cut(self) -> None:
        """
        Abort all connections.
        """
        for side in list(self.sides):
            self._abort(side)

    def inject(self, data: bytes) -> None:
        """
        Send something to the nodes that the engine has not sent.
        """
        for side in list(self.sides):
            if side.other is not None and side.direction == "out":
                side.transport.write(data)

    def hold(self, *directions: str) -> None:
        """
        Pass on nothing in these directions, until L{release}.
        """
        self.held = set(directions)

    def release(self) -> None:
        """
        Pass on everything again.
        """
        self.held = set()
        for side in list(self.sides):
            side.flush()

    async def stop(self) -> None:
        """
        Stop listening, and abort all connections.
        """
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        for call in self._delayed:
            call.cancel()
        self.cut()
