"""
The store in Redis or Valkey.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore, fail
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.clock import ChatClock, chatClock
from machat.errors import FAILED, ChatError
from machat.interfaces import IDeliveries, IRoomObserver, ISharedRooms, IStore, IStoredRoom
from machat.interfaces.deliveries import Undelivered
from machat.interfaces.evictions import IEvictions
from machat.interfaces.listing import Occupied, Shown
from machat.limits import DEFAULTS, Limits
from machat.records import Health, Size
from machat.store.redis.appending import UNAVAILABLE, Deadlines, limitWords
from machat.store.redis.condition import Condition
from machat.store.redis.deliveries import Deliveries
from machat.store.redis.evictions import Evictions, requestedOf
from machat.store.redis.faults import EngineFault, Fault
from machat.store.redis.follower import Stage
from machat.store.redis.keys import Keys, RoomKeys
from machat.store.redis.listing import Listing
from machat.store.redis.location import Location
from machat.store.redis.node import Node
from machat.store.redis.quotas import Quotas
from machat.store.redis.releases import Releases
from machat.store.redis.room import RedisRoom
from machat.store.redis.session import Connector, LinkLost, Session, within
from machat.store.redis.times import EngineTime

#: The time within which an operation succeeds or fails, in seconds.
DEADLINE = 10.0

#: The number of rooms that catch up at the same time after a new connection.
ROOMS = 64

#: The minimum lifetime of the keys of a room, in seconds.
LIFETIME = 86_400.0

#: The time after which the lifetime of the keys of open rooms is extended, in seconds.
TOUCH = 3_600.0


@implementer(IStore, IDeliveries, IEvictions, ISharedRooms)
class RedisStore:
    """
    Keeps a chat in Redis 7 or Valkey, so that several processes serve it together.

    @ivar process: identifies this process among the writers
    @ivar clock: measures all times
    @ivar node: this process as a node
    @ivar time: the time of the engine
    @ivar deadlines: the batches that are not stored yet
    @ivar releases: the claims that are being released
    @ivar quotas: the numbers that the nodes count together
    @ivar limitWords: the limits, for the scripts
    """

    shared = True
    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        location: Location,
        limits: Limits = DEFAULTS,
        deadline: float = DEADLINE,
    ) -> None:
        """
        @param reactor: opens the connections, and measures time
        @param location: the address of the engine
        @param deadline: the time within which an operation succeeds or fails, in seconds
        """
        self.clock: ChatClock = chatClock(reactor)
        self._deadline = deadline
        self._keys = Keys(location.prefix, location.database)
        self.process = secrets.token_hex(6).encode()
        self._secret = secrets.token_hex(6).encode()
        self._ids = self._batches = self._epochs = 0
        self.limitWords = limitWords(limits)
        age = max(LIFETIME, min(limits.logAge, 2**40))
        self._lifetime = int((age + LIFETIME) * 1000)
        connector = Connector(reactor, self.clock, location)
        self._condition = Condition(self.clock, "link", f"not connected to {location} yet")
        self.node = Node(self.clock, connector, self._keys, self._condition, self)
        self.time = EngineTime()
        self.deadlines = Deadlines(self.clock, deadline, self._late)
        self._rooms: dict[bytes, RedisRoom] = {}
        self._turns = DeferredSemaphore(ROOMS)
        self.releases = Releases(self)
        self.quotas = Quotas(self, self._keys)
        self._deliveries = Deliveries(self, self._keys)
        self._listing = Listing(self, self._keys)
        self._evictions = Evictions(self, self._keys)
        self.evicted: Callable[[str], object] = lambda key: None
        self._starting: Deferred[None] | None = None
        self._running = False
        self._touched = self.clock.seconds()

    def start(self) -> Deferred[None]:
        starting = self._starting = Deferred()
        self._running = True
        self._condition.start()
        self.node.start()
        limited = within(self.clock, self._deadline, starting, "connection")
        limited.addErrback(self._notStarted)
        return limited

    def _notStarted(self, failure: Failure) -> Deferred[None]:
        self._starting = None
        reason = self._condition.reason
        stopping: Deferred[None] = self.stop()
        stopping.addCallback(lambda _: fail(EngineFault(Fault(reason))))
        return stopping

    def stop(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._running = False
        with suppress(LinkLost):
            await within(self.clock, self._deadline, self.deadlines.whenEmpty(), "answer")
        for room in list(self._rooms.values()):
            for _, claim in room.claims.all():
                room.release(claim)
        if self.node.session is not None:
            with suppress(LinkLost):  # otherwise, the claims end with the lease
                await within(self.clock, self._deadline, self.releases.whenEmpty(), "answer")
        for room in list(self._rooms.values()):
            room.close()
        self.releases.clear()
        self.quotas.stop()
        self.deadlines.close()
        await self.node.stop(self._deadline)
        self._condition.stop()

    def health(self) -> Health:
        return self._condition.health(self.deadlines.waiting)

    def size(self) -> Size | None:
        return None

    def open(
        self, key: str, name: str, observer: IRoomObserver, network: str | None = None
    ) -> Deferred[IStoredRoom]:
        if not self._running:
            return fail(ChatError(FAILED, UNAVAILABLE))
        room = RedisRoom(self, self._keys.room(key), name, observer)
        self._rooms[room.keys.channel] = room
        opened: Deferred[IStoredRoom] = Deferred()
        opening = Deferred.fromCoroutine(self._open(room))
        opening.addCallback(self._opened, room, opened)
        opening.addErrback(self._notOpened, room, opened)
        return opened

    async def _open(self, room: RedisRoom) -> None:
        due = self.due()
        room.follower.catchUp()
        await room.follower.whenReady(due)
        if any([node not in self.node.lease.alive for node in room.claims.view.nodes]):
            await self.node.beat(due - self.clock.seconds())

    def _opened(self, _: object, room: RedisRoom, opened: Deferred[IStoredRoom]) -> None:
        opened.callback(room)  # the observer of a room knows it before it is called
        if room.follower.stage is not Stage.CLOSED:
            room.claims.speak()

    def _notOpened(self, failure: Failure, room: RedisRoom, opened: Deferred[IStoredRoom]) -> None:
        room.close()
        if not failure.check(ChatError):
            self._log.failure("a room could not be opened", failure)
            failure = Failure(ChatError(FAILED, UNAVAILABLE))
        opened.errback(failure)

    def undelivered(self, limit: int) -> Deferred[Sequence[Undelivered]]:
        return Deferred.fromCoroutine(self._deliveries.undelivered(limit))

    def claimDelivery(self, key: str) -> Deferred[int | None]:
        return Deferred.fromCoroutine(self._deliveries.claim(key))

    def delivered(self, key: str, seq: int, more: bool) -> Deferred[None]:
        return Deferred.fromCoroutine(self._deliveries.delivered(key, seq, more))

    def show(self, key: str, shown: bool) -> None:
        self._listing.listed.change(key, shown)

    def shown(self, prefix: str, after: str, limit: int) -> Deferred[Sequence[Shown]]:
        return self._listing.shown(prefix, after, limit)

    def occupy(self, key: str, occupied: bool) -> None:
        self._listing.occupied.change(key, occupied)

    def occupied(self) -> Deferred[tuple[int, Sequence[Occupied]]]:
        return self._listing.all()

    def closed(self, room: RedisRoom) -> None:
        """
        A room is closed.
        """
        if self._rooms.get(room.keys.channel) is room:
            del self._rooms[room.keys.channel]
            if self.node.session is not None:
                self.node.session.unsubscribe(room.keys.channel)
            self.noteFault(room.name, None)

    def due(self) -> float:
        """
        @return: the time at which an operation that begins now fails
        """
        return self.clock.seconds() + self._deadline

    def newNumber(self) -> int:
        """
        @return: the number of a new batch, above those of all batches before
        """
        self._batches += 1
        return self._batches

    def newId(self) -> str:
        """
        @return: the id of a new claim
        """
        self._ids += 1
        return f"{self.process.decode()}:{self._ids}"

    def isOwn(self, id: str) -> bool:
        """
        @return: whether a claim belongs to this process
        """
        return id.startswith(f"{self.process.decode()}:")

    def header(self, session: Session, seq: int, keys: RoomKeys, name: str) -> list[Any]:
        """
        @param session: the session that runs the script. The node may have no lease at the moment,
            but the engine is the same as before
        @return: the first arguments of all scripts about a room, see C{common.lua}
        """
        self._epochs += 1
        fresh = b"%b%x" % (self._secret, self._epochs)
        return [session.life.encode(), fresh, seq, keys.channel, self._lifetime, name.encode()]

    def _late(self) -> None:
        reason = f"the engine does not answer within {self._deadline:g} s: check it and the network"
        self._condition.report("answer", reason)

    def answered(self, room: str) -> None:
        """
        The engine has stored something.
        """
        if not self._condition.up:
            self._condition.report("answer", None)
            self.noteFault(room, None)

    def noteFault(self, room: str, fault: Fault | None) -> None:
        """
        @param fault: a fault in a room; C{None}: there is none
        """
        if fault is None or fault.local:
            source = f"room {room}"
            self._condition.report(source, None if fault is None else f"{fault.text} (in {room})")
        else:
            self._condition.report("engine", fault.text)

    def noteLoss(self, room: str) -> None:
        """
        The engine has lost data of a room that was reported here.
        """
        self._condition.lost(room)

    def schedule(self, work: Callable[[], Coroutine[Deferred[Any], Any, None]]) -> None:
        """
        Let a room catch up, when fewer than L{ROOMS} others do.
        """
        running = self._turns.run(work)
        running.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("a room could not catch up", failure)

    def joined(self) -> None:
        self.releases.again()
        self.quotas.again()
        self._listing.again()
        for room in list(self._rooms.values()):
            room.follower.catchUp()
        self._askPolicy()
        if self._starting is not None:
            starting, self._starting = self._starting, None
            starting.callback(None)

    def _askPolicy(self) -> None:
        """
        Warn if the engine may delete keys that are in use.
        """
        if self.node.session is not None:
            asking = self.node.session.command(b"INFO", b"memory")
            asking.addCallback(self._notePolicy).addErrback(lambda _: None)

    def _notePolicy(self, reply: bytes) -> None:
        found = dict(line.split(":", 1) for line in reply.decode().split("\r\n") if ":" in line)
        policy = found.get("maxmemory_policy", "noeviction")
        if policy != "noeviction" and found.get("maxmemory") != "0":
            self._log.warn(
                "the engine deletes data when its memory is full (maxmemory-policy {policy}): set"
                " noeviction",
                policy=policy,
            )

    def suspended(self) -> None:
        for room in list(self._rooms.values()):
            room.follower.suspend()

    def received(self, channel: bytes, frame: bytes) -> None:
        room = self._rooms.get(channel)
        if room is not None and frame:
            room.follower.received(frame)

    def requested(self, frame: bytes) -> bool:
        key = requestedOf(frame)
        if key is None:
            return False
        self.evicted(key)
        return True

    def evict(self, key: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._evictions.evict(key))

    def failed(self, error: Exception) -> None:
        if self._starting is not None:
            starting, self._starting = self._starting, None
            starting.errback(error)

    def seen(self) -> set[str]:
        self.releases.send()
        if self.clock.seconds() >= self._touched + TOUCH:
            self._touch()
        found: set[str] = set()
        for room in self._rooms.values():
            found.update(room.claims.view.nodes)
        return found

    def _touch(self) -> None:
        """
        Extend the lifetime of the keys of open rooms, as reading them does, and of the quotas.
        """
        self._touched = self.clock.seconds()
        self.quotas.again()
        self._listing.again()
        for room in list(self._rooms.values()):
            room.follower.catchUp()

    def renewed(self, engine: float, waited: float) -> None:
        self.time.measured(engine, self.clock.now(), waited)

    def gone(self, nodes: set[str]) -> None:
        """
        Release the claims of dead nodes.
        """
        for room in list(self._rooms.values()):
            dead = [node for node in room.claims.view.nodes if node in nodes]
            if dead and self.node.session is not None:
                self.releases.purge(self.node.session, room.keys, room.name, dead)
