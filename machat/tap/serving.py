"""
The process of C{twistd machat}: its endpoints, its signals, and the order in which it stops.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.application.service import MultiService, Service
from twisted.internet.defer import (
    Deferred,
    FirstError,
    gatherResults,
    maybeDeferred,
)
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.failure import Failure

from machat.service import ChatService
from machat.tap.errors import complain, reasonOf
from machat.workers.worker import Worker

#: The maximum time for notifying the service manager, seconds.
NOTIFIED = 1.0


def notify(state: str) -> None:
    """
    Notify the service manager, if C{NOTIFY_SOCKET} names one (C{sd_notify(3)}). A failure is
    logged. A worker notifies its parent instead.
    """
    if Worker.current is not None:
        Worker.current.notify(state)
        return
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.settimeout(NOTIFIED)
                manager.sendto(state.encode(), address.replace("@", "\0", 1))
        except OSError as error:
            Logger().warn("the service manager was not notified: {why}", why=reasonOf(error))


def notifyReloading() -> None:
    """
    Notify the service manager that a reload begins. C{READY=1} ends it.
    """
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


class Signals(Service):
    """
    Installs the signal handlers.

    SIGINT and SIGTERM stop the reactor, with exit status 0; Twisted's own handlers would raise the
    signal again after the stop. A second SIGINT or SIGTERM kills the process immediately. SIGHUP
    reloads.

    A worker ignores SIGINT, which a terminal sends to the parent too.
    """

    def __init__(self, reactor: Any, reload: Callable[[], None]) -> None:
        self._reactor = reactor
        self._reload = reload

    def privilegedStartService(self) -> None:
        """
        Install the handlers before the endpoints listen, because a signal would end the process.
        """
        Service.privilegedStartService(self)
        self._install()

    def startService(self) -> None:
        Service.startService(self)
        self._reactor.callWhenRunning(self._install)  # after the reactor has installed its own

    def _install(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        if Worker.current is None:
            signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, lambda number, frame: self._call(self._reload))

    def _stop(self, number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        self._call(self._reactor.stop)

    def _call(self, function: Callable[[], object]) -> None:
        IReactorFromThreads(self._reactor).callFromThread(function)


class Root(MultiService):
    """
    The services of the process. The first one handles its signals.

    @ivar observer: the observer that writes the log of C{twistd}; C{None} for C{twistd}'s own
    @ivar reloads: the functions that L{reload} calls
    """

    observer: ILogObserver | None = None

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: the reactor
        """
        MultiService.__init__(self)
        self.reloads: list[Callable[[], None]] = []
        self._prepared = False
        Signals(reactor, self.reload).setServiceParent(self)
        atexit.register(self._exit)  # before the log registers, so that it is written first

    def _exit(self) -> None:
        """
        Set the exit status, which C{twistd} cannot do after the reactor has run.
        """
        if not self.clean:
            sys.stdout.flush()
            os._exit(1)

    @property
    def clean(self) -> bool:
        """
        Whether the process exits with status 0.
        """
        return True

    def privilegedStartService(self) -> None:
        self._prepared = True
        MultiService.privilegedStartService(self)

    def startService(self) -> None:
        """
        Start the services. C{twist} does not call C{privilegedStartService}, in which the endpoints
        listen, before the store starts, and report their errors.
        """
        if not self._prepared:
            self.privilegedStartService()
        MultiService.startService(self)

    def reload(self) -> None:
        """
        Reload the certificates of all endpoints of this process.
        """
        notifyReloading()
        for reload in self.reloads:
            reload()
        self.reloaded()

    def reloaded(self) -> None:
        """
        Complete the reload.
        """
        notify("READY=1")

    def setServiceParent(self, parent: Any) -> None:
        """
        Set the observer before C{twistd} starts to log.

        @param parent: the application, or another service
        """
        if self.observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.observer)
        MultiService.setServiceParent(self, parent)


class Server(Root):
    """
    The chats and the monitor. The monitor stops last, so that it can report the drain.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        chats: Sequence[ChatService],
        monitor: Service | None,
        timeout: float,
    ) -> None:
        """
        @param reactor: the reactor
        @param chats: the chats. They are stopped together, before everything else
        @param monitor: the monitor, or C{None}
        @param timeout: the maximum time for stopping the chats, seconds
        """
        Root.__init__(self, reactor)
        self._reactor = reactor
        self._chats = chats
        self._timeout = timeout
        self._failed = False
        for service in [*([monitor] if monitor else []), *chats]:
            service.setServiceParent(self)

    def startService(self) -> None:
        Root.startService(self)
        serving: Deferred[Any] = gatherResults(
            [chat.whenServing() for chat in self._chats], consumeErrors=True
        )
        serving.addCallbacks(self._serves, self._cannotServe)

    @property
    def clean(self) -> bool:
        """
        See L{Root}.
        """
        return not self._failed

    def _serves(self, _: object) -> None:
        self._reactor.callWhenRunning(notify, "READY=1")

    def _cannotServe(self, failure: Failure) -> None:
        """
        End the process with status 1: a store cannot be started.
        """
        error = cast(FirstError, failure.value).subFailure
        complain(f"--store: {error.getErrorMessage()}")
        self._failed = True
        self._reactor.callWhenRunning(self._reactor.stop)

    def stopService(self) -> Deferred[None]:
        """
        @return: fires when everything has stopped. The chats are stopped first, and the rest when
            they have stopped or the timeout has expired
        """
        notify("STOPPING=1")
        drained: Deferred[Any] = gatherResults([chat.stopService() for chat in self._chats])
        drained.addTimeout(self._timeout, self._reactor)
        drained.addErrback(self._undrained)
        drained.addCallback(self._countLost)
        for chat in self._chats:
            self.services.remove(chat)
        return drained.addCallback(lambda _: maybeDeferred(Root.stopService, self))

    def _undrained(self, failure: Failure) -> None:
        self._log.warn(
            "stopped after {time:g} s before all output was sent (see --shutdown-timeout)",
            time=self._timeout,
        )

    def _countLost(self, _: object) -> None:
        lost = sum([chat.lost for chat in self._chats])
        if lost:
            self._failed = True
            self._log.error(
                "{lost} messages were not, or possibly not, stored before the stop", lost=lost
            )
