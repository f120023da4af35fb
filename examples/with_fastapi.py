"""
A site with FastAPI that posts to a room and shows its last messages.

Start a server with C{twistd -n machat}, then run in this folder::

    pip install fastapi uvicorn
    uvicorn with_fastapi:app

In another terminal, post a message::

    curl -H 'Content-Type: application/json' -d '{"text": "hello"}' http://localhost:8000/news

The environment variable C{CHAT} is the address of another server.
"""

import asyncio
import os
from contextlib import asynccontextmanager

from fastapi import Body, FastAPI, HTTPException

from machat.aio import ChatClient
from machat.errors import ChatError


@asynccontextmanager
async def lifespan(app):
    async with ChatClient(os.environ.get("CHAT", "localhost:8989"), "site") as chat:
        app.state.chat = chat
        await chat.join("news")
        yield


app = FastAPI(lifespan=lifespan)


async def answer(call):
    try:
        return await asyncio.wait_for(call, 10)
    except asyncio.TimeoutError:
        raise HTTPException(504, "the chat does not answer") from None
    except ChatError as error:
        raise HTTPException(502, f"{error.code}: {error.text}") from None


@app.post("/news")
async def post(text: str = Body(embed=True)):
    receipt = await answer(app.state.chat.say("news", text))
    return {"seq": receipt.seq}


@app.get("/news")
async def read():
    history = await answer(app.state.chat.history("news", limit=10))
    return [{"from": message.sender, "text": message.text} for message in history.messages]
