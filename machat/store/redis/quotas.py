"""
The numbers that several nodes count together.

A node's share counts while the node is alive. The key of a number expires, so that it takes no
memory after its last entry has ended.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from zope.interface import implementer

from machat.interfaces import IQuotas
from machat.limits import UNLIMITED
from machat.records import Quota, Taken
from machat.store.redis.keys import Keys
from machat.store.redis.lease import LEASE
from machat.store.redis.owner import Owner, answer, sessionOf
from machat.store.redis.scripts import QUOTA

#: The time within which the engine has to answer, in seconds. A client waits for it.
PATIENCE = 2.0

#: The lifetime of the shares of a number, in seconds. They are set again more often.
LIFETIME = 86_400.0

#: The number of shares that are set again at the same time.
_TOGETHER = 100


@implementer(IQuotas)
class Quotas:
    """
    The numbers of one node. It remembers a share until the engine has removed it.
    """

    def __init__(self, store: Owner, keys: Keys) -> None:
        self._store = store
        self._keys = keys
        self._shares: dict[Quota, int] = {}
        self._restoring: Deferred[None] | None = None

    def take(self, quota: Quota, count: int, most: int) -> Deferred[Taken]:
        if not quota.entry:
            self._shares[quota] = count
        return Deferred.fromCoroutine(self._take(quota, count, most))

    async def _take(self, quota: Quota, count: int, most: int) -> Taken:
        store, session = self._store, sessionOf(self._store)
        lease = store.node.lease
        name, seconds, lifetime = quota.entry, quota.seconds, quota.seconds
        if not name:
            name, seconds, lifetime = lease.name, LEASE, LIFETIME
        words: list[Any] = [name.encode(), count, min(most, UNLIMITED), int(seconds * 1000)]
        words += [b"1" if quota.tentative else b"0", int(lifetime * 1000)]
        words += [each.encode() for each in lease.alive]
        key = self._keys.quota(quota.kind, quota.key)
        reply = await answer(store, PATIENCE, session.run(QUOTA, [key], words))
        if self._shares.get(quota) == 0:
            del self._shares[quota]
        granted, others, tentative, wait = reply
        return Taken(granted == 1, others, tentative, wait / 1000)

    def again(self) -> None:
        """
        Set all shares again: the node may have another name, or the engine may have lost data.
        """
        self.stop()
        self._restoring = Deferred.fromCoroutine(self._again())
        self._restoring.addErrback(lambda _: None)  # the next session sets them again

    async def _again(self) -> None:
        remaining = list(self._shares)
        while remaining:
            now, remaining = remaining[:_TOGETHER], remaining[_TOGETHER:]
            setting = [
                self.take(each, self._shares[each], UNLIMITED)
                for each in now
                if each in self._shares
            ]
            await DeferredList(setting, fireOnOneErrback=True, consumeErrors=True)

    def stop(self) -> None:
        """
        Stop setting shares again.
        """
        restoring, self._restoring = self._restoring, None
        if restoring is not None:
            restoring.cancel()
