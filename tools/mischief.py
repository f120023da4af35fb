"""
The misbehaving clients of L{tools.soak}. Each function is one conversation with the server.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

from machat.testing import clientFrame, clientRequest
from tests.wires import KINDS, Client, Door, Frames, Lines
from tools.rubbish import invalidInputs

#: Maximum duration of a conversation, seconds. It exceeds the time limit for stalled readers.
LONGEST = 45.0

#: The room for clients that would disturb the well-behaved ones.
DUMP = "dump"

#: A name that has a password.
GUARDED = "guarded"

#: Number of lines of a flood, and bytes of each long line that is sent to stalled readers.
FLOOD, LONG = 200, 60_000

#: Duration of short waits, seconds.
SOON = 3.0

_ANSWERS = re.compile(
    rb"machat:error ([a-z-]+) |\"type\":\"error\",\"code\":\"([a-z-]+)\"|(HTTP/1.1 [45]\d\d)"
)

EVENTS = ("TCP events", "WebSocket events")


async def staying(client: Client, seconds: float) -> None:
    """
    Receive and ignore all events for some seconds.
    """
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(client.listen(), seconds)


async def answered(wire: Lines) -> bytes:
    """
    Count the refusals in the server's next output.

    @return: the output; empty at the end of the stream
    """
    data = await wire.reader.read(65_536)
    if not data:
        wire.end("closed by the server")
    for answer in _ANSWERS.finditer(data):
        wire.tally.counts["refusals"][(answer[1] or answer[2] or answer[3]).decode()] += 1
    return data


@asynccontextmanager
async def listening(client: Client) -> AsyncIterator[None]:
    """
    Receive and ignore all events while the body runs.
    """
    task = asyncio.ensure_future(client.listen())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def visit(door: Door, random: Random, name: str) -> None:
    """
    Join a room, send a few messages, query members and history, and disconnect.
    """
    room = random.choice(door.rooms)
    async with door.client(random.choice(list(KINDS)), name) as client:
        client.hello(room, history=20)
        for number in range(random.randrange(4)):
            client.say(room, f"{name} {number}")
            await staying(client, random.random())
        if client.speaksEvents:
            client.command("who", room=room)
            client.command("history", room=room, limit=50)
            await client.hear("members")
            await client.hear("history")
        await staying(client, SOON * random.random())


async def stall(door: Door, random: Random, name: str) -> None:
    """
    Join a busy room and request its history, but read nothing.
    """
    room = name.partition(".")[0]
    kind = random.choice(list(KINDS))
    async with door.client(kind, name, limit=1_000, receive=4_096) as client:
        client.hello(room, history=300)
        if client.speaksEvents:
            for number in range(20):
                client.command("history", room=room, id=str(number))
        async with door.client("TCP events", f"{name}.speaker") as speaker:
            speaker.hello(room, presence=False)
            for number in range(100):
                speaker.say(room, f"{number} ".ljust(LONG, "x"))
                await staying(speaker, 0.4)
        while await client.wire.reader.read(65_536):
            pass
        client.wire.end("stalled, closed by the server")


async def flood(door: Door, random: Random, name: str) -> None:
    """
    Send messages as fast as possible.
    """
    room = random.choice(door.rooms)
    async with door.client(random.choice(list(KINDS)), name) as client:
        client.hello(room)
        async with listening(client):
            for number in range(FLOOD):
                client.say(room, f"{name} {number}")
            await asyncio.sleep(2 * SOON)


async def rubbish(door: Door, random: Random, name: str) -> None:
    """
    Send an invalid input in two pieces, and count the server's refusals.
    """
    async with door.wire(random.choice((Lines, Frames))) as wire:
        data = random.choice(invalidInputs(random, name, DUMP))
        place = random.randrange(len(data))
        wire.write(data[:place])
        await asyncio.sleep(random.random() / 10)
        wire.write(data[place:])
        with suppress(asyncio.TimeoutError):
            while await asyncio.wait_for(answered(wire), SOON * random.random()):
                pass


async def dawdle(door: Door, random: Random, name: str) -> None:
    """
    Send a hello or an opening request one byte at a time. The server must close the connection.
    """
    make = random.choice((Lines, Frames))
    async with door.wire(make) as wire:
        data = clientRequest() if make is Frames else b'{"v": 1, "name": "' + name.encode()
        for byte in data.ljust(100):
            wire.write(bytes((byte,)))
            with suppress(asyncio.TimeoutError):
                if not await asyncio.wait_for(answered(wire), 0.2):
                    return
        raise AssertionError("the server does not close a slow hello")


async def reset(door: Door, random: Random, name: str) -> None:
    """
    Reset the connection in the middle of a line or frame.
    """
    room = random.choice(door.rooms)
    async with door.client(random.choice(list(KINDS)), name) as client:
        client.hello(room, history=20)
        client.say(DUMP if client.speaksEvents else room, f"{name} 0")
        await asyncio.sleep(random.random())
        client.wire.write(clientFrame(0x81, b"half a line, or half a frame")[:20])
        client.wire.reset()


async def takeOver(door: Door, random: Random, name: str) -> None:
    """
    Request a name that is in use. Under another name, take over an earlier connection.
    """
    async with door.client(random.choice(list(KINDS)), "good0") as thief:
        thief.hello(door.rooms[0])
        refusal = await thief.hear("error")
        assert refusal["code"] == "name-taken", refusal
    async with door.client(random.choice(EVENTS), name) as first:
        first.hello(DUMP)
        session = (await first.hear("welcome"))["session"]
        async with door.client(random.choice(EVENTS), name) as second:
            second.hello(DUMP, session=session)
            await second.hear("joined")
            bye: dict[str, Any] = await first.hear("bye")
            assert bye["code"] == 3521, bye
            await staying(second, SOON * random.random())


async def wander(door: Door, random: Random, name: str) -> None:
    """
    Join as many rooms as the limit allows and one more, and leave them again.
    """
    async with door.client(random.choice(EVENTS), name) as client:
        client.hello(DUMP)
        most = (await client.hear("welcome"))["limits"]["rooms"]
        corners = [f"corner{number}" for number in random.sample(range(300), most)]
        async with listening(client):
            for corner in corners:
                client.command("join", room=corner)
                await asyncio.sleep(0.25)
            for corner in corners:
                client.command("leave", room=corner)
                await asyncio.sleep(0.25)


async def _pour(wire: Lines, data: bytes) -> None:
    """
    Send the data three times, or until the server stops reading for L{SOON} seconds.
    """
    with suppress(asyncio.TimeoutError):
        for _ in range(3):
            wire.write(data)
            await asyncio.wait_for(wire.writer.drain(), SOON)


async def ping(door: Door, random: Random, name: str) -> None:
    """
    Send only pings, pongs or empty fragments, with or without a hello before them.
    """
    frames = random.choice(
        (
            clientFrame(0x89, b"") * 5_000,
            clientFrame(0x8A, b"x" * 125) * 2_000,
            clientFrame(0x01, b"") + clientFrame(0x00, b"") * 5_000,
        )
    )
    async with door.client(random.choice(("WebSocket text", "WebSocket events")), name) as client:
        if random.random() < 0.5:
            client.hello(random.choice(door.rooms))
        async with listening(client):
            await _pour(client.wire, frames)


async def fragment(door: Door, random: Random, name: str) -> None:
    """
    Send a message in fragments of one byte, or a line in pieces of one byte.
    """
    room = random.choice(door.rooms)
    async with door.client(random.choice(("TCP text", "WebSocket text")), name) as client:
        client.hello(room)
        async with listening(client):
            if client.kind == "WebSocket text":
                first = clientFrame(0x01, b"x")
                await _pour(client.wire, first + clientFrame(0x00, b"x") * 5_000)
            else:
                for _ in range(300):
                    client.wire.write(b"x")
                    await asyncio.sleep(0.005)


async def pour(door: Door, random: Random, name: str) -> None:
    """
    Send the longest lines as fast as possible. Their encoded form for other members can be longer.
    """
    async with door.client(random.choice(("TCP text", "WebSocket text")), name) as client:
        client.hello(random.choice(door.rooms))
        letter = random.choice(("x", "\x01", "\u4e2d"))
        line = letter * (65_000 // len(letter.encode()))
        async with listening(client):
            for _ in range(5):
                client.say("", line)
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(client.wire.writer.drain(), SOON)


async def hoard(door: Door, random: Random, name: str) -> None:
    """
    Request the history and the members repeatedly, and read nothing for a while.
    """
    room = random.choice(door.rooms)
    async with door.client(random.choice(EVENTS), name, limit=1_000, receive=4_096) as client:
        client.hello(room)
        for number in range(10):
            client.command("history", room=room, limit=300, id=str(number))
            client.command("who", room=room)
        await asyncio.sleep(4 * SOON)
        while await client.wire.reader.read(65_536):
            pass
        client.wire.end("stalled, closed by the server")


async def cancel(door: Door, random: Random, name: str) -> None:
    """
    Try passwords, and sometimes disconnect before the answer, with or without a close frame.
    """
    hello = json.dumps({"v": 1, "name": GUARDED, "password": name}).encode()
    for _ in range(5):
        async with door.wire(Frames) as wire:
            close = clientFrame(0x88, b"\x03\xe8") * random.randrange(2)
            wire.write(clientRequest() + clientFrame(0x81, hello) + close)
            if random.random() < 0.5:
                wire.reset()
                continue
            with suppress(asyncio.TimeoutError):
                while await asyncio.wait_for(answered(wire), SOON):
                    pass


async def crowd(door: Door, random: Random, name: str) -> None:
    """
    Send part of a hello or request on 20 connections, and wait until the server closes them.
    """

    async def half() -> None:
        make = random.choice((Lines, Frames))
        async with door.wire(make) as wire:
            begun = clientRequest() if make is Frames else b'{"v": 1, "name": "' + name.encode()
            wire.write(begun[: random.randrange(1, len(begun))])
            with suppress(asyncio.TimeoutError):
                while await asyncio.wait_for(answered(wire), LONGEST / 2):
                    pass

    await asyncio.gather(*[half() for _ in range(20)], return_exceptions=True)


#: The conversations by name.
ACTS: dict[str, Callable[[Door, Random, str], Awaitable[None]]] = {
    "visitors": visit,
    "stalling": stall,
    "flooding": flood,
    "rubbish": rubbish,
    "dawdling": dawdle,
    "resetting": reset,
    "taking over": takeOver,
    "wandering": wander,
    "pinging": ping,
    "fragmenting": fragment,
    "pouring": pour,
    "hoarding": hoard,
    "cancelling": cancel,
    "crowding": crowd,
}
