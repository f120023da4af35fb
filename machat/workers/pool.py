"""
All worker processes of one parent.

Each worker has a number and keeps its listening sockets, whichever process serves them. The parent
does not use L{twisted.runner.procmon}: that passes no sockets, cannot see whether a process is
ready, takes one that fails after more than a second for a healthy one and starts it again at once,
and waits for up to an hour between two attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from twisted.application.internet import TimerService
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.clock import chatClock
from machat.workers.interfaces import ILauncher
from machat.workers.process import ALIVE_EVERY, Stage, Times, WorkerProcess

#: A worker that ends earlier than this after its start has failed, seconds. The first failure of a
#: worker that was ready costs no delay. After that, the delay is C{DELAY} and doubles up to
#: C{LONGEST}, seconds.
HEALTHY = 60.0
DELAY = 1.0
LONGEST = 60.0

#: The number of failures in a row after which the log names a remedy.
LOOP = 3

_REMEDY = (
    "; read its lines above for the cause. If there are none, look for a lack of memory in the"
    " kernel's log (dmesg). After a repair, SIGUSR2 restarts all workers"
)


class Action(Enum):
    """
    An operation on all workers, one after another.
    """

    RELOAD = "reload"
    RESTART = "rolling restart"


class Slot:
    """
    One worker.

    @ivar number: its number, from 1
    @ivar process: the process that serves, or starts; C{None} until a replacement starts
    @ivar failures: the number of processes that have failed in a row
    @ivar restarts: the number of processes that were replaced, other than by a rolling restart
    @ivar retry: the timer that starts a replacement; C{None}: there is none
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: WorkerProcess | None = None
        self.failures = 0
        self.restarts = 0
        self.retry: IDelayedCall | None = None

    @property
    def ready(self) -> bool:
        """
        Whether the worker serves clients.
        """
        return self.process is not None and self.process.stage is Stage.READY

    def cancelRetry(self) -> None:
        """
        Start no replacement.
        """
        retry, self.retry = self.retry, None
        if retry is not None:
            retry.cancel()


