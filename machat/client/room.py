"""
The state of one room across all connections of a client: its position, and its messages
that are not acknowledged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from twisted.internet.defer import Deferred

from machat.client.outgoing import Outgoing, Unknown
from machat.events import Joined, Moved, Position

#: The maximum number of a room's messages in flight, and the number of seconds for which one may be
#: resent. Both are within the server's deduplication (L{machat.limits.Limits.receipts}).
WINDOW = 50
RESEND = 100.0

#: The reason of an L{Unknown}.
MAYBE = "the message may have been published, or not"


class Membership:
    """
    A room that the client is in or wants to join.

    @ivar name: the name as the server spells it, once that is known
    @ivar history: the number of messages to receive on the first join
    @ivar id: the id of the command that joins the room
    @ivar position: the position of the last message received; C{None} before the first join
    @ivar top: the number of the last message when the room was joined or moved
    @ivar joined: whether the room is joined on the current connection
    @ivar waiting: the Deferreds to fire when the room is joined
    @ivar refusals: the number of refused attempts to rejoin, in a row
    """

    def __init__(self, name: str, history: int, id: str) -> None:
        self.name = name
        self.history = history
        self.id = id
        self.position: Position | None = None
        self.top = 0
        self.joined = False
        self.refusals = 0
        self.waiting: list[Deferred[Joined]] = []
        self._sent: deque[Outgoing] = deque()
        self._queued: deque[Outgoing] = deque()
        self._yielding = False

    def markJoined(self, joined: Joined) -> bool:
        """
        Record that the room is joined, for the first time or again.

        @return: whether no message was missed
        """
        self.name = joined.room
        self.joined = True
        self.refusals = 0
        self.top = joined.seq
        whole = True
        if self.position is None:  # the replayed messages follow this position
            self.position = Position(joined.epoch, max(0, joined.seq - self.history))
        elif joined.recovered:  # the epoch may be new, with the same messages up to this position
            self.position = Position(joined.epoch, self.position.seq)
        else:
            self.position = joined.position
            whole = False
        again, self._sent = self._sent, deque()
        self._queued.extendleft(reversed(again))
        return whole

    def move(self, moved: Moved) -> int:
        """
        Record the new epoch of the room.

        @return: the number of missed messages
        """
        seen = self.top if self.position is None else max(self.position.seq, self.top)
        self.position = moved.position
        self.top = moved.seq
        return max(0, moved.seq - seen)

    def fireJoined(self, joined: Joined) -> None:
        """
        Fire the Deferreds that wait for the room to be joined.
        """
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done.callback(joined)

    def accept(self, seq: int) -> bool:
        """
        Record that the message with this number was received.

        @return: whether it is new
        """
        if self.position is None or seq <= self.position.seq:
            return False
        self.position = Position(self.position.epoch, seq)
        return True

    def add(self, message: Outgoing) -> None:
        """
        Send this message after all that were added before.
        """
        self._queued.append(message)

    def due(self, now: float) -> Iterator[Outgoing]:
        """
        Yield the messages to send now. At most L{WINDOW} messages are in flight. A message that was
        first sent more than L{RESEND} seconds ago fails with L{Unknown}. If this is called again
        during the iteration, the inner call yields nothing, and the outer one also yields what has
        become due.
        """
        if self._yielding:
            return
        self._yielding = True
        try:
            while (message := self._next(now)) is not None:
                yield message
        finally:
            self._yielding = False

    def _next(self, now: float) -> Outgoing | None:
        while True:
            while self._sent and self._sent[0].done.called:
                self._sent.popleft()
            if not self.joined or not self._queued or len(self._sent) >= WINDOW:
                return None
            message = self._queued.popleft()
            if message.done.called:
                continue
            if message.sent is not None and now - message.sent > RESEND:
                message.done.errback(Unknown(MAYBE))
            else:
                message.sent = now if message.sent is None else message.sent
                self._sent.append(message)
                return message

    def fail(self, error: Exception) -> None:
        """
        Fail everything that waits for the room: joins and messages.
        """
        for message in (*self._sent, *self._queued):
            if not message.done.called:
                message.done.errback(error)
        self._sent.clear()
        self._queued.clear()
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done.errback(error)
