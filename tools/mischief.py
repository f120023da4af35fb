"""
Those who are no good to the server of L{tools.soak}: each act is one conversation.
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

#: The longest conversation, seconds: longer than a stalled reader is waited for.
LONGEST = 45.0

#: Where those are who would fill a room with rubbish.
DUMP = "dump"

#: A name that has a password.
GUARDED = "guarded"

#: How many lines a flood has, and of what size the long lines are that stalled readers do not read.
FLOOD, LONG = 200, 60_000

#: How long those stay who only look at what happens, seconds.
SOON = 3.0

_ANSWERS = re.compile(
    rb"machat:error ([a-z-]+) |\"type\":\"error\",\"code\":\"([a-z-]+)\"|(HTTP/1.1 [45]\d\d)"
)

EVENTS = ("TCP events", "WebSocket events")


async def staying(client: Client, seconds: float) -> None:
    """
    Hear whatever comes, for a time.
    """
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(client.listen(), seconds)


async def answered(wire: Lines) -> bytes:
    """
    @return: what the server says to something that is no conversation; it is empty at the end
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
    Hear whatever comes while something else is done.
    """
    task = asyncio.ensure_future(client.listen())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def visit(door: Door, random: Random, name: str) -> None:
    """
    Come, say a little, look around, and go.
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
    Come to a room where a lot is said and ask for all of it, but read nothing.
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
        client.wire.end("given up by the server")


async def flood(door: Door, random: Random, name: str) -> None:
    """
    Say as much as can be sent.
    """
    room = random.choice(door.rooms)
    async with door.client(random.choice(list(KINDS)), name) as client:
        client.hello(room)
        async with listening(client):
            for number in range(FLOOD):
                client.say(room, f"{name} {number}")
            await asyncio.sleep(2 * SOON)


def _rubbish(random: Random, name: str) -> list[bytes]:
    """
    @return: what may be sent in any order, or instead of a hello
    """
    hello = json.dumps({"name": name, "room": DUMP}).encode()
    command = b'{"type": "%s", "room": 3}\n' % random.choice((b"join", b"say", b"nothing", b"\xff"))
    return [
        random.randbytes(random.randrange(1, 2_000)),
        hello + b"\n" + random.randbytes(300) + b"\n",
        hello[: random.randrange(len(hello))],
        hello + b"\n" + b"x" * 70_000,
        hello + b"\n" + b"\xff\n" * 200,
        b'{"v": 1, "name": "%s", "room": "dump"}\n' % name.encode() + command * 150,
        b"[" * 5_000,
        b'{"name": ' + b"{" * 3_000,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /mychat HTTP/1.1\r\n" + b"X: y\r\n" * 3_000,
        b"POST /mychat HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        clientRequest("/elsewhere"),
        clientRequest() + random.randbytes(200),
        clientRequest() + clientFrame(0x81, hello) + clientFrame(random.randrange(256), b"abc"),
        clientRequest() + clientFrame(0x81, hello) + clientFrame(0x01, b"x") * 3,
        clientRequest() + clientFrame(0x81, hello) + clientFrame(0x89, b"ping") * 500,
        clientRequest() + clientFrame(0x81, hello) + clientFrame(0x81, b"x" * 70_000),
        clientRequest() + clientFrame(0x01, b"") + clientFrame(0x00, b"") * 2_000,
        clientRequest() + clientFrame(0x88, b"\x03"),
        clientRequest() + b"\x81\x05hello",
    ]


async def rubbish(door: Door, random: Random, name: str) -> None:
    """
    Send what no client sends, in pieces, and see what the server says to that.
    """
    async with door.wire(random.choice((Lines, Frames))) as wire:
        data = random.choice(_rubbish(random, name))
        place = random.randrange(len(data))
        wire.write(data[:place])
        await asyncio.sleep(random.random() / 10)
        wire.write(data[place:])
        with suppress(asyncio.TimeoutError):
            while await asyncio.wait_for(answered(wire), SOON * random.random()):
                pass


async def dawdle(door: Door, random: Random, name: str) -> None:
    """
    Send a hello, or the request before it, a byte at a time: it is not waited for.
    """
    make = random.choice((Lines, Frames))
    async with door.wire(make) as wire:
        data = clientRequest() if make is Frames else b'{"v": 1, "name": "' + name.encode()
        for byte in data.ljust(100):
            wire.write(bytes((byte,)))
            with suppress(asyncio.TimeoutError):
                if not await asyncio.wait_for(answered(wire), 0.2):
                    return
        raise AssertionError("it may dawdle for ever")


async def reset(door: Door, random: Random, name: str) -> None:
    """
    Be gone in the middle of something.
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
    Want a name that is taken, and take one's own over from an earlier connection.
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
    Go through many rooms, as many at once as may be and one more.
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
    Send this three times, or as much of it as the server reads within some seconds.
    """
    with suppress(asyncio.TimeoutError):
        for _ in range(3):
            wire.write(data)
            await asyncio.wait_for(wire.writer.drain(), SOON)


async def ping(door: Door, random: Random, name: str) -> None:
    """
    Send nothing but pings, pongs or empty fragments, some of it before the hello.
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
    Send a message in fragments of one byte, or a frame or a line in pieces of one byte.
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
    Say as many of the longest lines as can be sent, which are even longer to the others.
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
    Ask for all the history and all the members there are, and read none of it.
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
        client.wire.end("given up by the server")


async def cancel(door: Door, random: Random, name: str) -> None:
    """
    Try passwords, and be gone before the answer: with a close behind the hello, or without one.
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
    Come as many at once, each with half a hello or half a request, and stay until sent away.
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


#: Those who are no good, by what they are called.
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
