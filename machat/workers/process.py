"""
One worker process, as the parent sees it.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.clock import ChatClock
from machat.workers.logs import Relay
from machat.workers.messages import (
    LONGEST,
    Answer,
    Ask,
    Splitter,
    State,
    Stop,
    Topic,
    decodeToParent,
    encode,
)
from machat.workers.worker import FROM_PARENT, TO_PARENT

#: The maximum times for the start and for the answer to a question of the monitor, seconds.
START = 60.0
ANSWER = 2.0

#: The interval of the liveness checks of a worker, seconds, and the number of checks without an
#: answer after which it is killed. If the parent itself is paused, no check is made.
ALIVE_EVERY = 10.0
SILENT = 6

#: The additional time for a stop, after the maximum time for the drain, seconds.
STOP = 5.0


class Stage(Enum):
    """
    The stage of a worker process, from its start to its end.
    """

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    ENDED = "ended"


class Times(NamedTuple):
    """
    The clock and the time limit of a worker process.

    @ivar clock: the clock
    @ivar drain: the maximum time for the drain of a worker, seconds
    """

    clock: ChatClock
    drain: float


class WorkerProcess(ProcessProtocol):
    """
    One process.

    @ivar number: the number of the worker
    @ivar stage: see L{Stage}
    @ivar began: when it was started, as C{ChatClock.seconds}
    @ivar wasReady: whether it has served clients
    @ivar pid: its process id
    @ivar clean: whether it has ended with status 0
    """

    _log = Logger()
    transport: Any
    pid: int | None = None

    def __init__(self, number: int, times: Times) -> None:
        self.number = number
        self.stage = Stage.STARTING
        self.began = times.clock.seconds()
        self.wasReady = False
        self._killed = ""
        self._status = ""
        self.clean = False
        self._clock = times.clock
        self._drain = times.drain
        self._relay = Relay(number, times.clock.now)
        self._messages = Splitter(LONGEST)
        self._questions: dict[int, tuple[Deferred[Any], IDelayedCall]] = {}
        self._asked = 0
        self._silent = 0
        self._waiting: list[tuple[frozenset[Stage], Deferred[None]]] = []
        self._timer: IDelayedCall | None = self._clock.callLater(START, self._late)
        self._reload: Deferred[None] | None = None

    @property
    def reason(self) -> str:
        """
        The end of the process and its reason, for the log.
        """
        status = f"was killed: {self._killed}" if self._killed else self._status
        complaint = "" if self.wasReady else self._relay.last
        return f"{status}: {complaint}" if complaint else status

    def fail(self, reason: str) -> None:
        """
        The process could not be started.
        """
        self._status = f"could not be started: {reason}"
        self._enter(Stage.ENDED)

    def connectionMade(self) -> None:
        self.pid = self.transport.pid

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if childFD == TO_PARENT:
            for line in self._messages.add(data):
                self._received(line)
        else:
            self._relay.received(childFD, data)

    def _received(self, line: bytes) -> None:
        message = decodeToParent(line)
        self._silent = 0
        if isinstance(message, Answer):
            self._answered(message)
        elif message.state is State.STOPPING:
            self._stopping()
        elif message.state is State.READY:
            if self.stage is Stage.STARTING:
                self.wasReady = True
                self._enter(Stage.READY)
            reload, self._reload = self._reload, None
            if reload is not None:
                reload.callback(None)

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self._cancelTimer()
        if stage is Stage.STOPPING:
            self._timer = self._clock.callLater(self._drain + STOP, self._late)
        waiting, self._waiting = self._waiting, []
        for stages, reached in waiting:
            if stage in stages:
                reached.callback(None)
            else:
                self._waiting.append((stages, reached))

    def reaches(self, *stages: Stage) -> Deferred[None]:
        """
        @return: fires when the process is in one of these stages, or has ended
        """
        reached: Deferred[None] = Deferred()
        expected = frozenset([*stages, Stage.ENDED])
        if self.stage in expected:
            reached.callback(None)
        else:
            self._waiting.append((expected, reached))
        return reached

    def ask(self, topic: Topic) -> Deferred[Any]:
        """
        @return: fires with the answer; with C{None} if there is none within L{ANSWER} seconds
        """
        answer: Deferred[Any] = Deferred()
        if self.stage is not Stage.READY:
            answer.callback(None)
            return answer
        self._asked += 1
        timer = self._clock.callLater(ANSWER, self._unanswered, self._asked)
        self._questions[self._asked] = answer, timer
        self._send(Ask(self._asked, topic))
        return answer

    def _answered(self, message: Answer) -> None:
        question = self._questions.pop(message.id, None)
        if question is not None:  # else it is late
            answer, timer = question
            timer.cancel()
            answer.callback(message.value)

    def _unanswered(self, id: int) -> None:
        answer, _ = self._questions.pop(id)
        answer.callback(None)

    def _send(self, message: Stop | Ask) -> None:
        with suppress(KeyError):  # the process has closed its end
            self.transport.writeToChild(FROM_PARENT, encode(message) + b"\n")

    def checkAlive(self) -> None:
        """
        Check whether the process answers; called every L{ALIVE_EVERY} seconds. Kill it if L{SILENT}
        checks in a row had no answer.
        """
        if self.stage is not Stage.READY:
            return
        self._silent += 1
        if self._silent > SILENT:
            self.kill(f"it has not answered for {SILENT * ALIVE_EVERY:g} s")
        else:
            self.ask(Topic.READINESS)

    def reload(self) -> Deferred[None]:
        """
        Reload certificates.

        @return: fires when the process has done so, or after L{ANSWER} seconds
        """
        done: Deferred[None] = Deferred()
        self._reload = done
        self._signal("HUP")
        done.addTimeout(ANSWER, self._clock)
        return done.addErrback(self._notReloaded)

    def _notReloaded(self, failure: Failure) -> None:
        self._reload = None
        self._log.error(
            "worker {number} has not reloaded its certificates within {time:g} s",
            number=self.number,
            time=ANSWER,
        )

    def stop(self) -> None:
        """
        Drain the process. It is killed if it has not ended in time.
        """
        if self.stage is Stage.READY:
            self._send(Stop())
            self._stopping()
        elif self.stage is Stage.STARTING:  # it has no clients yet
            self._signal("TERM")
            self._stopping()

    def _stopping(self) -> None:
        if self.stage is not Stage.STOPPING:
            self._enter(Stage.STOPPING)

    def _late(self) -> None:
        self._timer = None
        if self.stage is Stage.STARTING:
            self.kill(f"it was not ready after {START:g} s")
        else:
            self.kill(f"it had not stopped after {self._drain + STOP:g} s")

    def kill(self, reason: str) -> None:
        """
        Kill the process.

        @param reason: the reason, for the log
        """
        if self.stage is not Stage.ENDED:
            self._killed = reason
            self._signal("KILL")

    def _signal(self, name: str) -> None:
        with suppress(ProcessExitedAlready):  # processEnded follows
            self.transport.signalProcess(name)

    def _cancelTimer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def processEnded(self, reason: Failure) -> None:
        self._relay.finish()
        self._status = describe(reason)
        self.clean = not reason.check(ProcessTerminated)
        for id in list(self._questions):
            self._answered(Answer(id, None))
        self._enter(Stage.ENDED)


def describe(reason: Failure) -> str:
    """
    @param reason: the end of a process
    @return: the end in words
    """
    number = getattr(reason.value, "signal", None)
    if number is None:
        return f"ended with status {getattr(reason.value, 'exitCode', None) or 0}"
    try:
        return f"was ended by {signal.Signals(number).name}"
    except ValueError:  # a real-time signal
        return f"was ended by signal {number}"
