"""
Cause faults in a chat of several servers and one engine, and count what its clients notice::

    python -m tools.faults --servers 3 --clients 12 --rounds 200 --seed 1
    python -m tools.faults kill-server cut older-data

Each round causes one fault, while all clients send numbered messages, and then waits until all of
them have sent again. The program prints a line for each round and a summary. It exits with status 1
if an acknowledged message was lost without a report, a message was stored twice or received twice
or in another order than stored, a client missed a message without a report, or a name remained
without an owner.
"""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, react

from machat.events import Message
from machat.limits import Limits
from machat.store.redis import Location, RedisStore
from machat.testing.contract.witness import Witness
from tools.cluster import Cluster, Server, Talker

#: The maximum time for the service to resume after a fault, in seconds.
RESUMED = 60.0

#: The time for which a name may remain after its client has left, in seconds.
GHOST = 25.0


class Faults:
    """
    The faults, each a method whose name begins with C{do}.

    @ivar short: divides the durations of faults
    """

    def __init__(self, cluster: Cluster, random: Random, short: float) -> None:
        self._cluster = cluster
        self._random = random
        self._short = short
        self._backup: Path | None = None

    def names(self) -> list[str]:
        """
        @return: the names of all faults
        """
        return [name for name in FAULTS]

    def _server(self) -> Server:
        return self._random.choice(self._cluster.servers)

    async def _last(self, seconds: float) -> None:
        await self._cluster.pause(seconds / self._short)

    async def killServer(self) -> None:
        """
        Kill a server, and start it again.
        """
        server = self._server()
        server.kill()
        await self._last(3)
        server.start()

    async def stopServer(self) -> None:
        """
        Stop a server for longer than its lease.
        """
        server = self._server()
        server.signal(signal.SIGSTOP)
        await self._cluster.pause(16)
        server.signal(signal.SIGCONT)

    async def killEngine(self) -> None:
        """
        Kill the engine, and start it again with its data.
        """
        self._cluster.engine.kill()
        await self._last(3)
        self._cluster.engine.start()

    async def stopEngine(self) -> None:
        """
        Stop the engine for some time.
        """
        self._cluster.engine.pause()
        await self._last(self._random.choice([1, 6, 15]))
        self._cluster.engine.resume()

    async def slowEngine(self) -> None:
        """
        Delay all traffic with the engine.
        """
        for server in self._cluster.servers:
            server.cutter.delay = 1.0
        await self._last(10)
        for server in self._cluster.servers:
            server.cutter.delay = 0.0

    async def cut(self) -> None:
        """
        Cut the link of a server for some time.
        """
        cutter = self._server().cutter
        cutter.closed = True
        cutter.cut()
        await self._last(self._random.choice([1, 15]))
        cutter.closed = False

    async def cutOneWay(self) -> None:
        """
        Let the link of a server be silent in one direction.
        """
        cutter = self._server().cutter
        cutter.hold(self._random.choice(["in", "out"]))
        await self._last(self._random.choice([1, 15]))
        cutter.release()

    async def memory(self) -> None:
        """
        Let the engine run out of memory.
        """
        self._cluster.engine.command("CONFIG", "SET", "maxmemory", "1")
        await self._last(4)
        self._cluster.engine.command("CONFIG", "SET", "maxmemory", "0")

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


#: The faults by name, and whether they lose data.
FAULTS: dict[str, tuple[Callable[[Faults], Coroutine[Any, Any, None]], bool]] = {
    "kill-server": (Faults.killServer, False),
    "stop-server": (Faults.stopServer, False),
    "kill-engine": (Faults.killEngine, False),
    "stop-engine": (Faults.stopEngine, False),
    "slow-engine": (Faults.slowEngine, False),
    "cut": (Faults.cut, False),
    "cut-one-way": (Faults.cutOneWay, False),
    "memory": (Faults.memory, False),
    "older-data": (Faults.olderData, True),
    "no-data": (Faults.noData, True),
}


