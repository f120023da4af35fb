"""
The operations that wait for a store that is slow or unavailable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from machat.errors import FAILED, ChatError, MaybeStored, NotStored

#: The time limit of an operation, seconds.
DEADLINE = 10.0


def _refuse(sent: bool) -> ChatError:
    return ChatError(FAILED, "the store is not available")


def _refuseToStore(sent: bool) -> ChatError:
    if sent:
        return MaybeStored("the store did not answer in time")
    return NotStored("the store is not available")


class Operation:
    """
    An operation that waits for the store.

    @ivar due: the time at which the store performs it, seconds
    @ivar sent: whether it was on its way to the store before the store was cut
    @ivar messages: the number of messages that it stores
    @ivar perform: performs it
    @ivar undo: called with a result that comes after the time limit
    @ivar result: fires with its result
    @ivar over: whether C{result} has fired
    @ivar timer: the time limit; C{None} if there is none
    """

    __slots__ = ("due", "sent", "messages", "perform", "undo", "result", "over", "timer")

    def __init__(
        self, due: float, sent: bool, messages: int, perform: Callable[[], object]
    ) -> None:
        self.due = due
        self.sent = sent
        self.messages = messages
        self.perform = perform
        self.undo: Callable[[Any], object] | None = None
        self.result: Deferred[Any] = Deferred()
        self.over = False
        self.timer: IDelayedCall | None = None

    def end(self, result: Any) -> None:
        """
        Fire with a result or a failure, unless the time limit has passed.
        """
        self.cancel()
        if not self.over:
            self.over = True
            self.result.callback(result)
        elif self.undo is not None and not isinstance(result, Failure):
            self.undo(result)

    def cancel(self) -> None:
        """
        Remove the time limit.
        """
        if self.timer is not None and self.timer.active():
            self.timer.cancel()


class OperationQueue:
    """
    Performs operations in their order. Each takes some time.

    @ivar up: whether the store is available
    @ivar since: the time since which C{up} has had this value
    @ivar seconds: the time that each operation takes
    @ivar dead: whether the process has been killed: nothing passes any more
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.up = True
        self.since = clock.seconds()
        self.seconds = 0.0
        self.dead = False
        self._waiting: deque[Operation] = deque()
        self._performing = False
        self._idle: list[Deferred[None]] = []

    @property
    def messages(self) -> int:
        """
        The number of messages that wait to be stored.
        """
        return sum(each.messages for each in self._waiting if not each.over)

    def set(self, up: bool, seconds: float) -> None:
        """
        Change whether and how fast operations pass. Those that wait continue at the end of this
        turn, unless the store is cut or slow.
        """
        if up != self.up:
            self.up, self.since = up, self._clock.seconds()
        self.seconds = seconds
        if not seconds:
            for operation in self._waiting:
                operation.due = self._clock.seconds()
        self._clock.callLater(0, self._pass)

    def ask(
        self,
        perform: Callable[[], Deferred[Any]],
        messages: int | None = None,
        undo: Callable[[Any], object] | None = None,
    ) -> Deferred[Any]:
        """
        Perform an operation, after those that wait.

        @param messages: the number of messages that it stores; C{None} if it is not an append
        @param undo: called with a result that comes after the time limit
        @return: fires with the result, or fails at the time limit
        """
        refuse = _refuse if messages is None else _refuseToStore
        if self.dead:
            return fail(refuse(False))
        if self.clear:
            return perform()
        operation = self._add(perform, messages or 0)
        operation.undo = undo
        operation.timer = self._clock.callLater(DEADLINE, self._expire, operation, refuse)
        return operation.result

    def tell(self, perform: Callable[[], object]) -> None:
        """
        Perform an operation without a result and without a time limit, after those that wait.
        """
        if self.dead:
            return
        if self.clear:
            perform()
        else:
            self._add(perform, 0)

    @property
    def clear(self) -> bool:
        """
        Whether an operation passes at once.
        """
        return self.up and not self.seconds and not self._waiting and not self._performing

    def _add(self, perform: Callable[[], object], messages: int) -> Operation:
        now = self._clock.seconds()
        due = now + self.seconds
        if self._waiting:
            due = max(due, self._waiting[-1].due)
        operation = Operation(due, self.up, messages, perform)
        self._waiting.append(operation)
        self._clock.callLater(due - now, self._pass)
        return operation

    def _expire(self, operation: Operation, refuse: Callable[[bool], ChatError]) -> None:
        """
        An operation has reached its time limit. Only an append that was sent is performed later.
        """
        error = refuse(operation.sent)
        if not isinstance(error, MaybeStored) and operation in self._waiting:
            self._waiting.remove(operation)
        operation.end(Failure(error))
        self._checkIdle()

    def _pass(self) -> None:
        """
        Perform the operations that are due, one after the other.
        """
        now = self._clock.seconds()
        while self.up and not self._performing and self._waiting and self._waiting[0].due <= now:
            operation = self._waiting.popleft()
            self._performing = True
            performing = maybeDeferred(operation.perform)
            performing.addBoth(self._performed, operation)
        self._checkIdle()

    def _performed(self, result: Any, operation: Operation) -> None:
        self._performing = False
        operation.end(result)
        self._clock.callLater(0, self._pass)

    def idle(self) -> Deferred[None]:
        """
        @return: fires when all operations have been performed or have failed
        """
        waiting: Deferred[None] = Deferred()
        self._idle.append(waiting)
        self._checkIdle()
        return waiting

    def _checkIdle(self) -> None:
        """
        Fire L{idle}. While the store is cut, only operations with a time limit delay it.
        """
        delayed = [each for each in self._waiting if self.up or (each.timer and not each.over)]
        if not self._performing and not delayed:
            idle, self._idle = self._idle, []
            for each in idle:
                each.callback(None)

    def empty(self) -> None:
        """
        Forget the operations that wait.
        """
        for operation in self._waiting:
            operation.cancel()
        self._waiting.clear()
