"""
A room as a client knows it over all its connections: its place in the log, and what was said there
and is not acknowledged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from twisted.internet.defer import Deferred

from machat.client.outgoing import Outgoing, Unknown
from machat.events import Joined, Position

#: How many messages of a room are under way at once, and for how many seconds one may be sent
#: again: both are within what a server remembers of a name (L{machat.limits.Limits.receipts}).
WINDOW = 50
AGAIN = 100.0


class Membership:
    """
    A room that the client is in or wants to be in.

    @ivar name: as the server writes it, once that is known
    @ivar history: how many messages to hear on first coming in
    @ivar id: of the command that joins it
    @ivar position: up to where the room is known; C{None} before it was joined
    @ivar joined: whether it is joined on this connection
    @ivar waiting: who waits for it to be joined
    """

    def __init__(self, name: str, history: int, id: str) -> None:
        self.name = name
        self.history = history
        self.id = id
        self.position: Position | None = None
        self.joined = False
        self.waiting: list[Deferred[Joined]] = []
        self._sent: deque[Outgoing] = deque()
        self._unsent: deque[Outgoing] = deque()
        self._yielding = False

    def markJoined(self, joined: Joined) -> bool:
        """
        It is joined, for the first time or again.

        @return: whether nothing is missing
        """
        self.name = joined.room
        self.joined = True
        whole = True
        if self.position is None:  # what is replayed comes behind this
            self.position = Position(joined.epoch, max(0, joined.seq - self.history))
        elif not joined.recovered:
            self.position = joined.position
            whole = False
        again, self._sent = self._sent, deque()
        self._unsent.extendleft(reversed(again))
        return whole

    def fireJoined(self, joined: Joined) -> None:
        """
        Tell those who wait for it.
        """
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done.callback(joined)

    def passes(self, seq: int) -> bool:
        """
        @return: whether a message with this number is new; from now on it is not
        """
        if self.position is None or seq <= self.position.seq:
            return False
        self.position = Position(self.position.epoch, seq)
        return True

    def add(self, unsent: Outgoing) -> None:
        """
        Send this behind all that was added before.
        """
        self._unsent.append(unsent)

    def due(self, now: float) -> Iterator[Outgoing]:
        """
        Yield what is to be sent now, at most L{WINDOW} messages at once; what has been on its way
        for too long fails with L{Unknown}. What comes due meanwhile is yielded as well, to the one
        who asked first.
        """
        if self._yielding:
            return
        self._yielding = True
        try:
            while (unsent := self._next(now)) is not None:
                yield unsent
        finally:
            self._yielding = False

    def _next(self, now: float) -> Outgoing | None:
        while True:
            while self._sent and self._sent[0].done.called:
                self._sent.popleft()
            if not self.joined or not self._unsent or len(self._sent) >= WINDOW:
                return None
            unsent = self._unsent.popleft()
            if unsent.done.called:
                continue
            if unsent.sent is not None and now - unsent.sent > AGAIN:
                unsent.done.errback(Unknown("it is not known whether this was said"))
            else:
                unsent.sent = now if unsent.sent is None else unsent.sent
                self._sent.append(unsent)
                return unsent

    def fail(self, error: Exception) -> None:
        """
        Nothing will come of joining it, nor of what was said there.
        """
        for unsent in (*self._sent, *self._unsent):
            if not unsent.done.called:
                unsent.done.errback(error)
        self._sent.clear()
        self._unsent.clear()
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done.errback(error)
