"""
The requests of nodes to each other to close the connections of a name. Each node receives them on
its own channel, where it also receives its echoes.
"""

from __future__ import annotations

from machat.store.redis.keys import Keys
from machat.store.redis.listing import namesOf
from machat.store.redis.owner import Owner, answer, sessionOf

#: The beginning of a request. An echo begins with a digit.
_REQUEST = b"evict "

#: The time within which the engine has to answer, in seconds.
PATIENCE = 5.0


class Evictions:
    """
    Implements L{machat.interfaces.evictions.IEvictions} for the store.
    """

    def __init__(self, store: Owner, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    async def evict(self, key: str) -> None:
        """
        See L{machat.interfaces.evictions.IEvictions}.
        """
        store, session = self._store, sessionOf(self._store)
        reading = session.command(b"HGETALL", self._keys.nodes)
        leases = await answer(store, PATIENCE, reading)
        frame = _REQUEST + key.encode()
        sending = [
            (b"PUBLISH", self._keys.echo(name), frame)
            for name in namesOf(leases)
            if name != store.node.lease.name
        ]
        await answer(store, PATIENCE, session.commands(sending))


def requestedOf(frame: bytes) -> str | None:
    """
    @param frame: a frame on the channel of this node
    @return: the key of the name, if it is a request of another node
    """
    if not frame.startswith(_REQUEST):
        return None
    return frame.removeprefix(_REQUEST).decode("utf-8", "replace")
