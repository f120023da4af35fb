"""
The clients of L{tools.soak}: well-behaved clients, which check that they receive every message, and
the misbehaving ones of L{tools.mischief}.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tests.wires import EXPECTED, KINDS, Client, Door, Tally
from tools.mischief import ACTS, LONGEST

#: The sender and the text of the last message in every room.
CLOSER, END = "closer", "the end"

#: Maximum time for any step, seconds.
PATIENCE = 30.0


class Good:
    """
    A well-behaved client. It sends messages, and checks that it receives all messages in order.
    """

    def __init__(self, crowd: Crowd, number: int) -> None:
        self._crowd = crowd
        self.name = f"good{number}"
        self._kind = list(KINDS)[number % 4]
        self._random = Random(number)
        rooms = crowd.door.rooms
        self._rooms = [rooms[number // 4 % len(rooms)]]
        if "events" in self._kind:
            self._rooms.append(rooms[(number // 4 + 1) % len(rooms)])
        self._rooms = sorted(set(self._rooms))
        self._said = self._own = 0
        self._ended: set[str] = set()
        self._places: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self.heard = array("q")
        self.ready, self.settled = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """
        Send messages until the crowd is quiet. Return after the last message of every room.
        """
        async with self._crowd.door.client(self._kind, self.name) as client:
            self._crowd.count("well-behaved, " + self._kind)
            client.hello(self._rooms[0])
            for room in self._rooms[1:]:
                client.command("join", room=room)
            talking = asyncio.ensure_future(self._talk(client))
            try:
                while len(self._ended) < len(self._rooms):
                    self._hear(client, await client.hear())
            except EXPECTED as error:
                self._crowd.wrong(f"{self.name} ({self._kind}) was disconnected: {error!r}")
            finally:
                talking.cancel()

    async def _talk(self, client: Client) -> None:
        while len(self._places) < len(self._rooms) and client.speaksEvents:
            await asyncio.sleep(0.01)
        await asyncio.sleep(self._random.random())
        while not self._crowd.quiet.is_set():
            self._said += 1
            text = f"{self.name} {self._said} {time.monotonic()}"
            client.say(self._random.choice(self._rooms), text)
            await asyncio.sleep(self._random.uniform(0.5, 1.5))
        while self._own < self._said:
            await asyncio.sleep(0.01)
        self.settled.set()

    def _hear(self, client: Client, event: dict[str, Any]) -> None:
        if event["type"] == "joined":
            self._places[event["room"]] = event["seq"]
        elif event["type"] in ("error", "bye"):
            self._crowd.wrong(f"{self.name} received {event}")
        elif event["type"] == "message":
            self._message(event.get("room", self._rooms[0]), event, client.speaksEvents)

    def _message(self, room: str, event: dict[str, Any], numbered: bool) -> None:
        sender, text = event["from"], event["text"]
        if numbered:
            if event["seq"] != self._places[room] + 1:
                self._crowd.wrong(f"{self.name} missed something before {room} {event}")
            self._places[room] = event["seq"]
            self._crowd.note(room, event["seq"], hash((sender, text)))
        else:
            self.heard.append(hash((sender, text)))
        if sender == self.name:
            self.ready.set()
            self._own += 1
            self._crowd.tally.latencies.append(time.monotonic() - float(text.split()[-1]))
            number = int(text.split()[1])
            if number <= self._last.get(room, 0):
                self._crowd.wrong(f"{self.name}: own message out of order in {room}: {text}")
            self._last[room] = number
        if (sender, text) == (CLOSER, END):
            self._ended.add(room)

    def judge(self) -> None:
        """
        If the client's dialect has no numbers, compare its messages with the numbered messages that
        other clients received. They must match without a gap.
        """
        if self.heard:
            log = self._crowd.log[self._rooms[0]]
            first = {text: seq for seq, text in log.items()}.get(self.heard[0], 0)
            if [log.get(seq) for seq in range(first, first + len(self.heard))] != list(self.heard):
                self._crowd.wrong(f"{self.name} missed messages in {self._rooms[0]}")


class Crowd:
    """
    All clients of a run.

    @ivar log: for each room, the hashes of the messages by number
    """

    def __init__(self, door: Door, clients: int, seed: int) -> None:
        self.door = door
        self.tally: Tally = door.tally
        self.quiet = asyncio.Event()
        self.log: dict[str, dict[int, int]] = {room: {} for room in door.rooms}
        self._good = [Good(self, number) for number in range(max(4, clients // 2))]
        self._random = Random(seed)
        self._others = max(len(ACTS), clients - len(self._good))

    def count(self, kind: str) -> None:
        """
        Count a conversation.
        """
        self.tally.counts["conversations"][kind] += 1

    def wrong(self, problem: str) -> None:
        """
        Record a problem.
        """
        self.tally.problems.append(problem)

    def note(self, room: str, seq: int, text: int) -> None:
        """
        Record that a client received a message, and check that all clients received the same one.

        @param text: the hash of its sender and text
        """
        if self.log[room].setdefault(seq, text) != text:
            self.wrong(f"message {seq} of {room} differs between clients")

    async def run(self, seconds: float, half: Callable[[], None]) -> None:
        """
        Connect all clients, run them for C{seconds}, and disconnect them.

        @param half: called after half of the time
        """
        people = [asyncio.ensure_future(good.run()) for good in self._good]
        await self._all([good.ready for good in self._good], "could not join in time")
        kinds = list(ACTS)
        others = [
            asyncio.ensure_future(self._repeat(kinds[n % len(kinds)], n, self._random.random()))
            for n in range(self._others)
        ]
        await asyncio.sleep(seconds / 2)
        half()
        await asyncio.sleep(seconds / 2)
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._end(people)

    async def _repeat(self, kind: str, number: int, seed: float) -> None:
        random, conversation = Random(seed), 0
        while True:
            await asyncio.sleep(random.random())
            conversation += 1
            self.count(kind)
            name = f"{kind.split()[0]}{number}.{conversation}"
            try:
                await asyncio.wait_for(ACTS[kind](self.door, random, name), LONGEST)
            except EXPECTED:
                pass
            except AssertionError as error:
                self.wrong(f"{name}: {error}")

    async def _end(self, people: Sequence[asyncio.Future[None]]) -> None:
        """
        Wait until every well-behaved client has received its own messages. Send the last message in
        each room, and wait until all have received it.
        """
        self.quiet.set()
        await self._all([good.settled for good in self._good], "missed its own messages")
        for room in self.door.rooms:
            async with self.door.client("TCP text", CLOSER) as closer:
                closer.hello(room)
                closer.say(room, END)
                await asyncio.wait_for(closer.listen(END), PATIENCE)
        await self._within(people, "missed the last message")
        for good in self._good:
            good.judge()

    async def _all(self, events: list[asyncio.Event], problem: str) -> None:
        await self._within([asyncio.ensure_future(event.wait()) for event in events], problem)

    async def _within(self, tasks: Sequence[asyncio.Future[Any]], problem: str) -> None:
        _, late = await asyncio.wait(tasks, timeout=PATIENCE)
        for good, task in zip(self._good, tasks, strict=True):
            if task in late:
                self.wrong(f"{good.name} {problem}")
                task.cancel()
            elif task.exception() is not None:
                self.wrong(f"{good.name}: {task.exception()!r}")
