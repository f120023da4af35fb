"""
The queue of the writer: all operations that wait form one transaction.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.clock import ChatClock
from machat.store.deduplication import Key, RecentIds
from machat.store.packing import encode
from machat.store.sqlite.condition import Condition
from machat.store.sqlite.database import Database
from machat.store.sqlite.faults import certain, explain, late
from machat.store.sqlite.jobs import Job
from machat.store.sqlite.records import Group
from machat.store.sqlite.worker import Deadline, Worker

#: The maximum number of operations that wait.
QUEUE = 100_000

#: The time between two attempts to write after a failure, seconds.
PROBE = 1.0

#: The maximum number of bytes that such an attempt writes.
PROBED = 1_048_576

#: A function for the thread, and the function that receives its result or its L{Failure}.
Task = tuple[Callable[[], Any], Callable[[Any], None]]


class Writer:
    """
    Carries out operations in the order in which they were added. Everything here runs in the
    reactor's thread, while the thread of the writer carries out one transaction at a time. The
    state in memory changes only after the transaction has succeeded.

    @ivar busy: whether the thread has something to do
    @ivar condition: whether writing succeeds
    @ivar ids: the ids of recent messages
    @ivar upkeep: returns the next step of the upkeep, if it is due. It is called between two
        transactions
    @ivar used: the bytes in use in the file
    """

    _log = Logger()

    def __init__(
        self, clock: ChatClock, path: str, seconds: float, ids: RecentIds, remembered: float
    ) -> None:
        """
        @param seconds: the time limit of each operation
        @param remembered: the time for which ids are remembered, seconds
        """
        self._clock = clock
        self._path = path
        self._seconds = seconds
        self._remembered = int(remembered * 1000)
        self._queue: deque[Job] = deque()
        self._running: list[Job] = []
        self.busy = False
        self._afterUpkeep = False
        self._newIds: dict[Key, int] = {}
        self._database: Database | None = None
        self._worker: Worker | None = None
        self._turn: IDelayedCall | None = None
        self._probe: IDelayedCall | None = None
        self._probing = False
        self._failedSize = 0
        self._stopped: Deferred[bool] | None = None
        self._patience: IDelayedCall | None = None
        self._deadline = Deadline(clock, seconds, self._expire)
        self.condition = Condition(clock, self._waiting)
        self.ids = ids
        self.upkeep: Callable[[], Task | None] = lambda: None
        self.used = 0

    def start(self, worker: Worker, database: Database, used: int) -> None:
        """
        Accept operations.
        """
        self._worker, self._database = worker, database
        self._stopped = None
        self.used = used

    def stop(self) -> Deferred[bool]:
        """
        Accept no more operations.

        @return: fires with whether the thread is free, when all have ended or the time limit has
            passed
        """
        stopped: Deferred[bool] = Deferred()
        self._stopped = stopped
        if not self.busy and not self._queue:
            self._end()
        else:
            self._patience = self._clock.callLater(self._seconds, self._giveUp)
        return stopped

    def add(self, job: Job) -> None:
        """
        Add an operation.
        """
        if self._worker is None or self._stopped is not None:
            job.fail(job.refusal("the server is stopping", True))
        elif len(self._queue) >= QUEUE:
            job.fail(job.refusal("too many operations wait for the disk", True))
        else:
            job.due = self._deadline.begin()
            self._queue.append(job)
            self.wake()

    def wake(self) -> None:
        """
        Begin a transaction, or a step of the upkeep, at the end of the turn.
        """
        if not self.busy and self._turn is None:
            self._turn = self._clock.callAtEndOfTurn(self._woken)

    def _woken(self) -> None:
        self._turn = None
        self._next()

    def _next(self) -> None:
        """
        Begin the next transaction or step of the upkeep. If both are waiting, they alternate.
        """
        if self.busy or self._worker is None:
            return
        if self._probing and self._stopped is None:
            self._beginProbe()
            return
        turn = not (self._afterUpkeep and self._queue)
        if turn and self._stopped is None and self.condition.up:
            task = self.upkeep()
            if task is not None:
                self._afterUpkeep = self.busy = True
                self._worker.call(task[0], partial(self._kept, task[1]))
                return
        self._afterUpkeep = False
        if self._queue:
            self._write()
        elif self._stopped is not None:
            self._end()

    def _giveUp(self) -> None:
        """
        The disk has not answered for the time limit since L{stop}.
        """
        self._patience = None
        self._expire(math.inf)
        self._end()

    def _kept(self, done: Callable[[Any], None], result: Any) -> None:
        """
        A step of the upkeep has ended.
        """
        self.busy = False
        if isinstance(result, Failure):
            self._failed(result)
        else:
            done(result)
        self._next()

    def _write(self) -> None:
        assert self._worker is not None and self._database is not None
        group = Group(int(self._clock.now() * 1000))
        self._running, queue = [], self._queue
        while queue:
            job = queue.popleft()
            if job.waiting:
                self._prepare(job, group)
        if self._newIds:
            group.until = group.now + self._remembered
            group.ids = encode([(*key, seq) for key, seq in self._newIds.items()])
        self.busy = True
        self._worker.call(partial(self._database.write, group), partial(self._written, group))

    def _prepare(self, job: Job, group: Group) -> None:
        try:
            job.prepare(group, self._newIds)
        except Exception:
            self._log.failure("a batch cannot be stored")
            job.fail(job.refusal("an internal error", True))
        else:
            self._running.append(job)

    def _written(self, group: Group, result: Any) -> None:
        """
        A transaction has ended.
        """
        self.busy = False
        jobs, self._running = self._running, []
        newIds, self._newIds = self._newIds, {}
        if isinstance(result, Failure):
            for job in jobs:
                job.revert()
            self._failedSize = max(self._failedSize, min(group.size, PROBED))
            fault = self._failed(result)
            self._next()
            sure = certain(result.value, group.committing)
            for job in jobs:
                job.fail(job.refusal(fault, sure))
            return
        if group.used is not None:
            self.used = group.used
        for key, seq in newIds.items():
            self.ids.add(key, seq)
        for job in jobs:
            job.apply(group)
        if group.size >= self._failedSize:
            self._recovered()
        self._next()
        for job in jobs:
            job.report()
        for job in jobs:
            job.finish()

    def _failed(self, failure: Failure) -> str:
        """
        @return: the cause, in a few words
        """
        fault = explain(failure.value, self._path)
        self.condition.failed(fault)
        self._tryLater()
        return fault.cause

    def _expire(self, now: float) -> float | None:
        """
        End the operations that are due. Those that wait are withdrawn. Those of the current
        transaction are still reported if it succeeds.
        """
        cause = late(self._path, self._seconds)
        expired = [job for job in (*self._running, *self._queue) if job.due <= now and job.waiting]
        if expired:
            self.condition.failed(cause)
            self._tryLater()
        running = set(self._running)
        while self._queue and self._queue[0].due <= now:
            self._queue.popleft()
        for job in expired:
            job.fail(job.refusal(cause.cause, job not in running))
        rest = [job.due for job in (*self._running, *self._queue) if job.waiting and job.due > now]
        return min(rest, default=None)

    def _tryLater(self) -> None:
        if self._probe is None and self._stopped is None:
            self._probe = self._clock.callLater(PROBE, self._tryAgain)

    def _tryAgain(self) -> None:
        """
        Find out whether the fault has ended, if no operation has done so.
        """
        self._probe = None
        if not self.condition.up:
            self._probing = True
            self._next()

    def _beginProbe(self) -> None:
        """
        Write as much as the largest transaction that has failed. On a disk that is almost full,
        less than that may succeed all the time.
        """
        assert self._worker is not None and self._database is not None
        self._probing = False
        self.busy = True
        probe = partial(self._database.probe, self._failedSize)
        self._worker.call(probe, partial(self._kept, lambda _: self._recovered()))

    def _recovered(self) -> None:
        self._failedSize = 0
        self._probing = False
        self.condition.succeeded()

    def _waiting(self) -> int:
        return sum([job.messages for job in (*self._running, *self._queue) if job.waiting])

    def _end(self) -> None:
        """
        All operations have ended.
        """
        self._deadline.stop()
        self._probing = False
        for timer in (self._turn, self._probe, self._patience):
            if timer is not None:
                timer.cancel()
        self._turn = self._probe = self._patience = self._worker = self._database = None
        stopped, self._stopped = self._stopped, None
        assert stopped is not None
        stopped.callback(not self.busy)
