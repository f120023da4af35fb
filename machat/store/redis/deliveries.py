"""
The last delivered message of each room, and the process that delivers its messages.

The number of the last message is a field of the state of the room, so that it is lost or kept
together with the messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from machat.errors import FAILED, ChatError
from machat.interfaces.deliveries import Undelivered
from machat.store.redis.appending import UNAVAILABLE
from machat.store.redis.keys import Keys
from machat.store.redis.owner import Owner, answer
from machat.store.redis.scripts import DELIVER
from machat.store.redis.session import Session

#: The length of a claim, in seconds.
CLAIM = 30.0

#: The time within which the engine has to answer, in seconds.
PATIENCE = 10.0

#: The number of keys that one step of a search looks at.
_KEYS = 1000


class Deliveries:
    """
    Implements L{machat.interfaces.IDeliveries} for the store.
    """

    def __init__(self, store: Owner, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    async def undelivered(self, limit: int) -> Sequence[Undelivered]:
        """
        See L{machat.interfaces.IDeliveries}.
        """
        first = await self._command(b"SET", self._keys.delivery, b"1", b"NX")
        found: list[Undelivered] = []
        cursor = b"0"
        while len(found) < limit:
            words = (b"MATCH", self._keys.states, b"COUNT", _KEYS)
            cursor, keys = await self._command(b"SCAN", cursor, *words)
            for key, (name, seq, done) in zip(keys, await self._states(keys), strict=True):
                if first is not None and seq:
                    await self._command(b"HSETNX", key, b"delivered", seq)
                elif name and seq and int(seq) > int(done or 0):
                    found.append(Undelivered(name.decode(), int(seq)))
            if cursor == b"0":
                break
        return list(dict.fromkeys(found))[:limit]  # a search may find a key twice

    async def _states(self, keys: Sequence[bytes]) -> Sequence[Any]:
        asking = [(b"HMGET", key, b"name", b"seq", b"delivered") for key in keys]
        return await answer(self._store, PATIENCE, self._session().commands(asking))

    async def claim(self, key: str) -> int | None:
        """
        See L{machat.interfaces.IDeliveries}.
        """
        reply = await self._deliver(key, b"", b"")
        return None if reply is None else int(reply)

    async def delivered(self, key: str, seq: int, more: bool) -> None:
        """
        See L{machat.interfaces.IDeliveries}.
        """
        await self._deliver(key, b"%d" % seq, b"1" if more else b"")

    async def _deliver(self, key: str, seq: bytes, more: bytes) -> Any:
        room = self._keys.room(key)
        words = [self._store.process, int(CLAIM * 1000), seq, more]
        keys = [room.state, f"{room.room}:deliver".encode()]
        return await answer(self._store, PATIENCE, self._session().run(DELIVER, keys, words))

    async def _command(self, *words: bytes | int) -> Any:
        return await answer(self._store, PATIENCE, self._session().command(*words))

    def _session(self) -> Session:
        """
        @return: the session, even if the node holds no lease. Claims end after L{CLAIM} seconds
        """
        session = self._store.node.session
        if session is None:
            raise ChatError(FAILED, UNAVAILABLE)
        return session
