"""
A bot for asyncio that counts votes: "!poll Tea?" asks a question, and reactions to it are votes.

Start a server with C{twistd -n machat}, then run C{python asyncio_poll.py}, with the address of
another server as argument if you like.
"""

import asyncio
import sys
from collections import Counter

from machat.aio import ChatClient
from machat.events import Message, Reacted

VOTES = ("👍", "👎")


async def main(address):
    async with ChatClient(address, "poll") as client:
        room = await client.join("dev")
        polls = {}
        async for event in room:
            if isinstance(event, Message) and event.text.startswith("!poll "):
                question = event.text.removeprefix("!poll ")
                receipt = await room.say(question, data={"poll": VOTES}, reply=event.seq)
                polls[receipt.seq] = question, Counter()
            elif isinstance(event, Reacted) and event.target in polls and event.emoji in VOTES:
                question, votes = polls[event.target]
                votes[event.emoji] += -1 if event.remove else 1
                counts = "  ".join(f"{emoji} {votes[emoji]}" for emoji in VOTES)
                await room.edit(event.target, f"{question}\n{counts}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["localhost:8989"]))
