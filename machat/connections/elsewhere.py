"""
The connections that the other processes of a chat have: of a user, and of a network.

A user's connections are counted in the store at each login. The connections of a network are
counted in the store from an eighth of L{Limits.maxPerAddress} in one process, so that ordinary
networks cost nothing. Each process then reports its number to the store when it changes, and
learns that of the others. At most one such request per network is on its way, and no client waits
for it.

While the store is not available, each process counts its own connections only.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from machat.errors import ChatError
from machat.interfaces import IQuotas
from machat.limits import UNLIMITED, Limits
from machat.records import Quota, Taken

#: The part of L{Limits.maxPerAddress} from which the connections of a network are counted.
_PART = 8

#: The time for which the number of connections to other processes is used to refuse connections
#: before it is asked for again, seconds.
_FRESH = 1.0


class Elsewhere:
    """
    The connections of the other processes.
    """

    def __init__(self, clock: IReactorTime, quotas: IQuotas, limits: Limits) -> None:
        self._clock = clock
        self._quotas = quotas
        self._most = limits.maxPerUser
        self._least = max(1, limits.maxPerAddress // _PART)
        self._others: dict[str, int] = {}
        self._asking: dict[str, int] = {}
        self._fresh: dict[str, float] = {}

    def admitUser(self, key: str, count: int) -> Deferred[bool]:
        """
        Count a new connection of a user.

        @param key: the key of the user's name
        @param count: the number of connections that the user has in this process, with the new one
        @return: fires with C{False} if the user has too many in all processes. The caller then
            calls L{setUser}
        """
        admitting = self._quotas.take(Quota("user", key), count, self._most)
        return admitting.addCallbacks(_granted, _unavailable)

    def setUser(self, key: str, count: int) -> None:
        """
        Note that a connection of a user has ended, or was not admitted.

        @param count: the number of connections that remain in this process
        """
        self._set(Quota("user", key), count).addErrback(_unavailable)

    def ofNetwork(self, network: str) -> int:
        """
        @return: the number of connections of a network to other processes, as far as it is known
        """
        return self._others.get(network, 0)

    def setNetwork(self, network: str, count: int) -> None:
        """
        Note the number of connections of a network in this process, and ask for that of the others.
        """
        if network in self._asking:
            self._asking[network] = count
        elif count >= self._least or network in self._others:
            self._ask(network, count)

    def refresh(self, network: str, count: int) -> None:
        """
        Ask for the connections of a network to other processes again, because of which a connection
        was refused. Ignored within a second after the last request.
        """
        if network not in self._asking and self._clock.seconds() >= self._fresh.get(network, 0.0):
            self._ask(network, count)

    def _ask(self, network: str, count: int) -> None:
        self._asking[network] = count
        self._fresh[network] = self._clock.seconds() + _FRESH
        shared = count if count >= self._least else 0
        asking = self._set(Quota("address", network), shared)
        asking.addErrback(_unknown).addCallback(self._answered, network, shared)
        asking.addCallback(self._continue, network, count)

    def _answered(self, taken: Taken, network: str, shared: int) -> None:
        if shared:
            self._others[network] = taken.others
        else:
            self._others.pop(network, None)
            self._fresh.pop(network, None)

    def _continue(self, _: object, network: str, count: int) -> None:
        latest = self._asking.pop(network)
        if latest != count:
            self.setNetwork(network, latest)

    def _set(self, quota: Quota, count: int) -> Deferred[Taken]:
        return self._quotas.take(quota, count, UNLIMITED)


def _granted(taken: Taken) -> bool:
    return taken.granted


def _unknown(failure: Failure) -> Taken:
    failure.trap(ChatError)
    return Taken(False)


def _unavailable(failure: Failure) -> bool:
    failure.trap(ChatError)
    return True
