"""
The bytes that wait to be sent on one connection.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred

from machat.transport.budget import Holding
from machat.wire.pieces import Pieces

#: The maximum size of the bytes that are passed to a transport at once. A peer that reads one piece
#: has made progress.
PIECE = 65_536


class _Unmade:
    """
    An entry of the queue whose bytes are made when they are sent.
    """

    __slots__ = ("pieces", "done", "holding")

    def __init__(self, pieces: Pieces, done: Deferred[None], holding: Holding) -> None:
        self.pieces = pieces
        self.done = done
        self.holding = holding


class SendQueue:
    """
    Bytes in the order in which they are sent. Some of them are made only when it is their turn.

    @ivar size: the number of bytes that have been made
    @ivar held: the memory that is held for those still to be made, bytes
    """

    __slots__ = ("size", "held", "_entries", "_finished")

    def __init__(self) -> None:
        self.size = 0
        self.held = 0
        self._entries: deque[bytes | memoryview | _Unmade] = deque()
        self._finished: tuple[Deferred[None], ...] = ()

    def add(self, data: bytes | memoryview) -> None:
        """
        Append bytes. Empty ones are ignored, because a transport does not report having sent them.
        """
        if data:
            self._entries.append(data)
            self.size += len(data)

    def addPieces(self, pieces: Pieces, holding: Holding) -> Deferred[None]:
        """
        Append bytes that are made when they are sent.

        @param holding: counts their memory
        @return: a C{Deferred} that L{takeFinished} returns when all of these bytes have been taken
        """
        done: Deferred[None] = Deferred()
        self._entries.append(_Unmade(pieces, done, holding))
        self.held += holding.size
        return done

    def take(self) -> bytes:
        """
        Remove the front of the queue.

        @return: at most L{PIECE} bytes; none if the queue is empty
        """
        taken: list[bytes | memoryview] = []
        size = 0
        while self._entries and size < PIECE:
            data = self._entries.popleft()
            if isinstance(data, _Unmade):
                self._make(data)
                continue
            if size + len(data) > PIECE:
                view = memoryview(data)
                self._entries.appendleft(view[PIECE - size :])
                data = view[: PIECE - size]
            taken.append(data)
            size += len(data)
        self.size -= size
        return b"".join(taken)

    def _make(self, unmade: _Unmade) -> None:
        """
        Put the next piece at the front of the queue, or note that there are no more.
        """
        piece = next(unmade.pieces, None)
        before = unmade.holding.size
        if piece is None:
            unmade.holding.end()
            self._finished += (unmade.done,)
        else:
            unmade.holding.keep(len(unmade.pieces.texts))
            self._entries.appendleft(unmade)
            self._entries.appendleft(piece)
            self.size += len(piece)
        self.held += unmade.holding.size - before

    def takeFinished(self) -> tuple[Deferred[None], ...]:
        """
        @return: the Deferreds of L{addPieces} whose bytes have all been taken since the last call
        """
        finished, self._finished = self._finished, ()
        return finished

    def clear(self) -> None:
        """
        Drop everything. No Deferred of L{addPieces} fires any more.
        """
        for entry in self._entries:
            if isinstance(entry, _Unmade):
                entry.holding.end()
        self._entries.clear()
        self.size = self.held = 0
