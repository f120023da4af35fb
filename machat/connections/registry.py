"""
The connections of a chat: their number, their users, and their secrets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from secrets import token_hex
from typing import Any, cast

from twisted.internet.defer import Deferred

from machat import names
from machat.addresses import networkOf
from machat.connections.elsewhere import Elsewhere
from machat.errors import REPLACED, TOO_MANY_CONNECTIONS, ChatError
from machat.interfaces import IClientConnection
from machat.limits import Limits
from machat.records import Holder

#: The time within which a connection above a limit must send its hello, seconds. It is then refused
#: in its own dialect, or admitted if another connection has closed meanwhile.
HURRY = 1.0

#: The ratio of C{Limits.maxConnections} to the number of connections above it that may wait for
#: their refusal. Further connections are closed immediately.
_MARGIN = 18

#: A network with more than this times L{Limits.maxPerAddress} connections, including those without
#: a place and those that are closing, is crowded. New connections from such a network are closed
#: immediately, and closing ones keep their places. This makes it harder for one network to use up
#: the file descriptors.
_CROWDED = 2


_UNKNOWN, _KNOWN = Holder(False), Holder(True)


class Connections:
    """
    The connections of one chat, counted in total, by network and by user.

    A connection takes a place when it is added, if one is free. Therefore connections are admitted
    up to each limit in the order of their arrival. A connection without a place is not counted. A
    connection that has ended gives its place back, even while it is still closing. If its network
    is crowded (see C{_CROWDED}), it gives its place back only when it is closed.

    @ivar networks: the network of each connection that has one, see L{networkOf}. Do not change it
    """

    def __init__(
        self, limits: Limits, shared: bool = False, elsewhere: Elsewhere | None = None
    ) -> None:
        """
        @param shared: whether the names are shared with other processes, see L{Holder}
        @param elsewhere: the connections of other processes of the same chat, if they count
        """
        self._elsewhere = elsewhere
        self._limits = limits
        self._shared = shared
        self._presented: dict[object, bytes] = {}
        self._secrets: dict[IClientConnection, str | None] = {}
        self._owners: dict[str, IClientConnection] = {}
        self.networks: dict[object, str] = {}
        self._placed: set[object] = set()
        self._counts: Counter[str] = Counter()
        self._sockets: Counter[str] = Counter()
        self._ended: set[object] = set()
        self._users: dict[object, str] = {}
        self._sharing: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._secrets)

    def __iter__(self) -> Iterator[IClientConnection]:
        return iter(list(self._secrets))

    def add(self, connection: IClientConnection, address: Any) -> float:
        """
        Add a connection, which takes a place if one is free.

        @param connection: the connection
        @param address: the peer's address, which may still be that of a proxy
        @return: the time within which the connection must join, in seconds; 0 if it must be closed
            immediately
        """
        self._secrets[connection] = None
        network = networkOf(address)
        if network is not None:
            self._setNetwork(connection, network)
        if self._place(connection):
            return self._limits.joinTimeout
        excess = len(self) - self._limits.maxConnections
        if excess > self._limits.maxConnections // _MARGIN or self._isCrowded(connection):
            return 0.0
        return min(HURRY, self._limits.joinTimeout)

    def check(self, connection: IClientConnection, address: Any) -> None:
        """
        Require that a connection has a place, or give it one.

        @param connection: the connection
        @param address: the address of the client itself
        @raise ChatError: C{too-many-connections}: no place is free, in total or for this address
        """
        network = networkOf(address)
        if network != self.networks.get(connection):
            self._leavePlace(connection)
            self._setNetwork(connection, network)
        if connection not in self._placed and not self._place(connection):
            raise ChatError(TOO_MANY_CONNECTIONS, "too many connections: try again later")

    def networkOf(self, connection: object) -> str | None:
        """
        @return: the network of a connection, see L{machat.addresses.networkOf}; C{None} also for an
            object that is not a connection of this chat
        """
        return self.networks.get(connection)

    def end(self, connection: IClientConnection) -> None:
        """
        Stop counting a connection, because it is closing. If its network is crowded, it is counted
        until L{discard}. Ignored if the connection has already ended or is unknown.
        """
        if connection in self._ended or connection not in self._secrets:
            return
        self._ended.add(connection)
        if not self._isCrowded(connection):
            self._leavePlace(connection)
        user = self._users.pop(connection, None)
        if user is not None:
            self._leaveUser(user)

    def discard(self, connection: IClientConnection) -> None:
        """
        Forget a connection and its secret. An unknown connection is ignored.
        """
        self.end(connection)
        self._leavePlace(connection)
        self._ended.discard(connection)
        self._presented.pop(connection, None)
        secret = self._secrets.pop(connection, None)
        if secret is not None:
            del self._owners[secret]
        self._setNetwork(connection, None)

    def identify(self, connection: IClientConnection, user: str) -> Deferred[None] | None:
        """
        Record the user of a connection that has been authenticated, for the first time or again.
        Ignored after the connection has ended.

        @param connection: the connection
        @param user: the user's name
        @return: C{None}; or, if connections of other processes count, fires when they have been
            counted
        @raise ChatError: C{too-many-connections}: the user has L{Limits.maxPerUser} other
            connections. The C{Deferred} may fail with it too
        """
        key = names.key(user)
        if connection in self._ended or connection not in self._placed:
            return None
        if self._users.get(connection) == key:
            return None
        if self._sharing[key] >= self._limits.maxPerUser:
            raise self._tooManyOfUser()
        self._users[connection] = key
        self._sharing[key] += 1
        if self._elsewhere is None:
            return None
        admitting = self._elsewhere.admitUser(key, self._sharing[key])
        return admitting.addCallback(self._admitted, connection, key)

    def _admitted(self, admitted: bool, connection: IClientConnection, key: str) -> None:
        if not admitted:
            if self._users.pop(connection, None) is not None:
                self._leaveUser(key)
            raise self._tooManyOfUser()

    def _tooManyOfUser(self) -> ChatError:
        text = f"at most {self._limits.maxPerUser} connections per user"
        return ChatError(TOO_MANY_CONNECTIONS, text)

    def _leaveUser(self, key: str) -> None:
        _decrement(self._sharing, key)
        if self._elsewhere is not None:
            self._elsewhere.setUser(key, self._sharing.get(key, 0))

    def userOf(self, connection: object) -> str | None:
        """
        @return: the L{machat.names.key} of the user of a connection; C{None} if it has none
        """
        return self._users.get(connection)

    def _setNetwork(self, connection: IClientConnection, network: str | None) -> None:
        earlier = self.networks.pop(connection, None)
        if earlier is not None:
            _decrement(self._sockets, earlier)
        if network is not None:
            self.networks[connection] = network
            self._sockets[network] += 1

    def _isCrowded(self, connection: IClientConnection) -> bool:
        network = self.networks.get(connection)
        return (
            network is not None and self._sockets[network] > self._limits.maxPerAddress * _CROWDED
        )

    def _place(self, connection: IClientConnection) -> bool:
        if len(self._placed) >= self._limits.maxConnections:
            return False
        network = self.networks.get(connection)
        if network is not None:
            if not self._hasPlace(network):
                return False
            self._counts[network] += 1
            if self._elsewhere is not None:
                self._elsewhere.setNetwork(network, self._counts[network])
        self._placed.add(connection)
        return True

    def _hasPlace(self, network: str) -> bool:
        count, elsewhere = self._counts[network], self._elsewhere
        if elsewhere is None:
            return count < self._limits.maxPerAddress
        if count + elsewhere.ofNetwork(network) < self._limits.maxPerAddress:
            return True
        if count < self._limits.maxPerAddress:
            elsewhere.refresh(network, count)
        return False

    def _leavePlace(self, connection: IClientConnection) -> None:
        if connection in self._placed:
            self._placed.remove(connection)
            network = self.networks.get(connection)
            if network is not None:
                _decrement(self._counts, network)
                if self._elsewhere is not None:
                    self._elsewhere.setNetwork(network, self._counts.get(network, 0))

    def issue(self, connection: IClientConnection) -> str:
        """
        See L{machat.interfaces.IChatRoom.issue}.
        """
        secret = token_hex(16)
        self._secrets[connection] = secret
        self._owners[secret] = connection
        return secret

    def takeOver(self, connection: IClientConnection, secret: str) -> None:
        """
        See L{machat.interfaces.IChatRoom.takeOver}.
        """
        if self._shared and connection in self._secrets:
            self._presented[connection] = _hash(secret)
        earlier = self._owners.get(secret)
        if earlier is not None and names.key(earlier.name) == names.key(connection.name):
            earlier.disconnected(REPLACED)

    def holder(self, connection: object) -> Holder:
        """
        @return: the properties of a connection, or of another member, for the claims of its names
        """
        known = connection in self._users
        if not self._shared:
            return _KNOWN if known else _UNKNOWN
        secret = self._secrets.get(cast(IClientConnection, connection))
        hashed = None if secret is None else _hash(secret)
        return Holder(known, hashed, self._presented.get(connection))


def _hash(secret: str) -> bytes:
    return blake2b(secret.encode("utf-8", "replace"), digest_size=16).digest()


def _decrement(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
