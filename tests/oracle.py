"""
What the targets of L{tests.edges} look with: for what was logged, is left, or cannot be.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

#: What L{known} does not look into.
SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType)


class Wrong(Exception):
    """
    An edge did what it must not do.
    """


def check(right: bool, *words: object) -> None:
    """
    @raise Wrong: it is not right
    """
    if not right:
        raise Wrong(*words)


@contextmanager
def nothingLogged() -> Iterator[None]:
    """
    @raise Wrong: a failure was logged meanwhile
    """
    failures: list[Any] = []

    def observe(event: Any) -> None:
        if "log_failure" in event:
            failures.append(event["log_failure"])

    globalLogPublisher.addObserver(observe)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(observe)
    check(not failures, "\n".join([failure.getTraceback() for failure in failures]))


class StrictClock(Clock):
    """
    A clock that takes no more than a reactor does.
    """

    def callLater(self, delay: float, *arguments: Any, **keywords: Any) -> Any:
        check(0 <= delay < float("inf"), "no delay", delay)
        return super().callLater(delay, *arguments, **keywords)


def known(roots: list[Any], shared: list[Any]) -> Iterator[Any]:
    """
    @param shared: what is left out, with what only it knows
    @return: all that these objects know
    """
    seen, found = {id(one) for one in shared}, roots
    while found:
        one = found.pop()
        if id(one) not in seen and not isinstance(one, SHARED):
            seen.add(id(one))
            yield one
            found += gc.get_referents(one)
