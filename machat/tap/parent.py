"""
The parent process of C{twistd machat --workers}.
"""

from __future__ import annotations

import os
import resource
import signal
from errno import EMFILE, ENFILE
from functools import partial
from typing import Any, NoReturn

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from machat.tap.endpoints import Endpoint
from machat.tap.errors import complain, reasonOf, refuseToServe
from machat.tap.options import Options
from machat.tap.serving import Root, notify
from machat.tap.sharing import SharedSockets
from machat.workers.interfaces import ILauncher
from machat.workers.pool import Action, Pool
from machat.workers.process import WorkerProcess
from machat.workers.worker import FROM_PARENT, SOCKETS, TO_PARENT, command

#: The descriptors of the parent for each worker. During a rolling restart, one worker has two
#: processes. The parent needs further ones for the monitor, the log and the start of a process.
PIPES = 4
SPARE = 32

#: The variables of the environment that are meant for the parent only.
_OWN = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "WATCHDOG_USEC")


@implementer(ILauncher)
class Launcher(Service):
    """
    Opens the listening sockets, and starts the processes.
    """

    def __init__(self, reactor: Any, options: Options, daemonized: bool) -> None:
        """
        @param reactor: the reactor
        @param options: the command line
        @param daemonized: whether C{twistd} runs in the background
        """
        self._reactor = reactor
        self._count = options["workers"]
        self._arguments = options.arguments
        self._daemonized = daemonized
        self._folder = os.getcwd()
        self._sockets = {
            option: [
                (f"--{option} {text}", SharedSockets(Endpoint(reactor, text)))
                for text in options[option]
            ]
            for option in ("tcp", "ws", "api")
        }

    def _all(self) -> list[SharedSockets]:
        return [each for sockets in self._sockets.values() for _, each in sockets]

    def privilegedStartService(self) -> None:
        """
        Open the sockets.
        """
        Service.privilegedStartService(self)
        for sockets in self._sockets.values():
            for name, each in sockets:
                try:
                    each.open(self._count)
                except Exception as error:
                    few = isinstance(error, OSError) and error.errno in (EMFILE, ENFILE)
                    remedy = "; raise the limit with ulimit -n" if few else ""
                    self._fail(f"{name}: {each.endpoint.explain(reasonOf(error))}{remedy}")
        self._checkDescriptors()

    def _checkDescriptors(self) -> None:
        """
        Check that the limit allows the pipes of all workers, which Twisted would only report as an
        invalid descriptor.
        """
        with open(os.devnull) as next:
            needed = next.fileno() + PIPES * (self._count + 1) + SPARE
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit != resource.RLIM_INFINITY and limit < needed:
            self._fail(
                f"--workers {self._count}: the parent needs {needed} file descriptors, but may open"
                f" only {limit}: raise the limit with ulimit -n"
            )

    def _fail(self, message: str) -> NoReturn:
        self.close()
        refuseToServe(message, self._daemonized)

    def launch(self, process: WorkerProcess) -> None:
        """
        See L{ILauncher.launch}.
        """
        number = process.number
        inherited: list[int] = []
        descriptors: dict[str, list[int]] = {}
        for option, sockets in self._sockets.items():
            descriptors[option] = []
            for _, each in sockets:
                each.resume(number)
                descriptors[option].append(SOCKETS + len(inherited))
                inherited.append(each.descriptor(number))
        program = command(number, type(self._reactor).__module__, descriptors)
        environment = {name: value for name, value in os.environ.items() if name not in _OWN}
        with open(os.devnull) as nothing:
            self._reactor.spawnProcess(
                process,
                program[0],
                [*program, *self._arguments],
                environment,
                self._folder,
                childFDs={
                    **{0: nothing.fileno(), 1: "r", 2: "r", FROM_PARENT: "w", TO_PARENT: "r"},
                    **dict(enumerate(inherited, SOCKETS)),
                },
            )

    def suspend(self, number: int) -> None:
        """
        See L{ILauncher.suspend}.
        """
        for each in self._all():
            each.suspend(number)

    def notify(self, state: str) -> None:
        """
        See L{ILauncher.notify}.
        """
        notify(state)

    def close(self) -> Deferred[Any]:
        """
        Close the listening sockets.

        @return: fires when all are closed
        """
        return gatherResults([each.close() for each in self._all()])


class Parent(Root):
    """
    The workers and their monitor. The monitor stops last, so that it can report the drain.

    SIGUSR2 begins a rolling restart.

    @ivar pool: the workers
    """

    _log = Logger()

    def __init__(self, reactor: Any, options: Options, daemonized: bool) -> None:
        """
        @param reactor: the reactor
        @param options: the command line
        @param daemonized: whether C{twistd} runs in the background
        """
        Root.__init__(self, reactor)
        self._reactor = reactor
        self._daemonized = daemonized
        self._failure = ""
        self._installed = False
        self._launcher = Launcher(reactor, options, daemonized)
        drain = options["shutdown-timeout"]
        self.pool = Pool(reactor, options["workers"], self._launcher, drain, self._failed)
        for service in (self._launcher, self.pool):
            service.setServiceParent(self)

    def startService(self) -> None:
        Root.startService(self)
        self._reactor.callWhenRunning(self._install)

    def _install(self) -> None:
        restart = partial(self._reactor.callFromThread, self.pool.act, Action.RESTART)
        self._installed = True
        signal.signal(signal.SIGUSR2, lambda number, frame: restart())

    def _stopAtOnce(self, number: int, frame: object) -> None:
        """
        A second signal ends all processes, also those that hang.
        """
        for process in self.pool.processes:
            process.kill("a second signal ends the server")
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _failed(self, reason: str) -> None:
        """
        A worker has failed while the server started.
        """
        self._failure = " ".join(reason.split())
        self._log.critical("cannot start: {reason}", reason=self._failure)
        if not self._daemonized:
            complain(f"cannot start: {self._failure}")
        self._reactor.stop()

    @property
    def clean(self) -> bool:
        """
        See L{Root}.
        """
        return self.pool.clean

    def reloaded(self) -> None:
        """
        Reload the certificates of one worker after another. The pool then completes the reload.
        """
        if not self.pool.act(Action.RELOAD):
            Root.reloaded(self)

    def stopService(self) -> Deferred[None]:
        """
        @return: fires when all workers have ended
        """
        notify("STOPPING=1")
        if self._installed:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._stopAtOnce)
        drained: Deferred[Any] = gatherResults([self._launcher.close(), self.pool.stopService()])
        self.services.remove(self.pool)
        return drained.addCallback(lambda _: maybeDeferred(Root.stopService, self))
