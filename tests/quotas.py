"""
Numbers that several processes count together, in memory.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from machat.errors import FAILED, ChatError
from machat.interfaces import IQuotas
from machat.limits import UNLIMITED
from machat.records import Quota, Taken


class Numbers:
    """
    The numbers.

    @ivar entries: by kind and key: the value of each entry, the time at which it ends, and whether
        it is tentative
    """

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], dict[object, tuple[int, float, bool]]] = {}


@implementer(IQuotas)
class MemoryQuotas:
    """
    The numbers, as one process sees them.

    @ivar calls: the calls of L{take}
    @ivar up: whether the numbers are available
    @ivar slow: whether answers wait until L{answer}
    """

    def __init__(self, clock: IReactorTime, numbers: Numbers) -> None:
        self._clock = clock
        self._numbers = numbers
        self.calls: list[tuple[Quota, int, int]] = []
        self.up = True
        self.slow = False
        self._waiting: list[Callable[[], object]] = []

    def take(self, quota: Quota, count: int, most: int) -> Deferred[Taken]:
        self.calls.append((quota, count, most))
        if not self.up:
            if not quota.entry:
                self._take(quota, count, UNLIMITED)  # it is set as soon as possible
            return fail(ChatError(FAILED, "not available"))
        if not self.slow:
            return succeed(self._take(quota, count, most))
        waiting: Deferred[Taken] = Deferred()
        self._waiting.append(lambda: waiting.callback(self._take(quota, count, most)))
        return waiting

    def answer(self) -> None:
        """
        Answer the calls that wait.
        """
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each()

    def _take(self, quota: Quota, count: int, most: int) -> Taken:
        now = self._clock.seconds()
        own = quota.entry or self
        ends = now + quota.seconds if quota.entry else float("inf")
        entries = self._numbers.entries.setdefault((quota.kind, quota.key), {})
        for entry, (_, end, _) in list(entries.items()):
            if end <= now:
                del entries[entry]
        others = [value for entry, value in entries.items() if entry != own]
        total = sum(value for value, _, _ in others)
        granted = count == 0 or total + count <= most
        if count == 0:
            entries.pop(own, None)
        elif granted:
            entries[own] = (count, ends, quota.tentative)
        first = min((end for _, end, _ in others if end < float("inf")), default=now)
        return Taken(granted, total, sum(v for v, _, mark in others if mark), first - now)
