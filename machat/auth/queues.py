"""
The queues of logins. They limit the number of logins that are checked at once.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from math import ceil
from typing import NamedTuple

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from machat.errors import BUSY, ChatError

#: The time for which a failure counts, seconds.
MINUTE = 60.0

#: The maximum number of logins that wait or are being checked. It is about the number of argon2
#: hashes that a machine with two cores computes within
#: L{Limits.joinTimeout<machat.limits.Limits.joinTimeout>}.
LOGINS = 128

#: When to retry after a login that was refused because of load or was not checked in time, seconds.
RETRY = 10.0

TOO_MANY_FAILURES = "too many failed logins"
TOO_MANY_LOGINS = "too many logins at once"


class Source(Enum):
    """
    The kind of key by which failures are counted.
    """

    NETWORK = "network"
    USER = "user"


class Origin(NamedTuple):
    """
    The key by which failures are counted: a network or, for a connection that is already
    authenticated, a user. A user is counted separately, so that other clients at the same address
    cannot prevent an authenticated connection from renewing its credentials.
    """

    source: Source
    key: str


def busy(text: str, retry: float) -> ChatError:
    """
    @param retry: the number of seconds after which the client may try again
    @return: the refusal of a login that exceeds a limit
    """
    return ChatError(BUSY, f"{text}: try again in {retry:g} s", retry=retry)


class Logins:
    """
    The logins that wait or are being checked, by their L{Origin}.

    @ivar clock: runs the timers
    @ivar failures: the maximum number of failures from one origin within a minute
    @ivar free: the number of logins that may still be added. An origin that already has as many
        logins may not add another one, so that there is always a place for other origins
    """

    def __init__(self, clock: IReactorTime, failures: int) -> None:
        """
        @param clock: runs the timers
        @param failures: maximum number of failures from one origin within a minute
        """
        self.clock = clock
        self.failures = failures
        self.free = LOGINS
        self._queues: dict[Origin, Queue] = {}

    def __len__(self) -> int:
        """
        @return: the number of origins that have a queue
        """
        return len(self._queues)

    def queueOf(self, origin: Origin) -> Queue:
        """
        @return: the queue of the logins from this origin
        """
        queue = self._queues.get(origin)
        if queue is None:
            queue = self._queues[origin] = Queue(self, origin)
        return queue

    def forget(self, origin: Origin, queue: Queue) -> None:
        """
        Remove a queue of this origin, unless a newer one has taken its place.
        """
        if self._queues.get(origin) is queue:
            del self._queues[origin]


class Queue:
    """
    The logins from one origin. The number that are checked at once is at most the number of
    failures still allowed. The queue is removed when it is empty and a minute has passed since the
    last failure.

    @ivar origin: the origin
    """

    def __init__(self, logins: Logins, origin: Origin) -> None:
        self._logins = logins
        self.origin = origin
        self._clock = logins.clock
        self._checking = 0
        self._failures: deque[float] = deque()
        self._waiting: deque[Deferred[None]] = deque()
        self._timer: IDelayedCall | None = None

    def turn(self) -> Deferred[None]:
        """
        Add a login.

        @return: fires when the login may be checked; call L{leave} after the check. Fails with
            L{ChatError} C{busy} if a limit is exceeded. It may be cancelled
        """
        waiting: Deferred[None]
        if self._tooManyFailures():
            waiting = fail(self._refusal())
        elif self._checking + len(self._waiting) >= self._logins.free:
            waiting = fail(busy(TOO_MANY_LOGINS, RETRY))
        else:
            waiting = Deferred(self._cancelled)
            self._waiting.append(waiting)
            self._logins.free -= 1
        self._next()
        return waiting

    def leave(self, failed: bool) -> None:
        """
        End a check.

        @param failed: whether it counts as a failure
        """
        self._checking -= 1
        self._logins.free += 1
        if failed:
            self._failures.append(self._clock.seconds())
        self._clock.callLater(0, self._next)

    def _cancelled(self, waiting: Deferred[None]) -> None:
        self._waiting.remove(waiting)
        self._logins.free += 1
        self._next()

    def _next(self) -> None:
        while self._waiting and self._checking + len(self._failures) < self._logins.failures:
            self._checking += 1
            self._waiting.popleft().callback(None)
        while self._waiting and self._tooManyFailures():
            self._logins.free += 1
            self._waiting.popleft().errback(self._refusal())
        if self._failures:
            if self._timer is None:
                self._timer = self._clock.callLater(self._untilForgiven(), self._forgive)
        elif not self._checking and not self._waiting:
            self._logins.forget(self.origin, self)

    def _tooManyFailures(self) -> bool:
        return len(self._failures) >= self._logins.failures

    def _refusal(self) -> ChatError:
        return busy(TOO_MANY_FAILURES, max(1, ceil(self._untilForgiven())))

    def _untilForgiven(self) -> float:
        return max(0.0, self._failures[0] + MINUTE - self._clock.seconds())

    def _forgive(self) -> None:
        self._timer = None
        self._failures.popleft()
        self._next()
