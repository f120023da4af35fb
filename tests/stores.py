"""
A store that answers when a test says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from machat.entries import Entry
from machat.events import Draft
from machat.interfaces import IRoomObserver, IStore, IStoredRoom
from machat.limits import DEFAULTS, Limits
from machat.records import Change, Claim, Claimed, Health, Size, Stored
from machat.store import MemoryStore
from machat.testing.passing import PassingRoom

_T = TypeVar("_T")


@implementer(IStore)
class SlowStore:
    """
    A L{MemoryStore} that answers, and reports, when the test says so.

    @ivar calls: the rooms that were opened and closed
    @ivar slowClaims: whether claims wait too
    """

    shared = False
    quotas = None

    def __init__(self, clock: IReactorTime, limits: Limits = DEFAULTS) -> None:
        self.store = MemoryStore(clock, limits)
        self.calls: list[str] = []
        self.slowClaims = False
        self._waiting: list[Callable[[], object]] = []

    def release(self) -> None:
        """
        Release everything that waits.
        """
        waiting, self._waiting = self._waiting, []
        for happen in waiting:
            happen()

    @property
    def waiting(self) -> int:
        """
        The number of operations that wait.
        """
        return len(self._waiting)

    def later(self, call: Callable[[], Deferred[_T]]) -> Deferred[_T]:
        """
        Make a call when it is released.
        """
        result: Deferred[_T] = Deferred()
        self._waiting.append(lambda: call().chainDeferred(result))
        return result

    def start(self) -> Deferred[None]:
        return self.store.start()

    def stop(self) -> Deferred[None]:
        return self.store.stop()

    def health(self) -> Health:
        return self.store.health()

    def size(self) -> Size:
        return self.store.size()

    def open(
        self, key: str, name: str, observer: IRoomObserver, network: str | None = None
    ) -> Deferred[IStoredRoom]:
        self.calls.append(f"open {name}")

        def opened() -> Deferred[IStoredRoom]:
            opening: Deferred[Any] = self.store.open(key, name, observer, network)
            return opening.addCallback(lambda room: SlowRoom(self, room))

        return self.later(opened)


class SlowRoom(PassingRoom):
    """
    A room of a L{SlowStore}.
    """

    def __init__(self, store: SlowStore, room: IStoredRoom) -> None:
        PassingRoom.__init__(self, room)
        self._store = store

    def append(self, batch: Sequence[Draft], changes: Sequence[Change] = ()) -> Deferred[Stored]:
        return self._store.later(lambda: self.room.append(batch, changes))

    def read(self, after: int, limit: int) -> Deferred[Sequence[Entry]]:
        return self._store.later(lambda: self.room.read(after, limit))

    def claim(self, claim: Claim, most: int) -> Deferred[Claimed]:
        if self._store.slowClaims:
            return self._store.later(lambda: self.room.claim(claim, most))
        return self.room.claim(claim, most)

    def close(self) -> None:
        self._store.calls.append(f"close {self.room.name}")
        self.room.close()


def messagesIn(store: IStore, key: str) -> list[Entry]:
    """
    @return: the messages of a room, by its key, that a L{MemoryStore} has
    """
    assert isinstance(store, MemoryStore)
    room = store._open.get(key) or store._idle.get(key)
    return [] if room is None else list(room.kept)
