"""
Invalid input for a server, as the client C{rubbish} of L{tools.mischief} sends it.
"""

from __future__ import annotations

import json
from random import Random

from machat.testing import clientFrame, clientRequest


def invalidInputs(random: Random, name: str, room: str) -> list[bytes]:
    """
    @param random: chooses bytes and lengths
    @param name: the name of the client, for a hello
    @param room: the room of that hello
    @return: invalid inputs, and valid ones out of place
    """
    hello = json.dumps({"name": name, "room": room}).encode()
    command = b'{"type": "%s", "room": 3}\n' % random.choice((b"join", b"say", b"nothing", b"\xff"))
    return [
        random.randbytes(random.randrange(1, 2_000)),
        hello + b"\n" + random.randbytes(300) + b"\n",
        hello[: random.randrange(len(hello))],
        hello + b"\n" + b"x" * 70_000,
        hello + b"\n" + b"\xff\n" * 200,
        b'{"v": 1, "name": "%s", "room": "%s"}\n' % (name.encode(), room.encode()) + command * 150,
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
