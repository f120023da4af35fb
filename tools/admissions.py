"""
Try logins with many kinds of credentials, and write the results as a table.

    python -m tools.admissions > docs/admission.rst
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jwt
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.task import Clock

from machat.auth.login import PAUSE
from machat.auth.realm import ChatRealm
from machat.auth.tokens import Tokens, secret
from machat.testing import MemoryChat, MemoryClient

TITLE = """Outcomes of logins
==================

In each row, a client logs in, as Mina unless stated otherwise, to join the room ``dev``. The chat
accepts passwords, and tokens for the audience ``chat``. The columns are the four combinations of
transport and dialect. Each cell is one of these:

* *admitted*: the client joins the room.
* The code of the error, the close code of a WebSocket, and the time until the answer in seconds.
  Without a close code, a WebSocket stays open, although the client is not in the room.

The last rows are for a client that is in the room and sends an ``auth``. Only the ``events``
dialect has that command. :doc:`authentication` explains the rules.

``python -m tools.admissions`` tries each login and writes this page.
"""

DOORS = ("TCP text", "TCP events", "WebSocket text", "WebSocket events")

SECRET = "a secret of at least 32 bytes, yes"


def token(key: str = SECRET, algorithm: str = "HS256", **claims: Any) -> dict[str, str]:
    """
    @return: the field of a hello that contains a token with these claims
    """
    said = {"sub": "Mina", "aud": "chat", "exp": int(time.time()) + 600, **claims}
    return {"token": jwt.encode(said, key, algorithm)}


def shown() -> dict[str, dict[str, str]]:
    """
    @return: the credentials to try, as fields of a hello, by their description
    """
    now = int(time.time())
    return {
        "none": {},
        "the correct password": {"password": "secret"},
        "a wrong password": {"password": "wrong"},
        "a password, under the name of an unknown user": {"password": "secret", "name": "Nobody"},
        "another user's password": {"password": "other"},
        "a valid token": token(),
        "another user's token": token(sub="Ada"),
        "an expired token": token(exp=now - 60),
        "a token that is not yet valid": token(nbf=now + 60),
        "a token for another audience": token(aud="other"),
        "a token with another algorithm": token("x" * 64, "HS512"),
        "a token with ``alg: none``": token("", "none"),
        "a token signed with another key": token("another secret of at least 32 bytes"),
        "a string that is not a token": {"token": "a string that is not a token"},
        "a token for other rooms only": token(rooms=["team/*"]),
    }


class Outcome(NamedTuple):
    """
    The result of a login.

    @ivar code: the code of the error; empty if the client was admitted
    @ivar close: the close code of the connection
    @ivar after: the time until the answer, seconds
    """

    code: str
    close: str
    after: float

    def __str__(self) -> str:
        if not self.code:
            return "admitted"
        return f"``{self.code}`` {self.close} {self.after:g} s".replace("  ", " ")


def tried(door: str, fields: dict[str, str], failures: int = 0) -> Outcome:
    """
    @param failures: number of earlier logins that failed
    @return: the result of a login with these fields of a hello
    """
    clock = Clock()
    checkers = [
        InMemoryUsernamePasswordDatabaseDontUse(Mina=b"secret", Ada=b"other"),
        Tokens(secret(SECRET), "chat"),
    ]
    clock.advance(int(time.time()))
    chat = MemoryChat(clock=clock, portal=Portal(ChatRealm(), checkers))
    for _ in range(failures):
        chat.tcp().send('{"name": "Mina", "room": "dev", "password": "wrong"}')
    clock.advance(PAUSE)
    client: MemoryClient = chat.ws() if "WebSocket" in door else chat.tcp()
    hello: dict[str, Any] = {"name": "Mina", "room": "dev", **fields}
    client.send(json.dumps({"v": 1, **hello} if "events" in door else hello))
    received = client.received()
    after = 0.0
    while client.connected and after < PAUSE and not _code(received):
        clock.advance(PAUSE / 2)
        after += PAUSE / 2
        received += client.received()
    close = str(getattr(client, "closeCode", None) or "")
    return Outcome(_code(received), close, round(after, 3))


def afterFailures(door: str, fields: dict[str, str]) -> Outcome:
    """
    @return: the result after three wrong passwords from the same address
    """
    return tried(door, fields, 3)


def renewed(door: str, fields: dict[str, str]) -> str:
    """
    @return: the result of an C{auth} with these fields from a client that is in the room
    """
    clock = Clock()
    clock.advance(int(time.time()))
    chat = MemoryChat(clock=clock, portal=Portal(ChatRealm(), [Tokens(secret(SECRET), "chat")]))
    client: MemoryClient = chat.ws() if "WebSocket" in door else chat.tcp()
    client.send(json.dumps({"v": 1, "name": "Mina", "room": "dev", **token()}))
    client.received()
    client.send(json.dumps({"type": "auth", **fields}))
    clock.advance(PAUSE)
    (answer,) = (json.loads(line) for line in client.received())
    done = f"renewed for {round(answer['seconds'], -1):g} s" if "seconds" in answer else ""
    return done or f"``{answer['code']}``, stays in the room"


def _code(lines: list[str]) -> str:
    for line in lines:
        if line.startswith("machat:error "):
            return line.split(" ")[1]
        if line.startswith('{"type":"error"'):
            return str(json.loads(line)["code"])
    return ""


def rows() -> Iterator[tuple[str, ...]]:
    """
    @return: the cells of the table
    """
    for what, fields in shown().items():
        yield what, *(str(tried(door, fields)) for door in DOORS)
    for what in ("the correct password", "a valid token"):
        cells = [str(afterFailures(door, shown()[what])) for door in DOORS]
        yield f"{what}, after three failures", *cells
    for what, fields in (
        ("``auth`` with a valid token", token()),
        ("``auth`` with an expired token", token(exp=1)),
        ("``auth`` without credentials", {}),
    ):
        events = [renewed(door, fields) if "events" in door else "" for door in DOORS]
        yield what, *events


def page() -> str:
    """
    @return: the whole document
    """
    lines = [TITLE, ".. list-table::", "   :header-rows: 1", ""]
    for row in [("Credentials", *DOORS), *rows()]:
        for index, cell in enumerate(row):
            lines.append(f"   {'  -' if index else '* -'} {cell}".rstrip())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
