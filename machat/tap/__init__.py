"""
C{twistd machat}: its options, and the tree of services it runs. The only module that may let the
global reactor in.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any, cast

from twisted.application import strports
from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory, IReactorCore, IReactorFromThreads
from twisted.python import usage

from machat.service import ChatService
from machat.tcp import ChatFactory
from machat.ws import ChatWebSocketFactory


class Options(usage.Options):
    """
    The command line of C{twistd machat}.
    """

    synopsis = "[options]"
    longdesc = (
        "A chat room: TCP lines and WebSockets (at /mychat) meet in the same rooms. An endpoint is "
        "a strports string, for example tcp:8989 or unix:/run/machat."
    )
    optFlags = [["separate", None, "Give TCP and WebSocket each a chat of its own."]]

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self["tcp"] = []
        self["ws"] = []

    def opt_tcp(self, endpoint: str) -> None:
        """Serve lines here; repeatable, or "none". [default: tcp:8989:interface=127.0.0.1]"""
        self["tcp"].append(endpoint)

    def opt_ws(self, endpoint: str) -> None:
        """Serve WebSockets here; repeatable, or "none". [default: tcp:8099:interface=127.0.0.1]"""
        self["ws"].append(endpoint)

    def postOptions(self) -> None:
        """
        Check the endpoints.

        @raise usage.UsageError: names the option and the endpoint that cannot be used
        """
        for option, default in (("tcp", "8989"), ("ws", "8099")):
            given = self[option] or [f"tcp:{default}:interface=127.0.0.1"]
            self[option] = [endpoint for endpoint in given if endpoint != "none"]
            for endpoint in self[option]:
                self._check(option, endpoint)
        if not self["tcp"] and not self["ws"]:
            _complain("--tcp none and --ws none leave nothing to serve")
            raise usage.UsageError("nothing to serve")

    def _check(self, option: str, endpoint: str) -> None:
        try:
            serverFromString(_globalReactor(), endpoint)
        except Exception as error:
            message = f"--{option} {endpoint}: {_reason(error)}"
            _complain(message)  # twistd tells it on standard output, below its help
            raise usage.UsageError(message) from None


class StopSignals(Service):
    """
    Makes SIGINT and SIGTERM stop the reactor with exit status 0: left to itself, Twisted ends the
    process once more with the signal when all is done. The same signal again ends it at once.
    """

    def __init__(self, reactor: IReactorCore) -> None:
        self._reactor = reactor

    def startService(self) -> None:
        Service.startService(self)
        self._reactor.callWhenRunning(self._install)  # the reactor installs its own just before

    def _install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        IReactorFromThreads(self._reactor).callFromThread(self._reactor.stop)


class CannotServe(Exception):
    """
    An endpoint cannot be listened on.
    """


class Listener(Service):
    """
    One endpoint of the command line. A failure to listen says which, in one line.
    """

    def __init__(
        self, option: str, endpoint: str, factory: IProtocolFactory, daemonized: bool
    ) -> None:
        self._name = f"--{option} {endpoint}"
        self._server: StreamServerEndpointService = strports.service(endpoint, factory)
        self._daemonized = daemonized

    def privilegedStartService(self) -> None:
        self._start(self._server.privilegedStartService)

    def startService(self) -> None:
        Service.startService(self)
        self._start(self._server.startService)

    def stopService(self) -> Deferred[None] | None:
        Service.stopService(self)
        stopped: Deferred[None] | None = self._server.stopService()
        return stopped

    def _start(self, start: Callable[[], object]) -> None:
        try:
            start()
        except (CannotListenError, OSError) as error:
            message = f"{self._name}: {_reason(error)}"
            if self._daemonized:  # the parent waits to be told of an exception
                raise CannotServe(message) from None
            _complain(message)
            raise SystemExit(1) from None


def makeService(options: Options) -> IService:
    """
    Build the services: a chat with its endpoints as children, or with C{--separate} two of them.
    """
    reactor: Any = _globalReactor()
    parent: dict[str, Any] = options.parent or {}
    daemonized = not parent.get("nodaemon", True)
    root = MultiService()
    StopSignals(reactor).setServiceParent(root)
    chats = [ChatService(reactor)]
    if options["separate"]:
        chats.append(ChatService(reactor))
    for chat in chats:
        chat.setServiceParent(root)
    for chat, option, makeFactory in (
        (chats[0], "tcp", ChatFactory),
        (chats[-1], "ws", ChatWebSocketFactory),
    ):
        factory = makeFactory(chat)
        for endpoint in options[option]:
            Listener(option, endpoint, factory, daemonized).setServiceParent(chat)
    return root


def _globalReactor() -> IReactorCore:
    from twisted.internet import reactor

    return cast(IReactorCore, reactor)


def _complain(message: str) -> None:
    """
    Write a line to the real standard error: C{twistd} sends C{sys.stderr} to its log.
    """
    print(f"machat: {message}", file=sys.__stderr__, flush=True)


def _reason(error: Exception) -> str:
    """
    @return: an exception in one line
    """
    cause = getattr(error, "socketError", error)
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return " ".join(str(text).split())
