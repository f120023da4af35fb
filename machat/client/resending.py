"""
The messages whose outcome the server does not know. They are sent again with the same id, which the
server recognizes, so that each is published once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from machat.client.backoff import exponential, jittered
from machat.client.outgoing import Outgoing, Unknown
from machat.client.room import MAYBE, RESEND

#: The first and the longest delay before a message is sent again, seconds.
FIRST = 1.0
LONGEST = 30.0


class Resending:
    """
    The delays, with exponential backoff and jitter. A message fails with L{Unknown} if it cannot be
    sent again within L{RESEND} seconds after it was first sent.
    """

    def __init__(self, clock: Any, send: Callable[[Outgoing], object]) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>} provider
        @param send: called with each message to send again, if its outcome is still open
        """
        self._clock = clock
        self._send = send
        self._timers: dict[str, IDelayedCall] = {}

    def add(self, message: Outgoing, retry: float | None) -> None:
        """
        Send this message again after a delay, or report that its outcome is unknown.

        @param retry: the shortest delay that the server asks for, seconds
        """
        if message.id in self._timers:
            return
        message.unknowns += 1
        delay = jittered(exponential(FIRST, LONGEST, message.unknowns - 1))
        delay = max(delay, min(retry or 0.0, LONGEST))
        now = self._clock.seconds()
        if now + delay - (now if message.sent is None else message.sent) > RESEND:
            message.done.errback(Unknown(MAYBE))
        else:
            self._timers[message.id] = self._clock.callLater(delay, self._fire, message)

    def _fire(self, message: Outgoing) -> None:
        del self._timers[message.id]
        if not message.done.called:
            self._send(message)

    def stop(self) -> None:
        """
        Cancel all timers, because the connection is lost. The messages are sent on the next one.
        """
        timers, self._timers = self._timers, {}
        for timer in timers.values():
            timer.cancel()
