"""
The list of the rooms of all nodes. Each node has a sorted set of the rooms in which it has members,
and only it changes this set. A reader merges the sets of the nodes that are alive, so a room that
only a dead node had is not in the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from machat.errors import FAILED, ChatError
from machat.interfaces.listing import Shown
from machat.store.redis.appending import UNAVAILABLE
from machat.store.redis.faults import EngineFault
from machat.store.redis.keys import Keys
from machat.store.redis.node import Node
from machat.store.redis.session import LinkLost, Session, within

#: The time within which the engine has to answer, in seconds. A client waits for it.
PATIENCE = 5.0

#: The lifetime of the set of a node, in ms. It is written again more often.
LIFETIME = 86_400_000

#: The number of rooms that one command adds.
_TOGETHER = 1000


class Owner(Protocol):
    """
    The store, as its list sees it.
    """

    node: Node

    @property
    def clock(self) -> IReactorTime:
        """
        Measures all times.
        """


class Listing:
    """
    Implements L{machat.interfaces.ISharedRooms} for the store.
    """

    def __init__(self, store: Owner, keys: Keys) -> None:
        self._store = store
        self._keys = keys
        self._own: set[str] = set()

    def show(self, key: str, shown: bool) -> None:
        """
        See L{machat.interfaces.ISharedRooms}.
        """
        if shown:
            self._own.add(key)
        else:
            self._own.discard(key)
        session = self._store.node.session
        if session is not None:  # otherwise, see L{again}
            if shown:
                self._add(session, [key])
            else:
                self._send(session, b"ZREM", self._set, key.encode())

    @property
    def _set(self) -> bytes:
        """
        The key of the set of this node, under its current name.
        """
        return self._keys.shown(self._store.node.lease.name)

    def again(self) -> None:
        """
        Write the whole set again: the node may have another name, or the engine may have lost data.
        """
        session = self._store.node.session
        if session is not None:
            self._send(session, b"DEL", self._set)
            own = list(self._own)
            for start in range(0, len(own), _TOGETHER):
                self._add(session, own[start : start + _TOGETHER])

    def _add(self, session: Session, keys: Iterable[str]) -> None:
        words: list[bytes | int] = []
        for key in keys:
            words += (0, key.encode())
        self._send(session, b"ZADD", self._set, *words)
        self._send(session, b"PEXPIRE", self._set, LIFETIME)

    def _send(self, session: Session, *words: bytes | int) -> None:
        session.command(*words).addErrback(lambda _: None)  # the set is written again

    async def shown(self, prefix: str, after: str, limit: int) -> Sequence[Shown]:
        """
        See L{machat.interfaces.ISharedRooms}.
        """
        node = self._store.node
        session = node.session
        if session is None or not node.holds():
            raise ChatError(FAILED, UNAVAILABLE)
        first = f"({after}" if after >= prefix and after else f"[{prefix}"
        last = b"(%b\xff" % prefix.encode()
        bounds = (first.encode(), last, b"LIMIT", 0, limit)
        (leases,) = await self._all([session.command(b"HGETALL", self._keys.nodes)])
        alive = [
            name.decode()
            for name, value in zip(leases[::2], leases[1::2], strict=True)
            if not value.startswith(b"x")  # see beat.lua
        ]
        sets = [self._keys.shown(name) for name in alive]
        found = await self._all([session.command(b"ZRANGEBYLEX", each, *bounds) for each in sets])
        keys = sorted({key.decode() for each in found for key in each})[:limit]
        asking = []
        for key in keys:
            state, _, who, *_ = self._keys.room(key).six
            asking.append(session.command(b"HMGET", state, b"name", b"topic", b"key"))
            asking.append(session.command(b"HGET", who, b"="))
        replies = await self._all(asking)
        states = zip(keys, replies[::2], replies[1::2], strict=True)
        return [_shownOf(key, *each) for key, *each in states if each[0][0] is not None]

    async def _all(self, asking: Sequence[Deferred[Any]]) -> Sequence[Any]:
        try:
            gathered: Deferred[Any] = gatherResults(asking, consumeErrors=True)
            replies: Sequence[Any] = await within(self._store.clock, PATIENCE, gathered, "answer")
        except Exception as error:
            cause = getattr(getattr(error, "subFailure", None), "value", error)
            if isinstance(cause, LinkLost | EngineFault):
                raise ChatError(FAILED, UNAVAILABLE) from None
            raise
        return replies


def _shownOf(key: str, state: Sequence[bytes | None], who: bytes | None) -> Shown:
    """
    @param who: see C{names.lua}
    """
    name, topic, password = state
    return Shown(
        key,
        (name or b"").decode(),
        None if topic is None else topic.decode("utf-8", "replace"),
        0 if who is None else int(who.split(b" ")[2]),
        password is not None,
    )
