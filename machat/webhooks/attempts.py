"""
The attempts to send one request: the delays between them, and their end.
"""

from __future__ import annotations

import random

from machat.webhooks.receiver import Undelivered

#: The first and the longest delay before a request is sent again, seconds.
FIRST = 1.0
LONGEST = 60.0

#: The longest delay that a receiver can ask for with C{Retry-After}, seconds.
REQUESTED = 600.0

#: The time after which an event is dropped that the receiver keeps refusing with a status that
#: concerns this request only, seconds.
PATIENCE = 300.0


class Attempts:
    """
    The attempts to send one request.
    """

    def __init__(self) -> None:
        self._delay = FIRST
        self._since: float | None = None

    def failed(self, error: Undelivered, now: float) -> float:
        """
        Record a failure.

        @param now: the time, seconds
        @return: the time for which the receiver has refused the request itself, seconds; 0 if
            another attempt may be accepted
        """
        if not error.lasting:
            self._since = None
            return 0.0
        if self._since is None:
            self._since = now
        return now - self._since

    def delay(self, error: Undelivered) -> float:
        """
        @return: the time after which to send the request again, seconds
        """
        delay = random.uniform(self._delay / 2, self._delay)
        self._delay = min(LONGEST, self._delay * 2)
        return max(delay, min(error.retry or 0.0, REQUESTED))
