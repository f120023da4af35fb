"""
Try every refusal in both dialects, and write the results as a table.

    python -m tools.refusals > docs/refusals.rst
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from machat.entries import REACTIONS
from machat.limits import DEFAULTS, Limits
from machat.testing import MemoryWebSocketClient
from machat.testing.operations import DEADLINE
from tools.accountrefusals import CASES as ACCOUNT_CASES
from tools.accountrefusals import commanded
from tools.trials import Attempt, Case, Trial, tried

TITLE = """Refusals
========

This table lists what the server refuses. Each row shows the action of a client, the dialect, the
code of the error that the client receives, the close code of its WebSocket, and the line in the
server's log. :doc:`protocol` explains the codes.

* Without a close code, the connection stays open. A slow consumer is the exception: the server
  closes its connection without a close frame.
* The log contains the first five refusals of a connection, and the first ten per minute of a
  network.

``python -m tools.refusals`` tries each action and writes this page.
"""


def _sent(data: bytes) -> Attempt:
    def attempt(trial: Trial) -> MemoryWebSocketClient:
        client = trial.client()
        client.sendFrame(0x81, data)
        return client

    return attempt


def _edited(trial: Trial) -> MemoryWebSocketClient:
    ada, client = trial.client("Ada"), trial.client("Mina")
    trial.say(ada, "hi")
    trial.chat.turn()
    client.send('{"type": "edit", "target": 1, "text": "ho"}')
    return client


def _overdone() -> Attempt:
    emoji = [chr(0x1F600 + number) for number in range(REACTIONS + 1)]
    return commanded(*[{"type": "react", "target": 1, "emoji": each} for each in emoji])


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


def _protected(*keys: str) -> Callable[[Trial], MemoryWebSocketClient]:
    def act(trial: Trial) -> MemoryWebSocketClient:
        trial.chat.member("Ada", "dev")
        trial.chat.service.moderation.setKey("dev", "secret")
        clients = [trial.client(f"Mina{index}", key=key) for index, key in enumerate(keys)]
        return clients[-1] if clients else trial.client("Mina")

    return act


def _banned(trial: Trial) -> MemoryWebSocketClient:
    trial.chat.service.moderation.ban("dev", "Mina", 60)
    return trial.client("Mina")


def _muted(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina")
    trial.chat.service.moderation.mute("dev", "Mina", 60)
    trial.say(client, "hello")
    return client


def _notStored(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina")
    trial.store.cut()
    trial.say(client, "hello")
    trial.chat.turn()
    trial.chat.clock.advance(DEADLINE)
    return client


def _maybeStored(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina")
    trial.store.lag(DEADLINE + 1)
    trial.say(client, "hello")
    trial.chat.turn()
    trial.chat.clock.advance(DEADLINE)
    return client


def _notOpened(trial: Trial) -> MemoryWebSocketClient:
    trial.store.cut()
    client = trial.client("Mina")
    trial.chat.clock.advance(DEADLINE)
    return client


def _kicked(trial: Trial) -> MemoryWebSocketClient:
    client = trial.client("Mina")
    trial.chat.service.moderation.kick("dev", "Mina")
    return client


CASES = (
    Case("sends a first line that is not an object", _sent(b"hello\n")),
    Case("sends a hello without a room", _greeted(name="Mina"), dialect="text"),
    Case("sends a hello without a name", _greeted(room="dev")),
    Case("sends a name that is a number", _greeted(name=7, room="dev")),
    Case("sends a hello of more than 4,096 bytes", _greeted(name="Mina", room="dev", x="y" * 4096)),
    Case("sends a hello with more than 128 closing braces", _sent(b'{"x": [' + b"{}," * 129)),
    Case("sends a hello with a control character", _sent(b'{"name": "Mi\x07na", "room": "dev"}')),
    Case("requests another version", _greeted(name="Mina", room="dev", v=2), dialect="events"),
    Case("sends no hello within 10 seconds", _waited(10), dialect="text"),
    Case("joins under the name of a present member", _second("MINA"), dialect="text"),
    Case("joins under the name of a present member", _second("MINA"), dialect="events"),
    Case("joins under the name of a silent connection", _vanished, dialect="text"),
    Case("joins under the name of a silent connection", _vanished, dialect="events"),
    Case("uses a name with a colon", _greeted(name="a:b", room="dev")),
    Case("uses the server's own name", _greeted(name="machat", room="dev")),
    Case("uses a name of 33 characters", _greeted(name="a" * 33, room="dev")),
    Case("joins a room with a space in its name", _greeted(name="Mina", room="de v")),
    Case("joins a full room", _second("Ada"), Limits(maxMembers=1)),
    Case("joins more rooms than allowed", _manyRooms, Limits(maxRooms=1), dialect="events"),
    Case(
        "joins the same room again",
        _said(b'{"type": "join", "room": "DEV", "id": "1"}'),
        dialect="events",
    ),
    Case("opens too many connections from one address", _second("Ada"), Limits(maxPerAddress=1)),
    Case(
        "opens a connection when the server has too many", _second("Ada"), Limits(maxConnections=1)
    ),
    Case("sends a line of more than 65,536 bytes", _said(b"x" * 65_537)),
    Case("sends a line that is not UTF-8", _said(b"\xff")),
    Case("sends a message while muted", _muted),
    Case("sends a message while the store is not available", _notStored),
    Case("sends a message to which the store does not respond in time", _maybeStored),
    Case("joins a room while the store is not available", _notOpened),
    Case("joins a locked room", _locked),
    Case("joins a room with a key without it", _protected()),
    Case("joins a room with a wrong key", _protected("guess")),
    Case("joins a room after three wrong keys", _protected("a", "b", "c", "secret")),
    Case("joins a room while banned from it", _banned),
    Case("is kicked by a moderator", _kicked, dialect="text"),
    Case("sends a line that is not a command", _said(b"hello"), dialect="events"),
    Case("sends an unknown command", _said(b'{"type": "dance"}'), dialect="events"),
    Case(
        "sends a command without a required field",
        _said(b'{"type": "say", "id": "7"}'),
        dialect="events",
    ),
    Case(
        "sends a message to a room without joining it",
        _said(b'{"type": "say", "room": "other", "text": "hi"}'),
        dialect="events",
    ),
    Case(
        "answers a message that does not exist",
        _said(b'{"type": "say", "text": "hi", "reply": 9}'),
        dialect="events",
    ),
    Case(
        "sends data of more than 4,096 bytes",
        _said(b'{"type": "say", "text": "", "data": {"x": "%s"}}' % (b"x" * 4096)),
        dialect="events",
    ),
    Case("edits a message of another member", _edited, dialect="events"),
    Case("adds a 51st reaction to a message", _overdone(), Limits(rate=inf), dialect="events"),
    Case("causes 100 refusals", _said(*[b"\xff"] * 100), Limits(rate=inf)),
    *ACCOUNT_CASES,
    Case("does not answer a ping", _unanswered, dialect="events"),
    Case("does not read more than 1 MiB of output", _stalled),
    Case("is connected when the server stops", _stopped),
    Case("reconnects and takes over its earlier connection", _takenOver, dialect="events"),
)


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
    for row in [("Action", "Dialect", "Error code", "Close code", "Log"), *rows()]:
        for index, cell in enumerate(row):
            lines.append(f"   {'  -' if index else '* -'} {cell}".rstrip())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
