"""
The read markers that a terminal sends.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.python.failure import Failure

from machat.cli.unread import Unread
from machat.client import ChatClient, NotConnected
from machat.errors import NOT_ALLOWED, ChatError
from machat.events import ReadMark

#: The shortest time between two markers, seconds.
INTERVAL = 3.0

#: The number of refused markers after which no more are sent on this connection.
MAX_REFUSED = 10


class ReadMarkers:
    """
    Sends how far the user has read, for users with an account. One marker is sent at a time.

    @ivar enabled: whether the user has an account
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """
        @param seconds: the clock
        """
        self.enabled = False
        self._seconds = seconds
        self._next = 0.0
        self._waiting = False
        self._refused = 0

    def connected(self) -> None:
        """
        Record that there is a new connection.
        """
        self._refused = 0

    def send(self, client: ChatClient, room: str, unread: Unread, last: bool = False) -> None:
        """
        Note that the user has read all of a room, unless the server knows it, or another marker was
        sent a moment ago.

        @param last: whether this is the last opportunity
        """
        now = self._seconds()
        early = (self._waiting or now < self._next) and not last
        if not self.enabled or early or self._refused >= MAX_REFUSED or not client.joined(room):
            return
        if unread.top > (unread.read or 0):
            self._waiting, self._next = True, now + INTERVAL
            marking = client.markRead(room, unread.top)
            marking.addCallbacks(lambda answer: self._marked(unread, answer), self._failed)

    def _marked(self, unread: Unread, answer: ReadMark) -> None:
        self._waiting = False
        unread.marked(answer.seq)

    def _failed(self, failure: Failure) -> None:
        """
        Record a refusal. If another device has sent a higher marker, the server reports that one.
        """
        self._waiting = False
        failure.trap(ChatError)
        error = failure.value
        if isinstance(error, ChatError) and not isinstance(error, NotConnected):
            self._refused += MAX_REFUSED if error.code == NOT_ALLOWED else 1
