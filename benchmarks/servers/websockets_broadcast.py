"""
A chat server on the C{websockets} library and its C{broadcast}. It speaks MaChat's text dialect:
C{python websockets_broadcast.py PORT}.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

rooms: dict[str, set[ServerConnection]] = defaultdict(set)


async def chat(connection: ServerConnection) -> None:
    """
    Serve one member.
    """
    hello = json.loads(await connection.recv())
    members, name = rooms[hello["room"]], hello["name"]
    members.add(connection)
    try:
        async for message in connection:
            broadcast(members, f"{name}:{message!s}\n")
    except ConnectionClosed:
        pass
    finally:
        members.discard(connection)


async def main(port: int) -> None:
    """
    Serve until the process is stopped. Compression is off, as in all servers here. Pings are off,
    because those of this library contain random bytes.
    """
    options = {"compression": None, "ping_interval": None, "backlog": 4096}
    async with serve(chat, "127.0.0.1", port, **options) as server:  # type: ignore[arg-type]
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
