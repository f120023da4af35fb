"""
This process as a node: its session with the engine, and the lease of its claims.

A node renews its lease every L{BEAT} seconds. If it does not do so for 10 seconds by the time
of the engine, another node may declare it dead, and its claims are released. A node that finds out
that it was declared dead continues under a new name. A node only declares others dead if it has
held its own lease for 10 seconds, so that the others have had time to reconnect after a fault
of the engine.
"""

from __future__ import annotations

from contextlib import suppress
from random import uniform
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.store.redis.condition import Condition
from machat.store.redis.echo import Echo
from machat.store.redis.faults import UNEXPECTED, Course, EngineFault
from machat.store.redis.keys import Keys
from machat.store.redis.lease import Lease
from machat.store.redis.scripts import BEAT as BEAT_SCRIPT
from machat.store.redis.scripts import LEAVE
from machat.store.redis.session import LinkLost, Session, within

#: The time between two renewals of the lease, in seconds.
BEAT = 3.0

#: A connection that has lasted for so many seconds counts as a success.
LASTING = 10.0

#: The time within which the engine has to answer a renewal, and to deliver its echo. Otherwise, the
#: node connects again, even if the sockets still look open.
PATIENCE = 5.0

#: The first and the longest time between two attempts to connect, in seconds. Each is varied at
#: random by half, so that the nodes do not connect at the same time.
FIRST_DELAY = 0.1
LONGEST_DELAY = 3.0

LEASE_LOST = (
    "the engine has no lease of this server: it was out of touch for more than 10 s, or the"
    " keys were deleted. The server continues with a new lease"
)


class Connecting(Protocol):
    """
    Opens sessions: see L{machat.store.redis.session.Connector}.
    """

    async def connect(self, seconds: float) -> Session:
        """
        Open a session.
        """


class Owner(Protocol):
    """
    The store, as its node sees it.
    """

    def joined(self) -> None:
        """
        The node has a session and holds its lease. Everything has to be read again.
        """

    def suspended(self) -> None:
        """
        The node has lost its session, or its lease.
        """

    def received(self, channel: bytes, frame: bytes) -> None:
        """
        A frame was published.
        """

    def requested(self, frame: bytes) -> bool:
        """
        A frame was published on the channel of this node.

        @return: whether it is a request of another node
        """

    def seen(self) -> set[str]:
        """
        @return: the names of the nodes that hold claims
        """

    def renewed(self, engine: float, waited: float) -> None:
        """
        The engine has answered a renewal of the lease.

        @param engine: the time of the engine, Unix time
        @param waited: the time that the answer took, seconds
        """

    def gone(self, nodes: set[str]) -> None:
        """
        Nodes are dead.
        """

    def failed(self, error: Exception) -> None:
        """
        Connecting fails until the operator does something.
        """


