"""
A bot for asyncio. It greets everybody who says "!hello".

Start a server with C{twistd -n machat}, then run C{python asyncio_bot.py}, with the address of
another server as argument if you like.
"""

import asyncio
import sys

from machat.aio import ChatClient, Gap
from machat.events import Message


async def main(address):
    async with ChatClient(address, "bot") as client:
        room = await client.join("dev", history=20)
        await room.say("Here I am.")
        async for event in room:
            if isinstance(event, Gap):
                print("missed messages:", event.missed)
            elif isinstance(event, Message) and event.text == "!hello" and not event.replay:
                await room.say(f"Hello, {event.sender}!")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["localhost:8989"]))
