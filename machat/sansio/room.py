"""
The state of one room across all connections of a client: its position, and its messages
that are not acknowledged.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from machat.events import Joined, Moved, Position
from machat.sansio.outgoing import Outgoing

#: The maximum number of a room's messages in flight, and the number of seconds for which one may be
#: resent. Both are within the server's deduplication (L{machat.limits.Limits.receipts}).
WINDOW = 50
RESEND = 100.0


class Membership:
    """
    A room that the client is in or wants to join.

    @ivar name: the name as the server spells it, once that is known
    @ivar history: the number of messages to receive on the first join
    @ivar id: the id of the command that joins the room
    @ivar key: the key of the room, if it needs one
    @ivar position: the position of the last message received; C{None} before the first join
    @ivar top: the number of the last message when the room was joined or moved
    @ivar joined: the answer to the join on the current connection; C{None} if it is not joined
    @ivar waiting: the tokens of the commands that wait for the room to be joined
    @ivar refusals: the number of refused attempts to rejoin, in a row
    """

    def __init__(self, name: str, history: int, id: str) -> None:
        self.name = name
        self.history = history
        self.id = id
        self.key: str | None = None
        self.position: Position | None = None
        self.top = 0
        self._replayed: int | None = None  # the last one of the first join, while they arrive
        self.joined: Joined | None = None
        self.refusals = 0
        self.waiting: list[Any] = []
        self._sent: deque[Outgoing] = deque()
        self._queued: deque[Outgoing] = deque()

    def markJoined(self, joined: Joined) -> bool:
        """
        Record that the room is joined, for the first time or again.

        @return: whether no message was missed
        """
        self.name = joined.room
        self.joined = joined
        self.refusals = 0
        self.top = joined.seq
        whole = True
        self._replayed = 0 if self.position is None and self.history else None
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

    def takeWaiting(self) -> list[Any]:
        """
        @return: the tokens of the commands that wait for the room to be joined; they are removed
        """
        waiting, self.waiting = self.waiting, []
        return waiting

    def accept(self, seq: int) -> bool:
        """
        Record that the message with this number was received.

        @return: whether it is new
        """
        if self.position is None:
            return False
        if seq <= self.position.seq:
            # the last messages have lower numbers if changes of messages are between them
            replayed = self._replayed is not None and seq > self._replayed
            if replayed:
                self._replayed = seq
            return replayed
        self._replayed = None
        self.position = Position(self.position.epoch, seq)
        return True

    def add(self, message: Outgoing) -> None:
        """
        Send this message after all that were added before.
        """
        self._queued.append(message)

    def next(self) -> Outgoing | None:
        """
        @return: the next message to send, which is then in flight or settled; C{None} if there is
            none, the room is not joined, or L{WINDOW} messages are in flight
        """
        while self._sent and self._sent[0].settled:
            self._sent.popleft()
        while self.joined is not None and self._queued and len(self._sent) < WINDOW:
            message = self._queued.popleft()
            if not message.settled:
                self._sent.append(message)
                return message
        return None

    def takeMessages(self) -> list[Outgoing]:
        """
        @return: the messages that are not settled; they are removed
        """
        messages = [each for each in (*self._sent, *self._queued) if not each.settled]
        self._sent.clear()
        self._queued.clear()
        return messages
