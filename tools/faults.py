"""
Cause faults in a chat of several servers and one engine, and count what its clients notice::

    python -m tools.faults --servers 3 --clients 12 --rounds 200 --seed 1
    python -m tools.faults kill-server cut-15 older-data
    python -m tools.faults --each --figures docs/figures/faults.json

Each round causes one fault, while all clients send numbered messages, and then waits until all of
them have sent again. In each round, a client leaves without its server noticing at once, so that
its name has no owner for some time. With C{--each}, each fault has servers of its own.

The program prints a line for each round and a table. It exits with status 1 if a message was lost
or missed without a report, was received twice or out of order, a report had no reason, a name
remained without an owner, or the service did not resume. C{python -m tools.faulttable} writes the
table of F{docs/scaling.rst}.
"""

from __future__ import annotations

import json
import math
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import LoopingCall, react
from twisted.internet.threads import deferToThread

from machat.limits import Limits
from machat.store.redis import RedisStore
from machat.testing.contract.witness import Witness
from tools.cluster import Cluster
from tools.faulttable import tableOf
from tools.mishaps import FAULTS, REPLICATED, Mishaps
from tools.verdict import COUNTS, Verdict
from tools.witnesses import ROOM, Talker, visit

#: The maximum time for the service to resume after a fault, in seconds.
RESUMED = 60.0

#: The time for which a name may remain after its client has left and the last fault has ended,
#: in seconds.
GHOST = 25.0


class Run:
    """
    One run of some faults in one cluster.

    @ivar figures: the counts, when the run has ended
    @ivar problems: one line each
    """

    def __init__(self, cluster: Cluster, faults: Sequence[str], options: Namespace) -> None:
        self._cluster = cluster
        self._plan = faults
        self._random = Random(options.seed)
        self._mishaps = Mishaps(cluster, self._random, options.short)
        self.problems = self._mishaps.problems
        self._guests = options.guests
        self._leaving: list[Deferred[None]] = []
        self._held = self._slowest = self._longest = self._ended = 0.0
        self.figures: dict[str, float] = {}

    async def run(self) -> None:
        """
        Cause the faults, and judge.
        """
        talking = LoopingCall(self._talk)
        talking.start(0.1)
        for number, name in enumerate(self._plan):
            await self._round(number + 1, name)
        talking.stop()
        await DeferredList(self._leaving)
        await self._settle()
        verdict = await self._judge()
        await self._stop()
        self.problems += verdict.problems
        counts = {name: verdict.counts[name] for name in COUNTS}
        times = {"resumed": self._slowest, "held": self._held, "lasted": self._longest}
        rounded = {name: round(seconds, 1) for name, seconds in times.items()}
        self.figures = {"rounds": len(self._plan), **counts, **rounded}

    def _talk(self) -> None:
        self._random.choice(self._cluster.talkers).say()

    async def _round(self, number: int, name: str) -> None:
        reactor, talkers = self._cluster.reactor, self._cluster.talkers
        self._mishaps.aim()
        self._ended = math.inf
        await self._invite(number)
        began = reactor.seconds()
        await {**FAULTS, **REPLICATED}[name](self._mishaps)
        lasted = reactor.seconds() - began
        ended, self._mishaps.over = self._mishaps.over or reactor.seconds(), 0.0
        self._ended = reactor.seconds()
        if self._cluster.replicas is not None:
            self._cluster.replicas.look()
        for talker in talkers:
            talker.say()
        resumed = await self._cluster.until(
            lambda: all(talker.lastAck > ended for talker in talkers), RESUMED
        )
        seconds = max([self._first(talker, ended) for talker in talkers]) - ended
        self._slowest = max(self._slowest, seconds)
        self._longest = max(self._longest, lasted)
        print(f"{number} {name}: lasted {lasted:.1f} s, all sent after {seconds:.1f} s")
        if not resumed:
            silent = [talker.name for talker in talkers if talker.lastAck <= ended]
            self.problems.append(f"round {number}, {name}: {', '.join(silent)} cannot send")

    def _first(self, talker: Talker, since: float) -> float:
        """
        @return: the time of the first acknowledgement after a time, or the present time
        """
        found = [each.at for each in talker.acknowledged if each.at > since]
        return found[0] if found else self._cluster.reactor.seconds()

    async def _invite(self, number: int) -> None:
        """
        Let a client join, which leaves when the fault has begun.
        """
        if self._guests:
            reactor, name = self._cluster.reactor, f"guest{number}"
            guest = await visit(reactor, self._mishaps.target.port, name)
            if guest is not None:
                reactor.callLater(0.05, guest.leave)
                self._leaving.append(Deferred.fromCoroutine(self._free(name)))

    async def _free(self, name: str) -> None:
        """
        Wait until a name has no claim.
        """
        reactor = self._cluster.reactor
        left = reactor.seconds()
        while await deferToThread(self._cluster.holds, name):
            if reactor.seconds() > self._ended + GHOST:
                self.problems.append(f"{name} has no owner, and is not free")
                break
            await self._cluster.pause(0.1)
        self._held = max(self._held, reactor.seconds() - left)

    async def _settle(self) -> None:
        """
        Wait until all clients have received all messages.
        """
        talkers = self._cluster.talkers
        for talker in talkers:
            talker.say()
        began = self._cluster.reactor.seconds()
        await self._cluster.until(
            lambda: (
                min(talker.lastAck for talker in talkers) > began
                and len({talker.top for talker in talkers}) == 1
            ),
            30,
        )
        await self._cluster.pause(1)

    async def _judge(self) -> Verdict:
        limits = Limits(logMessages=2**40, logBytes=2**40)
        store = RedisStore(self._cluster.reactor, self._cluster.location(), limits)
        await store.start()
        witness = Witness()
        room = await store.open(ROOM, ROOM, witness).addCallback(witness.opened)
        stored = {each.seq: each.text for each in await room.read(0, 2**30)}
        verdict = Verdict(stored, self._cluster.talkers)
        for talker in self._cluster.talkers:
            verdict.judge(talker)
        expected = {talker.name for talker in self._cluster.talkers}
        verdict.ghosts(set((await room.members(10_000)).names), expected)
        await store.stop()
        return verdict

    async def _stop(self) -> None:
        """
        Stop the clients. Their names become free.
        """
        for talker in self._cluster.talkers:
            await talker.client.stopService()
        self._ended = self._cluster.reactor.seconds()
        for talker in self._cluster.talkers:
            await self._free(talker.name)


