"""
What is refused, in which words, and what the log says: tried in both dialects, written as a table.

    python -m tools.refusals > docs/refusals.rst
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from math import inf
from typing import Any, NamedTuple

from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from machat.limits import DEFAULTS, Limits
from machat.testing import MemoryChat, MemoryWebSocketClient

TITLE = """What is refused
===============

What a client did, in which dialect, the code that it heard, the code with which its WebSocket was
closed (none: it goes on, or is cut off), and what the server's log says of it, for the first five
refusals of a connection, and of a network in a minute. Made by ``python -m tools.refusals``, which
tries it all.
"""

#: What is the same each time, in place of what is not.
_PEER = "192.0.2.1:50000"


class Trial(NamedTuple):
    """
    A chat, and one dialect to refuse something in.
    """

    chat: MemoryChat
    events: bool

    def client(
        self, name: str | None = None, room: str = "dev", **more: Any
    ) -> MemoryWebSocketClient:
        """
        @param name: without it, no hello is sent
        """
        client = self.chat.ws()
        if name is not None:
            self.hello(client, name=name, room=room, **more)
        return client

    def hello(self, client: MemoryWebSocketClient, **fields: Any) -> None:
        """
        Send a hello of these fields.
        """
        client.send(json.dumps({"v": 1, **fields} if self.events else fields))

    def say(self, client: MemoryWebSocketClient, text: str, **more: Any) -> None:
        """
        Say something.
        """
        client.send(json.dumps({"type": "say", "text": text, **more}) if self.events else text)


class Refusal(NamedTuple):
    """
    How one attempt ended.

    @ivar code: of the error
    @ivar end: of the connection
    @ivar log: what was logged last
    """

    code: str
    end: str
    log: str


Attempt = Callable[[Trial], MemoryWebSocketClient]


class Case(NamedTuple):
    """
    @ivar done: in words
    @ivar attempt: does it, and returns the client that is refused
    @ivar dialect: the only one in which it can be done
    """

    done: str
    attempt: Attempt
    limits: Limits = DEFAULTS
    dialect: str = ""


def _sent(data: bytes) -> Attempt:
    def attempt(trial: Trial) -> MemoryWebSocketClient:
        client = trial.client()
        client.sendFrame(0x81, data)
        return client

    return attempt


def _greeted(**fields: Any) -> Attempt:
    def attempt(trial: Trial) -> MemoryWebSocketClient:
        client = trial.client()
        trial.hello(client, **fields)
        return client

    return attempt


def _said(*lines: bytes) -> Attempt:
    def attempt(trial: Trial) -> MemoryWebSocketClient:
        client = trial.client("Mina")
        for line in lines:
            client.sendFrame(0x82, line)
        return client

    return attempt


def _second(name: str) -> Attempt:
    def attempt(trial: Trial) -> MemoryWebSocketClient:
        trial.client("Mina")
        return trial.client(name)

    return attempt


def _vanished(trial: Trial) -> MemoryWebSocketClient:
    holder: Any = trial.chat.tcp("Mina", "dev")
    holder._protocol.silent = lambda: True
    return trial.client("MINA")


def _waited(seconds: float) -> Attempt:
    def attempt(trial: Trial) -> MemoryWebSocketClient:
        client = trial.client()
        trial.chat.clock.advance(seconds)
        return client

    return attempt


def _unanswered(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina")
    for _ in range(DEFAULTS.ping + DEFAULTS.pong):
        trial.chat.clock.advance(1)
    return client


def _stalled(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina")
    client.transport.producer.pauseProducing()
    ada = trial.chat.member("Ada", "dev")
    for _ in range(30):
        trial.chat.service.say(ada, "dev", "x" * 60_000)
        trial.chat.turn()
    return client


def _stopped(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina")
    trial.chat.service.stopService()
    return client


def _takenOver(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina")
    (welcome, *_) = (json.loads(line) for line in client.received())
    trial.client("Mina", session=welcome["session"])
    return client


def _manyRooms(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina", "r0")
    client.send('{"type": "join", "room": "r1"}')
    return client


def _locked(trial: Trial) -> MemoryWebSocketClient:
    trial.chat.member("Ada", "dev")
    trial.chat.service.moderation.lock("dev")
    return trial.client("Mina")


def _banned(trial: Trial) -> MemoryWebSocketClient:
    trial.chat.service.moderation.ban("dev", "Mina", 60)
    return trial.client("Mina")


def _muted(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina")
    trial.chat.service.moderation.mute("dev", "Mina", 60)
    trial.say(client, "hello")
    return client


def _kicked(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina")
    trial.chat.service.moderation.kick("dev", "Mina")
    return client


CASES = (
    Case("a first line that is no object", _sent(b"hello\n")),
    Case("an object without a room", _greeted(name="Mina"), dialect="text"),
    Case("an object without a name", _greeted(room="dev")),
    Case("a name that is a number", _greeted(name=7, room="dev")),
    Case("an object of more than 4,096 bytes", _greeted(name="Mina", room="dev", x="y" * 4096)),
    Case("an object with more than 128 closing braces", _sent(b'{"x": [' + b"{}," * 129)),
    Case("a control character in a string", _sent(b'{"name": "Mi\x07na", "room": "dev"}')),
    Case("another version", _greeted(name="Mina", room="dev", v=2), dialect="events"),
    Case("no hello within 10 seconds", _waited(10), dialect="text"),
    Case("the name of somebody who is there", _second("MINA"), dialect="text"),
    Case("the same, with rooms of its own", _second("MINA"), dialect="events"),
    Case("the name of a connection that is silent", _vanished, dialect="text"),
    Case("the same, with rooms of its own", _vanished, dialect="events"),
    Case("a name with a colon", _greeted(name="a:b", room="dev")),
    Case("the server's own name", _greeted(name="machat", room="dev")),
    Case("a name of 33 characters", _greeted(name="a" * 33, room="dev")),
    Case("a room with a space", _greeted(name="Mina", room="de v")),
    Case("into a full room", _second("Ada"), Limits(maxMembers=1)),
    Case("into a room too many", _manyRooms, Limits(maxRooms=1), dialect="events"),
    Case(
        "into the same room again",
        _said(b'{"type": "join", "room": "DEV", "id": "1"}'),
        dialect="events",
    ),
    Case("too many connections from one address", _second("Ada"), Limits(maxPerAddress=1)),
    Case("too many connections in all", _second("Ada"), Limits(maxConnections=1)),
    Case("a line of more than 65,536 bytes", _said(b"x" * 65_537)),
    Case("a line that is not UTF-8", _said(b"\xff")),
    Case("words of one who is muted", _muted),
    Case("into a locked room", _locked),
    Case("into a room one is banned from", _banned),
    Case("being kicked", _kicked, dialect="text"),
    Case("a line that is no command", _said(b"hello"), dialect="events"),
    Case("an unknown command", _said(b'{"type": "dance"}'), dialect="events"),
    Case("a command without a field", _said(b'{"type": "say", "id": "7"}'), dialect="events"),
    Case(
        "words for a room one is not in",
        _said(b'{"type": "say", "room": "other", "text": "hi"}'),
        dialect="events",
    ),
    Case("100 refusals", _said(*[b"\xff"] * 100), Limits(rate=inf)),
    Case("no answer to a ping", _unanswered, dialect="events"),
    Case("more than 1 MiB not read", _stalled),
    Case("the server stops", _stopped),
    Case("one's own new connection", _takenOver, dialect="events"),
)


def tried(case: Case, events: bool) -> Refusal:
    """
    @return: how it ends in one of the dialects
    """
    logged: list[str] = []

    def observe(event: LogEvent) -> None:
        text = formatEvent(event)
        if re.match("refused|slow", text):
            logged.append(text.replace(_PEER, "ADDRESS"))

    chat = MemoryChat(case.limits)
    globalLogPublisher.addObserver(observe)
    try:
        client = case.attempt(Trial(chat, events))
        chat.turn()
    finally:
        globalLogPublisher.removeObserver(observe)
    code = _code(client.received())
    return Refusal(code, str(client.closeCode or ""), logged[-1] if logged else "")


def _code(lines: list[str]) -> str:
    for line in lines:
        text = re.match(r"machat:error (\S+)", line)
        if text is not None:
            return text[1]
        if line.startswith('{"type":"error"'):
            return str(json.loads(line)["code"])
    return ""


def rows() -> Iterator[tuple[str, ...]]:
    """
    @return: the cells of the table
    """
    for case in CASES:
        found = {
            dialect: tried(case, dialect == "events")
            for dialect in ("text", "events")
            if case.dialect in ("", dialect)
        }
        if len(found) == 2 and len(set(found.values())) == 1:
            found = {"both": found["text"]}
        for dialect, (code, end, log) in found.items():
            yield case.done, dialect, code and f"``{code}``", end, log and f"``{log}``"


def page() -> str:
    """
    @return: the whole document
    """
    lines = [TITLE, ".. list-table::", "   :header-rows: 1", ""]
    for row in [("Done", "In", "Code", "End", "The log"), *rows()]:
        for index, cell in enumerate(row):
            lines.append(f"   {'  -' if index else '* -'} {cell}".rstrip())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
