"""
Methods written as coroutines that return C{Deferred}s.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from twisted.internet.defer import Deferred

_P = ParamSpec("_P")


def deferred(
    function: Callable[_P, Coroutine[Deferred[Any], Any, None]],
) -> Callable[_P, Deferred[None]]:
    """
    @return: a function that returns a C{Deferred} for the result of a coroutine
    """

    @wraps(function)
    def begin(*args: _P.args, **kwargs: _P.kwargs) -> Deferred[None]:
        return Deferred.fromCoroutine(function(*args, **kwargs))

    return begin
