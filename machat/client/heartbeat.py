"""
Whether a client's server is still there: the timers of one connection after the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

#: Seconds: from connecting to the welcome, which is more than a server takes for a login (see
#: C{machat.auth.login.LONGEST}); between two questions whether the server is there, and for its
#: answer; and for the answer of a server with a low sending rate, at most.
WELCOME = 30.0
PING = 25.0
PONG = 10.0
SLOWEST = 300.0


def silenceLimit(rate: float | None, least: float) -> float:
    """
    @param rate: commands per second that the server reads
    @param least: seconds for a server that reads at once
    @return: seconds after which a server that has sent nothing is given up
    """
    return max(least, min(2 / rate, SLOWEST)) if rate is not None and rate > 0 else least


class Heartbeat:
    """
    Asks the server from time to time whether it is there. Anything that it sends is an answer; that
    it has read the question is proved by the question's id alone, which cannot be guessed.

    @ivar paused: whether nothing is read, so that nothing can be heard
    """

    def __init__(
        self, clock: Any, ask: Callable[[str], object], dead: Callable[[], object]
    ) -> None:
        """
        @param ask: sends a ping with this id
        @param dead: is called if the server does not answer, or does not say welcome
        """
        self.paused = False
        self._clock = clock
        self._ask = ask
        self._dead = dead
        self._rate: float | None = None
        self._heard = False
        self._asked: str | None = None
        self._timer: IDelayedCall | None = None

    def begin(self) -> None:
        """
        There is a connection.
        """
        self._start(WELCOME, self._die)
        self._asked = None

    def welcomed(self, rate: float | None) -> None:
        """
        The server has said welcome.

        @param rate: the commands per second that it reads
        """
        self._rate = rate
        self._start(PING, self._ping)

    def heard(self) -> None:
        """
        The server has sent something.
        """
        self._heard = True

    def answered(self, id: str | None) -> bool:
        """
        @return: whether this is the id of the last question: the server has read everything that
            was sent before
        """
        if self._asked is None or id != self._asked:
            return False
        self._asked = None
        return True

    def stop(self) -> None:
        """
        There is no connection any more.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, seconds: float, call: Callable[[], object]) -> None:
        self.stop()
        self._timer = self._clock.callLater(seconds, call)

    def _ping(self) -> None:
        self._timer = None
        self._heard = False
        if self._asked is None:
            self._asked = secrets.token_hex(8)
            self._ask(self._asked)
        self._start(silenceLimit(self._rate, PONG), self._check)

    def _check(self) -> None:
        self._timer = None
        if self._heard or self.paused:
            self._start(PING - PONG, self._ping)
        else:
            self._dead()

    def _die(self) -> None:
        self._timer = None
        self._dead()
