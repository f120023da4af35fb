"""
The conversations in the documents.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, get_args

import jwt
import msgspec
from docutils import nodes
from twisted.trial.unittest import SynchronousTestCase

from machat import errors
from machat.commands import Command
from machat.events import AnyEvent, Moved
from tests.conversations import STOP, Conversation, lines
from tests.documents import ALL, Example, parse
from tests.processes import (
    LOCAL,
    ROOT,
    RawClient,
    RawWebSocketClient,
    ServerTestCase,
    portsOf,
    readUntil,
    twistd,
)

#: The key that signs the tokens of these tests.
SECRET = "a secret of no less than 32 bytes"

#: The options of the server for each class of example; TCP and WebSocket are separate, so that
#: each conversation can be run on both.
SERVERS: dict[str, tuple[str, ...]] = {
    "": (),
    "credentials": ("--auth", "memory:Mina:secret", "--auth", "jwt:keyfile=secret"),
    "accounts": ("--auth", "memory:Mina:secret", "--auth", "jwt:keyfile=secret"),
    "pings": ("--ping", "2", "--pong", "1"),
}

TRANSPORTS: dict[str, type[RawClient]] = {"tcp": RawClient, "websocket": RawWebSocketClient}


def token(seconds: float, user: str, **rights: Any) -> str:
    """
    @return: a token that is valid for this time
    """
    return jwt.encode({"exp": time.time() + seconds, "sub": user, **rights}, SECRET, "HS256")


def tokens() -> dict[str, str]:
    """
    @return: the tokens that replace their placeholders in the input
    """
    return {
        "TOKEN": token(3600, "Ada"),
        "MODERATORS": token(3600, "Ada", mod=True),
        "FRESH": token(3600, "Mina"),
        "NEARLY_EXPIRED": token(50, "Mina"),
    }


CONVERSATIONS = [
    example for example in ALL if example.language == "text" and "measured" not in example.classes
]

#: The codes of refusals and disconnections.
CODES = [value for name, value in vars(errors).items() if name.isupper()]


#: The events that a server sends.
EVENTS = get_args(AnyEvent)


def tag(struct: type[msgspec.Struct]) -> str:
    """
    @return: the C{type} of an object on the wire
    """
    return str(struct.__struct_config__.tag)


def types(text: str) -> list[str]:
    """
    @return: the types of the objects in a line
    """
    return re.findall(r'"type": ?"(\w+)"', text)


def words(table: nodes.Element) -> set[str]:
    """
    @return: the names in double backquotes in the table
    """
    return {literal.astext() for literal in table.findall(nodes.literal)}


def wire(head: str) -> bytes:
    """
    @return: the head of a request or an answer as it is sent
    """
    return head.replace("\n", "\r\n").encode() + b"\r\n\r\n"


class ConversationTests(ServerTestCase):
    def setUp(self) -> None:
        self.servers: dict[str, Any] = {}

    def started(self, kind: str) -> Any:
        """
        @return: a server with these options, and its two ports
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

        return Conversation(connect, server, tokens()).play(example.text)

    def test_conversations(self) -> None:
        """
        Each conversation runs as shown, on TCP and on WebSocket, byte for byte.
        """
        for example in CONVERSATIONS:
            only = [name for name in TRANSPORTS if name in example.classes]
            for transport in only or TRANSPORTS:
                said = self.play(example, transport)
                self.assertEqual(said, example.text, f"{example.place}, {transport}")

    def test_handshake(self) -> None:
        """
        A WebSocket is opened as shown.
        """
        _, ports = self.started("")
        for example in ALL:
            if example.language == "http":
                request, answer = example.text.split("\n\n", 1)
                connection = self.connect(ports["websocket"])
                connection.sendall(wire(request))
                self.assertEqual(readUntil(connection, b"\r\n\r\n"), wire(answer), example.place)


class CompletenessTests(SynchronousTestCase):
    """
    C{docs/protocol.rst} is a complete reference.
    """

    def setUp(self) -> None:
        said = [line for example in CONVERSATIONS for line in lines(example.text)]
        self.sent, self.heard = (
            {type_ for line in said if line and line.sent is sent for type_ in types(line.text)}
            for sent in (True, False)
        )
        page = parse(ROOT / "docs" / "protocol.rst")
        self.commands, self.events, *_ = page.findall(nodes.table)

    def test_commands(self) -> None:
        """
        Every command is in the table and in a conversation.
        """
        tags = {tag(command) for command in Command.__subclasses__()}
        self.assertEqual(tags - self.sent, set())
        self.assertEqual(tags - words(self.commands), set())

    def test_events(self) -> None:
        """
        The table contains every event, and so do the conversations, except C{moved}: the stores of
        one server do not cause it.
        """
        tags = {tag(event) for event in EVENTS}
        self.assertEqual(self.heard, tags - {tag(Moved)})
        self.assertEqual(tags - words(self.events), set())

    def test_fields(self) -> None:
        """
        The tables contain every field.
        """
        for table, kind in ((self.commands, Command.__subclasses__()), (self.events, EVENTS)):
            for struct in kind:
                fields = {field.encode_name for field in msgspec.structs.fields(struct)}
                self.assertEqual(fields - words(table) - {"id", "scanned"}, set(), struct)

    def test_codes(self) -> None:
        """
        The tables contain every code of an error and of a disconnection.
        """
        text = (ROOT / "docs" / "protocol.rst").read_text()
        for code in CODES:
            if isinstance(code, str):
                self.assertTrue(f"``{code}``" in text, code)
            elif isinstance(code, errors.Disconnect):
                self.assertTrue(re.search(rf"(?m)^(.* )?{code.code} ", text), code)
