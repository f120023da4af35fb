"""
Deduplication of messages with an id, so that a message that is sent again is stored once.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from machat.events import Receipt
from machat.limits import Limits


class _Entry:
    __slots__ = ("until", "receipt", "waiting")

    def __init__(self, until: float) -> None:
        self.until = until
        self.receipt: Receipt | None = None
        self.waiting: list[Deferred[Receipt]] = []


#: Room, name and id of a message; room and name as L{machat.names.key}.
Key = tuple[str, str, str]


class Receipts:
    """
    The receipts of the last L{Limits.remembered} seconds, at most L{Limits.receipts} for one name
    in one room, and at most L{Limits.receiptsTotal} in total. The oldest ones are removed first.
    """

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._ids: dict[tuple[str, str], deque[str]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Key) -> Deferred[Receipt] | None:
        """
        @return: C{None} if the id is new; else fires or fails with the result of the first message
            with this id
        """
        self._expire()
        entry = self._entries.get(key)
        if entry is None:
            return None
        found: Deferred[Receipt] = Deferred()
        if entry.receipt is not None:
            found.callback(replace(entry.receipt, duplicate=True))
        else:
            entry.waiting.append(found)
        return found

    def begin(self, key: Key, storing: Deferred[Receipt]) -> Deferred[Receipt]:
        """
        Remember a message that is being stored.

        @param storing: fires with its receipt, or fails. After a failure, the id is forgotten, so
            that the client may try again
        @return: fires or fails as C{storing} does. Cancelling it does not affect the message
        """
        entry = self._entries[key] = _Entry(self._clock.seconds() + self._limits.remembered)
        ids = self._ids.setdefault(key[:2], deque())
        ids.append(key[2])
        storing.addBoth(self._end, key, entry)
        if len(ids) > self._limits.receipts:
            self._forget((*key[:2], ids[0]))
        if len(self._entries) > self._limits.receiptsTotal:
            self._forget(next(iter(self._entries)))
        first: Deferred[Receipt] = Deferred()
        storing.chainDeferred(first)
        return first

    def _end(self, result: Receipt | Failure, key: Key, entry: _Entry) -> Receipt | Failure:
        waiting, entry.waiting = entry.waiting, []
        if isinstance(result, Failure):
            if self._entries.get(key) is entry:
                self._forget(key)
            for deferred in waiting:
                deferred.errback(result)
        else:
            entry.receipt = result
            for deferred in waiting:
                deferred.callback(replace(result, duplicate=True))
        return result

    def _expire(self) -> None:
        now = self._clock.seconds()
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.until > now:
                return
            self._forget(key)

    def _forget(self, key: Key) -> None:
        del self._entries[key]
        ids = self._ids[key[:2]]
        ids.remove(key[2])
        if not ids:
            del self._ids[key[:2]]
