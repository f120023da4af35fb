"""
An engine, several servers that share it, and clients that talk through all of them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import randrange
from typing import Any

from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from machat.store.redis.location import Host, Location
from tests.clocks import fakeTime
from tests.processes import BIN, ROOT
from tests.store.redis.engine import Engine
from tools.cutter import Cutter
from tools.replicas import NAME, Replicas
from tools.witnesses import ROOM, AnyServer, Talker

#: Options of all servers, so that they keep and accept everything.
OPTIONS = ("--rate", "off", "--max-per-address", "off")
KEEP = ("--log-messages", "10000000", "--log-bytes", "1GiB")

#: The user of the servers in the engine, and the option of the engine that defines it.
USER = "servers"
ACCOUNT = ("--user", USER, "on", ">one", "~*", "&*", "+@all")


def steadyPort() -> int:
    """
    @return: a free TCP port below those that the kernel gives to clients: otherwise a connection
        could have the port of a server while that is down
    """
    while True:
        port = randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Server:
    """
    One C{twistd machat}, and the proxy between it and the engine.

    @ivar port: its TCP port
    @ivar cutter: the proxy
    @ivar store: the argument of C{--store}
    @ivar ahead: the time by which its clock is ahead after the next start, in hours
    @ivar hasty: whether its leases are short
    """

    def __init__(self, reactor: Any, engine: Engine, folder: Path, number: int) -> None:
        """
        @param folder: where to put files
        @param number: the number of the server
        """
        self._reactor = reactor
        self._path = folder / f"proxy{number}"
        self._log = folder / f"server{number}.log"
        self.port = steadyPort()
        self.cutter = Cutter(reactor, UNIXClientEndpoint(reactor, engine.socket))
        self.store = f"redis://{self._path}?user={USER}&password-file={folder / 'password'}"
        self.ahead = 0
        self.hasty = False
        self._process: subprocess.Popen[bytes] | None = None

    async def begin(self) -> None:
        """
        Open the proxy, and start the server.
        """
        await self.cutter.listen(UNIXServerEndpoint(self._reactor, str(self._path)))
        self.start()

    def _command(self) -> list[object]:
        if self.hasty:
            return [sys.executable, "-m", "tests.store.redis.hasty"]
        return [BIN / "twistd"]

    def start(self) -> None:
        """
        Start the server.
        """
        command = [*self._command(), "-n", "--pidfile=", "machat", *OPTIONS, *KEEP]
        command += ["--ws", "none", "--tcp", f"tcp:{self.port}:interface=127.0.0.1"]
        command += ["--store", self.store]
        clock = {"LD_PRELOAD": fakeTime(), "FAKETIME": f"{self.ahead:+d}h"} if self.ahead else {}
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **clock},
                cwd=ROOT,
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

    async def terminate(self) -> int:
        """
        Let the server drain and end.

        @return: its exit status
        """
        process, self._process = self._process, None
        assert process is not None, "the server is not running"
        process.terminate()
        status: int = await deferToThread(process.wait)
        return status


class Cluster:
    """
    The engine, the servers and the clients.

    @ivar replicas: the master and its replicas; C{None}: there is one engine
    @ivar password: the file with the password of the servers
    @ivar servers: the servers. If there are replicas, the first one connects to the first master
        through its proxy, and the others ask the Sentinel
    """

    def __init__(
        self, reactor: Any, servers: int, clients: int, replicated: bool, hasty: bool
    ) -> None:
        """
        @param replicated: whether the engine has replicas
        @param hasty: whether leases are short
        """
        self.reactor = reactor
        self.replicas = Replicas(reactor) if replicated else None
        self._engine = Engine(*ACCOUNT)
        self.password = self._engine.folder / "password"
        self.password.write_text("one\n")
        folder = self._engine.folder
        self.servers = [Server(reactor, self.engine, folder, number) for number in range(servers)]
        for server in self.servers:
            server.hasty = hasty
        if self.replicas is not None:
            self.servers[0].store = self.servers[0].store.partition("?")[0]
            for server in self.servers[1:]:
                server.store = f"redis://127.0.0.1:{self.replicas.sentinel}/0?sentinel={NAME}"
        ports = [server.port for server in self.servers]
        self.talkers = [
            Talker(reactor, f"talker{number}", AnyServer(reactor, ports, number))
            for number in range(clients)
        ]

    @property
    def engine(self) -> Engine:
        """
        The engine, or the master.
        """
        return self._engine if self.replicas is None else self.replicas.master.engine

    async def begin(self) -> None:
        """
        Start everything, and wait until all clients have joined.
        """
        if self.replicas is None:
            self._engine.start()
        else:
            await self.replicas.begin()
            await self.replicas.known()
        for server in self.servers:
            await server.begin()
        for talker in self.talkers:
            talker.client.startService()
        for talker in self.talkers:
            await talker.joined

    def location(self) -> Location:
        """
        @return: where the store is
        """
        if self.replicas is None:
            return Location(socket=self._engine.socket)
        return Location(hosts=(Host("127.0.0.1", self.replicas.sentinel),), sentinel=NAME)

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

    def holds(self, name: str) -> bool:
        """
        @return: whether the engine has a claim of a name, or does not answer
        """
        try:
            reply = self.engine.command("HEXISTS", f"machat:{{{ROOM}}}:who", f"+{name}")
        except OSError:
            return True
        return reply != b":0"

    async def end(self) -> None:
        """
        Stop everything.
        """
        for talker in self.talkers:
            await talker.client.stopService()
        for server in self.servers:
            await server.cutter.stop()
        if self.replicas is not None:
            await self.replicas.cutter.stop()
        self.kill()

    def kill(self) -> None:
        """
        Kill all processes, and delete the data.
        """
        for server in self.servers:
            server.kill()
        if self.replicas is not None:
            self.replicas.kill()
        self._engine.remove()

    def logs(self) -> list[Path]:
        """
        @return: the log files of the servers
        """
        return sorted(self._engine.folder.glob("*.log"))
