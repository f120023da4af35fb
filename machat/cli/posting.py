"""
The messages of the user: the queue, and the reports about those that were not accepted.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from machat.cli import texts
from machat.client import ChatClient, Ended
from machat.client.sendqueue import QueuedLine, SendQueue

#: The maximum number of refused lines that are reported individually.
MAX_REPORTED = 10


class Posting:
    """
    The messages and other entries of one user that are not acknowledged yet.

    @ivar queue: the entries
    @ivar failed: whether an entry was refused, or its outcome is unknown
    """

    def __init__(
        self, client: ChatClient, note: Callable[[str], object], progress: Callable[[], object]
    ) -> None:
        """
        @param note: called with each text to show
        @param progress: called each time the outcome of an entry is known
        """
        self.queue = SendQueue(client, self._settled, self._refused)
        self.failed = False
        self._note = note
        self._progress = progress
        self._waiting: list[Deferred[None]] = []

    def settled(self) -> Deferred[None]:
        """
        @return: fires when the outcome of all entries is known
        """
        settled: Deferred[None] = Deferred()
        if self.queue.waiting:
            self._waiting.append(settled)
        else:
            settled.callback(None)
        return settled

    def _settled(self) -> None:
        if not self.queue.waiting:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.callback(None)
        self._progress()

    def _refused(self, line: QueuedLine, failure: Failure) -> None:
        self.failed = True
        if failure.check(Ended) or self.queue.failed > MAX_REPORTED:
            return  # their number is reported at the end
        where = f"line {line.number}" if line.number else (line.typed or line.text)[:60]
        self._note(f"{texts.outcome(failure)} ({where})")
        if self.queue.failed == MAX_REPORTED:
            self._note("further refused lines are only counted")
