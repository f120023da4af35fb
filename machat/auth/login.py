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

from math import ceil

from msgspec import Struct
from twisted.cred.credentials import IAnonymous
from twisted.cred.error import LoginFailed, UnhandledCredentials
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from machat import names
from machat.auth.credentials import IToken, IUnguessable, NotChecked, knows, login, mayExist
from machat.auth.failures import SharedFailures, TooManyFailures
from machat.auth.queues import (
    MINUTE,
    RETRY,
    TOO_MANY_FAILURES,
    TOO_MANY_LOGINS,
    Logins,
    Origin,
    Queue,
    Source,
    busy,
)
from machat.auth.users import IChatUser
from machat.errors import BAD_CREDENTIALS, ChatError
from machat.interfaces import IQuotas
from machat.limits import Limits
from machat.logbook import Logbook
from machat.records import Quota

#: The maximum time for a login, including the time in the queue, seconds; L{Limits.joinTimeout} may
#: be less. Clients should wait at least as long, because a login that they abandon is still
#: checked: see L{machat.sansio.heartbeat.WELCOME}.
LONGEST = 20.0

#: The minimum time from the start of the check to the answer to a failed login, seconds.
PAUSE = 0.5

WRONG = "wrong name, password or token"
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


def _originOf(attempt: Attempt) -> Origin:
    if attempt.user is not None:
        return Origin(Source.USER, attempt.user)
    return Origin(Source.NETWORK, attempt.network or "")


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
        queue = None if self._cannotBeGuessed(attempt) else self._logins.queueOf(_originOf(attempt))
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
