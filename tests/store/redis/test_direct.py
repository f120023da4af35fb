"""
Tests for direct messages between the users of two servers, with a real engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from machat.auth.realm import ChatRealm
from machat.rooms.personal import Note
from machat.service import ChatService
from machat.store.redis import Location, RedisStore
from machat.tcp import ChatFactory
from machat.testing import MemoryClient
from tests.processes import PATIENCE
from tests.store.redis.engine import ABSENT, sharedEngine

_prefixes = count()
_clock: Any = reactor


class DirectTests(TestCase):
    """
    Mina and Ada are on different servers.
    """

    skip = ABSENT or None
    timeout = PATIENCE

    async def serve(self, location: Location) -> ChatService:
        """
        @return: a server
        """
        checker = InMemoryUsernamePasswordDatabaseDontUse(Mina=b"secret", Ada=b"secret")
        portal = Portal(ChatRealm(), [checker])
        chat = ChatService(_clock, store=RedisStore(reactor, location), portal=portal)
        chat.startService()
        await chat.whenServing()
        self.addCleanup(chat.stopService)
        return chat

    def login(self, chat: ChatService, name: str) -> MemoryClient:
        """
        @return: a client that has sent its hello
        """
        client = MemoryClient(ChatFactory(chat))
        self.addCleanup(client.close)
        client.send(json.dumps({"v": 1, "name": name, "password": "secret", "presence": False}))
        return client

    async def until(
        self, client: MemoryClient, condition: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """
        @return: the first event for which the condition is true
        """
        while True:
            for line in client.received():
                event: dict[str, Any] = json.loads(line)
                if condition(event):
                    return event
            await deferLater(_clock, 0.01)

    async def test_servers(self) -> None:
        """
        The first message makes the other user join, on her server. A block applies on all servers.
        """
        location = Location(socket=sharedEngine().socket, prefix=f"direct{next(_prefixes)}")
        here, there = await self.serve(location), await self.serve(location)
        ada, mina = self.login(there, "Ada"), self.login(here, "Mina")
        await self.until(ada, lambda event: event["type"] == "welcome")
        await self.until(mina, lambda event: event["type"] == "welcome")
        mina.send('{"type": "say", "to": "Ada", "text": "one", "id": "1"}')
        message = await self.until(ada, lambda event: event["type"] == "message")
        self.assertEqual((message["room"], message["text"]), ("@Ada,Mina", "one"))
        ada.send('{"type": "say", "to": "Mina", "text": "two"}')
        await self.until(mina, lambda event: event.get("text") == "two")
        ada.send('{"type": "block", "name": "Mina", "id": "2"}')
        await self.until(ada, lambda event: event["type"] == "done")
        while here.people._byKey["ada"].note(Note.BLOCK, "mina") is None:
            await deferLater(_clock, 0.01)
        mina.send('{"type": "say", "to": "Ada", "text": "three", "id": "4"}')
        answer = await self.until(mina, lambda event: event.get("id") == "4")
        self.assertEqual(answer["code"], "not-allowed")
