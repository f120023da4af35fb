"""
An engine, several servers that share it, and clients that talk through all of them.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater
from zope.interface import implementer

from machat.client import ChatClient, Gap
from machat.events import Event, Joined, Message, Moved, Receipt
from tests.processes import BIN, freePort
from tests.store.redis.engine import Engine
from tools.cutter import Cutter


class Server:
    """
    One C{twistd machat}, and the proxy between it and the engine.

    @ivar port: its TCP port
    @ivar cutter: the proxy
    """

    def __init__(self, reactor: Any, engine: Engine, number: int) -> None:
        self._reactor = reactor
        self._engine = engine
        self._path = engine.folder / f"proxy{number}"
        self._log = engine.folder / f"server{number}.log"
        self.port = freePort()
        self.cutter = Cutter(reactor, UNIXClientEndpoint(reactor, engine.socket))
        self._process: subprocess.Popen[bytes] | None = None

    async def begin(self) -> None:
        """
        Open the proxy, and start the server.
        """
        await self.cutter.listen(UNIXServerEndpoint(self._reactor, str(self._path)))
        self.start()

    def start(self) -> None:
        """
        Start the server.
        """
        command = [BIN / "twistd", "-n", "--pidfile=", "machat", "--rate", "off"]
        command += ["--ws", f"tcp:{freePort()}:interface=127.0.0.1"]
        command += ["--tcp", f"tcp:{self.port}:interface=127.0.0.1", "--max-per-address", "off"]
        command += ["--store", f"redis://{self._path}"]
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdout=log, stderr=subprocess.STDOUT
            )

    def signal(self, number: int) -> None:
        """
        Send a signal to the server.
        """
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """
        Kill the server.
        """
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """
        @return: what the server has written
        """
        return self._log.read_text("utf-8", "replace")

    async def end(self) -> None:
        """
        Kill the server, and close the proxy.
        """
        self.kill()
        await self.cutter.stop()


@implementer(IStreamClientEndpoint)
class AnyServer:
    """
    Connects to the servers in turn.
    """

    def __init__(self, reactor: Any, ports: list[int], first: int) -> None:
        """
        @param first: the index of the server to begin with
        """
        self._endpoints = [TCP4ClientEndpoint(reactor, "127.0.0.1", port, 2) for port in ports]
        self._next = first

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """
        See C{IStreamClientEndpoint.connect}.
        """
        endpoint = self._endpoints[self._next % len(self._endpoints)]
        self._next += 1
        return endpoint.connect(protocolFactory)


class Talker:
    """
    A client that sends numbered messages, and remembers what it receives.

    @ivar name: its name
    @ivar received: the numbers and texts of messages, in the order of arrival
    @ivar acknowledged: the texts by the numbers of their acknowledgements
    @ivar failed: the texts that were refused
    @ivar gaps: the reports that something was missed or lost
    @ivar joins: the times of its joins
    """

    def __init__(self, reactor: Any, name: str, room: str, endpoint: AnyServer) -> None:
        self._reactor = reactor
        self._room = room
        self._count = 0
        self.name = name
        self.received: list[tuple[int, str]] = []
        self.acknowledged: dict[int, str] = {}
        self.failed: set[str] = set()
        self.gaps: list[Event] = []
        self.joins: list[float] = []
        self.lastAck = 0.0
        self.client = ChatClient(reactor, endpoint, name, self._listen, presence=False)
        self.joined = self.client.join(room)

    def _listen(self, event: Event) -> None:
        if isinstance(event, Message):
            self.received.append((event.seq, event.text))
        elif isinstance(event, Gap) or (isinstance(event, Moved) and event.lost):
            self.gaps.append(event)
        elif isinstance(event, Joined):
            self.joins.append(self._reactor.seconds())

    def say(self) -> None:
        """
        Send the next message.
        """
        self._count += 1
        text = f"{self.name} {self._count}"
        sending = self.client.say(self._room, text)
        sending.addCallbacks(self._acknowledged, lambda _: self.failed.add(text), (text,))

    def _acknowledged(self, receipt: Receipt, text: str) -> None:
        self.acknowledged[receipt.seq] = text
        self.lastAck = self._reactor.seconds()


class Cluster:
    """
    The engine, the servers and the clients.
    """

    def __init__(self, reactor: Any, servers: int, clients: int) -> None:
        self.reactor = reactor
        self.engine = Engine()
        self.engine.start()
        self.servers = [Server(reactor, self.engine, number) for number in range(servers)]
        ports = [server.port for server in self.servers]
        self.talkers = [
            Talker(reactor, f"talker{number}", "dev", AnyServer(reactor, ports, number))
            for number in range(clients)
        ]

    async def begin(self) -> None:
        """
        Start everything, and wait until all clients have joined.
        """
        for server in self.servers:
            await server.begin()
        for talker in self.talkers:
            talker.client.startService()
        for talker in self.talkers:
            await talker.joined

    async def pause(self, seconds: float) -> None:
        """
        Let some time pass.
        """
        await deferLater(self.reactor, seconds)

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """
        Wait for a condition.

        @param seconds: the maximum time
        @return: whether it was met
        """
        end = self.reactor.seconds() + seconds
        while not condition():
            if self.reactor.seconds() > end:
                return False
            await self.pause(0.05)
        return True

    async def end(self) -> None:
        """
        Stop everything.
        """
        for talker in self.talkers:
            await talker.client.stopService()
        for server in self.servers:
            await server.end()
        self.engine.remove()

    def logs(self) -> list[Path]:
        """
        @return: the log files of the servers
        """
        return sorted(self.engine.folder.glob("*.log"))
