"""
A thread for blocking calls, and their time limit.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from machat.clock import ChatClock

#: A function for the thread, and the function that receives its result or its L{Failure}.
_Call = tuple[Callable[[], Any], Callable[[Any], None]]


class Worker:
    """
    A thread that makes calls, one after the other. It does not keep the process from ending.
    """

    def __init__(self, name: str, fromThread: Callable[..., object]) -> None:
        """
        @param name: the name of the thread
        @param fromThread: makes a call in the reactor's thread, see
            C{IReactorFromThreads.callFromThread}
        """
        self._fromThread = fromThread
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """
        @param function: called in the thread
        @param done: called in the reactor's thread with the result or the L{Failure}
        """
        self._calls.put((function, done))

    def stop(self) -> None:
        """
        End the thread after the calls that were made.
        """
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            function, done = call
            try:
                result = function()
            except BaseException:
                result = Failure()
                result.cleanFailure()
            self._fromThread(done, result)


class Deadline:
    """
    One timer for operations that begin one after the other and have the same time limit.
    """

    def __init__(
        self, clock: ChatClock, seconds: float, expire: Callable[[float], float | None]
    ) -> None:
        """
        @param seconds: the time limit
        @param expire: is called with the time, as C{clock.seconds()}. It ends the operations that
            began at most that time minus C{seconds}, and returns when the oldest of the others
            is due
        """
        self._clock = clock
        self._seconds = seconds
        self._expire = expire
        self._timer: IDelayedCall | None = None

    def begin(self) -> float:
        """
        An operation begins.

        @return: the time when it is due
        """
        if self._timer is None:
            self._timer = self._clock.callLater(self._seconds, self._fired)
        return self._clock.seconds() + self._seconds

    def stop(self) -> None:
        """
        Stop the timer.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fired(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        due = self._expire(now)
        if due is not None and self._timer is None:
            self._timer = self._clock.callLater(max(0.0, due - now), self._fired)
