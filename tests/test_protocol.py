"""
The conversations in the documents.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt

from tests.conversations import STOP, Conversation
from tests.documents import ALL, Example
from tests.processes import (
    LOCAL,
    RawClient,
    RawWebSocketClient,
    ServerTestCase,
    portsOf,
    twistd,
)

#: Signs the tokens of these tests.
SECRET = "a secret of no less than 32 bytes"

#: How a server is started, by the class of the example; TCP and WebSocket apart, so that each
#: conversation can be had on both.
SERVERS: dict[str, tuple[str, ...]] = {
    "": (),
    "passwords": ("--auth", "memory:Mina:secret"),
    "tokens": ("--auth", "jwt:keyfile=secret"),
    "pings": ("--ping", "2", "--pong", "1"),
}

TRANSPORTS: dict[str, type[RawClient]] = {"tcp": RawClient, "websocket": RawWebSocketClient}


def token(**rights: Any) -> str:
    """
    @return: a token that is good for an hour
    """
    return jwt.encode({"exp": time.time() + 3600, **rights}, SECRET, "HS256")


KNOWN = {
    "ADAS_TOKEN": token(sub="Ada", mod=True),
    "MINAS_TOKEN": token(sub="Mina"),
    "MINAS_OLD_TOKEN": jwt.encode({"exp": time.time() + 50, "sub": "Mina"}, SECRET, "HS256"),
}


class ConversationTests(ServerTestCase):
    def setUp(self) -> None:
        self.servers: dict[str, Any] = {}

    def started(self, kind: str) -> Any:
        """
        @return: a server of this kind, and its two ports
        """
        if kind not in self.servers:
            folder = Path(self.mktemp())
            folder.mkdir()
            (folder / "secret").write_text(SECRET)
            ends = ("--separate", "--tcp", LOCAL, "--ws", LOCAL)
            server = self.stopAtEnd(twistd(*SERVERS[kind], *ends, cwd=folder))
            tcp, websocket = portsOf(server, "ChatFactory", "ChatWebSocketFactory")
            self.servers[kind] = server, {"tcp": tcp, "websocket": websocket}
        return self.servers[kind]

    def play(self, example: Example, transport: str) -> str:
        kind = next((name for name in example.classes if name in SERVERS), "")
        server, ports = self.started(kind)
        if STOP in example.text:
            del self.servers[kind]

        def connect() -> RawClient:
            client = TRANSPORTS[transport](ports[transport])
            self.addCleanup(client.close)
            return client

        return Conversation(connect, server, KNOWN).play(example.text)

    def test_conversations(self) -> None:
        """
        Each comes out as it is shown, on TCP and on WebSocket, byte for byte.
        """
        for example in ALL:
            if example.language == "text":
                only = [name for name in TRANSPORTS if name in example.classes]
                for transport in only or TRANSPORTS:
                    with self.subTest(example.place, transport=transport):
                        self.assertEqual(self.play(example, transport), example.text)
