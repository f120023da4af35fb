"""
Who gets in with which credentials, at which door: tried, and written as a table.

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

TITLE = """Who gets in
===========

What Mina showed for the room ``dev`` of a chat with passwords and tokens (audience ``chat``), at
each door, and what came of it: the code of the refusal, the code with which a WebSocket was
closed, and after how many seconds. Made by ``python -m tools.admissions``, which tries it all.
"""

DOORS = ("TCP text", "TCP events", "WebSocket text", "WebSocket events")

SECRET = "a secret of at least 32 bytes, yes"


def token(key: str = SECRET, algorithm: str = "HS256", **claims: Any) -> dict[str, str]:
    """
    @return: a hello's token
    """
    said = {"sub": "Mina", "aud": "chat", "exp": int(time.time()) + 600, **claims}
    return {"token": jwt.encode(said, key, algorithm)}


def shown() -> dict[str, dict[str, str]]:
    """
    @return: what can be shown
    """
    now = int(time.time())
    return {
        "nothing": {},
        "the right password": {"password": "secret"},
        "a wrong password": {"password": "wrong"},
        "an unknown user's": {"password": "secret", "name": "Nobody"},
        "another user's password": {"password": "other"},
        "a right token": token(),
        "another user's token": token(sub="Ada"),
        "an expired one": token(exp=now - 60),
        "one not yet valid": token(nbf=now + 60),
        "one for another audience": token(aud="other"),
        "one of another algorithm": token("x" * 64, "HS512"),
        "one with ``alg: none``": token("", "none"),
        "one with another key": token("another secret of at least 32 bytes"),
        "rubbish": {"token": "rubbish"},
        "one for other rooms": token(rooms=["team/*"]),
    }


class Outcome(NamedTuple):
    """
    @ivar code: of the refusal
    @ivar close: with which the connection was closed
    @ivar after: when that was, seconds
    """

    code: str
    close: str
    after: float

    def __str__(self) -> str:
        if not self.code:
            return "in"
        return f"``{self.code}`` {self.close} {self.after:g} s".replace("  ", " ")


def tried(door: str, fields: dict[str, str], failures: int = 0) -> Outcome:
    """
    @param failures: earlier logins that failed
    @return: how it ends
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
    heard = client.received()
    after = 0.0
    while client.connected and after < PAUSE and not _code(heard):
        clock.advance(PAUSE / 2)
        after += PAUSE / 2
        heard += client.received()
    close = str(getattr(client, "closeCode", None) or "")
    return Outcome(_code(heard), close, round(after, 3))


def afterFailures(door: str, fields: dict[str, str]) -> Outcome:
    """
    @return: how it ends after three wrong passwords from the same address
    """
    return tried(door, fields, 3)


def renewed(door: str, fields: dict[str, str]) -> str:
    """
    @return: what an C{auth} with these does for one who is in
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
    done = f"in, for {round(answer['seconds'], -1):g} s" if "seconds" in answer else ""
    return done or f"``{answer['code']}``, stays in"


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
    for what in ("the right password", "a right token"):
        cells = [str(afterFailures(door, shown()[what])) for door in DOORS]
        yield f"{what}, after three failures", *cells
    for what, fields in (
        ("renewed", token()),
        ("renewed with an expired one", token(exp=1)),
        ("renewed with nothing", {}),
    ):
        events = [renewed(door, fields) if "events" in door else "" for door in DOORS]
        yield what, *events


def page() -> str:
    """
    @return: the whole document
    """
    lines = [TITLE, ".. list-table::", "   :header-rows: 1", ""]
    for row in [("Shown", *DOORS), *rows()]:
        for index, cell in enumerate(row):
            lines.append(f"   {'  -' if index else '* -'} {cell}".rstrip())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
