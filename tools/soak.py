"""
Run C{twistd machat} for some minutes with well-behaved and misbehaving clients of every kind::

    python -m tools.soak --minutes 10 --clients 200 --seed 1

The program prints its measurements. It exits with status 1 if a well-behaved client missed a
message or was disconnected, or if the server has not released all resources at the end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from argon2 import PasswordHasher

from tests.processes import BIN, LOCAL, PATIENCE, freePort
from tests.wires import Door, Tally
from tools.crowd import Crowd
from tools.mischief import GUARDED

#: Maximum time for the server to release all resources, seconds. It exceeds all timeouts.
FORGETTING = 60.0

#: The memory at the end may exceed the memory after half of the time by this factor and this number
#: of bytes, not counting the growth of the stored messages.
FACTOR, MORE = 1.5, 64 << 20

#: Metrics that must not be higher at the end than at the beginning, if the server has them.
GAUGES = (
    "machat_connections",
    "machat_members",
    "machat_rooms",
    "machat_waiting_bytes",
    "machat_throttled",
    "machat_pending_calls",
)

#: Allowed increases of these metrics. The counts of failed logins and of omitted log lines are kept
#: for a minute.
REMEMBERED = {"machat_pending_calls": 2}

#: Short timeouts, so that the run reaches all of them.
SHORT = {"--join-timeout": 5, "--max-stall": 10, "--close-timeout": 2}

#: The words to count in the log.
LOGGED = ("joins", "leaves", "refused", "slow consumer", "more lines about refused")

Sample = dict[str, float]


class Server:
    """
    A running C{twistd machat}.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path, monitor: int | None) -> None:
        self.process = process
        self.monitor = monitor
        self._log = log

    def port(self, factory: str) -> int:
        """
        Wait until a factory listens.

        @return: its port
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(rf" {factory} starting on (\d+)", self.log())
            if found:
                return int(found[1])
            time.sleep(0.05)
        raise AssertionError(f"the server does not listen:\n{self.log()}")

    def log(self) -> str:
        """
        @return: the complete log, from all files; C{twistd} rotates them
        """
        files = self._log.parent.glob(f"{self._log.name}*")
        return "".join([file.read_text(errors="replace") for file in files])

    def sample(self) -> Sample:
        """
        @return: the figures of F{/proc} and, if the server has a monitor, its metrics
        """
        process = Path(f"/proc/{self.process.pid}")
        sample = self._metrics()
        sample["descriptors"] = len(os.listdir(process / "fd"))
        resident = re.search(r"VmRSS:\s+(\d+) kB", (process / "status").read_text())
        sample["resident bytes"] = int(resident[1]) * 1024 if resident else 0
        ticks = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
        sample["CPU seconds"] = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        return sample

    def _metrics(self) -> Sample:
        sample: Sample = {}
        if self.monitor is not None:
            with urlopen(f"http://127.0.0.1:{self.monitor}/metrics", timeout=PATIENCE) as answer:
                for line in answer.read().decode().splitlines():
                    found = re.match(r"(machat_\w+?)(?:_total)?(\{.*\})? (\S+)$", line)
                    if found and "_bucket" not in found[1]:
                        sample[found[1]] = sample.get(found[1], 0) + float(found[3])
                        if "code=" in line:
                            sample[found[1] + (found[2] or "")] = float(found[3])
        return sample


@contextmanager
def serve(folder: str) -> Iterator[Server]:
    """
    Run a server, with a monitor if it supports one, until the body ends.
    """
    twistd = [str(BIN / "twistd"), "-n", "--pidfile=", "-l", f"{folder}/log", "machat"]
    known = subprocess.run([*twistd, "--help"], capture_output=True, text=True, check=True).stdout
    monitor = freePort() if "--monitor" in known else None
    command = [*twistd, "--tcp", LOCAL, "--ws", LOCAL]
    command += [f"{option}={time}" for option, time in SHORT.items() if option in known]
    if "--anonymous" in known:
        users = Path(folder, "users")
        users.touch(0o600)
        users.write_text(f"{GUARDED}:{PasswordHasher().hash('secret')}\n")
        command += ["--auth", f"file:{users}", "--anonymous"]
    if monitor is not None:
        command += ["--monitor", f"tcp:{monitor}:interface=127.0.0.1"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        yield Server(process, Path(folder, "log"), monitor)
    finally:
        process.kill()
        process.wait()


class Soak:
    """
    One run of the test.
    """

    def __init__(self, server: Server, options: Namespace) -> None:
        self._server = server
        self._tally = Tally()
        good = max(4, options.clients // 2)
        rooms = [f"room{number}" for number in range(max(1, good // 8))]
        ports = server.port("ChatFactory"), server.port("ChatWebSocketFactory")
        door = Door(*ports, self._tally, rooms)
        self._crowd = Crowd(door, options.clients, options.seed)
        self._seconds = options.minutes * 60
        self._samples: dict[str, Sample] = {}

    def run(self) -> None:
        """
        Run all clients, and wait until the server has released their resources.
        """
        self._sample("before")
        asyncio.run(self._crowd.run(self._seconds, lambda: self._sample("half")))
        self._sample("end")
        deadline = time.monotonic() + FORGETTING
        while True:
            self._sample("after")
            if not self._left() or time.monotonic() > deadline:
                break
            time.sleep(0.5)

    def _sample(self, when: str) -> None:
        self._samples[when] = self._server.sample()

    def _left(self) -> list[str]:
        """
        @return: the resources that the server has not released, one line each
        """
        before, after = self._samples["before"], self._samples["after"]
        return [
            f"{name}: {after[name]:.0f} at the end, {before.get(name, 0):.0f} at the beginning"
            for name in (*GAUGES, "descriptors")
            if after.get(name, 0) > before.get(name, 0) + REMEMBERED.get(name, 0)
        ]

    def problems(self) -> list[str]:
        """
        @return: all problems, one line each
        """
        half, end = self._samples["half"], self._samples["end"]
        stored = end.get("machat_store_bytes", 0) - half.get("machat_store_bytes", 0)
        most = FACTOR * half["resident bytes"] + max(0, stored) + MORE
        found = [*self._tally.problems, *self._left()]
        if end["resident bytes"] > most:
            found.append(f"{end['resident bytes']:.0f} resident bytes exceed {most:.0f}")
        log = self._server.log()
        found += [f"the log contains {word}" for word in ("Traceback", "Unhandled") if word in log]
        return found

    def table(self) -> str:
        """
        @return: the counts, the latencies, and the figures of the server over time
        """
        lines = []
        log = self._server.log()
        self._tally.counts["log"].update({word: log.count(f" {word} ") for word in LOGGED})
        for sort, counts in self._tally.counts.items():
            lines.append(f"{sort}:")
            lines += [f"  {name:32}{count:>12}" for name, count in sorted(counts.items())]
        if len(self._tally.latencies) > 1:
            centiles = quantiles(self._tally.latencies, n=100)
            words = [f"{centiles[at - 1] * 1000:.1f} ms ({at} %)" for at in (50, 90, 99)]
            most = max(self._tally.latencies) * 1000
            lines.append(f"latency of own messages: {', '.join(words)}, maximum {most:.1f} ms")
        lines.append("  " + "".join([f"{when:>16}" for when in ("", "", *self._samples)]))
        for name in sorted({name for sample in self._samples.values() for name in sample}):
            row = [f"{sample.get(name, 0):>16.10g}" for sample in self._samples.values()]
            lines.append(f"  {name:48}{''.join(row)}")
        return "\n".join(lines)


def parse(arguments: list[str]) -> Namespace:
    """
    @return: the options
    """
    parser = ArgumentParser(prog="python -m tools.soak")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def main(options: Namespace) -> int:
    """
    @return: the exit status
    """
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # no warnings of writes after a close
    with TemporaryDirectory() as folder, serve(folder) as server:
        soak = Soak(server, options)
        soak.run()
        server.process.terminate()
        status = server.process.wait(PATIENCE)
        problems = soak.problems()
        print(soak.table())
    if status:
        problems.append(f"the server exited with status {status}")
    for problem in problems[:20]:
        print("PROBLEM:", problem)
    print(f"{len(problems)} problems" if problems else "no problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(parse(sys.argv[1:])))
