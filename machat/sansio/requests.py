"""
The requests of a client that wait for the server's answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from machat.errors import ChatError
from machat.sansio.errors import NotConnected

#: The maximum number of requests that wait for an answer.
MAX_WAITING = 100


class Requests:
    """
    The waiting requests, by id. Each caller receives the answer to its own.
    """

    def __init__(self, newId: Callable[[], str], settle: Callable[[Any, object], object]) -> None:
        """
        @param newId: returns a new id
        @param settle: called with the token of a request and its answer, a L{ChatError} if it is
            refused
        """
        self._newId = newId
        self._settle = settle
        self._waiting: dict[str, Any] = {}

    def ask(self, token: Any, send: Callable[[str], object]) -> None:
        """
        Send a request.

        @param token: identifies the caller
        @param send: called with the id of the request
        """
        if len(self._waiting) >= MAX_WAITING:
            self._settle(token, NotConnected("too many requests are waiting for the server"))
            return
        id = self._newId()
        self._waiting[id] = token
        send(id)

    def answered(self, id: str | None, answer: object) -> bool:
        """
        @return: whether this was the answer to a waiting request, or its refusal
        """
        if id is None or id not in self._waiting:
            return False
        self._settle(self._waiting.pop(id), answer)
        return True

    def refused(self, error: ChatError) -> bool:
        """
        @return: whether this was the refusal of a waiting request
        """
        return self.answered(error.id, error)

    def cancel(self, token: Any) -> None:
        """
        Forget the request with this token, if there is one.
        """
        self._waiting = {id: each for id, each in self._waiting.items() if each is not token}

    def lost(self) -> None:
        """
        Fail all requests, because the connection is lost.
        """
        waiting, self._waiting = self._waiting, {}
        for token in waiting.values():
            self._settle(token, NotConnected("the connection was lost before the answer"))
