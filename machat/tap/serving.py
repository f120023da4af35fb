"""
What runs in the process of C{twistd machat}: the endpoints, the signals, the order of a stop.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import CancelledError, Deferred, fail, gatherResults, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorFromThreads
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.failure import Failure

from machat.service import ChatService
from machat.tap.endpoints import Endpoint
from machat.tap.options import complain, globalReactor, reasonOf

#: How long a service manager may take to be told something, seconds.
NOTIFIED = 1.0


def notify(state: str) -> None:
    """
    Tell the service manager, if there is one that asked for it (C{sd_notify(3)}).
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.settimeout(NOTIFIED)
                manager.sendto(state.encode(), address.replace("@", "\0", 1))
        except OSError as error:
            Logger().warn("the service manager was not notified: {why}", why=reasonOf(error))


class Server(MultiService):
    """
    The chats, and what shows how they are. The one is there longer than the other: it tells of the
    end too.

    @ivar reloads: what is called to L{reload}
    @ivar observer: what writes the log of C{twistd}; C{None}: what C{twistd} chooses
    """

    observer: ILogObserver | None = None
    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        chats: Sequence[ChatService],
        monitor: Service | None,
        timeout: float,
    ) -> None:
        """
        @param timeout: of a stop, seconds
        """
        MultiService.__init__(self)
        self.reloads: list[Callable[[], None]] = []
        self._reactor = reactor
        self._chats = chats
        self._timeout = timeout
        for service in [*([monitor] if monitor else []), *chats]:
            service.setServiceParent(self)

    def setServiceParent(self, parent: Any) -> None:
        """
        Choose the observer before C{twistd} begins to log.

        @param parent: the application, or another service
        """
        if self.observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.observer)
        MultiService.setServiceParent(self, parent)

    def startService(self) -> None:
        MultiService.startService(self)
        self._reactor.callWhenRunning(notify, "READY=1")

    def stopService(self) -> Deferred[None]:
        """
        @return: fires when the chats have stopped and then all else has, or the time is over
        """
        notify("STOPPING=1")
        drained: Deferred[Any] = gatherResults([chat.stopService() for chat in self._chats])
        drained.addTimeout(self._timeout, self._reactor)
        drained.addErrback(self._undrained)
        for chat in self._chats:
            self.services.remove(chat)
        return drained.addCallback(lambda _: maybeDeferred(MultiService.stopService, self))

    def _undrained(self, failure: Failure) -> None:
        self._log.warn("not all was sent within {time:g} s", time=self._timeout)

    def reload(self) -> None:
        """
        Read again what may have changed.
        """
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
        for reload in self.reloads:
            reload()
        notify("READY=1")


class Signals(Service):
    """
    Makes SIGINT and SIGTERM stop the reactor with exit status 0: left to itself, Twisted ends the
    process once more with the signal when all is done. The same signal again ends it at once.
    SIGHUP reloads.
    """

    def __init__(self, reactor: Any, reload: Callable[[], None]) -> None:
        self._reactor = reactor
        self._reload = reload

    def startService(self) -> None:
        Service.startService(self)
        self._reactor.callWhenRunning(self._install)  # the reactor installs its own just before

    def _install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, lambda number, frame: self._call(self._reload))

    def _stop(self, number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        self._call(self._reactor.stop)

    def _call(self, function: Callable[[], object]) -> None:
        IReactorFromThreads(self._reactor).callFromThread(function)


class CannotServe(Exception):
    """
    An endpoint cannot be listened on.
    """


class Listener(Service):
    """
    One endpoint of the command line. A failure to listen says which, in one line.
    """

    _log = Logger()

    def __init__(
        self,
        option: str,
        endpoint: str,
        factory: IProtocolFactory,
        daemonized: bool,
        protocols: Sequence[bytes] = (),
    ) -> None:
        """
        @param protocols: see L{Endpoint}
        """
        self._name = f"--{option} {endpoint}"
        self._endpoint = Endpoint(globalReactor(), endpoint, protocols)
        self._factory = factory
        self._daemonized = daemonized
        self._listening: Deferred[IListeningPort | None] | None = None

    def privilegedStartService(self) -> None:
        Service.privilegedStartService(self)
        self._listen()

    def startService(self) -> None:
        Service.startService(self)
        self._listen()

    def stopService(self) -> Deferred[Any] | None:
        """
        @return: fires when the port is closed
        """
        Service.stopService(self)
        listening, self._listening = self._listening, None
        if listening is None:
            return None
        listening.cancel()
        return listening.addCallback(lambda port: port and port.stopListening())

    def _listen(self) -> None:
        if self._listening is not None:
            return
        failures: list[Failure] = []
        try:
            listening: Deferred[Any] = self._endpoint.listen(self._factory)
        except OSError:
            listening = fail()
        self._listening = listening.addErrback(failures.append)
        if failures:
            self._fail(failures[0].value)
        self._listening.addCallback(self._began, failures)

    def _began(self, port: IListeningPort | None, failures: list[Failure]) -> IListeningPort | None:
        for failure in failures:  # an endpoint that took its time: no exception can tell of it
            if not failure.check(CancelledError):
                self._log.failure("{name}", failure, name=self._name)
        return port

    def _fail(self, error: BaseException | None) -> None:
        message = f"{self._name}: {self._endpoint.explain(reasonOf(error))}"
        if self._daemonized:  # the parent waits to be told of an exception
            raise CannotServe(message) from None
        complain(message)
        raise SystemExit(1) from None

    def reload(self) -> None:
        """
        Read the certificates of the endpoint again, if it has any, for the connections to come. If
        they cannot be used, this is logged, and the last ones stay.
        """
        certificates = self._endpoint.certificates
        if certificates is not None:
            try:
                certificates.reload()
            except Exception as error:
                self._log.error("{name}: {why}", name=self._name, why=reasonOf(error))
            else:
                self._log.info("{name}: certificate read again", name=self._name)
