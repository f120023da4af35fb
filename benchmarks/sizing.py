"""
Measures what MaChat costs Redis, and generates the tables of F{docs/scaling.rst}::

    python -m benchmarks.sizing                                # measure, and print
    python -m benchmarks.sizing --publish results/results.json # also write the file and the page

The results file is of C{python -m benchmarks --peer machat-redis} with the shapes C{idle}, C{joins}
and C{200x5}. The costs of a connection, a join and a delivery are taken from it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.estimate import FILE, PAGE, TEXT, costsOf, generate

if TYPE_CHECKING:
    from machat.store.redis import RedisStore

#: The number of rooms.
ROOMS = 200

#: The numbers of messages in a batch.
SIZES = (1, 8, 32)


class Rooms:
    """
    The open rooms of a store in this process.
    """

    def __init__(self, store: RedisStore, key: str) -> None:
        self.store = store
        self._key = key
        self._rooms: list[Any] = []

    async def open(self) -> None:
        """
        Open all rooms.
        """
        from machat.testing.contract.witness import Witness

        for number in range(ROOMS):
            name = f"{self._key}{number}"
            self._rooms.append(await self.store.open(name, name, Witness()))

    async def each(self, do: Callable[[Any], Awaitable[object]]) -> None:
        """
        Do something in all rooms, at the same time.
        """
        from twisted.internet.defer import Deferred, gatherResults

        async def run(room: Any) -> None:
            await do(room)

        await gatherResults([Deferred.fromCoroutine(run(room)) for room in self._rooms])

    async def say(self, batches: int, size: int, ids: bool = False) -> None:
        """
        Append batches to all rooms.
        """
        from machat.events import Draft

        async def say(room: Any) -> None:
            for batch in range(batches):
                drafts = [
                    Draft(room.name, "Mina", "x" * TEXT, f"{batch:06}-{index:06}" if ids else None)
                    for index in range(size)
                ]
                await room.append(drafts)

        await self.each(say)

    async def claim(self, count: int) -> None:
        """
        Claim names in all rooms.
        """
        from machat.records import Claim

        async def claim(room: Any) -> None:
            for number in range(count):
                name = f"member{number:06}"
                await room.claim(Claim(name, name, False, bytes(16)), count)

        await self.each(claim)


class Measurement:
    """
    The measurements of one engine.
    """

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._count = 0

    async def store(self) -> RedisStore:
        """
        @return: a started store
        """
        from twisted.internet import reactor

        from machat.limits import Limits
        from machat.store.redis import Location, RedisStore

        limits = Limits(logMessages=10_000, logBytes=4_194_304)
        store = RedisStore(reactor, Location(socket=self._socket), limits)
        await store.start()
        return store

    async def rooms(self, store: RedisStore) -> Rooms:
        """
        @return: new rooms
        """
        self._count += 1
        rooms = Rooms(store, f"r{self._count}-")
        await rooms.open()
        return rooms

    async def info(self, store: RedisStore, section: bytes, *names: str) -> float:
        """
        @return: the sum of some figures of the engine
        """
        assert store.node.session is not None, "the store is started"
        text = (await store.node.session.command(b"INFO", section)).decode()
        found = dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
        return sum(float(found[name]) for name in names)

    async def memory(self, store: RedisStore) -> float:
        return await self.info(store, b"memory", "used_memory")

    async def cpu(self, store: RedisStore) -> float:
        return await self.info(store, b"cpu", "used_cpu_user", "used_cpu_sys")

    async def bytes(self) -> tuple[dict[str, float], float]:
        """
        @return: the memory of the engine for each of these, and its CPU time for a claim, seconds
        """
        store = await self.store()
        marks = [await self.memory(store)]
        rooms = await self.rooms(store)
        marks.append(await self.memory(store))
        await rooms.say(batches=25, size=8)
        marks.append(await self.memory(store))
        claiming = await self.cpu(store)
        await rooms.claim(50)
        claiming = (await self.cpu(store) - claiming) / 50 / ROOMS
        marks.append(await self.memory(store))
        for ids in (False, True):
            others = await self.rooms(store)
            marks.append(await self.memory(store))
            await others.say(batches=1, size=8, ids=ids)
            marks.append(await self.memory(store))
        await store.stop()
        room, messages, claims, _, plain, _, named = (
            (after - before) / ROOMS for before, after in zip(marks, marks[1:], strict=False)
        )
        return {
            "room": room,
            "message": messages / 200 - TEXT,
            "id": (named - plain) / 8,
            "claim": claims / 50,
        }, claiming

    async def appends(self, others: int, size: int) -> tuple[float, float]:
        """
        @param others: the number of further nodes that have the rooms open
        @return: seconds of CPU time for a batch, of the engine and of this process with all nodes
        """
        stores = [await self.store() for _ in range(1 + others)]
        rooms = await self.rooms(stores[0])
        for store in stores[1:]:
            self._count -= 1
            await self.rooms(store)
        await rooms.say(2, size)
        batches = 40
        engine, own = await self.cpu(stores[0]), time.process_time()
        await rooms.say(batches, size)
        engine, own = await self.cpu(stores[0]) - engine, time.process_time() - own
        for store in stores:
            await store.stop()
        return engine / batches / ROOMS, own / batches / ROOMS

    async def all(self) -> dict[str, Any]:
        """
        @return: all figures
        """
        sizes, claim = await self.bytes()
        found: dict[str, Any] = {"bytes": sizes, "claim": claim, "batches": {}}
        for size in SIZES:
            engine, own = await self.appends(0, size)
            found["batches"][str(size)] = {"engine": engine, "node": own}
        engine, own = await self.appends(4, 1)
        one = found["batches"]["1"]
        found["further"] = {
            "engine": (engine - one["engine"]) / 4,
            "node": (own - one["node"]) / 4,
        }
        return found


def measure() -> dict[str, Any]:
    """
    @return: the figures of a C{redis-server} that is started for this
    """
    from twisted.internet.defer import Deferred
    from twisted.internet.task import react

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--port", "0", "--unixsocket", f"{folder}/s", "--dir", folder]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
        engine = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not os.path.exists(f"{folder}/s"):
                time.sleep(0.01)

            async def run() -> None:
                found.update(await Measurement(f"{folder}/s").all())

            try:
                react(lambda _: Deferred.fromCoroutine(run()))
            except SystemExit as end:
                if end.code:
                    raise
        finally:
            engine.kill()
            engine.wait()
    version = subprocess.run(["redis-server", "--version"], capture_output=True, text=True)
    found["machine"] = {
        "redis": version.stdout.split("v=")[1].split()[0],
        "system": f"{platform.system()} {platform.release().split('.')[0]}",
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }
    return found


def main() -> None:
    """
    Measure, and print or publish.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__)
    parser.add_argument("--publish", metavar="RESULTS", type=Path)
    options = parser.parse_args()
    figures = measure()
    if options.publish is None:
        print(json.dumps(figures, indent=1))
        return
    try:
        figures["server"] = costsOf(options.publish)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"benchmarks: {options.publish}: {error!r}")
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(figures, indent=1) + "\n")
    PAGE.write_text(generate(PAGE.read_text(), figures))


if __name__ == "__main__":
    main()
