"""
The time of a chat: durations and timers that no change of the system's clock disturbs.

A reactor of Twisted measures time with C{time.time}. If that clock is set back by an hour, every
timer of the process waits for an hour longer. L{useMonotonic} makes a reactor measure time on the
monotonic clock instead; C{twistd machat} does so. L{ChatClock} covers reactors that are left as
they are, and everything that ends a connection after a while: before it calls a timer, it lets the
reactor read and write once. After a standstill the process first takes what has arrived meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.base import ReactorBase
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import Clock
from zope.interface import implementer


def useMonotonic(reactor: Any) -> None:
    """
    Make a reactor measure time on the monotonic clock. Call it before the reactor runs, or at any
    time from its thread: the timers that are pending keep their delays.

    Afterwards C{reactor.seconds()} is not Unix time. Twisted itself uses it as such in one place,
    the dates of the access log of a C{twisted.web} site.

    @param reactor: one of Twisted's. Any other object is left as it is
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
    @return: the clock itself if it is a L{ChatClock}, else a new one
    """
    return clock if isinstance(clock, ChatClock) else ChatClock(clock)


@implementer(IReactorTime)
class ChatClock:
    """
    Measures durations, tells the time of day, and runs timers.

    A timer with a delay is called one turn of the reactor after its time has come: so what the
    other side has sent in time is read first, however late the timer is. If the underlying clock is
    set back, L{seconds} stands still for a moment and the pending timers keep their delays. This is
    noticed at the next call of any method.

    @ivar reactor: the underlying clock
    @ivar timers: the pending timers; C{None} if the underlying clock is never set back
    """

    def __init__(self, reactor: IReactorTime, now: Callable[[], float] | None = None) -> None:
        """
        @param reactor: a reactor, or a L{Clock} in a test
        @param now: returns Unix time. By default this is the system's time; for a L{Clock} it is
            the time of that clock
        """
        if now is None:
            now = reactor.seconds if isinstance(reactor, Clock) else time.time
        self.reactor = reactor
        self._now = now
        self._last = reactor.seconds()
        self._behind = 0.0
        self.timers: dict[Timer, None] | None = {}
        if reactor.seconds is time.monotonic:
            self.timers = None
            self.seconds = time.monotonic  # type: ignore[method-assign]

    def now(self) -> float:
        """
        @return: Unix time, for what is shown or has to end at a time of day. It may be set, back as
            well as forward: measure durations with L{seconds}
        """
        return self._now()

    def seconds(self) -> float:
        """
        @return: seconds since an arbitrary moment; the value never decreases
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
        See C{IReactorTime.callLater}. A delay of C{0} is the end of this turn, as usual.
        """
        call = (lambda: callable(*args, **kwargs)) if args or kwargs else callable
        if not delay and self.timers is None:
            return self.reactor.callLater(0, call)
        return Timer(self, self.seconds() + delay, delay, call)

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """
        @return: those of the underlying reactor
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
        @param due: when to call, by L{ChatClock.seconds}
        @param delay: how long that is from now
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
        The time has come: let the reactor read and write once.
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
        The underlying clock was set back: wait for what is left of the delay.

        @param now: L{ChatClock.seconds}
        """
        self._call.reset(max(0.0, self._due - now))

    def getTime(self) -> float:
        """
        @return: when it is called, by L{ChatClock.seconds}
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
