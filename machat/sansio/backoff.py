"""
The delays between a client's attempts to connect, to join a room, or to send a message.
"""

from __future__ import annotations

import random

#: The first and the longest delay before a reconnect, seconds.
RECONNECT = 0.5
MAX_RECONNECT = 30.0

#: The longest delay that the server can ask for, seconds.
MAX_RETRY = 60.0


def exponential(first: float, longest: float, doublings: int) -> float:
    """
    @param first: the first delay, seconds
    @param longest: the longest delay, seconds
    @param doublings: the number of times that the first delay is doubled
    @return: the delay
    """
    return min(longest, first * 2.0 ** min(doublings, 10))


def jittered(delay: float) -> float:
    """
    @return: a random delay, from half of this one to all of it
    """
    return random.uniform(delay / 2, delay)


class Backoff:
    """
    Exponential backoff with jitter, in addition to the delay that the server asked for.
    """

    def __init__(self) -> None:
        self._attempts = 0
        self._retry = 0.0

    def reset(self) -> None:
        """
        Start again with the shortest delay.
        """
        self._attempts = 0

    def postpone(self, seconds: float | None) -> None:
        """
        Add the delay that the server asked for to the next delay.
        """
        self._retry = min(max(seconds or 0.0, 0.0), MAX_RETRY)

    def delay(self) -> float:
        """
        @return: the number of seconds until the next attempt
        """
        self._attempts += 1
        retry, self._retry = self._retry, 0.0
        return retry + jittered(exponential(RECONNECT, MAX_RECONNECT, self._attempts))
