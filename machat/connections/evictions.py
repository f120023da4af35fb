"""
The end of all connections of a name, in all processes of a chat.
"""

from __future__ import annotations

from collections.abc import Iterable

from machat import names
from machat.errors import REMOVED
from machat.interfaces import IClientConnection
from machat.interfaces.evictions import IEvictions


class Evictions:
    """
    Closes connections.
    """

    def __init__(self, connections: Iterable[IClientConnection], others: IEvictions | None) -> None:
        """
        @param connections: those of this process
        @param others: the other processes; C{None}: there are none
        """
        self._connections = connections
        self._others = others
        if others is not None:
            others.evicted = self._close

    async def evict(self, name: str) -> int:
        """
        Close all connections of a name. The clients do not reconnect by themselves.

        @return: the number of connections of this process
        @raise ChatError: C{bad-name}; C{failed}: the connections of this process are closed, and
            perhaps those of others
        """
        key = names.key(names.checkName(name))
        count = self._close(key)
        if self._others is not None:
            await self._others.evict(key)
        return count

    def _close(self, key: str) -> int:
        found = [each for each in self._connections if names.key(each.name) == key]
        for connection in found:
            connection.disconnected(REMOVED)
        return len(found)
