"""
A store that can be made slow or unavailable.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import alsoProvides, implementer

from machat.entries import Entry
from machat.events import Draft, Position, Receipt
from machat.interfaces import IDeliveries, IQuotas, IRoomObserver, IStore, IStoredRoom
from machat.interfaces.deliveries import Undelivered
from machat.records import Change, Claim, Claimed, Health, Names, Size, Stored
from machat.testing.operations import OperationQueue
from machat.testing.passing import PassingRoom

_CUT = "the test has cut the store: call restore()"


@implementer(IRoomObserver)
class _Observer:
    """
    Passes reports on to a room, until it is closed.
    """

    def __init__(self, queue: OperationQueue, observer: IRoomObserver) -> None:
        self._queue = queue
        self._observer = observer
        self.closed = False

    @property
    def _silent(self) -> bool:
        return self.closed or self._queue.dead

    def said(self, messages: Sequence[Entry], changes: Sequence[Change]) -> None:
        if not self._silent:
            self._observer.said(messages, changes)

    def moved(self, position: Position, complete: bool) -> None:
        if not self._silent:
            self._observer.moved(position, complete)

    def presence(self, joined: Sequence[str], left: Sequence[str]) -> None:
        if not self._silent:
            self._observer.presence(joined, left)

    def typing(self, name: str) -> None:
        if not self._silent:
            self._observer.typing(name)

    def lost(self, claim: Claim, reason: str) -> None:
        if not self._silent:
            self._observer.lost(claim, reason)


class _Room(PassingRoom):
    """
    An open room of an L{UnreliableStore}.
    """

    def __init__(self, queue: OperationQueue, room: IStoredRoom, observer: _Observer) -> None:
        PassingRoom.__init__(self, room)
        self._queue = queue
        self._observer = observer

    def append(self, batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Deferred[Stored]:
        return self._queue.ask(lambda: self.room.append(batch, changes), len(batch))

    def read(self, after: int, limit: int) -> Deferred[Sequence[Entry]]:
        return self._queue.ask(lambda: self.room.read(after, limit))

    def find(self, sender: str, id: str) -> Deferred[Receipt | None]:
        return self._queue.ask(lambda: self.room.find(sender, id))

    def claim(self, claim: Claim, most: int) -> Deferred[Claimed]:
        return self._queue.ask(
            lambda: self.room.claim(claim, most), undo=lambda _: self.room.release(claim)
        )

    def release(self, claim: Claim) -> None:
        self._queue.tell(lambda: self.room.release(claim))

    def members(self, limit: int) -> Deferred[Names]:
        return self._queue.ask(lambda: self.room.members(limit))

    def close(self) -> None:
        self._observer.closed = True
        self._queue.tell(self.room.close)


@implementer(IStore)
class UnreliableStore:
    """
    A store that can be made slow or unavailable, as a disk or an engine on another machine may be.
    It passes all operations on to another store, in their order.

    While the store is cut, operations wait. At their time limit
    (L{machat.testing.operations.DEADLINE}) they fail, and are not performed later, with one
    exception: an append that was already on its way when the store was cut, or that takes longer
    than the time limit, fails with L{MaybeStored} and is performed and reported later.

    @ivar store: the other store
    """

    def __init__(self, clock: IReactorTime, store: IStore) -> None:
        self.store = store
        self._queue = OperationQueue(clock)
        if IDeliveries.providedBy(store):
            alsoProvides(self, IDeliveries)

    @property
    def shared(self) -> bool:
        """
        See L{IStore}.
        """
        return self.store.shared

    @property
    def quotas(self) -> IQuotas | None:
        """
        See L{IStore}.
        """
        return self.store.quotas

    def cut(self) -> None:
        """
        Make the store unavailable.
        """
        self._queue.set(False, self._queue.seconds)

    def restore(self) -> None:
        """
        Make the store available. Operations that wait are performed at the end of this turn.
        """
        self._queue.set(True, self._queue.seconds)

    def lag(self, seconds: float) -> None:
        """
        Let every operation take some time. 0 ends this, also for the operations that wait.
        """
        self._queue.set(self._queue.up, seconds)

    def kill(self) -> None:
        """
        End the process: from now on, this object performs nothing and reports nothing.
        """
        self._queue.dead = True
        self._queue.empty()

    def start(self) -> Deferred[None]:
        return self._queue.ask(self.store.start)

    def stop(self) -> Deferred[None]:
        return succeed(None) if self._queue.dead else self._queue.idle().addCallback(self._stop)

    def _stop(self, _: None) -> Deferred[None]:
        self._queue.empty()
        return self.store.stop()

    def health(self) -> Health:
        if not self._queue.up:
            return Health(False, self._queue.since, self._queue.messages, _CUT)
        health = self.store.health()
        since = max(health.since, self._queue.since)
        return health._replace(since=since, waiting=health.waiting + self._queue.messages)

    def size(self) -> Size | None:
        return self.store.size()

    def undelivered(self, limit: int) -> Deferred[Sequence[Undelivered]]:
        """
        See L{IDeliveries}, which this store provides if the other one does.
        """
        return self._queue.ask(lambda: IDeliveries(self.store).undelivered(limit))

    def claimDelivery(self, key: str) -> Deferred[int | None]:
        """
        See L{IDeliveries}.
        """
        return self._queue.ask(lambda: IDeliveries(self.store).claimDelivery(key))

    def delivered(self, key: str, seq: int, more: bool) -> Deferred[None]:
        """
        See L{IDeliveries}.
        """
        return self._queue.ask(lambda: IDeliveries(self.store).delivered(key, seq, more))

    def open(
        self, key: str, name: str, observer: IRoomObserver, network: str | None = None
    ) -> Deferred[IStoredRoom]:
        reports = _Observer(self._queue, observer)

        def wrap(room: IStoredRoom) -> IStoredRoom:
            return _Room(self._queue, room, reports)

        return self._queue.ask(
            lambda: self.store.open(key, name, reports, network).addCallback(wrap),
            undo=lambda room: room.close(),
        )
