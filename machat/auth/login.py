"""
Logins: a client's credentials are checked through a L{Portal}.

Failed logins are answered after a minimum delay of L{PAUSE} seconds, with the same text for every
cause. To prevent guessing, only a few logins from one network may fail within a minute. A login
that arrives while others from its network are being checked waits in a queue, for at most
L{LONGEST} seconds. A login above a limit is refused immediately with C{busy} and the time after
which the client may try again.

A client may disconnect while its login is being checked. Such a login counts as a failure, so that
disconnecting early allows neither more attempts nor more of the server's time.
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
from machat.auth.credentials import IToken, IUnguessable, NotChecked, knows, login, mayExist
from machat.auth.failures import SharedFailures, TooManyFailures
from machat.auth.users import IChatUser
from machat.errors import BAD_CREDENTIALS, BUSY, ChatError
from machat.interfaces import IQuotas
from machat.limits import Limits
from machat.logbook import Logbook
from machat.records import Quota

#: The time for which a failure counts, seconds.
MINUTE = 60.0

#: The maximum time for a login, including the time in the queue, seconds; L{Limits.joinTimeout} may
#: be less. Clients should wait at least as long, because a login that they abandon is still
#: checked: see L{machat.sansio.heartbeat.WELCOME}.
LONGEST = 20.0

#: The minimum time from the start of the check to the answer to a failed login, seconds.
PAUSE = 0.5

#: The maximum number of logins that wait or are being checked. It is about the number of argon2
#: hashes that a machine with two cores computes within L{Limits.joinTimeout}.
LOGINS = 128

#: When to retry after a login that was refused because of load or was not checked in time, seconds.
RETRY = 10.0

WRONG = "wrong name, password or token"
TOO_MANY_FAILURES = "too many failed logins"
TOO_MANY_LOGINS = "too many logins at once"
NOT_IN_TIME = "the login could not be checked in time"


class Attempt(Struct, frozen=True, kw_only=True):
    """
    One login.

    @ivar name: the name that the client requests
    @ivar password: the password, if the client has sent one
    @ivar token: the token, if the client has sent one
    @ivar network: the client's network, see L{machat.addresses.networkOf}
    @ivar peer: the client's address in the log
    @ivar user: the key of the user's name, if the connection is already authenticated
    """

    name: str
    password: str | None
    token: str | None
    network: str | None
    peer: str
    user: str | None = None


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


class Authenticator:
    """
    Checks credentials through a L{Portal<twisted.cred.portal.Portal>}.
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits,
        portal: Portal,
        logbook: Logbook,
        quotas: IQuotas | None = None,
    ) -> None:
        """
        @param clock: runs the timers
        @param limits: the limits of the chat
        @param portal: returns an L{IChatUser} for a password, a token, or an anonymous login
        @param logbook: logs failed logins
        @param quotas: counts the failures of all processes of the chat together
        """
        self._clock = clock
        self._limits = limits
        self._portal = portal
        self._logbook = logbook
        self._logins = Logins(clock, limits.maxFailures)
        self._failures = SharedFailures(clock, quotas, limits.maxFailures, MINUTE)

    def exists(self, name: str) -> bool:
        """
        @return: see L{mayExist}
        """
        return mayExist(self._portal, name)

    def authenticate(self, attempt: Attempt) -> Deferred[IChatUser]:
        """
        Check the credentials of a client.

        @return: fires with the user; fails with L{ChatError} C{bad-credentials} or C{busy}, after
            at most L{LONGEST} plus L{PAUSE} seconds. It may be cancelled
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
        entry = None if queue is None else await self._turn(queue, end)
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
            self._failures.end(entry, bool(why))
            if why:
                self._logFailure(attempt, why)
        await deferLater(self._clock, max(0.0, began + PAUSE - self._clock.seconds()))
        raise ChatError(BAD_CREDENTIALS, WRONG)

    def _cannotBeGuessed(self, attempt: Attempt) -> bool:
        return attempt.token is not None and IUnguessable.providedBy(
            self._portal.checkers.get(IToken)
        )

    async def _turn(self, queue: Queue, end: float) -> Quota | None:
        """
        @return: what L{SharedFailures.begin} returns
        """
        try:
            await queue.turn().addTimeout(self._until(end), self._clock)
        except DeferredTimeout:
            raise busy(TOO_MANY_LOGINS, RETRY) from None
        try:
            return await self._failures.begin(queue.origin.source.value, queue.origin.key, end)
        except BaseException as error:
            queue.leave(False)
            if isinstance(error, TooManyFailures):
                raise busy(TOO_MANY_FAILURES, max(1, ceil(error.wait))) from None
            raise

    async def _check(self, attempt: Attempt, end: float) -> IChatUser:
        checking = login(self._portal, attempt.name, attempt.password, attempt.token)
        try:
            user = await checking.addTimeout(self._until(end), self._clock)
        except DeferredTimeout:
            raise busy(NOT_IN_TIME, RETRY) from None
        if user.name is None and attempt.user is not None:
            raise LoginFailed("the credentials name no user")
        if user.name is not None and names.key(user.name) != names.key(attempt.name):
            raise LoginFailed(f"the credentials belong to {user.name}")
        return user

    def _until(self, end: float) -> float:
        return max(0.0, end - self._clock.seconds())

    def _logFailure(self, attempt: Attempt, why: str) -> None:
        self._logbook.note(
            attempt.network,
            "login of {peer} as {name} failed: {why}",
            peer=attempt.peer,
            name=attempt.name,
            why=why,
        )


def busy(text: str, retry: float) -> ChatError:
    """
    @param retry: the number of seconds after which the client may try again
    @return: the refusal of a login that exceeds a limit
    """
    return ChatError(BUSY, f"{text}: try again in {retry:g} s", retry=retry)


class Logins:
    """
    The logins that wait or are being checked, by their L{Origin}.

    @ivar free: how many more logins may be added. An origin that already has as many logins as are
        free may not add another one, so that there is always a place for other origins
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

    def queueOf(self, attempt: Attempt) -> Queue:
        """
        @return: the queue of the origin of this login
        """
        origin = Origin(Source.NETWORK, attempt.network or "")
        if attempt.user is not None:
            origin = Origin(Source.USER, attempt.user)
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
