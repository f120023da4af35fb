"""
The messages whose outcome the server does not know. They are sent again with the same id, which the
server recognizes, so that each is published once.
"""

from __future__ import annotations

from collections.abc import Callable

from machat.sansio.backoff import exponential, jittered
from machat.sansio.outgoing import Outgoing
from machat.sansio.room import RESEND
from machat.sansio.timers import Timer, Timers

#: The first and the longest delay before a message is sent again, seconds.
FIRST = 1.0
LONGEST = 30.0


class Resending:
    """
    The delays, with exponential backoff and jitter. A message is not sent again later than
    L{RESEND} seconds after it was first sent.
    """

    def __init__(self, timers: Timers, send: Callable[[Outgoing], object]) -> None:
        """
        @param send: called with each message to send again, if its outcome is still open
        """
        self._clock = timers
        self._send = send
        self._timers: dict[str, Timer] = {}

    def add(self, message: Outgoing, retry: float | None) -> bool:
        """
        Send this message again after a delay.

        @param retry: the shortest delay that the server asks for, seconds
        @return: whether it can be sent again; if not, its outcome stays unknown
        """
        if message.id in self._timers:
            return True
        message.unknowns += 1
        delay = jittered(exponential(FIRST, LONGEST, message.unknowns - 1))
        delay = max(delay, min(retry or 0.0, LONGEST))
        now = self._clock.seconds()
        if now + delay - (now if message.sent is None else message.sent) > RESEND:
            return False
        self._timers[message.id] = self._clock.callLater(delay, lambda: self._fire(message))
        return True

    def _fire(self, message: Outgoing) -> None:
        del self._timers[message.id]
        if not message.settled:
            self._send(message)

    def stop(self) -> None:
        """
        Cancel all timers, because the connection is lost. The messages are sent on the next one.
        """
        timers, self._timers = self._timers, {}
        for timer in timers.values():
            timer.cancel()
