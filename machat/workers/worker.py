"""
The worker's side of the pipes to its parent.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.protocol import connectionDone
from twisted.internet.stdio import StandardIO
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from machat.workers.messages import (
    LONGEST,
    Answer,
    Ask,
    Changed,
    State,
    Topic,
    decodeToWorker,
    encode,
)

#: The file descriptors of the pipes in a worker: from the parent, and to the parent. The
#: descriptors of the listening sockets follow.
FROM_PARENT = 3
TO_PARENT = 4
SOCKETS = 5


def command(number: int, reactor: str, sockets: dict[str, list[int]]) -> list[str]:
    """
    @param number: the number of the worker
    @param reactor: the module of the reactor
    @param sockets: the descriptors of the listening sockets, by option
    @return: the program of a worker, without the arguments of C{machat}, which follow
    """
    return [sys.executable, "-m", "machat.workers", str(number), reactor, json.dumps(sockets)]


class Link(LineOnlyReceiver):
    """
    The pipes to the parent.

    If the parent ends, the worker stops as on SIGTERM. If it was already stopping, it ends at once:
    the parent was ended by a second signal, or killed.
    """

    delimiter = b"\n"
    MAX_LENGTH = LONGEST
    _log = Logger()

    def __init__(
        self, stop: Callable[[], object], answer: Callable[[Topic], Awaitable[Any]]
    ) -> None:
        """
        @param stop: stops the worker
        @param answer: a coroutine function that returns the answer to a question; it can be encoded
            as JSON
        """
        self._stop = stop
        self._answer = answer
        self._stopping = False
        self._over = False
        self._waiting: list[State] = []

    def connectionMade(self) -> None:
        waiting, self._waiting = self._waiting, []
        for state in waiting:
            self.notify(state)

    def notify(self, state: State) -> None:
        """
        Report a new state to the parent.
        """
        self._stopping = self._stopping or state is State.STOPPING
        if self.transport is None:
            self._waiting.append(state)
        else:
            self.sendLine(encode(Changed(state)))

    def finish(self) -> None:
        """
        The worker has been drained: the end of the parent changes nothing any more.
        """
        self._over = True

    def lineReceived(self, line: bytes) -> None:
        message = decodeToWorker(line)
        if isinstance(message, Ask):
            answering = Deferred.fromCoroutine(self._answerTo(message.topic))
            answering.addCallback(lambda answer: self.sendLine(encode(Answer(message.id, answer))))
        else:
            self._stopOnce()

    async def _answerTo(self, topic: Topic) -> Any:
        try:
            return await self._answer(topic)
        except Exception:
            self._log.failure("the parent received no figures")
            return None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._over:  # the reactor closes everything at its end
            return
        if self._stopping:
            os._exit(1)
        self._log.error("the parent process has ended: this worker stops")
        self._stopOnce()

    def _stopOnce(self) -> None:
        if not self._stopping:
            self._stopping = True
            with suppress(ReactorNotRunning):  # a signal has just stopped it
                self._stop()


class Worker(Service):
    """
    This process, if it is a worker.

    @ivar number: the number of the worker, from 1
    @ivar sockets: the descriptors of its listening sockets, by the option that names the endpoint
    """

    #: This process, or C{None} if it is not a worker.
    current: Worker | None = None

    def __init__(self, number: int, sockets: dict[str, list[int]]) -> None:
        self.number = number
        self.sockets = sockets
        self._link: Link | None = None

    def connect(self, reactor: Any, answer: Callable[[Topic], Awaitable[Any]]) -> None:
        """
        Prepare the pipes to the parent, which are read when the service starts.

        @param reactor: the reactor, which is stopped with the worker
        @param answer: see L{Link}
        """
        self._reactor = reactor
        self._link = Link(reactor.stop, answer)

    def startService(self) -> None:
        Service.startService(self)
        make: Any = StandardIO  # its type is that of Windows
        make(self._link, FROM_PARENT, TO_PARENT, self._reactor)

    def stopService(self) -> None:
        Service.stopService(self)
        if self._link is not None:
            self._link.finish()

    def notify(self, state: str) -> None:
        """
        Report a state to the parent.

        @param state: a notification of C{sd_notify(3)}
        """
        if self._link is not None:
            self._link.notify(State(state.partition("\n")[0]))

    def endpoints(self, option: str, given: list[str]) -> list[str]:
        """
        @param option: C{tcp} or C{ws}
        @param given: the endpoints of the command line
        @return: the endpoints on the sockets of this worker
        """
        return [
            f"inherited:{descriptor}:{text}"
            for descriptor, text in zip(self.sockets[option], given, strict=True)
        ]
