"""
Durations and timers that do not depend on changes of the system's clock.

Twisted's reactors measure time with C{time.time}. If the system's clock is set back by an hour,
every timer of the process waits for another hour. L{useMonotonic} makes a reactor use the monotonic
clock instead; C{twistd machat} does so. L{ChatClock} serves two purposes. It corrects the timers of
reactors that have not been changed. It also lets the reactor read and write once before it calls a
timer. If the process has been suspended, data that has arrived meanwhile is therefore read before a
timeout closes its connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.base import ReactorBase
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import Clock
from zope.interface import implementer


def useMonotonic(reactor: Any) -> None:
    """
    Make a reactor use the monotonic clock. Call this function before the reactor runs, or later in
    the reactor's thread; pending timers keep their delays.

    Afterwards C{reactor.seconds()} is not Unix time. Twisted relies on that in one place: the dates
    in the access log of a C{twisted.web} site.

    @param reactor: one of Twisted's reactors. Other objects are not changed
    """
    if isinstance(reactor, ReactorBase) and reactor.seconds is not time.monotonic:
        began = reactor.seconds()
        pending = [(call, call.getTime() - began) for call in reactor.getDelayedCalls()]
        reactor.seconds = time.monotonic
        for call, delay in pending:
            call.seconds = time.monotonic  # type: ignore[attr-defined]
            call.reset(max(0.0, delay))


def chatClock(clock: IReactorTime) -> ChatClock:
    """
    @return: C{clock} itself if it is a L{ChatClock}, else a new L{ChatClock} that uses it
    """
    return clock if isinstance(clock, ChatClock) else ChatClock(clock)


@implementer(IReactorTime)
class ChatClock:
    """
    Measures durations, returns the time of day, and runs timers.

    A timer with a delay is called one turn of the reactor after it is due, so that data that has
    arrived in time is read first, even if the timer runs late. If the underlying clock is set back,
    L{seconds} does not decrease, and pending timers keep their delays. The change is detected at
    the next call of any method.

    @ivar reactor: the underlying clock
    @ivar timers: the pending timers; C{None} if the underlying clock is never set back
    """

    def __init__(self, reactor: IReactorTime, now: Callable[[], float] | None = None) -> None:
        """
        @param reactor: a reactor, or a L{Clock} in a test
        @param now: returns Unix time; by default C{time.time}, or for a L{Clock} its own time
        """
        if now is None:
            now = reactor.seconds if isinstance(reactor, Clock) else time.time
        self.reactor = reactor
        self._now = now
        self.now = now  # type: ignore[method-assign]  # saves a call
        self._last = reactor.seconds()
        self._behind = 0.0
        self.timers: dict[Timer, None] | None = {}
        if reactor.seconds is time.monotonic:
            self.timers = None
            self.seconds = time.monotonic  # type: ignore[method-assign]
            self.callAtEndOfTurn = partial(reactor.callLater, 0)  # type: ignore[method-assign]

    def now(self) -> float:
        """
        @return: Unix time, for display and for expiry at a time of day. The system's clock may be
            set forward or back, so measure durations with L{seconds}
        """
        return self._now()

    def seconds(self) -> float:
        """
        @return: seconds since an arbitrary point in time; the value never decreases
        """
        now = self.reactor.seconds()
        if now < self._last:
            self._behind += self._last - now
            self._last = now
            self._rearm(now + self._behind)
        self._last = now
        return now + self._behind

    def _rearm(self, now: float) -> None:
        for timer in list(self.timers or ()):
            timer.rearm(now)

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kwargs: object
    ) -> IDelayedCall:
        """
        See C{IReactorTime.callLater}. As usual, a delay of C{0} means the end of this turn.
        """
        call = (lambda: callable(*args, **kwargs)) if args or kwargs else callable
        if not delay and self.timers is None:
            return self.reactor.callLater(0, call)
        return Timer(self, self.seconds() + delay, delay, call)

    def callAtEndOfTurn(self, callable: Callable[[], object]) -> IDelayedCall:
        """
        Call at the end of this turn of the reactor.
        """
        return self.callLater(0, callable)

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """
        @return: the pending calls of the underlying reactor
        """
        return self.reactor.getDelayedCalls()


@implementer(IDelayedCall)
class Timer:
    """
    A pending call of a L{ChatClock}.
    """

    __slots__ = ("_clock", "_due", "_called", "_call")

    def __init__(
        self, clock: ChatClock, due: float, delay: float, called: Callable[[], object]
    ) -> None:
        """
        @param clock: the clock
        @param due: the time of the call, as L{ChatClock.seconds}
        @param delay: the time until then, seconds
        @param called: the function to call
        """
        self._clock = clock
        self._due = due
        self._called = called
        self._call = self._start(delay)
        if clock.timers is not None:
            clock.timers[self] = None

    def _start(self, delay: float) -> IDelayedCall:
        return self._clock.reactor.callLater(delay, self._expired if delay else self._run)

    def _expired(self) -> None:
        """
        The timer is due: let the reactor read and write once before the call.
        """
        self._call = self._start(0)

    def _run(self) -> None:
        self._forget()
        self._called()

    def _forget(self) -> None:
        if self._clock.timers is not None:
            self._clock.timers.pop(self, None)

    def rearm(self, now: float) -> None:
        """
        Restart the timer with the rest of its delay, after the underlying clock was set back.

        @param now: the current L{ChatClock.seconds}
        """
        self._call.reset(max(0.0, self._due - now))

    def getTime(self) -> float:
        """
        @return: the time of the call, as L{ChatClock.seconds}
        """
        return self._due

    def active(self) -> bool:
        """
        See C{IDelayedCall.active}.
        """
        return bool(self._call.active())

    def cancel(self) -> None:
        """
        See C{IDelayedCall.cancel}.
        """
        self._call.cancel()
        self._forget()

    def reset(self, secondsFromNow: float) -> None:
        """
        See C{IDelayedCall.reset}.
        """
        self._call.cancel()
        self._due = self._clock.seconds() + secondsFromNow
        self._call = self._start(secondsFromNow)

    def delay(self, secondsLater: float) -> None:
        """
        See C{IDelayedCall.delay}.
        """
        self.reset(max(0.0, self._due + secondsLater - self._clock.seconds()))