class Run:
    """
    One run.

    @ivar counts: the counts of the summary
    @ivar problems: one line each
    """

    def __init__(self, cluster: Cluster, options: Namespace) -> None:
        self._cluster = cluster
        self._options = options
        self._random = Random(options.seed)
        self._faults = Faults(cluster, self._random, options.short)
        self._lossy = False
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.slowest = 0.0

    async def run(self) -> None:
        """
        Cause the faults, and judge.
        """
        talking = LoopingCall(self._talk)
        talking.start(0.1)
        for number in range(self._options.rounds):
            name = self._random.choice(self._options.faults or list(FAULTS))
            if self._options.faults:
                name = self._options.faults[number % len(self._options.faults)]
            await self._round(number + 1, name)
        talking.stop()
        await self._settle()
        await self._judge()

    def _talk(self) -> None:
        self._random.choice(self._cluster.talkers).say()

    async def _round(self, number: int, name: str) -> None:
        reactor = self._cluster.reactor
        fault, lossy = FAULTS[name]
        self._lossy = self._lossy or lossy
        began = reactor.seconds()
        await fault(self._faults)
        ended = reactor.seconds()
        probe = [talker for talker in self._cluster.talkers]
        for talker in probe:
            talker.say()
        resumed = await self._cluster.until(
            lambda: all(talker.lastAck > ended for talker in probe), RESUMED
        )
        seconds = reactor.seconds() - ended
        self.slowest = max(self.slowest, seconds)
        print(f"{number} {name}: lasted {ended - began:.1f} s, all sent after {seconds:.1f} s")
        if not resumed:
            silent = [talker.name for talker in probe if talker.lastAck <= ended]
            self.problems.append(f"round {number}, {name}: {', '.join(silent)} cannot send")

    async def _settle(self) -> None:
        """
        Wait until all clients have received all messages.
        """
        self._cluster.talkers[0].say()
        await self._cluster.until(
            lambda: len({self._top(t) for t in self._cluster.talkers}) == 1, 30
        )
        await self._cluster.pause(1)

    def _top(self, talker: Talker) -> int:
        return talker.received[-1][0] if talker.received else 0

    async def _judge(self) -> None:
        limits = Limits(logMessages=2**40, logBytes=2**40)
        location = Location(socket=self._cluster.engine.socket)
        store = RedisStore(self._cluster.reactor, location, limits)
        await store.start()
        witness = Witness()
        room = await store.open("dev", "dev", witness).addCallback(witness.opened)
        stored = list(await room.read(0, 2**30))
        self._judgeStored(stored)
        for talker in self._cluster.talkers:
            self._judgeReceived(talker, {each.seq: each.text for each in stored})
        expected = {talker.name for talker in self._cluster.talkers}
        names = set((await room.members(10_000)).names)
        self.counts["ghosts"] = len(names - expected)
        self.counts["absent"] = len(expected - names)
        for name in sorted(names ^ expected):
            self.problems.append(f"{name} is a ghost or absent")
        await self._judgeNames(room)
        await store.stop()

    async def _judgeNames(self, room: Any) -> None:
        """
        All names become free when their clients leave.
        """
        for talker in self._cluster.talkers:
            await talker.client.stopService()
        began = self._cluster.reactor.seconds()
        remaining = 1
        while remaining and self._cluster.reactor.seconds() < began + GHOST:
            await self._cluster.pause(0.1)
            remaining = (await room.members(10_000)).total
        self.counts["names without an owner"] = remaining
        if remaining:
            self.problems.append(f"{remaining} names have no owner after {GHOST:g} s")

    def _judgeStored(self, stored: list[Message]) -> None:
        texts = Counter(message.text for message in stored)
        numbers = {message.seq: message.text for message in stored}
        doubled = [text for text, count in texts.items() if count > 1]
        self.counts["stored"] = len(stored)
        self.counts["stored twice"] = len(doubled)
        self.problems += [f"{text} is stored twice" for text in doubled]
        for talker in self._cluster.talkers:
            self.counts["acknowledged"] += len(talker.acknowledged)
            self.counts["refused"] += len(talker.failed)
            for seq, text in talker.acknowledged.items():
                if numbers.get(seq) != text:
                    self.counts["acknowledged and lost"] += 1
                    if not self._lossy:
                        self.problems.append(f"{text} was acknowledged as {seq} and is lost")

    def _judgeReceived(self, talker: Talker, stored: dict[int, str]) -> None:
        numbers = [seq for seq, _ in talker.received]
        texts = Counter(text for _, text in talker.received)
        twice = sum(count - 1 for count in texts.values())
        disordered = sum(b <= a for a, b in zip(numbers, numbers[1:], strict=False))
        missed = len(set(stored) - set(numbers) - set(range(numbers[0] if numbers else 0)))
        wrong = sum(seq in stored and stored[seq] != text for seq, text in talker.received)
        found = {"received twice": twice, "out of order": disordered, "missed": missed}
        self.counts["received"] += len(numbers)
        self.counts["reports of a loss"] += len(talker.gaps)
        for name, count in found.items():
            self.counts[name] += count
            if count and not talker.gaps:
                self.problems.append(f"{talker.name}: {count} {name}, without a report")
        if wrong and not self._lossy:
            self.problems.append(f"{talker.name}: {wrong} messages differ from the stored ones")

    def summary(self) -> str:
        """
        @return: the counts in one line
        """
        found = ", ".join([f"{count} {name}" for name, count in self.counts.items()])
        return f"{found}; slowest resumption {self.slowest:.1f} s"


def parse(arguments: list[str]) -> Namespace:
    """
    @return: the options
    """
    parser = ArgumentParser(prog="python -m tools.faults")
    parser.add_argument("faults", nargs="*", help=f"all of {', '.join(FAULTS)} by default")
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=0, help="by default, one for each fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", type=float, default=1.0, help="divides the durations of faults")
    options = parser.parse_args(arguments)
    for name in options.faults:
        if name not in FAULTS:
            parser.error(f"{name} is none of {', '.join(FAULTS)}")
    options.rounds = options.rounds or len(options.faults) or len(FAULTS)
    return options


async def main(reactor: Any, options: Namespace) -> None:
    """
    Run, and print the summary and the first 20 problems.
    """
    cluster = Cluster(reactor, options.servers, options.clients)
    try:
        await cluster.begin()
        run = Run(cluster, options)
        await run.run()
    except BaseException:
        for log in cluster.logs():
            print(log.read_text("utf-8", "replace")[-2000:], file=sys.stderr)
        raise
    finally:
        await cluster.end()
    print(run.summary())
    for problem in run.problems[:20]:
        print(problem)
    if run.problems:
        sys.exit(1)


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, parse(sys.argv[1:]))))
