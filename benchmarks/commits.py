"""
The floor of the cost of a durable store: the CPU time of one transaction of plain SQLite, with a
row for a batch of eight messages of 64 bytes, on this machine and disk::

    python -m benchmarks.commits [FOLDER]

A store cannot spend less than the third line for each batch: the reactor hands the batch to a
thread and is woken up when the batch is stored.
"""

from __future__ import annotations

import argparse
import os
import queue
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

#: The bytes of a batch, and the number of transactions to measure.
_BATCH = b"x" * 8 * 64
_COUNT = 1_000


def database(path: Path, synchronous: str) -> Callable[[], None]:
    """
    @return: a function that stores a batch in a transaction of its own
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute("CREATE TABLE batch (id INTEGER PRIMARY KEY, data BLOB NOT NULL)")

    def commit() -> None:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO batch (data) VALUES (?)", (_BATCH,))
        db.execute("COMMIT")

    return commit


def inThread(commit: Callable[[], None]) -> Callable[[], None]:
    """
    @return: a function that lets a thread make the call, and waits until the thread has written to
        a pipe, as a reactor does
    """
    jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    read, write = os.pipe()

    def work() -> None:
        while True:
            jobs.get()()
            os.write(write, b"x")

    threading.Thread(target=work, daemon=True).start()

    def handOver() -> None:
        jobs.put(commit)
        os.read(read, 1)

    return handOver


def measure(name: str, commit: Callable[[], None]) -> None:
    """
    Print the CPU time and the time of one call.
    """
    commit()
    cpu, began = time.process_time(), time.perf_counter()
    for _ in range(_COUNT):
        commit()
    cpu, took = time.process_time() - cpu, time.perf_counter() - began
    print(f"{name:40} {cpu / _COUNT * 1e6:8.0f} us of CPU {took / _COUNT * 1e6:8.0f} us")


def main() -> None:
    """
    Measure with and without a thread, and with and without C{fsync}.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commits")
    parser.add_argument("folder", nargs="?", default=".", help="a folder on the disk to measure")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory(dir=folder) as made:
        for synchronous in ("normal", "full"):
            direct = database(Path(made) / f"{synchronous}1", synchronous)
            measure(f"synchronous={synchronous}", direct)
            threaded = database(Path(made) / f"{synchronous}2", synchronous)
            measure(f"synchronous={synchronous}, in a thread", inThread(threaded))
        measure("no transaction, in a thread", inThread(lambda: None))


if __name__ == "__main__":
    main()
