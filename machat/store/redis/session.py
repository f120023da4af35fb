"""
A session with the engine: a connection for commands and a connection for subscriptions, which are
opened and lost together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from machat.store.redis.connection import (
    Commands,
    Disconnected,
    ResponseError,
    Subscription,
    factoryOf,
)
from machat.store.redis.faults import EngineFault, Fault, faultOf
from machat.store.redis.location import Host, Location
from machat.store.redis.scripts import ALL, Script

T = TypeVar("T")


class LinkLost(Exception):
    """
    There is no connection to the engine. A command that was sent may have been executed.
    """


def within(clock: IReactorTime, seconds: float, waiting: Deferred[T], what: str) -> Deferred[T]:
    """
    Limit the time of an operation. After that time, it is cancelled.

    @return: fires with its result, or fails with L{LinkLost}
    """
    return waiting.addTimeout(
        max(0.0, seconds), clock, lambda _, seconds: _late(f"{what} within {seconds:g} s")
    )


def _late(what: str) -> Failure:
    return Failure(LinkLost(f"no {what}"))


def _explained(failure: Failure) -> Failure:
    """
    @return: the failure of a command in the terms of this package
    """
    if failure.check(ResponseError):
        return Failure(EngineFault(faultOf(str(failure.value))))
    if failure.check(Disconnected):
        return Failure(LinkLost(str(failure.value)))
    return failure


class Session:
    """
    A session.

    @ivar life: the replication id of the engine, which changes with each restart and failover
    @ivar open: whether neither connection is lost
    @ivar onLost: called once, when the session has ended by itself
    """

    def __init__(self, commands: Commands, subscription: Subscription) -> None:
        self._commands = commands
        self._subscription = subscription
        self.life = ""
        self.open = True
        self.onLost: Callable[[], object] = lambda: None
        commands.onLost = subscription.onLost = self._lost
        if not (commands.connected and subscription.connected):
            self.close()

    def follow(self, onFrame: Callable[[bytes, bytes], object]) -> None:
        """
        @param onFrame: called with the channel and the content of each published message
        """
        self._subscription.onFrame = onFrame

    def command(self, *words: bytes | int) -> Deferred[Any]:
        """
        @return: fires with the reply; fails with L{EngineFault} or L{LinkLost}
        """
        return self._commands.command(*words).addErrback(_explained)

    def commands(self, several: Sequence[Sequence[bytes | int]]) -> Deferred[list[Any]]:
        """
        Send several commands together.

        @return: fires with the replies; fails with L{EngineFault} or L{LinkLost}
        """
        return self._commands.commands(several).addErrback(_explained)

    def run(self, script: Script, keys: Sequence[bytes], words: Sequence[Any]) -> Deferred[Any]:
        """
        Run a script.

        @return: fires with the reply; fails with L{EngineFault} or L{LinkLost}
        """
        tail = (len(keys), *keys, *words)
        running = self._commands.command(b"EVALSHA", script.digest, *tail)
        return running.addErrback(self._refused, script, tail)

    def _refused(self, failure: Failure, script: Script, tail: tuple[Any, ...]) -> Any:
        """
        Send the script itself if the engine has forgotten it, for example after C{SCRIPT FLUSH}.
        """
        if failure.check(ResponseError) and str(failure.value).startswith("NOSCRIPT"):
            return self.command(b"EVAL", script.source, *tail)
        return _explained(failure)

    def subscribe(self, channels: Sequence[bytes]) -> list[Deferred[None]]:
        """
        @return: for each channel, fires when it is subscribed; fails with L{LinkLost}
        """
        waiting = self._subscription.subscribe(list(channels))
        return [each.addErrback(_explained) for each in waiting]

    def unsubscribe(self, channel: bytes) -> None:
        """
        End a subscription.
        """
        self._subscription.unsubscribe(channel)

    def close(self) -> None:
        """
        End the session. Commands without a reply fail.
        """
        self.open = False
        self.onLost = lambda: None
        for connection in (self._commands, self._subscription):
            connection.abort()

    def _lost(self) -> None:
        if self.open:
            onLost = self.onLost
            self.close()
            onLost()


class Connector:
    """
    Opens sessions.
    """

    def __init__(self, reactor: Any, clock: IReactorTime, location: Location) -> None:
        self._reactor = reactor
        self._clock = clock
        self._location = location

    async def connect(self, seconds: float) -> Session:
        """
        @param seconds: the maximum duration of each step
        @raise EngineFault: the engine has refused something
        @raise LinkLost: it did not answer
        """
        host = await self._master(seconds)
        made: list[Commands] = []
        try:
            commands = await self._open(Commands, host, seconds)
            made.append(commands)
            subscription = await self._open(Subscription, host, seconds)
            made.append(subscription)
            session = Session(commands, subscription)
            await self._prepare(session, seconds)
        except BaseException:
            for connection in made:
                connection.abort()
            raise
        return session

    async def _prepare(self, session: Session, seconds: float) -> None:
        """
        Check that the engine is a master, and load the scripts into it.
        """
        role = await self._ask(session.command(b"ROLE"), seconds)
        if role[0] != b"master":
            raise EngineFault(faultOf("READONLY"))
        waiting = [session.command(b"SCRIPT", b"LOAD", script.source) for script in ALL]
        try:
            for script, each in zip(ALL, waiting, strict=True):
                if await self._ask(each, seconds) != script.digest:
                    raise EngineFault(Fault("the engine is not Redis 7 or Valkey"))
        finally:
            for each in waiting:  # the others fail when the connection is closed
                each.addErrback(lambda _: None)

    async def _ask(self, waiting: Deferred[T], seconds: float) -> T:
        return await within(self._clock, seconds, waiting, "answer from the engine")

    async def _open(self, kind: type[Any], host: Host | None, seconds: float) -> Any:
        """
        Open a connection, log in, and select the database.
        """
        connection = await self._dial(kind, host, seconds)
        try:
            credentials = self._credentials()
            if credentials:
                await self._checked(connection.command(b"AUTH", *credentials), seconds)
            if self._location.database:
                await self._checked(connection.command(b"SELECT", self._location.database), seconds)
        except BaseException:
            connection.abort()
            raise
        return connection

    def _credentials(self) -> list[bytes]:
        try:
            return self._location.credentials()
        except (OSError, ValueError) as error:
            raise EngineFault(Fault(f"the password file cannot be read: {error}")) from None

    async def _checked(self, waiting: Deferred[T], seconds: float) -> T:
        return await self._ask(waiting.addErrback(_explained), seconds)

    async def _dial(self, kind: type[Any], host: Host | None, seconds: float) -> Any:
        where = self._location if host is None else f"{host.host}:{host.port}"
        try:
            connecting = self._location.endpoint(self._reactor, host).connect(factoryOf(kind))
            connection: Any = await within(
                self._clock, seconds, connecting, f"connection to {where}"
            )
        except LinkLost:
            raise
        except Exception as error:
            detail = str(error).strip().replace("\n", " ") or type(error).__name__
            raise LinkLost(f"no connection to {where}: {detail}") from None
        if hasattr(connection.transport, "setTcpNoDelay"):
            connection.transport.setTcpNoDelay(True)
        return connection

    async def _master(self, seconds: float) -> Host | None:
        """
        @return: the host of the master; C{None}: it has a UNIX socket
        """
        location = self._location
        if not location.sentinel:
            return location.hosts[0] if location.hosts else None
        reason: Exception = LinkLost("no Sentinel")
        for sentinel in location.hosts:
            try:
                found = await self._from(sentinel, seconds)
                if found is not None:
                    return found
                reason = EngineFault(
                    Fault(f"Sentinel {sentinel.host} does not know {location.sentinel}")
                )
            except (LinkLost, EngineFault) as error:
                reason = error
        raise reason

    async def _from(self, sentinel: Host, seconds: float) -> Host | None:
        connection = await self._dial(Commands, sentinel, seconds)
        try:
            name = self._location.sentinel.encode()
            asking = connection.command(b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", name)
            found = await self._checked(asking, seconds)
        finally:
            connection.abort()
        return None if found is None else Host(found[0].decode(), int(found[1]))
