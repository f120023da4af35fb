"""
Lines on their way from one person to a room: all of them, in order, however slowly the server
takes them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.python.failure import Failure

from machat.client.outgoing import LARGEST
from machat.client.room import WINDOW
from machat.client.service import ChatClient

#: How many lines the client has at a time: those under way, and as many that come next.
AHEAD = 2 * WINDOW


class QueuedLine(NamedTuple):
    """
    A line to say.

    @ivar number: of the line in its input, from 1
    """

    room: str
    text: str
    number: int


class SendQueue:
    """
    The lines of one person that are not acknowledged. The client gets as many as it has place for,
    the others wait here.

    @ivar done: how many lines were acknowledged
    @ivar failed: how many were refused, or are not known to have been said
    """

    def __init__(
        self,
        client: ChatClient,
        settled: Callable[[], object],
        refused: Callable[[QueuedLine, Failure], object],
    ) -> None:
        """
        @param settled: is called each time that it is known what became of a line
        @param refused: is called before that with a line that failed
        """
        self.done = 0
        self.failed = 0
        self._client = client
        self._settled = settled
        self._refused = refused
        self._lines: deque[QueuedLine] = deque()
        self._given = 0
        self._size = 0
        self._feeding = False

    @property
    def waiting(self) -> int:
        """
        How many lines are not acknowledged yet.
        """
        return len(self._lines) + self._given

    @property
    def idle(self) -> bool:
        """
        Whether the client has got all lines, and place for another.
        """
        return not self._lines and self._given < AHEAD

    def add(self, line: QueuedLine) -> None:
        """
        Say this after all that was added before.
        """
        self._lines.append(line)
        self._give()

    def _give(self) -> None:
        if self._feeding:
            return
        self._feeding = True
        while self._lines and self._given < AHEAD:
            line = self._lines[0]
            size = len(line.text)
            if self._given and self._size + size > LARGEST:
                break
            self._lines.popleft()
            self._given += 1
            self._size += size
            self._client.say(line.room, line.text).addBoth(self._told, line)
        self._feeding = False

    def _told(self, result: Any, line: QueuedLine) -> None:
        self._given -= 1
        self._size -= len(line.text)
        if isinstance(result, Failure):
            self.failed += 1
            self._refused(line, result)
        else:
            self.done += 1
        self._give()
        self._settled()
