"""
Three engines, the master and its replicas, and a Sentinel that replaces the master.
"""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.task import deferLater

from tests.processes import freePort
from tests.store.redis.engine import PROGRAM, Engine
from tools.cutter import Cutter

#: The name by which the Sentinel knows the engines.
NAME = "machat"

#: The configuration of the Sentinel. It considers the master down after a second.
SENTINEL = """\
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor machat 127.0.0.1 {master} 1
sentinel down-after-milliseconds machat 1000
sentinel failover-timeout machat 3000
"""


class Member:
    """
    An engine with a port.

    @ivar engine: the engine
    @ivar port: its port
    @ivar known: the port by which the others know it: its own, or that of a proxy
    """

    def __init__(self, proxy: int = 0) -> None:
        """
        @param proxy: the port of the proxy before it; 0: there is none
        """
        self.port = freePort()
        self.known = proxy or self.port
        options = ["--port", self.port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay", 0]
        options += ["--replica-announce-port", self.known]
        self.engine = Engine(*map(str, options))

    @property
    def role(self) -> str:
        """
        C{master} or C{slave}; empty: it does not run.
        """
        return self.info("role")

    def info(self, field: str) -> str:
        """
        @return: a field of C{INFO replication}; empty: there is none
        """
        try:
            with self.engine.begun("INFO", "replication") as connection:
                lines = connection.recv(65536).decode().split("\r\n")
        except OSError:
            return ""
        found = dict(line.split(":", 1) for line in lines if ":" in line)
        return found.get(field, "")


class Replicas:
    """
    The engines and the Sentinel. All of them reach the first master through a proxy.

    @ivar members: the engines, the first master first
    @ivar master: the current master
    @ivar cutter: the proxy before the first master
    @ivar sentinel: the port of the Sentinel
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.members = [Member(freePort()), Member(), Member()]
        self.master = self.members[0]
        self.cutter = Cutter(
            reactor, TCP4ClientEndpoint(reactor, "127.0.0.1", self.members[0].port)
        )
        self.sentinel = freePort()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """
        A folder for files.
        """
        return self.members[0].engine.folder

    async def begin(self) -> None:
        """
        Start everything, and wait until the replicas follow.
        """
        port = self.master.known
        await self.cutter.listen(TCP4ServerEndpoint(self._reactor, port, 50, "127.0.0.1"))
        for member in self.members:
            member.engine.start()
        for member in self.members[1:]:
            member.engine.command("REPLICAOF", "127.0.0.1", str(port))
        for member in self.members[1:]:
            while member.info("master_link_status") != "up":
                await deferLater(self._reactor, 0.02)
        file = self.folder / "sentinel.conf"
        text = SENTINEL.format(port=self.sentinel, folder=self.folder, master=port)
        file.write_text(text)
        self._process = subprocess.Popen(
            [PROGRAM or "valkey-server", str(file), "--sentinel"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def known(self) -> None:
        """
        Wait until the Sentinel knows the replicas.
        """
        while b"num-slaves\r\n$1\r\n2" not in self.ask("SENTINEL", "MASTER", NAME):
            await deferLater(self._reactor, 0.05)

    def ask(self, *words: str) -> bytes:
        """
        @return: the answer of the Sentinel
        """
        try:
            with socket.create_connection(("127.0.0.1", self.sentinel), 5) as connection:
                parts = [f"${len(word)}\r\n{word}\r\n" for word in words]
                connection.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
                return connection.recv(65536)
        except OSError:
            return b""

    def configure(self, **options: int) -> None:
        """
        Change options of all engines.
        """
        for member in self.members:
            for name, value in options.items():
                member.engine.command("CONFIG", "SET", name.replace("_", "-"), str(value))

    async def promoted(self) -> None:
        """
        Wait until the Sentinel names another engine as the master.
        """
        old = self.master
        while self.master is old:
            await deferLater(self._reactor, 0.05)
            self.look(old)

    def look(self, old: Member | None = None) -> None:
        """
        Find out which engine is the master: the Sentinel may have replaced it by itself.

        @param old: an engine that does not answer
        """
        for member in self.members:
            if member is not old and member.role == "master" and self._names(member):
                self.master = member

    def _names(self, member: Member) -> bool:
        """
        @return: whether the Sentinel names this engine as the master
        """
        found = self.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME).split(b"\r\n")
        return str(member.known).encode() in found

    async def follow(self, member: Member) -> None:
        """
        Make an engine a replica, as the Sentinel does after a while, and wait until it follows.
        """
        member.engine.command("REPLICAOF", "127.0.0.1", str(self.master.known))
        for kind in ("normal", "pubsub"):
            member.engine.command("CLIENT", "KILL", "TYPE", kind)
        while member.info("master_link_status") != "up":
            await deferLater(self._reactor, 0.05)

    def kill(self) -> None:
        """
        Kill everything, and delete the data.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for member in self.members:
            member.engine.remove()
