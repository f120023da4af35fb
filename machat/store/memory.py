"""
The store in the memory of one process.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from machat.clock import chatClock
from machat.interfaces import IDeliveries, IRoomObserver, IStore, IStoredRoom
from machat.interfaces.deliveries import Undelivered
from machat.limits import DEFAULTS, Limits
from machat.records import Health, Size
from machat.store.deduplication import RecentIds
from machat.store.memoryroom import MemoryRoom
from machat.store.roster import Roster
from machat.store.shares import Share, Shares, waterline

#: The longest age of a message, seconds: 30,000 years.
_AGES = 1e12


@implementer(IStore, IDeliveries)
class MemoryStore:
    """
    Keeps each room's last messages, limited by count, bytes and age.

    When all rooms together exceed the total, a part of it is freed: see L{Shares}. A room belongs
    to the network of the member for whom it was first opened. Within a network, its empty rooms are
    forgotten first, in the order in which their last members left, except those with mutes or bans.
    Then the oldest messages of its largest rooms are dropped. A forgotten room begins a new epoch.

    @ivar ids: the ids of recent messages
    @ivar now: returns Unix time
    @ivar limits: the limits of the chat
    @ivar age: the maximum age of a message, ms
    @ivar shares: the memory of all rooms
    """

    shared = False
    quotas = None

    def __init__(self, clock: IReactorTime, limits: Limits = DEFAULTS) -> None:
        self._clock = chatClock(clock)
        self.now = self._clock.now
        self.limits = limits
        self.age = int(min(limits.logAge, _AGES) * 1000)  # comparing integers is faster
        self._open: dict[str, MemoryRoom] = {}
        self._idle: OrderedDict[str, MemoryRoom] = OrderedDict()
        self.shares = Shares(limits.logTotal)
        self._life = secrets.token_bytes(16)
        self._began = self._clock.seconds()
        self._forgotten = 0
        self._delivering = False
        self.ids = RecentIds(self._clock, limits)

    def start(self) -> Deferred[None]:
        return succeed(None)

    def stop(self) -> Deferred[None]:
        """
        Close the open rooms, and begin a new life: after the next start, rooms continue their
        messages in a new epoch.
        """
        for room in list(self._open.values()):
            room.roster = Roster()
            room.close()
        self._life = secrets.token_bytes(16)
        return succeed(None)

    def health(self) -> Health:
        return Health(True, self._began)

    def size(self) -> Size:
        rooms = [*self._open.values(), *self._idle.values()]
        return Size(len(rooms), sum([len(room.kept) for room in rooms]), self.shares.bytes)

    def open(
        self, key: str, name: str, observer: IRoomObserver, network: str | None = None
    ) -> Deferred[IStoredRoom]:
        self._expire()
        room = self._idle.pop(key, None)
        if room is None:
            room = MemoryRoom(self, key, name, self.shares.join(network))
            self.shares.charge(room.share, room.bytes)
        room.begin(self._life, self._epochOf(key))
        room.observer = observer
        self._open[key] = room
        if self.shares.bytes > self.shares.limit:
            self.relieve()
        return succeed(room)

    def undelivered(self, limit: int) -> Deferred[Sequence[Undelivered]]:
        rooms = [*self._open.values(), *self._idle.values()]
        if not self._delivering:
            self._delivering = True
            for room in rooms:
                room.delivered = room.seq
        found = [Undelivered(room.name, room.seq) for room in rooms if room.seq > room.delivered]
        return succeed(found[:limit])

    def claimDelivery(self, key: str) -> Deferred[int | None]:
        room = self._find(key)
        return succeed(0 if room is None else room.delivered)

    def delivered(self, key: str, seq: int, more: bool) -> Deferred[None]:
        room = self._find(key)
        if room is not None:
            room.delivered = seq
        return succeed(None)

    def _find(self, key: str) -> MemoryRoom | None:
        return self._open.get(key) or self._idle.get(key)

    def _epochOf(self, key: str) -> str:
        """
        @return: an unguessable string. A room that was forgotten without any messages may get the
            same string again, since its earlier members have missed nothing
        """
        life = f"{self._forgotten} {key}".encode()
        return blake2b(life, digest_size=8, key=self._life).hexdigest()

    def refresh(self, room: MemoryRoom) -> None:
        """
        Drop the messages of a room that have become too old.
        """
        before = room.bytes
        room.trim(self.limits, int(self.now() * 1000) - self.age)
        self.shares.charge(room.share, room.bytes - before)

    def closed(self, room: MemoryRoom) -> None:
        """
        A room was closed.
        """
        if self._open.get(room.key) is not room:  # L{stop} has closed it before
            return
        del self._open[room.key]
        if not room.kept and not room.lasting(self.now()):
            self._forget(room)
            return
        room.idle = self.now()
        self._idle[room.key] = room
        self._expire()

    def _expire(self) -> None:
        """
        Forget the rooms that have been empty for longer than the age limit.
        """
        now = self.now()
        while self._idle:
            room = next(iter(self._idle.values()))
            if room.idle >= now - self.limits.logAge:
                return
            del self._idle[room.key]
            if room.lasting(now):
                self.refresh(room)
                room.idle = now
                self._idle[room.key] = room
            else:
                self._forget(room)

    def _forget(self, room: MemoryRoom) -> None:
        self._forgotten += room.seq > 0
        self.shares.leave(room.share, room.bytes)

    def relieve(self) -> None:
        """
        Free a part of the total, see L{MemoryStore}.
        """
        self._expire()
        over = self.shares.excess()
        self._forgetIdle(over)
        self._shorten(over)
        self.shares.relieved()

    def _forgetIdle(self, over: dict[Share, int]) -> None:
        """
        Forget empty rooms of each share with an excess, which is reduced by what is freed.
        """
        now = self.now()
        holding = len(over)
        for room in list(self._idle.values()) if over else ():
            if over.get(room.share, 0) > 0 and not room.lasting(now):
                over[room.share] -= room.bytes
                del self._idle[room.key]
                self._forget(room)
                holding -= over[room.share] <= 0
                if not holding:
                    break

    def _shorten(self, over: dict[Share, int]) -> None:
        """
        Drop the oldest messages of the largest rooms of each share with an excess.
        """
        rooms: dict[Share, list[MemoryRoom]] = {}
        for room in [*self._open.values(), *self._idle.values()]:
            if over.get(room.share, 0) > 0:
                rooms.setdefault(room.share, []).append(room)
        for share, largest in rooms.items():
            level = waterline([room.spare for room in largest], over[share])
            for room in largest:
                before = room.bytes
                room.shorten(level)
                self.shares.charge(share, room.bytes - before)
