"""
Worker processes and a launcher without operating system processes.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from machat.workers.interfaces import ILauncher
from machat.workers.messages import Answer, Ask, Changed, State, Stop, decodeToWorker, encode
from machat.workers.process import WorkerProcess
from machat.workers.worker import FROM_PARENT, TO_PARENT


class FakeProcess:
    """
    The operating system's side of a worker process.

    @ivar signals: the signals that it has received
    @ivar sent: the messages that it has received
    """

    def __init__(self, pid: int, process: WorkerProcess) -> None:
        self.pid = pid
        self.process = process
        self.signals: list[str] = []
        self.sent: list[Stop | Ask] = []
        self.over = False
        process.makeConnection(self)

    def writeToChild(self, descriptor: int, data: bytes) -> None:
        assert descriptor == FROM_PARENT
        self.sent += [decodeToWorker(line) for line in data.splitlines()]

    def signalProcess(self, name: str) -> None:
        if self.over:
            raise ProcessExitedAlready()
        self.signals.append(name)

    def report(self, state: State) -> None:
        """
        The worker reports its state.
        """
        self.process.childDataReceived(TO_PARENT, encode(Changed(state)) + b"\n")

    def answer(self, value: Any) -> None:
        """
        The worker answers the last question.
        """
        asked = self.sent[-1]
        assert isinstance(asked, Ask)
        self.process.childDataReceived(TO_PARENT, encode(Answer(asked.id, value)) + b"\n")

    def end(self, status: int = 0, signal: int | None = None) -> None:
        """
        The process ends.
        """
        self.over = True
        error = ProcessTerminated(status, signal) if status or signal else ProcessDone(0)
        self.process.processEnded(Failure(error))


@implementer(ILauncher)
class FakeLauncher:
    """
    Starts L{FakeProcess}es.

    @ivar started: all of them
    @ivar suspended: the workers whose sockets do not listen
    @ivar notified: the notifications to the service manager
    @ivar broken: the error of each further start
    """

    def __init__(self) -> None:
        self.started: list[FakeProcess] = []
        self.suspended: set[int] = set()
        self.notified: list[str] = []
        self.broken: OSError | None = None
        verifyObject(ILauncher, self)

    def launch(self, process: WorkerProcess) -> None:
        if self.broken is not None:
            raise self.broken
        self.suspended.discard(process.number)
        self.started.append(FakeProcess(100 + len(self.started), process))

    def suspend(self, number: int) -> None:
        self.suspended.add(number)

    def notify(self, state: str) -> None:
        self.notified.append(state)
