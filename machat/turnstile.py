"""
Results in the order in which they were asked for.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


class Turnstile:
    """
    Lets answers through in the order of their questions, whichever comes first. An answer that is
    there, with none before it to wait for, passes at once.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[list[Any], Deferred[Any]]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, answer: Deferred[Any]) -> Deferred[Any]:
        """
        @return: fires or fails as C{answer} does, but after all that entered before
        """
        passed: Deferred[Any] = Deferred()
        result: list[Any] = []
        self._waiting.append((result, passed))
        answer.addBoth(self._answered, result)
        return passed

    def _answered(self, answer: Any, result: list[Any]) -> None:
        result.append(answer)
        while self._waiting and self._waiting[0][0]:
            (first,), passed = self._waiting.popleft()
            if isinstance(first, Failure):
                passed.errback(first)
            else:
                passed.callback(first)
