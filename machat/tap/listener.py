"""
One endpoint of the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat.tap.endpoints import Endpoint, given
from machat.tap.errors import reasonOf, refuseToServe
from machat.tap.options import globalReactor
from machat.tcp import ChatFactory
from machat.transport.keepalive import keepAliveAll
from machat.ws import ChatWebSocketFactory


class Listener(Service):
    """
    One endpoint of the command line. If it cannot listen, it writes one line that names the
    endpoint and the cause, and ends the process.
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
        @param option: the name of the option, for error messages
        @param endpoint: a strports string
        @param factory: serves the connections
        @param daemonized: whether C{twistd} runs in the background
        @param protocols: see L{Endpoint}
        """
        self._name = f"--{option} {given(endpoint)}"
        self._endpoint = Endpoint(globalReactor(), endpoint, protocols)
        self._factory = factory
        self._daemonized = daemonized
        self._listening: Deferred[IListeningPort | None] | None = None

    def privilegedStartService(self) -> None:
        """
        Listen.
        """
        Service.privilegedStartService(self)
        failures: list[Failure] = []
        try:
            listening: Deferred[Any] = self._endpoint.listen(self._factory)
        except OSError:
            listening = fail()
        self._listening = listening.addErrback(failures.append)
        if failures:
            reason = self._endpoint.explain(reasonOf(failures[0].value))
            refuseToServe(f"{self._name}: {reason}", self._daemonized)
        self._listening.addCallback(self._began, failures)

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

    def _began(self, port: IListeningPort | None, failures: list[Failure]) -> IListeningPort | None:
        for failure in failures:  # it failed asynchronously, so no caller receives an exception
            if not failure.check(CancelledError):
                self._log.failure("{name}", failure, name=self._name)
        if isinstance(self._factory, ChatFactory | ChatWebSocketFactory):
            self._factory.sockets.adoptPort(port)
        else:
            keepAliveAll(port)
        return port

    def reload(self) -> None:
        """
        Reload the endpoint's certificates, if it has any, for new connections. If they cannot be
        used, log an error and keep the previous ones.
        """
        certificates = self._endpoint.certificates
        if certificates is not None:
            try:
                certificates.reload()
            except Exception as error:
                self._log.error(
                    "{name}: certificate not reloaded, the previous one stays in use: {why}",
                    name=self._name,
                    why=reasonOf(error),
                )
            else:
                self._log.info("{name}: certificate reloaded", name=self._name)
