"""
The measurement of a store with a long history: a server posts it, stops, starts again with the same
files, and lets clients recover the messages that they missed. The files are in the page cache.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.processes import server

#: The number of messages that a client recovers.
MISSED = 10

#: Maximum time until the server answers, seconds.
PATIENCE = 30.0

Event = dict[str, Any]


class Probe:
    """
    A client of the events dialect that waits for the answer to each command.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self._socket.makefile("rb")
        self._ask({"v": 1, "name": "probe", "presence": False}, "welcome")

    def join(self, room: str, since: Mapping[str, object] | None = None) -> Event:
        """
        Join a room, and read the messages that are replayed.

        @return: the event C{joined}
        """
        recover = {} if since is None else {"since": since}
        joined = self._ask({"type": "join", "room": room, **recover}, "joined")
        if joined.get("recovered"):
            for _ in range(joined["missed"]):
                self._next("message")
        return joined

    def leave(self, room: str) -> None:
        """
        Leave a room.
        """
        self._ask({"type": "leave", "room": room}, "left")

    def close(self) -> None:
        """
        Disconnect.
        """
        self._lines.close()
        self._socket.close()

    def _ask(self, command: Mapping[str, object], answer: str) -> Event:
        self._socket.sendall(json.dumps(command).encode() + b"\n")
        return self._next(answer)

    def _next(self, kind: str) -> Event:
        """
        @raise ConnectionError: the next event is not of this type, or there is none
        """
        line = self._lines.readline()
        event: Event = json.loads(line) if line else {}
        if event.get("type") != kind:
            raise ConnectionError(f"expected {kind}, received {line[:100]!r}")
        return event


@contextmanager
def probe(port: int) -> Iterator[Probe]:
    """
    Connect a probe, and disconnect it at the end.
    """
    client = Probe(port)
    try:
        yield client
    finally:
        client.close()


def positions(port: int, rooms: Sequence[str]) -> dict[str, Event]:
    """
    @return: for each room, the position of a client that has missed the last L{MISSED} messages
    """
    with probe(port) as client:
        found = {}
        for room in rooms:
            joined = client.join(room)
            found[room] = {"epoch": joined["epoch"], "seq": max(0, joined["seq"] - MISSED)}
            client.leave(room)
        return found


def restart(
    command: Sequence[str], port: int, folder: Path, since: Mapping[str, Event]
) -> dict[str, float]:
    """
    Start a server again, and measure.

    @param since: the result of L{positions} before the server was stopped
    @return: seconds until the server listens, milliseconds of a join that recovers messages (the
        first of each room), and the share of the joins that recovered them
    """
    begun = time.monotonic()
    with server(command, port, folder):
        started = time.monotonic() - begun
        took, recovered = [], 0
        with probe(port) as client:
            for room, position in since.items():
                begun = time.monotonic()
                joined = client.join(room, position)
                took.append((time.monotonic() - begun) * 1000)
                recovered += bool(joined.get("recovered"))
                client.leave(room)
    took.sort()
    return {
        "startup": started,
        "joinP50": took[len(took) // 2],
        "joinP99": took[int(len(took) * 0.99)],
        "recovered": recovered / len(took),
    }


def stored(folder: Path) -> int:
    """
    @return: the size of the files in a folder, bytes
    """
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def measure(
    command: Sequence[str],
    port: int,
    folder: Path,
    fill: Callable[[int], dict[str, Any]],
    rooms: int,
) -> dict[str, Any]:
    """
    Run the whole measurement.

    @param folder: the server's own files are in its folder F{store}
    @param fill: posts all messages to the server with this process number, and returns the result
    @param rooms: the number of rooms, which are called C{r0}, C{r1}, and so on
    @return: the measurements, or C{{"error": text}}
    """
    with server(command, port, folder) as pid:
        result = fill(pid)
        if "error" in result:
            return result
        since = positions(port, [f"r{number}" for number in range(rooms)])
    size = stored(folder / "store")
    sizes = {"fileSize": size, "bytesPerMessage": size / result["messages"]}
    return {**result, **sizes, **restart(command, port, folder, since)}
