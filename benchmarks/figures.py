"""
Three measurements of the events dialect on a real server::

    python -m benchmarks.figures storm    # CPU time and events of a join storm
    python -m benchmarks.figures logs     # memory of full logs
    python -m benchmarks.figures churn    # memory after many joins and leaves
"""

from __future__ import annotations

import argparse
import json
import selectors
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import MaChat
from benchmarks.processes import freePorts, raiseFileLimit, server
from benchmarks.procfs import Usage, usageOf

#: Seconds without a byte after which the server's output is complete.
_QUIET = 1.5

#: Seconds without an event after which the server is stuck.
_STUCK = 10.0


class Audience:
    """
    Clients that count the events that they receive.

    @ivar events: the number of events of each type
    @ivar size: the bytes of the events of each type
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._rest: dict[socket.socket, bytes] = {}
        self.events: Counter[str] = Counter()
        self.size: Counter[str] = Counter()

    def connect(self, name: str, *commands: Mapping[str, object]) -> None:
        """
        Connect another client, and send its hello and these commands.
        """
        client = socket.create_connection(("127.0.0.1", self._port))
        hello = {"v": 1, "name": name}
        for command in (hello, *commands):
            client.sendall(json.dumps(command).encode() + b"\n")
        client.setblocking(False)
        self._rest[client] = b""
        self._selector.register(client, selectors.EVENT_READ)
        self.listen(0)

    @property
    def sockets(self) -> list[socket.socket]:
        """
        The clients.
        """
        return list(self._rest)

    def listen(self, seconds: float) -> bool:
        """
        Read the events that arrive within this time.

        @return: whether any bytes arrived
        """
        ready = self._selector.select(seconds)
        for key, _ in ready:
            client: socket.socket = key.fileobj  # type: ignore[assignment]
            lines = (self._rest[client] + client.recv(1 << 20)).split(b"\n")
            self._rest[client] = lines.pop()
            for line in lines:
                kind = line[9 : line.index(b'"', 9)].decode()
                self.events[kind] += 1
                self.size[kind] += len(line) + 1
        return bool(ready)

    def settle(self) -> None:
        """
        Read events until none arrives for a while.
        """
        while self.listen(_QUIET):
            pass

    def close(self) -> None:
        """
        Disconnect all clients.
        """
        for client in self._rest:
            client.close()


@contextmanager
def audience() -> Iterator[tuple[Audience, Callable[[], Usage]]]:
    """
    Start a server. Yield its clients, and a function that returns its use of CPU and memory.
    """
    with tempfile.TemporaryDirectory(prefix="figures-") as name:
        folder, (port,) = Path(name), freePorts(1)
        with server(MaChat().command("tcp", port, folder), port, folder) as pid:
            clients = Audience(port)
            yield clients, lambda: usageOf(pid)
            clients.close()


def storm(members: int) -> None:
    """
    Let clients join one room as fast as possible, all with presence updates.
    """
    with audience() as (clients, usage):
        before, begun = usage(), time.monotonic()
        for number in range(members):
            clients.connect(f"member{number}", {"type": "join", "room": "storm"})
        took = time.monotonic() - begun
        clients.settle()
        cpu = usage().cpu - before.cpu
        print(f"{members} members joined within {took:.1f} s, {cpu:.2f} s of server CPU in total")
        for kind in ("joined", "presence"):
            events, size = clients.events[kind], clients.size[kind]
            print(
                f"{kind}: {events} events, {events / members:.1f} per member;"
                f" {size / 1e6:.2f} MB, {size / members:.0f} bytes per member"
            )


def logs(rooms: int) -> None:
    """
    Fill the logs of the rooms with 70 messages of 4,000 bytes each.
    """
    inOne = 32
    with audience() as (clients, usage):
        before = usage()
        for number in range(0, rooms, inOne):
            mine = range(number, min(number + inOne, rooms))
            clients.connect(
                f"member{number}", *[{"type": "join", "room": f"room{each}"} for each in mine]
            )
        clients.settle()
        empty = usage()
        for number, client in enumerate(clients.sockets):
            client.setblocking(True)
            for each in range(number * inOne, min((number + 1) * inOne, rooms)):
                say = {"type": "say", "room": f"room{each}", "text": "x" * 4000}
                client.sendall(70 * (json.dumps(say).encode() + b"\n"))
                clients.listen(0)
            client.setblocking(False)
        clients.settle()
        full = usage()
        kept = clients.events["message"]
        print(f"{rooms} rooms, {kept} messages of 4,000 bytes; each log keeps 256 KiB")
        print(f"RSS {before.memory / 1e6:.0f} MB, {empty.memory / 1e6:.0f} MB with the rooms")
        grown = full.memory - empty.memory
        print(f"RSS {full.memory / 1e6:.0f} MB with full logs: {grown / 1e6:.0f} MB for the logs")


def churn(joins: int) -> None:
    """
    Join and leave 2,000 rooms, each many times.
    """
    clients, each = 50, 40
    rounds = max(1, joins // (clients * each))
    with audience() as (members, usage):
        for number in range(clients):
            members.connect(f"member{number}")
        for number in range(1, rounds + 1):
            for place, client in enumerate(members.sockets):
                commands = [
                    json.dumps({"type": kind, "room": f"room{room}"}).encode() + b"\n"
                    for room in range(place * each, (place + 1) * each)
                    for kind in ("join", "leave")
                ]
                client.sendall(b"".join(commands))
            while members.events["left"] < number * clients * each:
                if not members.listen(_STUCK):
                    raise TimeoutError(f"no event for {_STUCK:.0f} seconds")
            if number % max(1, rounds // 10) == 0:
                left, memory = members.events["left"], usage().memory
                print(f"{left} joins and leaves: RSS {memory / 1e6:.1f} MB", flush=True)


def main() -> None:
    """
    Run the measurement that the command line selects.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__)
    parser.add_argument("figure", choices=("storm", "logs", "churn"))
    count = "members (default 2000), rooms (default 1000) or joins (default 100,000)"
    parser.add_argument("--count", type=int, help=count)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop the server too
    raiseFileLimit()
    if options.figure == "storm":
        storm(options.count or 2000)
    elif options.figure == "churn":
        churn(options.count or 100_000)
    else:
        logs(options.count or 1000)


if __name__ == "__main__":
    main()
