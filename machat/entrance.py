"""
The way into a chat that asks for credentials.

Who shows wrong ones hears so at a fixed time after they were looked at, whatever was wrong with
them, and the network it comes from has few tries a minute: further ones wait for their turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from twisted.cred.credentials import IAnonymous
from twisted.cred.error import LoginFailed, UnhandledCredentials
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from machat import names
from machat.credentials import knows, login
from machat.errors import BAD_CREDENTIALS, FAILED, ChatError
from machat.limits import Limits
from machat.users import IChatUser

#: How long a failure counts, seconds.
MINUTE = 60.0

#: How long one waits for one's turn, seconds.
PATIENCE = 2 * MINUTE

#: When a failure is told, seconds after the credentials were looked at.
PAUSE = 0.5

WRONG = "the right name and password, or a valid token, are needed"
BUSY = "too many failures from your address: come back in a minute"


class Entrance:
    """
    Lets in who may get in, through a L{Portal}.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, limits: Limits, portal: Portal) -> None:
        """
        @param portal: gives L{IChatUser}s, for passwords, tokens, or anonymous
        """
        self._clock = clock
        self._limits = limits
        self._portal = portal
        self._queues: dict[str, Queue] = {}

    def enter(
        self,
        name: str,
        password: str | None,
        token: str | None,
        network: str | None,
        peer: str,
    ) -> Deferred[IChatUser]:
        """
        @param network: where the client comes from, see L{machat.peers.networkOf}: tries from there
            are counted together
        @param peer: what the log calls the client
        @return: fires with who this is; fails with L{ChatError} C{bad-credentials}, after about two
            minutes at most. It may be cancelled
        """
        if password is None and token is None:
            entering = self._enterAnonymously(name)
        else:
            entering = self._enter(name, password, token, network or "", peer)
        return Deferred.fromCoroutine(entering)

    async def _enterAnonymously(self, name: str) -> IChatUser:
        if IAnonymous not in self._portal.checkers or knows(self._portal, name):
            raise ChatError(BAD_CREDENTIALS, WRONG)
        return await login(self._portal, name, None, None)

    async def _enter(
        self, name: str, password: str | None, token: str | None, network: str, peer: str
    ) -> IChatUser:
        queue = self._queueOf(network)
        try:
            await queue.turn().addTimeout(PATIENCE, self._clock)
        except DeferredTimeout:
            raise ChatError(BAD_CREDENTIALS, BUSY) from None
        began, failed = self._clock.seconds(), False
        try:
            return await self._login(name, password, token)
        except (LoginFailed, UnhandledCredentials) as error:
            failed = True
            self._log.info(
                "{peer} is not {name}: {why}",
                peer=peer,
                name=name,
                why=str(error) or type(error).__name__,
            )
        finally:
            queue.leave(failed)
        await deferLater(self._clock, max(0.0, began + PAUSE - self._clock.seconds()))
        raise ChatError(BAD_CREDENTIALS, WRONG)

    async def _login(self, name: str, password: str | None, token: str | None) -> IChatUser:
        checking = login(self._portal, name, password, token)
        try:
            user = await checking.addTimeout(self._limits.joining, self._clock)
        except DeferredTimeout:
            raise ChatError(FAILED, "the credentials could not be checked in time") from None
        if user.name is not None and names.key(user.name) != names.key(name):
            raise LoginFailed(f"but {user.name}")
        return user

    def _queueOf(self, network: str) -> Queue:
        queue = self._queues.get(network)
        if queue is None:
            forget = partial(self._forget, network)
            queue = self._queues[network] = Queue(self._clock, self._limits.failures, forget)
        return queue

    def _forget(self, network: str, queue: Queue) -> None:
        if self._queues.get(network) is queue:
            del self._queues[network]


class Queue:
    """
    The tries from one network: only as many at once as may still fail. It lasts for a minute after
    the last failure.
    """

    def __init__(self, clock: IReactorTime, most: int, forget: Callable[[Queue], object]) -> None:
        """
        @param most: failures in a minute
        @param forget: is called when this is of no use any more
        """
        self._clock = clock
        self._most = most
        self._forget = forget
        self._trying = 0
        self._failures: deque[float] = deque()
        self._waiting: deque[Deferred[None]] = deque()
        self._timer: IDelayedCall | None = None

    def turn(self) -> Deferred[None]:
        """
        @return: fires when one may try; then L{leave} has to be called. It may be cancelled
        """
        waiting: Deferred[None] = Deferred(self._cancelled)
        self._waiting.append(waiting)
        self._next()
        return waiting

    def leave(self, failed: bool) -> None:
        """
        A try has come to its end.
        """
        self._trying -= 1
        if failed:
            self._failures.append(self._clock.seconds())
        self._clock.callLater(0, self._next)

    def _cancelled(self, waiting: Deferred[None]) -> None:
        self._waiting.remove(waiting)
        self._next()

    def _next(self) -> None:
        while self._waiting and self._trying + len(self._failures) < self._most:
            self._trying += 1
            self._waiting.popleft().callback(None)
        if self._failures:
            if self._timer is None:
                due = self._failures[0] + MINUTE - self._clock.seconds()
                self._timer = self._clock.callLater(max(0.0, due), self._forgive)
        elif not self._trying and not self._waiting:
            self._forget(self)

    def _forgive(self) -> None:
        self._timer = None
        self._failures.popleft()
        self._next()
