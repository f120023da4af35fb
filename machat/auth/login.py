"""
The login: a client's credentials are checked through a L{Portal}.

Failed logins are answered after a constant delay, whatever the cause. What could be guessed is
limited: only a few logins from one network may fail in a minute. Those that arrive while others
from there are being checked wait, for as long as L{LONGEST} at most. A login over a limit is
refused at once with C{busy}, and its client is told when to try again.

A client may disconnect while a checker still works on its login. Such a login counts as a failure,
since nobody waits for its outcome: disconnecting early gives nobody more attempts, or more of the
server's time.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from math import ceil
from typing import NamedTuple

from msgspec import Struct
from twisted.cred.credentials import IAnonymous
from twisted.cred.error import LoginFailed, UnhandledCredentials
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater

from machat import names
from machat.auth.credentials import IToken, IUnguessable, NotChecked, knows, login
from machat.auth.users import IChatUser
from machat.errors import BAD_CREDENTIALS, BUSY, ChatError
from machat.limits import Limits
from machat.logbook import Logbook

#: How long a failure counts, seconds.
MINUTE = 60.0

#: The longest time that a login takes, including the time in a queue, seconds.
#: L{Limits.joinTimeout} may be less.
#: A client that gives up earlier would leave logins behind that are still checked: see
#: L{machat.client.heartbeat.WELCOME}.
LONGEST = 20.0

#: When a failure is answered, seconds after the check began.
PAUSE = 0.5

#: The logins that may wait or be checked at once: about as many argon2 hashes as a machine with two
#: cores computes in L{Limits.joinTimeout}.
LOGINS = 128

#: When to try again after a login that found no place, or was not checked in time, seconds.
RETRY = 10.0

WRONG = "the right name and password, or a valid token, are needed"
TOO_MANY_FAILURES = "too many failed logins"
TOO_MANY_LOGINS = "too many logins at once"
NOT_IN_TIME = "the login could not be checked in time"


class Attempt(Struct, frozen=True, kw_only=True):
    """
    What a client shows to log in.

    @ivar name: the name that it wants
    @ivar network: where it comes from, see L{machat.addresses.networkOf}
    @ivar peer: what the log calls it
    @ivar user: the key of the user's name, if the connection has already been identified
    """

    name: str
    password: str | None
    token: str | None
    network: str | None
    peer: str
    user: str | None = None


class Source(Enum):
    """
    What failures are counted by.
    """

    NETWORK = "network"
    USER = "user"


class Origin(NamedTuple):
    """
    Where attempts come from that are counted together: a network or, for connections that have
    been identified, a user. So nobody else at their address can keep those from renewing their
    credentials.
    """

    source: Source
    key: str


class Authenticator:
    """
    Checks credentials through a L{Portal<twisted.cred.portal.Portal>}.
    """

    def __init__(
        self, clock: IReactorTime, limits: Limits, portal: Portal, logbook: Logbook
    ) -> None:
        """
        @param portal: gives L{IChatUser}s, for passwords, tokens, or anonymous
        @param logbook: takes the lines about logins that failed
        """
        self._clock = clock
        self._limits = limits
        self._portal = portal
        self._logbook = logbook
        self._logins = Logins(clock, limits.maxFailures)

    def authenticate(self, attempt: Attempt) -> Deferred[IChatUser]:
        """
        @return: fires with the user; fails with L{ChatError} C{bad-credentials} or C{busy}, after
            L{LONGEST} and L{PAUSE} at most. It may be cancelled
        """
        if attempt.password is None and attempt.token is None:
            authenticating = self._authenticateAnonymously(attempt)
        else:
            authenticating = self._authenticate(attempt)
        return Deferred.fromCoroutine(authenticating)

    async def _authenticateAnonymously(self, attempt: Attempt) -> IChatUser:
        if (
            attempt.user is not None
            or IAnonymous not in self._portal.checkers
            or knows(self._portal, attempt.name)
        ):
            raise ChatError(BAD_CREDENTIALS, WRONG)
        return await login(self._portal, attempt.name, None, None)

    async def _authenticate(self, attempt: Attempt) -> IChatUser:
        end = self._clock.seconds() + min(self._limits.joinTimeout, LONGEST)
        queue = None if self._cannotBeGuessed(attempt) else self._logins.queueOf(attempt)
        if queue is not None:
            await self._turn(queue, end)
        began, why = self._clock.seconds(), ""
        try:
            return await self._check(attempt, end)
        except NotChecked:
            raise
        except CancelledError:
            why = "disconnected before the answer"
            raise
        except (LoginFailed, UnhandledCredentials) as error:
            why = str(error) or type(error).__name__
        finally:
            if queue is not None:
                queue.leave(bool(why))
            if why:
                self._logFailure(attempt, why)
        await deferLater(self._clock, max(0.0, began + PAUSE - self._clock.seconds()))
        raise ChatError(BAD_CREDENTIALS, WRONG)

    def _cannotBeGuessed(self, attempt: Attempt) -> bool:
        return attempt.token is not None and IUnguessable.providedBy(
            self._portal.checkers.get(IToken)
        )

    async def _turn(self, queue: Queue, end: float) -> None:
        try:
            await queue.turn().addTimeout(self._until(end), self._clock)
        except DeferredTimeout:
            raise busy(TOO_MANY_LOGINS, RETRY) from None

    async def _check(self, attempt: Attempt, end: float) -> IChatUser:
        checking = login(self._portal, attempt.name, attempt.password, attempt.token)
        try:
            user = await checking.addTimeout(self._until(end), self._clock)
        except DeferredTimeout:
            raise busy(NOT_IN_TIME, RETRY) from None
        if user.name is None and attempt.user is not None:
            raise LoginFailed("but nobody in particular")
        if user.name is not None and names.key(user.name) != names.key(attempt.name):
            raise LoginFailed(f"but {user.name}")
        return user

    def _until(self, end: float) -> float:
        return max(0.0, end - self._clock.seconds())

    def _logFailure(self, attempt: Attempt, why: str) -> None:
        self._logbook.note(
            attempt.network,
            "{peer} is not {name}: {why}",
            peer=attempt.peer,
            name=attempt.name,
            why=why,
        )


def busy(text: str, retry: float) -> ChatError:
    """
    @return: the refusal of a login that is over a limit
    """
    return ChatError(BUSY, f"{text}: come back in {retry:g} s", retry=retry)


class Logins:
    """
    The logins that wait or are being checked, by where they come from.

    @ivar free: how many more may. One origin may have as many as are free for others: so there is
        always a place for somebody else
    """

    def __init__(self, clock: IReactorTime, failures: int) -> None:
        """
        @param failures: from one origin in a minute
        """
        self.clock = clock
        self.failures = failures
        self.free = LOGINS
        self._queues: dict[Origin, Queue] = {}

    def __len__(self) -> int:
        """
        @return: the origins that are known
        """
        return len(self._queues)

    def queueOf(self, attempt: Attempt) -> Queue:
        """
        @return: the logins that this one is counted with
        """
        origin = Origin(Source.NETWORK, attempt.network or "")
        if attempt.user is not None:
            origin = Origin(Source.USER, attempt.user)
        queue = self._queues.get(origin)
        if queue is None:
            queue = self._queues[origin] = Queue(self, origin)
        return queue

    def forget(self, origin: Origin) -> None:
        """
        Nothing of this origin counts any more.
        """
        self._queues.pop(origin, None)


class Queue:
    """
    The logins from one origin: only as many are checked at once as may still fail. It lasts until
    a minute after the last failure.
    """

    def __init__(self, logins: Logins, origin: Origin) -> None:
        self._logins = logins
        self._origin = origin
        self._clock = logins.clock
        self._checking = 0
        self._failures: deque[float] = deque()
        self._waiting: deque[Deferred[None]] = deque()
        self._timer: IDelayedCall | None = None

    def turn(self) -> Deferred[None]:
        """
        @return: fires when the login may be checked; then L{leave} has to be called. Fails with
            L{ChatError} C{busy}. It may be cancelled
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
        A check has ended.
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
            self._logins.forget(self._origin)

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
