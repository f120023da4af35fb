"""
Measure the response time of failed logins. It should not reveal whether the name exists::

    python -m tools.guesses --tries 1000

Several clients log in over TCP, concurrently and in random order, to a server with a file of argon2
hashes.
"""

from __future__ import annotations

import random
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, quantiles, stdev
from tempfile import TemporaryDirectory

from argon2 import PasswordHasher

from tests.processes import BIN, RawClient, freePort, start, stop

#: Number of concurrent clients.
AT_ONCE = 8

GUESSES = {"a wrong password": "Mina", "an unknown user": "Nobody"}


def guess(port: int, name: str) -> float:
    """
    @return: the time until the answer to a wrong password, seconds
    """
    client = RawClient(port)
    began = time.perf_counter()
    client.send(v=1, name=name, room="dev", password="wrong")
    error = client.await_("error")
    took = time.perf_counter() - began
    client.close()
    assert error["code"] == "bad-credentials", error
    return took


def measure(port: int, tries: int) -> dict[str, list[float]]:
    """
    @return: the response times by kind; each kind has half of the tries
    """
    plan = [kind for kind in GUESSES for _ in range(tries // 2)]
    random.shuffle(plan)
    times: dict[str, list[float]] = {kind: [] for kind in GUESSES}
    with ThreadPoolExecutor(AT_ONCE) as guessers:
        took = guessers.map(lambda kind: guess(port, GUESSES[kind]), plan)
        for kind, each in zip(plan, took, strict=True):
            times[kind].append(each)
    return times


def table(times: dict[str, list[float]]) -> Iterator[str]:
    """
    @return: the heading, and a line for each kind of guess
    """
    yield f"{'seconds':18}{'tries':>6}{'5 %':>8}{'median':>8}{'95 %':>8}{'mean':>8}{'sd':>8}"
    for kind, took in times.items():
        twentieths = quantiles(took, n=20)
        figures = (twentieths[0], twentieths[9], twentieths[18], mean(took), stdev(took))
        yield f"{kind:18}{len(took):6}" + "".join([f"{each:8.3f}" for each in figures])


def main(arguments: list[str] | None = None) -> None:
    """
    Start a server, measure its response times, and print the table.
    """
    parser = ArgumentParser(prog="python -m tools.guesses")
    parser.add_argument("--tries", type=int, default=1000)
    tries = parser.parse_args(arguments).tries
    with TemporaryDirectory() as folder:
        passwords = Path(folder, "passwords")
        passwords.write_text(f"Mina:{PasswordHasher().hash('secret')}\n")
        auth = ("--auth", f"file:{passwords}", "--max-failures", tries + 1)
        log, port = Path(folder, "log"), freePort()
        command = (BIN / "twistd", "-n", "--pidfile=", "-l", log, "machat", *auth)
        server = start(*command, "--tcp", f"tcp:{port}:interface=127.0.0.1", "--ws", "none")
        try:
            print("\n".join(table(measure(port, tries))))
        finally:
            stop(server)


if __name__ == "__main__":
    main()
