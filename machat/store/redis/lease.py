"""
The lease of a node.
"""

from __future__ import annotations

import secrets
from typing import Any

#: The length of a lease, in seconds.
LEASE = 10.0


class Lease:
    """
    The lease of this process, as far as it is known here, and the nodes that are alive.

    The lease ends here no later than in the engine, because it is counted from the time at which
    its renewal was sent.

    @ivar name: the current name of the node
    @ivar alive: the names of the nodes that were alive at the last renewal
    @ivar registered: whether the engine knows this name
    """

    def __init__(self) -> None:
        self.alive: set[str] = set()
        self.clear()

    def clear(self) -> None:
        """
        Begin again, under a new name.
        """
        self.name = secrets.token_hex(8)
        self.registered = False
        self._until = self._began = 0.0

    def holds(self, now: float) -> bool:
        """
        @return: whether the lease has not expired
        """
        return now < self._until

    def begin(self, sent: float) -> bool:
        """
        Begin a renewal.

        @param sent: the time at which it is sent
        @return: whether the lease has not expired
        """
        if sent < self._until:
            return True
        self._began = sent
        return False

    def _unbroken(self, sent: float) -> bool:
        """
        @return: whether the lease has been held for so long that this node may declare others dead
        """
        return sent - self._began >= LEASE

    def words(self, sent: float) -> list[Any]:
        """
        @return: the first arguments of C{beat.lua}
        """
        new = b"" if self.registered else b"new"
        unbroken = b"1" if self._unbroken(sent) else b""
        return [self.name.encode(), int(LEASE * 1000), new, unbroken]

    def renewed(self, reply: Any, sent: float, seen: set[str]) -> set[str] | None:
        """
        Take the result of a renewal.

        @param reply: the reply of C{beat.lua}
        @param sent: the time at which the renewal was sent
        @param seen: the nodes that had claims at that time
        @return: those of these nodes that are dead; C{None} if this node itself was declared dead,
            and has a new name
        """
        if reply[0] != 1:
            self.clear()
            return None
        self.registered = True
        self._until = sent + LEASE
        self.alive = {name.decode() for name in reply[3]}
        dead = seen & {name.decode() for name in reply[4]}
        if self._unbroken(sent):
            # An unknown node is dead, and not about to connect to an engine that has lost data.
            dead |= seen - self.alive
        return dead
