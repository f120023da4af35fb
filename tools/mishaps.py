"""
The faults that L{tools.faults} causes.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Coroutine
from functools import partial
from random import Random
from typing import Any

from twisted.internet.endpoints import UNIXClientEndpoint

from tests.clocks import fakeTime
from tests.store.redis.hasty import FACTOR
from tools.cluster import USER, Cluster, Server
from tools.cutter import Cutter
from tools.replicas import Member, Replicas
from tools.witnesses import Guest, visit

#: The time for which a server is stopped, so that its lease expires, in seconds.
STOPPED = 16.0


class Mishaps:
    """
    The faults, each a method.

    @ivar problems: one line each
    @ivar target: the server whose fault it is
    @ivar over: the time from which on the service has to resume, if that is before the fault has
        ended; otherwise 0
    """

    def __init__(self, cluster: Cluster, random: Random, short: float) -> None:
        """
        @param short: divides the durations of faults
        """
        self._cluster = cluster
        self._random = random
        self._short = short
        self.problems: list[str] = []
        self.over = 0.0
        self.target = cluster.servers[0]

    def aim(self) -> None:
        """
        Choose the server for the next fault.
        """
        self.target = self._random.choice(self._cluster.servers)

    @property
    def _replicas(self) -> Replicas:
        assert self._cluster.replicas is not None, "there are no replicas"
        return self._cluster.replicas

    def _resumes(self) -> None:
        """
        The service has to resume from now on, though the fault lasts.
        """
        self.over = self._cluster.reactor.seconds()
        self._tail()

    async def _last(self, seconds: float) -> None:
        await self._cluster.pause(seconds / self._short)

    async def _expire(self, server: Server) -> None:
        """
        Wait until the lease of a server has expired.
        """
        await self._cluster.pause(STOPPED / (FACTOR if server.hasty else 1))

    async def killServer(self) -> None:
        """
        Kill a server, and start it again.
        """
        server = self.target
        server.kill()
        self._resumes()
        await self._last(3)
        server.start()

    async def stopServer(self, seconds: float = 0.0) -> None:
        """
        Stop a server for longer than its lease.
        """
        server = self.target
        server.signal(signal.SIGSTOP)
        self._resumes()
        await self._expire(server)
        await self._cluster.pause(max(0.0, seconds - STOPPED))
        server.signal(signal.SIGCONT)

    async def loseName(self) -> None:
        """
        Stop a server for longer than its lease. Meanwhile, another client takes one of its names.
        """
        server = self.target
        other = next(each for each in self._cluster.servers if each is not server)
        reactor = self._cluster.reactor
        await self._serves(server)
        victim = await visit(reactor, server.port, "victim")
        server.signal(signal.SIGSTOP)
        self._resumes()
        await self._expire(server)
        thief = await self._steal(other)
        server.signal(signal.SIGCONT)
        if victim is None or thief is None:
            self.problems.append("lose-name: the name did not become free")
            return
        if not await self._cluster.until(lambda: victim.code != 0, 15) or victim.code != 3010:
            self.problems.append(f"lose-name: the member was closed with {victim.code}, not 3010")
        victim.leave()
        thief.leave()

    async def _steal(self, server: Server) -> Guest | None:
        """
        @return: a client with the name of another one, as soon as that name is free
        """
        for _ in range(100):
            thief = await visit(self._cluster.reactor, server.port, "VICTIM")
            if thief is not None:
                return thief
            await self._cluster.pause(0.2)
        return None

    async def restart(self) -> None:
        """
        Terminate one server after another, and start it again.
        """
        for server in self._cluster.servers:
            await self._serves(server)
            status = await server.terminate()
            if status != 0:
                self.problems.append(f"restart: a server has ended with status {status}")
            server.start()
            await self._serves(server)

    async def _serves(self, server: Server) -> None:
        """
        Wait until a server accepts members.
        """
        for _ in range(1000):
            guest = await visit(self._cluster.reactor, server.port, "visitor")
            if guest is not None:
                guest.leave()
                return
            await self._cluster.pause(0.1)
        self.problems.append("a server does not start")

    async def clock(self) -> None:
        """
        Start a server again with a clock that is an hour ahead, or behind.
        """
        server = self.target
        server.kill()
        self._resumes()
        server.ahead = self._random.choice([-1, 1]) if fakeTime() else 0
        server.start()
        await self._last(3)

    async def killEngine(self) -> None:
        """
        Kill the engine, and start it again with its data.
        """
        self._cluster.engine.kill()
        await self._last(3)
        self._cluster.engine.start()

    async def stopEngine(self, seconds: float) -> None:
        """
        Stop the engine for some time.
        """
        self._cluster.engine.pause()
        await self._last(seconds)
        self._cluster.engine.resume()

    async def slowEngine(self) -> None:
        """
        Let every answer of the engine take 2 seconds.
        """
        cutters = [server.cutter for server in self._cluster.servers]
        for cutter in cutters:
            cutter.delay = 1.0  # in each direction
        await self._last(20)
        for cutter in cutters:
            cutter.delay = 0.0

    async def cut(self, seconds: float) -> None:
        """
        Cut the link of a server for some time.
        """
        cutter = self.target.cutter
        cutter.closed = True
        cutter.cut()
        await self._last(seconds)
        cutter.closed = False

    async def silent(self, direction: str, seconds: float) -> None:
        """
        Let the link of a server be silent in one direction.
        """
        cutter: Cutter = self.target.cutter
        cutter.hold(direction)
        await self._last(seconds)
        cutter.release()

    async def memory(self) -> None:
        """
        Let the engine run out of memory.
        """
        self._cluster.engine.command("CONFIG", "SET", "maxmemory", "1")
        await self._last(4)
        self._cluster.engine.command("CONFIG", "SET", "maxmemory", "0")

    async def password(self) -> None:
        """
        Change the password in the engine, and later in the file of the servers. All servers run
        already: one that starts would end because of the wrong password.
        """
        for server in self._cluster.servers:
            await self._serves(server)
        for old, new in (("one", "two"), ("two", "one")):
            command = self._cluster.engine.command
            command("ACL", "SETUSER", USER, f">{new}", f"<{old}")
            command("CLIENT", "KILL", "USER", USER)
            await self._last(4)
            self._cluster.password.write_text(f"{new}\n")

    async def olderData(self) -> None:
        """
        Start the engine with an older copy of its data.
        """
        backup = self._cluster.engine.backUp()
        await self._last(2)
        self._cluster.engine.restore(backup)

    async def noData(self) -> None:
        """
        Start the engine without its data.
        """
        self._cluster.engine.restore(None)

    async def flush(self) -> None:
        """
        Delete all keys. The replication id of the engine remains.
        """
        self._cluster.engine.command("FLUSHALL")

    def _tail(self) -> None:
        for talker in self._cluster.talkers:
            talker.say()

    async def failOver(self) -> None:
        """
        Kill the master, whose replicas do not have its last messages. The Sentinel promotes one.
        """
        replicas = self._replicas
        replicas.look()
        old: Member = replicas.master
        others = [member for member in replicas.members if member is not old]
        for member in others:
            member.engine.pause()
        old.engine.command("CLIENT", "KILL", "TYPE", "replica")
        self._tail()
        await self._cluster.pause(0.5)
        old.engine.kill()
        for member in others:
            member.engine.resume()
        self._resumes()
        await replicas.promoted()
        self._lead()
        old.engine.start()
        await replicas.follow(old)

    def _lead(self) -> None:
        """
        Lead the first server to the new master.
        """
        cutter = self._cluster.servers[0].cutter
        socket = self._cluster.engine.socket
        cutter.target = UNIXClientEndpoint(self._cluster.reactor, socket)
        cutter.cut()

    async def split(self) -> None:
        """
        Separate the first master and one server from the others, until both parts have a master.
        """
        replicas = self._replicas
        old = replicas.master
        if old is not replicas.members[0]:
            raise ValueError("only the first master is connected through a proxy")
        replicas.configure(min_replicas_to_write=1, min_replicas_max_lag=2)
        replicas.cutter.hold("in", "out")
        await replicas.promoted()
        for _ in range(5):
            self._tail()
            await self._cluster.pause(0.1)
        refused = lambda: old.engine.command("SET", "x", "1").startswith(b"-NOREPL")  # noqa: E731
        if not await self._cluster.until(refused, 10):
            self.problems.append("split: the old master accepts writes without replicas")
        self._tail()
        await self._last(10)
        replicas.cutter.cut()
        replicas.cutter.release()
        await replicas.follow(old)
        self._lead()
        replicas.configure(min_replicas_to_write=0)

    async def stopMaster(self) -> None:
        """
        Stop the master until a replica is promoted. Afterwards, it still accepts messages for some
        time, until the Sentinel makes it a replica.
        """
        replicas = self._replicas
        replicas.look()
        old = replicas.master
        replicas.configure(min_replicas_to_write=1, min_replicas_max_lag=2)
        old.engine.pause()
        await replicas.promoted()
        old.engine.resume()
        self._resumes()
        if not await self._cluster.until(lambda: old.role == "slave", 60):
            self.problems.append("stop-master: the Sentinel does not make it a replica")
        self._lead()
        replicas.configure(min_replicas_to_write=0)


#: A fault.
Fault = Callable[[Mishaps], Coroutine[Any, Any, None]]

#: The faults by name.
FAULTS: dict[str, Fault] = {
    "kill-server": Mishaps.killServer,
    "stop-server": Mishaps.stopServer,
    "stop-server-45": partial(Mishaps.stopServer, seconds=45.0),
    "lose-name": Mishaps.loseName,
    "restart": Mishaps.restart,
    "clock": Mishaps.clock,
    "kill-engine": Mishaps.killEngine,
    "stop-engine-1": partial(Mishaps.stopEngine, seconds=1),
    "stop-engine-15": partial(Mishaps.stopEngine, seconds=15),
    "slow-engine": Mishaps.slowEngine,
    "memory": Mishaps.memory,
    "password": Mishaps.password,
    "older-data": Mishaps.olderData,
    "no-data": Mishaps.noData,
    "flush": Mishaps.flush,
}
for length in (1, 15, 60):
    FAULTS[f"cut-{length}"] = partial(Mishaps.cut, seconds=length)
    for way in ("in", "out"):
        FAULTS[f"silent-{way}-{length}"] = partial(Mishaps.silent, direction=way, seconds=length)

#: The faults of an engine with replicas.
REPLICATED: dict[str, Fault] = {
    "split": Mishaps.split,
    "failover": Mishaps.failOver,
    "stop-master": Mishaps.stopMaster,
}
