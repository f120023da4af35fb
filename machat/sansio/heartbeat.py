"""
The keepalive of a client: it detects a server that no longer responds.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Protocol

#: Timeouts in seconds. C{WELCOME}: from the connection to the welcome, longer than a login can take
#: (see C{machat.auth.login.LONGEST}). C{PING}: between two pings. C{PONG}: for the reply.
#: C{SLOWEST}: the maximum for the reply of a server with a low rate limit.
WELCOME = 30.0
PING = 25.0
PONG = 10.0
SLOWEST = 300.0


class Cancellable(Protocol):
    """
    A timer.
    """

    def cancel(self) -> None:
        """
        Do not call it.
        """


def silenceLimit(rate: float | None, least: float) -> float:
    """
    @param rate: the server's rate limit, commands per second; C{None} if there is none
    @param least: the result for a server without a rate limit, seconds
    @return: the number of seconds after which a silent server is considered dead
    """
    return max(least, min(2 / rate, SLOWEST)) if rate is not None and rate > 0 else least


class Heartbeat:
    """
    Sends pings, and reports a server that does not respond. Any data from the server shows that it
    is alive. Only a pong with the ping's random id proves that it has read the ping.

    @ivar paused: whether reading is paused, so that silence proves nothing
    """

    def __init__(
        self, clock: Any, ping: Callable[[str], object], dead: Callable[[], object]
    ) -> None:
        """
        @param clock: has C{callLater}
        @param ping: sends a ping with this id
        @param dead: called if the server sends no welcome, or does not respond
        """
        self.paused = False
        self._clock = clock
        self._sendPing = ping
        self._dead = dead
        self._rate: float | None = None
        self._received = False
        self._pingId: str | None = None
        self._timer: Cancellable | None = None

    def begin(self) -> None:
        """
        Start the timer for the welcome of a new connection.
        """
        self._start(WELCOME, self._die)
        self._pingId = None

    def welcomed(self, rate: float | None) -> None:
        """
        Start to send pings, after the server's welcome.

        @param rate: the server's rate limit, commands per second
        """
        self._rate = rate
        self._start(PING, self._ping)

    def received(self) -> None:
        """
        Record that the server has sent something.
        """
        self._received = True

    def answered(self, id: str | None) -> bool:
        """
        Record a pong.

        @return: whether it has the id of the last ping. If so, the server has read everything that
            was sent before that ping
        """
        if self._pingId is None or id != self._pingId:
            return False
        self._pingId = None
        return True

    def stop(self) -> None:
        """
        Stop all timers, because the connection is closed.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, seconds: float, call: Callable[[], object]) -> None:
        self.stop()
        self._timer = self._clock.callLater(seconds, call)

    def _ping(self) -> None:
        self._timer = None
        self._received = False
        if self._pingId is None:
            self._pingId = secrets.token_hex(8)
            self._sendPing(self._pingId)
        self._start(silenceLimit(self._rate, PONG), self._check)

    def _check(self) -> None:
        self._timer = None
        if self._received or self.paused:
            self._start(PING - PONG, self._ping)
        else:
            self._dead()

    def _die(self) -> None:
        self._timer = None
        self._dead()
