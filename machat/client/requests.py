"""
The requests of a client that wait for the server's answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from machat.client.events import NotConnected
from machat.errors import ChatError
from machat.events import History

#: The maximum number of requests that wait for an answer.
MAX_WAITING = 100


class Requests:
    """
    The waiting requests, by id. The answers are not bound to a listener, so that each caller
    receives its own.
    """

    def __init__(self, newId: Callable[[], str]) -> None:
        """
        @param newId: returns a new id
        """
        self._newId = newId
        self._waiting: dict[str, Deferred[Any]] = {}

    def ask(self, send: Callable[[str], object]) -> Deferred[Any]:
        """
        Send a request.

        @param send: called with the id of the request
        @return: fires with the answer; fails with L{ChatError} or L{NotConnected}
        """
        if len(self._waiting) >= MAX_WAITING:
            return fail(NotConnected("too many requests are waiting for the server"))
        id = self._newId()
        answer = self._waiting[id] = Deferred()
        send(id)
        return answer

    def answered(self, event: History) -> bool:
        """
        @return: whether this was the answer to a waiting request
        """
        return self._settle(event.id, event)

    def refused(self, error: ChatError) -> bool:
        """
        @return: whether this was the refusal of a waiting request
        """
        return self._settle(error.id, Failure(error))

    def _settle(self, id: str | None, result: History | Failure) -> bool:
        waiting = self._waiting.pop(id or "", None)
        if waiting is not None:
            waiting.callback(result)  # a Failure calls its errbacks
        return waiting is not None

    def lost(self) -> None:
        """
        Fail all requests, because the connection is lost.
        """
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            each.errback(NotConnected("the connection was lost before the answer"))
