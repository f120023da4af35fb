"""
The checks of the targets in L{tests.edges}: what was logged, what is left, and what is impossible.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.logger import ILogObserver, globalLogPublisher

#: The types that L{known} does not look into.
SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType)


class Wrong(Exception):
    """
    A target violated its contract.
    """


def check(right: bool, *words: object) -> None:
    """
    @raise Wrong: the condition is false
    """
    if not right:
        raise Wrong(*words)


@contextmanager
def nothingLogged() -> Iterator[None]:
    """
    @raise Wrong: a failure was logged in the meantime
    """
    failures: list[Any] = []

    def observe(event: Any) -> None:
        if "log_failure" in event:
            failures.append(event["log_failure"])

    globalLogPublisher.addObserver(cast(ILogObserver, observe))
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(cast(ILogObserver, observe))
    check(not failures, "\n".join([failure.getTraceback() for failure in failures]))


class StrictClock(Clock):
    """
    A clock that accepts only arguments that a reactor accepts.
    """

    def callLater(self, delay: float, *arguments: Any, **keywords: Any) -> Any:
        check(0 <= delay < float("inf"), "no delay", delay)
        return super().callLater(delay, *arguments, **keywords)


def known(roots: list[Any], shared: list[Any]) -> Iterator[Any]:
    """
    @param shared: the objects to leave out, with everything that only they refer to
    @return: all objects that can be reached from these
    """
    seen, found = {id(one) for one in shared}, roots
    while found:
        one = found.pop()
        if id(one) not in seen and not isinstance(one, SHARED):
            seen.add(id(one))
            yield one
            found += gc.get_referents(one)
