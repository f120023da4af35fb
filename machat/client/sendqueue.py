"""
A queue for the lines that a client does not accept yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from machat.client import ChatClient
from machat.events import Receipt
from machat.sansio.outgoing import MAX_SIZE
from machat.sansio.room import WINDOW

#: The maximum number of lines that are passed to the client: the lines in flight, and the same
#: number to follow.
AHEAD = 2 * WINDOW


class QueuedLine(NamedTuple):
    """
    A message to send, or another entry of a room.

    @ivar text: its text
    @ivar number: the number of the line in its input, from 1; 0 if it has none
    @ivar post: posts the entry to the room; by default, the text is a message
    @ivar typed: the command that the user has typed, if it is not a message
    """

    room: str
    text: str
    number: int = 0
    post: Callable[[ChatClient], Deferred[Receipt]] | None = None
    typed: str = ""


class SendQueue:
    """
    The unacknowledged lines of one user, in order. The client receives as many as it accepts; the
    others wait here.

    @ivar done: the number of acknowledged lines
    @ivar failed: the number of lines that were refused or whose outcome is unknown
    """

    def __init__(
        self,
        client: ChatClient,
        settled: Callable[[], object],
        refused: Callable[[QueuedLine, Failure], object],
    ) -> None:
        """
        @param settled: called each time the outcome of a line is known
        @param refused: called before C{settled} with a line that failed
        """
        self.done = 0
        self.failed = 0
        self._client = client
        self._settled = settled
        self._refused = refused
        self._lines: deque[QueuedLine] = deque()
        self._passed = 0
        self._size = 0
        self._passing = False

    @property
    def waiting(self) -> int:
        """
        The number of unacknowledged lines.
        """
        return len(self._lines) + self._passed

    @property
    def idle(self) -> bool:
        """
        Whether the client has all lines, and accepts another.
        """
        return not self._lines and self._passed < AHEAD

    def add(self, line: QueuedLine) -> None:
        """
        Send this line after all that were added before.
        """
        self._lines.append(line)
        self._pass()

    def _pass(self) -> None:
        if self._passing:
            return
        self._passing = True
        while self._lines and self._passed < AHEAD:
            line = self._lines[0]
            size = len(line.text)
            if self._passed and self._size + size > MAX_SIZE:
                break
            self._lines.popleft()
            self._passed += 1
            self._size += size
            if line.post is None:
                sent = self._client.say(line.room, line.text)
            else:
                sent = line.post(self._client)
            sent.addBoth(self._lineSettled, line)
        self._passing = False

    def _lineSettled(self, result: Any, line: QueuedLine) -> None:
        self._passed -= 1
        self._size -= len(line.text)
        if isinstance(result, Failure):
            self.failed += 1
            self._refused(line, result)
        else:
            self.done += 1
        self._pass()
        self._settled()
