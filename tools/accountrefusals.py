"""
The refused actions that concern messages after they were sent, lists of rooms, and users with
accounts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf
from typing import Any

from machat.limits import Limits
from machat.rooms.personal import NOTES
from machat.testing import MemoryWebSocketClient
from tools.trials import USERS, Attempt, Case, Trial

#: More commands than these in one room, in one go.
_UNLIMITED = Limits(rate=inf)


def _send(trial: Trial, client: MemoryWebSocketClient, **command: Any) -> None:
    """
    Send a command, and let the server carry it out.
    """
    client.send(json.dumps(command))
    trial.chat.turn()


def commanded(*commands: dict[str, Any]) -> Attempt:
    """
    @return: an attempt with these commands in a room with one message of the client
    """

    def attempt(trial: Trial) -> MemoryWebSocketClient:
        client = trial.client("Mina")
        _send(trial, client, type="say", text="hi")
        for command in commands:
            _send(trial, client, **command)
        return client

    return attempt


def _asGuest(**command: Any) -> Attempt:
    """
    @return: an attempt of a second member, who may not moderate the room
    """

    def attempt(trial: Trial) -> MemoryWebSocketClient:
        trial.client("Ada")
        client = trial.client("Mina")
        _send(trial, client, **command)
        return client

    return attempt


def _login(trial: Trial, name: str, **fields: Any) -> MemoryWebSocketClient:
    """
    @return: the client of a user with an account, in no room unless the fields name one
    """
    client = trial.client()
    trial.hello(client, name=name, password=USERS[name], presence=False, **fields)
    trial.chat.turn()
    return client


def _asUser(*commands: dict[str, Any], **fields: Any) -> Attempt:
    """
    @param fields: the fields of the hello
    @return: an attempt of Mina, who has an account
    """

    def attempt(trial: Trial) -> MemoryWebSocketClient:
        _login(trial, "Ada")
        client = _login(trial, "Mina", **fields)
        for command in commands:
            _send(trial, client, **command)
        return client

    return attempt


def _blocked(trial: Trial) -> MemoryWebSocketClient:
    client = _login(trial, "Mina")
    _send(trial, _login(trial, "Ada"), type="block", name="Mina")
    _send(trial, client, type="say", to="Ada", text="hi")
    return client


def _overheard(trial: Trial) -> MemoryWebSocketClient:
    _send(trial, _login(trial, "Mina"), type="say", to="Ada", text="hi")
    eve = _login(trial, "Eve")
    _send(trial, eve, type="join", room="@Ada,Mina")
    return eve


def _marked(*marks: int) -> Attempt:
    """
    @return: an attempt that sets read markers in a room with two messages
    """
    said = [{"type": "say", "text": "hi"}] * 2
    return _asUser(*said, *[{"type": "read", "seq": each} for each in marks], room="dev")


def _many(command: Callable[[int], dict[str, Any]]) -> Attempt:
    return _asUser(*[command(number) for number in range(NOTES + 1)])


_EDIT = {"type": "edit", "text": "ho"}
_DIRECT = {"type": "say", "text": "hi"}

_MESSAGES = (
    ("edits a message that does not exist", commanded({**_EDIT, "target": 9})),
    (
        "edits a removed message",
        commanded({"type": "redact", "target": 1}, {**_EDIT, "target": 1}),
    ),
    (
        "adds a reaction that is not an emoji",
        commanded({"type": "react", "target": 1, "emoji": "ok"}),
    ),
    (
        "sends data with 300 levels",
        commanded({**_DIRECT, "data": {"x": json.loads("[" * 299 + "]" * 299)}}),
    ),
    ("sends data with NaN", commanded({**_DIRECT, "data": {"x": float("nan")}})),
    (
        "sends a message of 101 lines",
        commanded({"type": "say", "text": "\n" * 100}),
    ),
    ("sets the key of a room without the right", _asGuest(type="key", key="secret")),
    ("adds a room to the list without the right", _asGuest(type="list", listed=True)),
    ("requests 10,000 rooms of the list at once", _asGuest(type="rooms", limit=10_000)),
    ("sends a direct message without an account", _asGuest(type="say", to="Ada", text="hi")),
    ("joins a direct conversation without an account", _asGuest(type="join", room="@Ada,Mina")),
    ("blocks a user without an account", _asGuest(type="block", name="Ada")),
    ("sets a read marker without an account", _asGuest(type="read", seq=0)),
)

_ACCOUNTS = (
    ("sends a direct message to a name without a user", _asUser({**_DIRECT, "to": "Nobody"})),
    ("sends a direct message to its own name", _asUser({**_DIRECT, "to": "Mina"})),
    (
        "sends a direct message to its own name in another spelling",
        _asUser({**_DIRECT, "to": "\uff2dINA"}),
    ),
    ("sends a direct message to a user who has blocked its name", _blocked),
    ("sends a message to a user and to a room", _asUser({**_DIRECT, "to": "Ada", "room": "dev"})),
    ("joins a direct conversation of two other users", _overheard),
    ("joins a direct conversation with itself", _asUser({"type": "join", "room": "@Mina,MINA"})),
    ("blocks its own name", _asUser({"type": "block", "name": "MINA"})),
    ("blocks more than 1,000 users", _many(lambda each: {"type": "block", "name": f"user{each}"})),
    ("moves a read marker backwards", _marked(2, 1)),
    ("moves a read marker past the last message", _marked(3)),
    (
        "sets a read marker in a room without joining it",
        _asUser({"type": "read", "room": "dev", "seq": 0}),
    ),
)

CASES = (
    *[Case(done, attempt, dialect="events") for done, attempt in _MESSAGES],
    *[Case(done, attempt, _UNLIMITED, "events", accounts=True) for done, attempt in _ACCOUNTS],
)
