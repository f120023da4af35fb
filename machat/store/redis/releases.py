"""
Releases of claims, which the engine executes as soon as it is available.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.store.redis.faults import EngineFault
from machat.store.redis.keys import RoomKeys
from machat.store.redis.scripts import RELEASE
from machat.store.redis.session import LinkLost, Session

if TYPE_CHECKING:
    from machat.store.redis.store import RedisStore

#: The number of claims that are released with one script.
MOST = 100


class _Release(NamedTuple):
    """
    @ivar keys: the keys of the room
    @ivar room: its name
    @ivar key: the key of the claimed name
    """

    keys: RoomKeys
    room: str
    key: str


class Releases:
    """
    Releases the claims of a turn together, and again after a fault.
    """

    _log = Logger()

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._all: dict[str, _Release] = {}
        self._unsent: dict[str, None] = {}
        self._scheduled = False
        self._empty: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._all)

    def add(self, keys: RoomKeys, room: str, id: str, key: str) -> None:
        """
        Release a claim at the end of this turn, or as soon as there is a session.

        @param keys: the keys of its room
        @param room: the name of the room
        @param id: the id of the claim
        @param key: the key of the claimed name
        """
        self._all[id] = _Release(keys, room, key)
        self._unsent[id] = None
        if not self._scheduled and self._store.node.session is not None:
            self._scheduled = True
            self._store.clock.callLater(0, self.send)

    def again(self) -> None:
        """
        There is a new session: send everything that is not confirmed.
        """
        self._unsent = dict.fromkeys(self._all)
        self.send()

    def send(self) -> None:
        """
        Send the releases that wait for the end of the turn.
        """
        self._scheduled = False
        session = self._store.node.session
        if session is None or not self._unsent:
            return
        rooms: dict[bytes, list[str]] = {}
        for id in self._unsent:
            rooms.setdefault(self._all[id].keys.channel, []).append(id)
        self._unsent.clear()
        for ids in rooms.values():
            for start in range(0, len(ids), MOST):
                self._send(session, ids[start : start + MOST])

    def _send(self, session: Session, ids: list[str]) -> None:
        keys, room, _ = self._all[ids[0]]
        words = [*self._store.header(session, 0, keys, room), 0]
        for id in ids:
            words += (id.encode(), self._all[id].key.encode())
        sending = session.run(RELEASE, keys.six, words)
        sending.addCallback(self._sent, ids, keys)
        sending.addErrback(self._failed, ids)

    def _sent(self, frame: bytes, ids: Sequence[str], keys: RoomKeys) -> None:
        for id in ids:
            self._all.pop(id, None)
        self._store.received(keys.channel, frame)
        if not self._all:
            empty, self._empty = self._empty, []
            for each in empty:
                each.callback(None)

    def _failed(self, failure: Failure, ids: Sequence[str]) -> None:
        """
        Try again: after a fault at the next renewal of the lease, and after the end of the session
        in the next one.
        """
        self._unsent.update({id: None for id in ids if id in self._all})
        if not failure.check(LinkLost, EngineFault):
            self._log.failure("claims could not be released", failure)

    def purge(self, session: Session, keys: RoomKeys, room: str, nodes: Sequence[str]) -> None:
        """
        Release all claims of dead nodes in a room.
        """
        names = [node.encode() for node in nodes]
        words = [*self._store.header(session, 0, keys, room), len(names), *names]
        purging = session.run(RELEASE, keys.six, words)
        purging.addErrback(self._failed, ())  # the dead nodes are found again

    def whenEmpty(self) -> Deferred[None]:
        """
        @return: fires when all claims are released
        """
        empty: Deferred[None] = Deferred()
        if self._all:
            self._empty.append(empty)
        else:
            empty.callback(None)
        return empty

    def clear(self) -> None:
        """
        Give up: the claims end with the lease.
        """
        self._all.clear()
        self._unsent.clear()
