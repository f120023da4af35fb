"""
Finds out when the user returns to messages that have arrived in the meantime.
"""

from __future__ import annotations

from collections.abc import Callable

#: The time without a key after which the user is regarded as away, seconds.
IDLE = 300.0


class Away:
    """
    Decides where to show that messages have arrived while the user was away: before the first
    message after five minutes without a key, and before the first message that is recovered after
    the connection was lost. Without any key, as in a pipe, it is never shown.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """
        @param seconds: the clock
        """
        self._seconds = seconds
        self._last: float | None = None
        self._marked = False
        self._recovering = False

    def present(self) -> None:
        """
        Record that the user has pressed a key.
        """
        self._last = self._seconds()
        self._marked = False

    @property
    def absent(self) -> bool:
        """
        Whether the user has pressed no key for five minutes.
        """
        return self._last is None or self._seconds() - self._last >= IDLE

    def lost(self) -> None:
        """
        Record that the connection is lost.
        """
        self._recovering = True

    def missed(self, recovered: bool) -> bool:
        """
        Record a message of another user.

        @param recovered: whether it was posted before the client has joined the room
        @return: whether to show that the user was away before this message
        """
        recovering, self._recovering = self._recovering, False
        if self._last is None or self._marked:
            return False
        idle = self._marked = self.absent
        return idle or (recovering and recovered)