class Pool(MultiService):
    """
    Starts, watches, replaces and stops the workers.

    @ivar slots: the workers
    @ivar stopping: whether the pool stops or has stopped
    @ivar clean: whether all workers have ended by themselves, with status 0, when the pool stopped
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        count: int,
        launcher: ILauncher,
        drain: float,
        failed: Callable[[str], object],
    ) -> None:
        """
        @param reactor: the reactor
        @param count: the number of workers
        @param launcher: starts the processes
        @param drain: the maximum time for the drain of one worker, seconds
        @param failed: called with the reason, if a worker ends before all workers were ready once
        """
        MultiService.__init__(self)
        self.slots = [Slot(number) for number in range(1, count + 1)]
        self.stopping = False
        self.clean = True
        self._reactor = reactor
        self._launcher = launcher
        self._times = Times(chatClock(reactor), drain)
        self._failed = failed
        self._complete = False
        self._processes: dict[WorkerProcess, None] = {}
        self._actions: dict[Action, None] = {}
        self._acting = False
        timer = TimerService(ALIVE_EVERY, self._checkAlive)
        timer.clock = reactor
        timer.setServiceParent(self)

    @property
    def processes(self) -> Sequence[WorkerProcess]:
        """
        All processes, including those that a rolling restart starts or drains.
        """
        return list(self._processes)

    def startService(self) -> None:
        MultiService.startService(self)
        self._reactor.callWhenRunning(self._startAll)

    def _startAll(self) -> None:
        for slot in self.slots:
            if not self.stopping:
                self._start(slot)

    def _start(self, slot: Slot) -> None:
        slot.retry = None
        slot.process = WorkerProcess(slot.number, self._times)
        self._launch(slot, slot.process)

    def _launch(self, slot: Slot, process: WorkerProcess) -> None:
        self._processes[process] = None
        process.reaches(Stage.READY).addCallback(lambda _: self._ready(slot, process))
        process.reaches(Stage.STOPPING).addCallback(lambda _: self._leaving(slot, process))
        process.reaches().addCallback(lambda _: self._ended(slot, process))
        try:
            self._launcher.launch(process)
        except OSError as error:
            process.fail(str(error))

    def _ready(self, slot: Slot, process: WorkerProcess) -> None:
        if process.stage is not Stage.READY:
            return
        self._log.info(
            "worker {number} is ready: process {pid}", number=slot.number, pid=process.pid
        )
        if not self._complete and all(slot.ready for slot in self.slots):
            self._complete = True
            self._log.info("all {count} workers are ready", count=len(self.slots))
            self._launcher.notify("READY=1")

    def _leaving(self, slot: Slot, process: WorkerProcess) -> None:
        """
        A process drains. If this pool has not requested it, the replacement starts at once, because
        the process accepts no more connections.
        """
        unasked = process is slot.process and process.stage is Stage.STOPPING
        if unasked and self._complete and not self.stopping:
            self._log.info(
                "worker {number} (process {pid}) stops: its replacement starts now",
                number=slot.number,
                pid=process.pid,
            )
            slot.restarts += 1
            self._start(slot)

    def _ended(self, slot: Slot, process: WorkerProcess) -> None:
        del self._processes[process]
        if self.stopping:
            self.clean = self.clean and (process.clean or not process.wasReady)
        elif process is slot.process:
            if self._complete:
                self._replace(slot, process)
            else:
                self.stopping = True
                self.clean = False
                self._failed(f"worker {slot.number} {process.reason}")

    def _replace(self, slot: Slot, process: WorkerProcess) -> None:
        slot.process = None
        slot.restarts += 1
        delay = self._delayAfter(slot, process)
        self._log.warn(
            "worker {number} (process {pid}) {reason}: its replacement starts {when}{remedy}",
            number=slot.number,
            pid=process.pid,
            reason=process.reason,
            when=f"in {delay:g} s" if delay else "now",
            remedy=_REMEDY if slot.failures >= LOOP else "",
        )
        if delay:
            self._launcher.suspend(slot.number)
        slot.retry = self._times.clock.callLater(delay, lambda: self._start(slot))

    def _delayAfter(self, slot: Slot, process: WorkerProcess) -> float:
        if self._times.clock.seconds() - process.began >= HEALTHY:
            slot.failures = 0
        slot.failures += 1
        doublings = slot.failures - (2 if process.wasReady else 1)
        return min(LONGEST, DELAY * 2.0 ** min(doublings, 10)) if doublings >= 0 else 0.0

    def _checkAlive(self) -> None:
        for process in self.processes:
            process.checkAlive()

    def act(self, action: Action) -> bool:
        """
        Begin an operation on all workers. If another one is in progress, it ends first.

        @return: whether it is accepted: not while the server starts or stops
        """
        if self.stopping or not self._complete:
            state = "stops" if self.stopping else "starts"
            self._log.warn("no {action} while the server {state}", action=action.value, state=state)
            return False
        self._actions[action] = None
        if not self._acting:
            self._acting = True
            Deferred.fromCoroutine(self._actAll()).addErrback(self._broken)
        return True

    def _broken(self, failure: Failure) -> None:
        self._acting = False
        self._log.failure("an action on the workers failed", failure)

    async def _actAll(self) -> None:
        while self._actions and not self.stopping:
            action = next(iter(self._actions))
            del self._actions[action]
            self._log.info("{action} of the workers begins", action=action.value)
            for slot in self.slots:
                if action is Action.RELOAD:
                    await self._reload(slot)
                elif not await self._restart(slot):
                    break
                if self.stopping:
                    return
            else:
                self._log.info("{action} of the workers is complete", action=action.value)
                if action is Action.RELOAD and not self._actions:
                    self._launcher.notify("READY=1")
        self._acting = False

    async def _reload(self, slot: Slot) -> None:
        if slot.process is not None and slot.ready:
            await slot.process.reload()

    async def _restart(self, slot: Slot) -> bool:
        """
        Start the next process of a worker, wait until it serves, and then drain the previous one.

        @return: whether the next process serves
        """
        slot.cancelRetry()
        replacement = WorkerProcess(slot.number, self._times)
        self._launch(slot, replacement)
        await replacement.reaches(Stage.READY, Stage.STOPPING)
        if self.stopping:
            return False
        if replacement.stage is not Stage.READY:
            self._log.error(
                "rolling restart ends at worker {number}: its new process {reason}. The previous"
                " processes of this and the following workers keep serving",
                number=slot.number,
                reason=replacement.reason,
            )
            if slot.process is None and slot.retry is None:
                self._replace(slot, replacement)
            return False
        slot.cancelRetry()
        previous, slot.process = slot.process, replacement
        slot.failures = 0
        if previous is not None:
            previous.stop()
            await previous.reaches()
        return not self.stopping

    def stopService(self) -> Deferred[Any]:
        """
        Drain all workers at the same time.

        @return: fires when all processes have ended
        """
        self.stopping = True
        for slot in self.slots:
            slot.cancelRetry()
        ends = []
        for process in self.processes:
            ends.append(process.reaches())
            process.stop()
        MultiService.stopService(self)
        return gatherResults(ends)