def parse(arguments: list[str]) -> Namespace:
    """
    @return: the options
    """
    names = [*FAULTS, *REPLICATED]
    parser = ArgumentParser(prog="python -m tools.faults")
    parser.add_argument("faults", nargs="*", help=", ".join(names))
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=0, help="the number of random faults")
    parser.add_argument("--seed", type=int, default=0, help="by default, from the clock")
    parser.add_argument("--short", type=float, default=1.0, help="divides the durations of faults")
    parser.add_argument("--hasty", action="store_true", help="the servers have short leases")
    parser.add_argument("--no-guests", dest="guests", action="store_false")
    parser.add_argument("--each", action="store_true", help="each fault has servers of its own")
    parser.add_argument("--figures", type=Path, help="add the counts to this file")
    options = parser.parse_args(arguments)
    for name in options.faults:
        if name not in names:
            parser.error(f"{name} is none of {', '.join(names)}")
    options.seed = options.seed or int(time.time())
    return options


def plansOf(options: Namespace) -> dict[str, list[str]]:
    """
    @return: for each run, its name and its faults. Faults that need replicas have runs of their own
    """
    if options.rounds:
        random, kinds = Random(options.seed), options.faults or list(FAULTS)
        plan = [random.choice(kinds) for _ in range(options.rounds)]
        kind = "random faults" if "no-data" in kinds else "that keep data"
        if kinds[0] in REPLICATED:
            kind = "failovers"
        return {f"{options.rounds} {kind}": plan}
    if options.each:
        return {name: [name] for name in options.faults or [*FAULTS, *REPLICATED]}
    names = options.faults or [*FAULTS, *REPLICATED]
    plans = {
        "faults": [name for name in names if name in FAULTS],
        "faults with replicas": [name for name in names if name in REPLICATED],
    }
    return {name: plan for name, plan in plans.items() if plan}


async def runOne(reactor: Any, plan: Sequence[str], options: Namespace) -> Run:
    """
    @return: a run that has ended
    """
    replicated = plan[0] in REPLICATED
    cluster = Cluster(reactor, options.servers, options.clients, replicated, options.hasty)
    run = Run(cluster, plan, options)
    trigger = reactor.addSystemEventTrigger("before", "shutdown", cluster.kill)
    try:
        await cluster.begin()
        await run.run()
    except BaseException:
        run.problems.append("the run has ended too early")
        raise
    finally:
        if run.problems:
            for log in cluster.logs():
                print(log.read_text("utf-8", "replace")[-3000:], file=sys.stderr)
        await cluster.end()
        reactor.removeSystemEventTrigger(trigger)
    return run


async def main(reactor: Any, options: Namespace) -> None:
    """
    Run, and print the table and the first 20 problems.
    """
    print(f"seed {options.seed}, {options.servers} servers, {options.clients} clients", flush=True)
    rows: dict[str, dict[str, float]] = {}
    problems: list[str] = []
    for name, plan in plansOf(options).items():
        run = await runOne(reactor, plan, options)
        rows[name] = run.figures
        problems += [f"{name}: {problem}" for problem in run.problems]
    print("\n".join(tableOf(rows)))
    for problem in problems[:20]:
        print(problem)
    if options.figures is not None:
        file: Path = options.figures
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**known, **rows}, indent=1) + "\n")
    if problems:
        print(f"{len(problems)} problems")
        sys.exit(1)


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, parse(sys.argv[1:]))))