class Node:
    """
    A node.

    @ivar lease: its lease
    @ivar session: the session; C{None} while there is none, or the lease is not held
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        connector: Connecting,
        keys: Keys,
        condition: Condition,
        owner: Owner,
    ) -> None:
        self._clock = clock
        self._connector = connector
        self._keys = keys
        self._condition = condition
        self._owner = owner
        self.lease = Lease()
        self._stopped = False
        self.session: Session | None = None
        self._echo = Echo(keys.echo(self.lease.name))
        self._connected: Session | None = None
        self._running: Deferred[None] | None = None
        self._sleeping: Deferred[None] | None = None
        self._reason: EngineFault | None = None
        self._beats: list[Deferred[None]] = []

    def start(self) -> None:
        """
        Begin to connect.
        """
        self._stopped = False
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("the store has failed", failure)

    async def stop(self, seconds: float) -> None:
        """
        End the lease and the session.

        @param seconds: the maximum time to wait for the engine
        """
        self._stopped = True
        session = self._connected
        try:
            if session is not None and session.open and self.lease.registered:
                leaving = session.run(LEAVE, [self._keys.nodes], [self.lease.name.encode()])
                await within(self._clock, seconds, leaving, "answer")
        except (LinkLost, EngineFault):
            pass  # its lease expires
        if self._running is not None:
            self._running.cancel()
            self._running = None
        self.lease.clear()
        self.session = None

    def holds(self) -> bool:
        """
        @return: whether the node may send commands: it has a session, and its lease has not expired
        """
        if self.session is None:
            return False
        if self.lease.holds(self._clock.seconds()):
            return True
        self._suspend()
        self.wake()
        return False

    def wake(self) -> None:
        """
        Renew the lease at once.
        """
        if self._sleeping is not None and not self._sleeping.called:
            self._sleeping.callback(None)

    def reconnect(self, error: EngineFault) -> None:
        """
        End the session, because of a fault that another connection may not have.
        """
        if self._connected is not None and self._connected.open:
            self._reason = error
            self._connected.close()
            self._lost()

    def _lost(self) -> None:
        self._suspend()
        self._echo.fail(LinkLost("the connection to the engine is lost"))
        self.wake()

    def _suspend(self) -> None:
        if self.session is not None:
            self.session = None
            self._owner.suspended()

    async def _sleep(self, seconds: float) -> None:
        sleeping = self._sleeping = Deferred()
        timer = self._clock.callLater(seconds, sleeping.callback, None)
        try:
            await sleeping
        finally:
            self._sleeping = None
            if timer.active():
                timer.cancel()

    async def _run(self) -> None:
        delay = FIRST_DELAY
        while not self._stopped:
            began = self._clock.seconds()
            try:
                session = await self._connector.connect(PATIENCE)
                await self._serve(session)
            except LinkLost as error:
                cause = str(error).removesuffix(".")
                self._fail(error, f"{cause}: check the engine and the network")
            except EngineFault as error:
                self._fail(error, str(error))
            except CancelledError:
                raise
            except Exception as error:
                self._log.failure("an answer of the engine is not valid")
                self._fail(error, UNEXPECTED.text)
            if self._stopped:
                break
            if self._clock.seconds() - began > LASTING:
                delay = FIRST_DELAY
            await self._sleep(delay * uniform(0.5, 1.5))
            delay = min(LONGEST_DELAY, 2 * delay)

    def _fail(self, error: Exception, reason: str) -> None:
        self._condition.report("link", reason)
        if isinstance(error, EngineFault) and error.fault.lasting:
            self._owner.failed(error)

    async def _serve(self, session: Session) -> None:
        """
        Renew the lease until the session ends.
        """
        self._connected = session
        session.onLost = self._lost
        session.follow(self._received)
        try:
            await self._listen(session)
            while session.open:
                sent = self._clock.seconds()
                await self._beat(session)
                if self.session is None and session.open:
                    self.session = session
                    self._condition.report("link", None)
                    self._owner.joined()
                beats, self._beats = self._beats, []
                for each in beats:
                    each.callback(None)
                await self._sleep(max(0.0, sent + BEAT - self._clock.seconds()))
            raise self._reason or LinkLost("the connection to the engine is lost")
        finally:
            self._reason = None
            self._connected = None
            session.close()
            self._suspend()

    async def _listen(self, session: Session) -> None:
        """
        Subscribe to the channel of this node, to which other nodes publish under its current name.
        """
        self._echo.channel = self._keys.echo(self.lease.name)
        (subscribed,) = session.subscribe([self._echo.channel])
        await within(self._clock, PATIENCE, subscribed, "subscription")

    async def _beat(self, session: Session) -> None:
        """
        Renew the lease, and wait for the echo.
        """
        sent = self._clock.seconds()
        if not self.lease.begin(sent):
            self._suspend()
        dead = None
        while dead is None:
            seen = self._owner.seen()
            reply = await self._renew(session, sent)
            if session.life and session.life != reply[2].decode():
                raise LinkLost("the engine has another history than before")
            session.life = reply[2].decode()
            dead = self.lease.renewed(reply, sent, seen)
            if dead is None:
                self._suspend()
                self._log.warn(LEASE_LOST)
                session.unsubscribe(self._echo.channel)
                await self._listen(session)
        if dead:
            self._owner.gone(dead)

    async def _renew(self, session: Session, sent: float) -> Any:
        """
        @return: the reply of C{beat.lua}, after its echo
        """
        token, echo = self._echo.expect()
        words = [*self.lease.words(sent), self._echo.channel, token]
        asked = self._clock.seconds()
        beating = session.run(BEAT_SCRIPT, [self._keys.nodes], words)
        checking = self._check(session)
        try:
            reply = await within(self._clock, PATIENCE, beating, "answer from the engine")
            self._owner.renewed(reply[1] / 1000, self._clock.seconds() - asked)
            await within(self._clock, PATIENCE, echo, "echo from the engine")
            await checking
        except BaseException:
            for each in (echo, checking):
                each.addErrback(lambda _: None)
            raise
        return reply

    async def beat(self, seconds: float) -> None:
        """
        Renew the lease at once, and wait until that is done, or the time is over.
        """
        beat: Deferred[None] = Deferred()
        self._beats.append(beat)
        self.wake()
        with suppress(LinkLost):
            await within(self._clock, seconds, beat, "answer")
        if beat in self._beats:
            self._beats.remove(beat)

    def _check(self, session: Session) -> Deferred[None]:
        """
        Find out whether the engine accepts writes.

        @return: fires when it has answered; fails if another connection is necessary
        """
        checking = session.command(b"SET", self._keys.check, b"1", b"PX", 60_000)
        limited = within(self._clock, PATIENCE, checking, "answer from the engine")
        return limited.addCallback(self._checked).addErrback(self._refused)

    def _checked(self, _: object) -> None:
        self._condition.report("answer", None)
        self._condition.report("engine", None)

    def _refused(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, EngineFault) or error.fault.course is Course.RECONNECT:
            failure.raiseException()
        self._condition.report("engine", str(error))

    def _received(self, channel: bytes, frame: bytes) -> None:
        if channel == self._echo.channel:
            if not self._owner.requested(frame):
                self._echo.received(frame)
        else:
            self._owner.received(channel, frame)
