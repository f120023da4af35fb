"""
Tries one action that the server refuses, in a chat in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from machat.auth.realm import ChatRealm
from machat.limits import DEFAULTS, Limits
from machat.store import MemoryStore
from machat.testing import MemoryChat, MemoryWebSocketClient
from machat.testing.store import UnreliableStore

#: The client's address, which the table replaces with ADDRESS.
_PEER = "192.0.2.1:50000"

#: The users that have accounts, and their passwords.
USERS = {"Mina": "secret", "Ada": "secret", "Eve": "secret"}

_CHECKER = InMemoryUsernamePasswordDatabaseDontUse(
    **{name: password.encode() for name, password in USERS.items()}
)


class Trial(NamedTuple):
    """
    A chat with its store, and the dialect in which something is refused.
    """

    chat: MemoryChat
    events: bool
    store: UnreliableStore

    def client(
        self, name: str | None = None, room: str = "dev", **more: Any
    ) -> MemoryWebSocketClient:
        """
        @param name: the client's name; C{None} sends no hello
        """
        client = self.chat.ws()
        if name is not None:
            self.hello(client, name=name, room=room, **more)
        return client

    def hello(self, client: MemoryWebSocketClient, **fields: Any) -> None:
        """
        Send a hello with these fields.
        """
        client.send(json.dumps({"v": 1, **fields} if self.events else fields))

    def say(self, client: MemoryWebSocketClient, text: str, **more: Any) -> None:
        """
        Send a message.
        """
        client.send(json.dumps({"type": "say", "text": text, **more}) if self.events else text)


class Refusal(NamedTuple):
    """
    The result of one attempt.

    @ivar code: the code of the error
    @ivar end: the close code of the connection
    @ivar log: the last line in the log
    """

    code: str
    end: str
    log: str


Attempt = Callable[[Trial], MemoryWebSocketClient]


class Case(NamedTuple):
    """
    One action that the server refuses.

    @ivar done: the action, in words
    @ivar attempt: performs the action and returns the client that is refused
    @ivar dialect: the only dialect with this action; empty for both
    @ivar accounts: whether the server has accounts: those of L{USERS}
    """

    done: str
    attempt: Attempt
    limits: Limits = DEFAULTS
    dialect: str = ""
    accounts: bool = False


def tried(case: Case, events: bool) -> Refusal:
    """
    @return: the result of an action in one of the dialects
    """
    logged: list[str] = []

    def observe(event: LogEvent) -> None:
        text = formatEvent(event)
        if re.match("refused|slow", text):
            logged.append(text.replace(_PEER, "ADDRESS"))

    clock = Clock()
    store = UnreliableStore(clock, MemoryStore(clock, case.limits))
    portal = Portal(ChatRealm(), [_CHECKER]) if case.accounts else None
    chat = MemoryChat(case.limits, store, clock=clock, portal=portal)
    globalLogPublisher.addObserver(cast(ILogObserver, observe))
    try:
        client = case.attempt(Trial(chat, events, store))
        chat.turn()
    finally:
        globalLogPublisher.removeObserver(cast(ILogObserver, observe))
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
