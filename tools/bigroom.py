"""
The delay that a search in a large room causes for others.

C{python -m tools.bigroom} makes a SQLite file with one room of messages of 64 bytes, starts
C{twistd machat} with it, and measures how long messages take from one member of another room to
another, first alone, then while a client searches the large room for one letter that occurs in no
message. It also reports how long the search takes.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from machat.entries import Draft
from machat.store.sqlite.codec import encodeDrafts
from machat.store.sqlite.file import openDatabase
from machat.store.sqlite.schema import BATCH_BYTES

#: The messages of one batch.
BATCH = 8

#: The time between two measured messages, and the number of them, in each of the two conditions.
INTERVAL = 0.01
COUNT = 500

HELLO = {"v": 1, "presence": False}


def fill(path: Path, mebibytes: int) -> int:
    """
    Write a room C{large} to a new file.

    @return: the number of its messages
    """
    text = "abcdefghijklmnopqrstuvwxy " * 3
    data = encodeDrafts([Draft("large", "Mina", text[:64])] * BATCH)
    size = len(data) + BATCH_BYTES
    count = (mebibytes << 20) // size
    db = openDatabase(str(path), "normal", 5)
    now = int(time.time() * 1000)
    rows = (
        (number, 1, number * BATCH, BATCH, now, number * size, data)
        for number in range(1, count + 1)
    )
    db.execute("BEGIN")
    db.execute(
        "INSERT INTO room (id, key, name, epoch, life, seq, total, at, used)"
        " VALUES (1, 'large', 'large', 'e', x'00', 0, 0, 0, ?)",
        (now,),
    )
    db.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    db.execute("COMMIT")
    db.close()
    return count * BATCH


class Client:
    """
    A client of the C{events} dialect that blocks.
    """

    def __init__(self, port: int, name: str, room: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self._socket.makefile("rb")
        self.send({**HELLO, "name": name, "room": room})
        self.await_("joined")

    def send(self, command: dict[str, Any]) -> None:
        """
        Send a command.
        """
        self._socket.sendall(json.dumps(command).encode() + b"\n")

    def await_(self, kind: str) -> Any:
        """
        @return: the next event of a type
        """
        while True:
            event = json.loads(next(self._lines))
            if event["type"] == "error":
                raise RuntimeError(event)
            if event["type"] == kind:
                return event


def search(client: Client, text: str, stopping: threading.Event) -> tuple[int, float]:
    """
    Search until the first message, or until the measurement ends.

    @return: the number of requests and the seconds
    """
    begin, requests, before = time.monotonic(), 0, None
    while (before is None or before > 1) and not stopping.is_set():
        which: dict[str, int] = {} if before is None else {"before": before}
        client.send({"type": "history", "room": "large", "text": text, **which})
        before = client.await_("history")["searched"]
        requests += 1
    return requests, time.monotonic() - begin


def delays(sender: Client, receiver: Client) -> list[float]:
    """
    @return: the times that messages take, ms, in order
    """
    found = []
    for _ in range(COUNT):
        begin = time.monotonic()
        sender.send({"type": "say", "text": "x" * 64})
        receiver.await_("message")
        found.append((time.monotonic() - begin) * 1000)
        time.sleep(INTERVAL)
    return sorted(found)


def report(title: str, found: list[float]) -> None:
    """
    Print quantiles.
    """
    count = len(found)
    quantiles = " ".join(
        f"p{share * 100:g} {found[min(count - 1, int(share * count))]:.2f}"
        for share in (0.5, 0.9, 0.99, 0.999)
    )
    print(f"{title}: {count} messages, ms: {quantiles} max {found[-1]:.2f}", flush=True)


def measure(port: int) -> None:
    """
    Measure with a server that listens on a port.
    """
    sender, receiver = Client(port, "Ada", "small"), Client(port, "Bob", "small")
    report("alone", delays(sender, receiver))
    seeker, stopping = Client(port, "Eve", "large"), threading.Event()
    results: list[tuple[int, float]] = []

    def seek() -> None:
        while not stopping.is_set():
            results.append(search(seeker, "z", stopping))

    thread = threading.Thread(target=seek)
    thread.start()
    report("during searches", delays(sender, receiver))
    while not results:
        time.sleep(0.1)
    stopping.set()
    thread.join()
    requests, seconds = results[0]
    print(f"the first search: {requests} requests, {seconds:.1f} s", flush=True)


def main() -> None:
    """
    Run the command.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--size", type=int, default=256, help="MiB (256)")
    parser.add_argument("--port", type=int, default=18989)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.sqlite")
        count = fill(path, options.size)
        print(f"{count} messages, {path.stat().st_size >> 20} MiB", flush=True)
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "twisted", "--log-level", "warn", "machat"),
                *("--tcp", f"tcp:{options.port}:interface=127.0.0.1", "--ws", "none"),
                *("--store", f"sqlite:{path}", "--rate", "off"),
                *("--log-messages", str(2 * count), "--log-bytes", str(options.size << 21)),
                *("--log-total", str(options.size << 22)),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", options.port)).close()
                    break
                except OSError:
                    if server.poll() is not None:
                        raise SystemExit("the server has not started") from None
                    time.sleep(0.1)
            measure(options.port)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
