"""
The rooms of all nodes. Each node has a sorted set of the rooms in which it has members, and one of
those that are also listed, and only it changes these sets. A reader merges the sets of the nodes
that are alive, so it does not find a room that only a dead node had.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail

from machat.errors import ChatError
from machat.interfaces.listing import OCCUPIED, Occupied, Shown
from machat.store.redis.keys import Keys
from machat.store.redis.owner import Owner, answer, sessionOf
from machat.store.redis.session import Session

#: The time within which the engine has to answer, in seconds. A client waits for it.
PATIENCE = 5.0

#: The lifetime of the set of a node, in ms. It is written again more often.
LIFETIME = 86_400_000

#: The number of rooms that one command adds.
_TOGETHER = 1000


def namesOf(leases: Sequence[bytes]) -> list[str]:
    """
    @param leases: the hash of all leases
    @return: the names of the nodes that are alive
    """
    return [
        name.decode()
        for name, value in zip(leases[::2], leases[1::2], strict=True)
        if not value.startswith(b"x")  # see beat.lua
    ]


class NodeSet:
    """
    A sorted set of keys of rooms for each node.
    """

    def __init__(self, store: Owner, nodes: bytes, keyOf: Callable[[str], bytes]) -> None:
        """
        @param nodes: the key of the leases of the nodes
        @param keyOf: returns the key of the set of a node
        """
        self._store = store
        self._nodes = nodes
        self._keyOf = keyOf
        self._own: set[str] = set()

    def change(self, key: str, present: bool) -> None:
        """
        Add a room to the set of this node, or remove it.
        """
        if present is (key in self._own):
            return
        if present:
            self._own.add(key)
        else:
            self._own.discard(key)
        session = self._store.node.session
        if session is not None:  # otherwise, see L{again}
            if present:
                self._add(session, [key])
            else:
                self._send(session, b"ZREM", self._key, key.encode())

    @property
    def _key(self) -> bytes:
        """
        The key of the set of this node, under its current name.
        """
        return self._keyOf(self._store.node.lease.name)

    def again(self) -> None:
        """
        Write the whole set again: the node may have another name, or the engine may have lost data.
        """
        session = self._store.node.session
        if session is not None:
            self._send(session, b"DEL", self._key)
            own = list(self._own)
            for start in range(0, len(own), _TOGETHER):
                self._add(session, own[start : start + _TOGETHER])

    def _add(self, session: Session, keys: Iterable[str]) -> None:
        words: list[bytes | int] = []
        for key in keys:
            words += (0, key.encode())
        self._send(session, b"ZADD", self._key, *words)
        self._send(session, b"PEXPIRE", self._key, LIFETIME)

    def _send(self, session: Session, *words: bytes | int) -> None:
        session.command(*words).addErrback(lambda _: None)  # the set is written again

    async def read(self, session: Session, first: bytes, last: bytes, limit: int) -> list[str]:
        """
        @param first: the first key, in the form of C{ZRANGEBYLEX}
        @param last: the last key
        @param limit: the maximum number of keys of one node
        @return: the keys of all nodes that are alive, in order, each once
        """
        leases = await session.command(b"HGETALL", self._nodes)
        alive = namesOf(leases)
        words = (first, last, b"LIMIT", 0, limit)
        asking = [(b"ZRANGEBYLEX", self._keyOf(each), *words) for each in alive]
        found = await session.commands(asking)
        return sorted({key.decode() for each in found for key in each})


class Listing:
    """
    Implements L{machat.interfaces.ISharedRooms} for the store.
    """

    def __init__(self, store: Owner, keys: Keys) -> None:
        self._store = store
        self._keys = keys
        self.listed = NodeSet(store, keys.nodes, keys.shown)
        self.occupied = NodeSet(store, keys.nodes, keys.occupied)

    def again(self) -> None:
        """
        See L{NodeSet.again}.
        """
        self.listed.again()
        self.occupied.again()

    def shown(self, prefix: str, after: str, limit: int) -> Deferred[Sequence[Shown]]:
        """
        See L{machat.interfaces.ISharedRooms}.
        """
        return self._read(self._shown, prefix, after, limit)

    def all(self) -> Deferred[tuple[int, Sequence[Occupied]]]:
        """
        See C{occupied} of L{machat.interfaces.ISharedRooms}.
        """
        return self._read(self._all)

    def _read(self, read: Callable[..., Coroutine[Any, Any, Any]], *words: Any) -> Deferred[Any]:
        try:
            session = sessionOf(self._store)
        except ChatError:
            return fail()
        return answer(self._store, PATIENCE, Deferred.fromCoroutine(read(session, *words)))

    async def _shown(
        self, session: Session, prefix: str, after: str, limit: int
    ) -> Sequence[Shown]:
        first = f"({after}" if after >= prefix and after else f"[{prefix}"
        last = b"(%b\xff" % prefix.encode()
        keys = (await self.listed.read(session, first.encode(), last, limit))[:limit]
        states, counts = await self._states(session, keys, b"name", b"topic", b"key")
        found = []
        for key, count, (name, topic, password) in zip(keys, counts, states, strict=True):
            if name is not None:
                about = None if topic is None else topic.decode("utf-8", "replace")
                found.append(Shown(key, name.decode(), about, count, password is not None))
        return found

    async def _all(self, session: Session) -> tuple[int, Sequence[Occupied]]:
        keys = await self.occupied.read(session, b"-", b"+", OCCUPIED)
        found = []
        for start in range(0, min(len(keys), OCCUPIED), _TOGETHER):
            some = keys[start : min(start + _TOGETHER, OCCUPIED)]
            states, counts = await self._states(session, some, b"name", b"seq")
            for count, (name, seq) in zip(counts, states, strict=True):
                if name is not None:
                    found.append(Occupied(name.decode(), count, int(seq or 0)))
        return len(keys), found

    async def _states(
        self, session: Session, keys: Sequence[str], *fields: bytes
    ) -> tuple[list[list[bytes | None]], list[int]]:
        """
        @return: these fields of the rooms, and the numbers of names in them
        """
        asking: list[tuple[bytes, ...]] = []
        for key in keys:
            room = self._keys.room(key)
            asking += ((b"HMGET", room.state, *fields), (b"HGET", room.claims, b"="))
        replies = await session.commands(asking)
        counts = [0 if each is None else int(each.split(b" ")[2]) for each in replies[1::2]]
        return replies[::2], counts  # see names.lua
