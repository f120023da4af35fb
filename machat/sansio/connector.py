"""
The decisions when a client connects, reconnects, and closes its connection.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from machat.sansio.backoff import Backoff
from machat.sansio.outputs import Close, Connect, Output
from machat.sansio.timers import Timer, Timers

#: The time to send what is waiting before a connection is closed, seconds.
CLOSING = 5.0


class State(Enum):
    """
    The state of a client's connection. C{WAITING}: for the next attempt.
    """

    IDLE = auto()
    WAITING = auto()
    CONNECTING = auto()
    CONNECTED = auto()


class Connector:
    """
    Tells the adapter when to connect and when to close the connection.

    @ivar state: the state of the connection
    """

    def __init__(self, timers: Timers, outputs: deque[Output]) -> None:
        self.state = State.IDLE
        self._timers = timers
        self._outputs = outputs
        self._backoff = Backoff()
        self._waiting: Timer | None = None

    def connect(self) -> None:
        """
        Connect now.
        """
        self._waiting = None
        self.state = State.CONNECTING
        self._outputs.append(Connect())

    def reconnect(self) -> None:
        """
        Connect after the delay of the backoff.
        """
        self.state = State.WAITING
        self._waiting = self._timers.callLater(self._backoff.delay(), self.connect)

    def connecting(self) -> bool:
        """
        Note that the transport is connected.

        @return: whether it is used. If the attempt was given up, it is closed
        """
        if self.state is State.CONNECTING:
            self.state = State.CONNECTED
            return True
        self._outputs.append(Close(True))
        return False

    def welcomed(self) -> None:
        """
        Reconnect fast the next time: this connection has succeeded.
        """
        self._backoff.reset()

    def postpone(self, seconds: float | None) -> None:
        """
        Add the delay that the server asked for to the next delay.
        """
        self._backoff.postpone(seconds)

    def close(self) -> None:
        """
        Close the connection when what waits is sent, or give up the attempt to connect.
        """
        if self.state is State.CONNECTED:
            if self._waiting is None:
                self._outputs.append(Close(False))
                self._waiting = self._timers.callLater(CLOSING, self._abort)
            return
        if self.state is State.CONNECTING:
            self._outputs.append(Close(True))
        self.cancel()
        self.state = State.IDLE

    def _abort(self) -> None:
        self._waiting = None
        self._outputs.append(Close(True))

    def cancel(self) -> None:
        """
        Stop the timer of an attempt or of a close.
        """
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
