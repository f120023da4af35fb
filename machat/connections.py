"""
The connections of a chat: how many there may be, and their secrets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from secrets import token_urlsafe
from typing import Any

from machat import names
from machat.errors import REPLACED, TOO_MANY_CONNECTIONS, ChatError
from machat.interfaces import IChatConnection
from machat.limits import Limits
from machat.peers import networkOf

#: How long a connection too many has to say its hello, seconds: then it can be told why it has to
#: go, in its own dialect, and from which address it really comes.
HURRY = 1.0

#: One connection in so many over their limit is one too many even for that.
_MARGIN = 18


class Connections:
    """
    Counts connections, in all and by the network that they come from.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._secrets: dict[IChatConnection, str | None] = {}
        self._owners: dict[str, IChatConnection] = {}
        self._networks: dict[object, str] = {}
        self._counts: Counter[str] = Counter()
        self._users: dict[object, str] = {}
        self._sharing: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._secrets)

    def __iter__(self) -> Iterator[IChatConnection]:
        return iter(list(self._secrets))

    def add(self, connection: IChatConnection, address: Any) -> float:
        """
        @param address: the peer's, as far as it is known
        @return: how long the connection may take to join, seconds
        """
        self._secrets[connection] = None
        self._count(connection, networkOf(address))
        if len(self) - self._limits.connections > self._limits.connections // _MARGIN:
            return 0.0
        if self._tooMany(connection):
            return min(HURRY, self._limits.joining)
        return self._limits.joining

    def check(self, connection: IChatConnection, address: Any) -> None:
        """
        @param address: the peer's, now that it has sent something
        @raise ChatError: C{too-many-connections}
        """
        network = networkOf(address)
        if network != self._networks.get(connection):
            self._forget(connection)
            self._count(connection, network)
        if self._tooMany(connection):
            raise ChatError(TOO_MANY_CONNECTIONS, "too many connections: come back later")

    def networkOf(self, connection: object) -> str | None:
        """
        @return: the network that a connection comes from, see L{machat.peers.networkOf}; C{None} as
            well for what is no connection
        """
        return self._networks.get(connection)

    def discard(self, connection: IChatConnection) -> None:
        """
        Count a connection no more, and forget its secret. One that is not known is ignored.
        """
        secret = self._secrets.pop(connection, None)
        if secret is not None:
            del self._owners[secret]
        self._forget(connection)
        user = self._users.pop(connection, None)
        if user is not None:
            _decrement(self._sharing, user)

    def identify(self, connection: IChatConnection, user: str) -> None:
        """
        A connection has shown to be a user's. It may do so again. One that is gone is ignored.

        @raise ChatError: C{too-many-connections} of this user
        """
        key = names.key(user)
        if connection in self._secrets and self._users.get(connection) != key:
            if self._sharing[key] >= self._limits.perUser:
                raise ChatError(TOO_MANY_CONNECTIONS, f"at most {self._limits.perUser} of one user")
            self._users[connection] = key
            self._sharing[key] += 1

    def known(self, connection: object) -> bool:
        """
        @return: whether this is a connection that has been L{identify}'d
        """
        return connection in self._users

    def _count(self, connection: IChatConnection, network: str | None) -> None:
        if network is not None:
            self._networks[connection] = network
            self._counts[network] += 1

    def _forget(self, connection: IChatConnection) -> None:
        network = self._networks.pop(connection, None)
        if network is not None:
            _decrement(self._counts, network)

    def _tooMany(self, connection: IChatConnection) -> bool:
        network = self._networks.get(connection)
        return len(self._secrets) > self._limits.connections or (
            network is not None and self._counts[network] > self._limits.perAddress
        )

    def issue(self, connection: IChatConnection) -> str:
        """
        See L{machat.interfaces.IChatRoom.issue}.
        """
        secret = token_urlsafe(16)
        self._secrets[connection] = secret
        self._owners[secret] = connection
        return secret

    def takeOver(self, secret: str, name: str) -> None:
        """
        See L{machat.interfaces.IChatRoom.takeOver}.
        """
        earlier = self._owners.get(secret)
        if earlier is not None and names.key(earlier.name) == names.key(name):
            earlier.disconnected(REPLACED)


def _decrement(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
