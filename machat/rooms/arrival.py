"""
One join, which may wait for a hook and for the store.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar, cast

from msgspec import Struct
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from machat.errors import FAILED, ChatError
from machat.events import Joined, Position
from machat.interfaces import IChatMember
from machat.records import Holder

_T = TypeVar("_T")


class Wish(Struct, frozen=True, gc=False):
    """
    The arguments of a join: see L{machat.interfaces.IChatRoom.join}.

    @ivar holder: the properties of the member for its claim
    @ivar key: the key of the room, as far as the member knows it
    """

    since: Position | None
    history: int
    watch: bool
    holder: Holder
    key: str | None = None


class Arrival:
    """
    A join in progress. It can be withdrawn at any moment, and then fails at once. The operation for
    which it waits is not cancelled, since it may be shared or run on another machine. Its result is
    undone when it arrives.

    @ivar member: the joining member
    @ivar wish: the arguments of the join
    @ivar waited: whether it has waited, or asked others, so that anything may have changed
    """

    __slots__ = ("member", "wish", "waited", "_refusal", "_waiting")

    def __init__(self, member: IChatMember, wish: Wish) -> None:
        self.member = member
        self.wish = wish
        self.waited = False
        self._refusal: Exception | None = None
        self._waiting: Deferred[Any] | None = None

    def begin(
        self, joining: Deferred[Joined], clock: IReactorTime, limit: float
    ) -> Deferred[Joined]:
        """
        Wait for a join.

        @param joining: fires with the result of the join. It may wait only through L{until}
        @param limit: the longest time that the join may take, seconds
        @return: fires for the member; cancelling it withdraws the join
        """
        result: Deferred[Joined] = Deferred(lambda _: self.withdraw(CancelledError()))

        def finish(outcome: Joined | Failure) -> None:
            if not result.called:
                result.callback(outcome)

        joining.addBoth(finish)
        if not result.called:
            late = ChatError(FAILED, f"not joined within {limit:g} s: try again")
            timer = clock.callLater(limit, self.withdraw, late)
            result.addBoth(_cancelling, timer)
        return result

    async def until(
        self, source: Deferred[_T], undo: Callable[[_T], object] = lambda _: None
    ) -> _T:
        """
        Wait for the result of C{source}, or until the join is withdrawn. In any case, call L{check}
        afterwards.

        @param undo: called with the result if it arrives after the join was withdrawn
        """
        found = resultOf(source)
        if found is not None:
            return found
        if source.called and not source.paused:
            return await source
        waiting: Deferred[_T] = Deferred()
        self._waiting = waiting
        self.waited = True

        def came(result: _T) -> None:
            if waiting.called:
                undo(result)
            else:
                waiting.callback(result)

        def failed(failure: Failure) -> None:
            if not waiting.called:
                waiting.errback(failure)

        source.addCallbacks(came, failed)
        return await waiting

    def check(self) -> None:
        """
        @raise Exception: the reason with which the join was withdrawn
        """
        if self._refusal is not None:
            raise self._refusal

    def withdraw(self, refusal: Exception) -> None:
        """
        Make the join fail, if it has not ended.

        @param refusal: the reason; the first one counts
        """
        if self._refusal is None:
            self._refusal = refusal
            if self._waiting is not None and not self._waiting.called:
                self._waiting.errback(refusal)


def resultOf(source: Deferred[_T]) -> _T | None:
    """
    @return: the result of a C{Deferred}, if it has one already, so that it needs no callback;
        C{None} if it has none or has failed
    """
    if source.called and not source.paused and not isinstance(source.result, Failure):
        return cast(_T, source.result)
    return None


def start(coroutine: Coroutine[Deferred[Any], Any, _T]) -> Deferred[_T]:
    """
    Run a coroutine as C{Deferred.fromCoroutine} does, but without its callbacks if it does not have
    to wait. This saves a twentieth of the cost of a join.

    @return: fires with its result, or fails with its exception
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration as end:
        return succeed(end.value)
    except Exception:
        return fail()
    return Deferred.fromCoroutine(_continue(coroutine, awaited))


@types.coroutine
def _continue(
    coroutine: Coroutine[Deferred[Any], Any, _T], awaited: Deferred[Any]
) -> Generator[Deferred[Any], Any, _T]:
    """
    Continue a coroutine that waits.

    @param awaited: the C{Deferred} for which it waits
    """
    try:
        while True:
            try:
                result = yield awaited
            except Exception as error:
                awaited = coroutine.throw(error)
            else:
                awaited = coroutine.send(result)
    except StopIteration as end:
        return cast(_T, end.value)


def _cancelling(result: Any, timer: Any) -> Any:
    if timer.active():
        timer.cancel()
    return result
