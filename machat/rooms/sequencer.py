"""
Results in the order in which they were requested.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

#: Stands for an answer that has not arrived.
_NONE = object()


class _Question:
    __slots__ = ("asker", "answer", "passed")

    def __init__(self, asker: Hashable) -> None:
        self.asker = asker
        self.answer: Any = _NONE
        self.passed: Deferred[Any] = Deferred()


class Sequencer:
    """
    Passes on answers in the order of their questions. An answer passes at once if no earlier
    question is still open.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Question] = deque()
        self._askers: dict[Hashable, deque[_Question]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, asker: Hashable, answer: Deferred[Any]) -> Deferred[Any]:
        """
        @return: fires or fails as C{answer} does, but after all that were pushed before it
        """
        question = _Question(asker)
        self._waiting.append(question)
        self._askers.setdefault(asker, deque()).append(question)
        answer.addBoth(self._answered, question)
        return question.passed

    def withdraw(self, asker: Hashable, error: Exception) -> None:
        """
        Make all questions of this asker fail when it is their turn. Their answers are no longer
        awaited.
        """
        for question in self._askers.get(asker, ()):
            question.answer = Failure(error)
        self._pass()

    def _answered(self, answer: Any, question: _Question) -> None:
        if question.answer is _NONE:
            question.answer = answer
            self._pass()

    def _pass(self) -> None:
        while self._waiting and self._waiting[0].answer is not _NONE:
            question = self._waiting.popleft()
            own = self._askers[question.asker]
            own.popleft()
            if not own:
                del self._askers[question.asker]
            if isinstance(question.answer, Failure):
                question.passed.errback(question.answer)
            else:
                question.passed.callback(question.answer)
