"""
Tests for L{machat.store.redis.deliveries}, with a real server.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from machat.errors import ChatError
from machat.events import Draft
from machat.interfaces import IDeliveries
from machat.interfaces.deliveries import Undelivered
from machat.service import ChatService
from machat.store.redis import Location, RedisStore
from machat.testing import MemoryMember
from machat.webhooks import Webhooks, sender
from tests.store.redis.engine import ABSENT, sharedEngine
from tests.store.sqlite.machine import Seen

_prefixes = count()


class Collector:
    """
    A receiver that accepts everything.

    @ivar seen: the rooms and the texts of the messages
    """

    name = "https://example.com/"

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.waiting: list[tuple[int, Deferred[None]]] = []

    def post(self, id: str, body: bytes) -> Deferred[None]:
        """
        Take a request.
        """
        for event in json.loads(body)["data"]["events"]:
            if event["type"] == "message":
                self.seen.append((event["room"], event["text"]))
        ready = [each for each in self.waiting if len(self.seen) >= each[0]]
        self.waiting = [each for each in self.waiting if each not in ready]
        for _, waiting in ready:
            waiting.callback(None)
        return succeed(None)

    def until(self, number: int) -> Deferred[None]:
        """
        @return: fires when this number of messages has arrived
        """
        waiting: Deferred[None] = Deferred()
        if len(self.seen) >= number:
            waiting.callback(None)
        else:
            self.waiting.append((number, waiting))
        return waiting


class DeliveryTests(TestCase):
    """
    Two processes with one engine.
    """

    skip = ABSENT or None

    def setUp(self) -> None:
        self.location = Location(socket=sharedEngine().socket, prefix=f"d[{next(_prefixes)}]")

    def make(self) -> RedisStore:
        """
        @return: the store of another process
        """
        return RedisStore(reactor, self.location)

    async def start(self) -> RedisStore:
        """
        @return: a store that is started, and stopped at the end of the test
        """
        store = self.make()
        verifyObject(IDeliveries, store)
        await store.start()
        self.addCleanup(store.stop)
        return store

    async def say(self, store: RedisStore, name: str, *texts: str) -> None:
        """
        Store messages.
        """
        room = await store.open(name.lower(), name, Seen())
        await room.append([Draft(name, "Mina", text) for text in texts])
        room.close()

    async def test_record(self) -> None:
        """
        Messages from before the first call count as delivered. The record is that of all processes.
        """
        one, two = await self.start(), await self.start()
        await self.say(one, "Old", "a", "b")
        self.assertEqual(await one.undelivered(9), [])
        self.assertEqual(await two.claimDelivery("old"), 2)
        await two.delivered("old", 2, False)
        await self.say(two, "Old", "c")
        await self.say(two, "New", "d")
        expected = [Undelivered("New", 1), Undelivered("Old", 3)]
        self.assertEqual(sorted(await one.undelivered(9)), expected)
        self.assertEqual(len(await one.undelivered(1)), 1)
        self.assertEqual(await one.claimDelivery("new"), 0)
        await one.delivered("new", 1, False)
        self.assertEqual(await two.undelivered(9), [Undelivered("Old", 3)])

    async def test_claim(self) -> None:
        """
        One process at a time delivers a room, until it has finished or its claim expires.
        """
        one, two = await self.start(), await self.start()
        self.assertEqual(await one.undelivered(9), [])
        await self.say(one, "Dev", "a", "b", "c")
        self.assertEqual(await one.claimDelivery("dev"), 0)
        self.assertIsNone(await two.claimDelivery("dev"))
        await one.delivered("dev", 1, True)
        await two.delivered("dev", 3, False)  # too late: it has no claim
        self.assertIsNone(await two.claimDelivery("dev"))
        self.assertEqual(await one.claimDelivery("dev"), 1)
        await one.delivered("dev", 2, False)
        self.assertEqual(await two.claimDelivery("dev"), 2)
        key = f"{self.location.prefix}:{{dev}}:deliver"
        sharedEngine().command("PEXPIRE", key, "0")
        self.assertEqual(await one.claimDelivery("dev"), 2)

    async def test_down(self) -> None:
        """
        Without an engine, every call fails in the same way.
        """
        store = self.make()
        for call in (
            lambda: store.undelivered(1),
            lambda: store.claimDelivery("dev"),
            lambda: store.delivered("dev", 1, False),
        ):
            with self.assertRaises(ChatError):
                await call()

    async def test_webhooks(self) -> None:
        """
        Two servers deliver each message of their common rooms once, in order.
        """
        self.patch(sender, "BUSY", 0.02)
        receiver = Collector()
        chats: list[ChatService] = []
        members: list[Any] = []
        for name in ("Ada", "Bo"):
            chat = ChatService(reactor, store=self.make())
            Webhooks(chat, receiver)
            chat.startService()
            self.addCleanup(chat.stopService)
            await chat.whenServing()
            member = MemoryMember(name)
            for room in ("dev", "ops"):
                await chat.join(member, room)
            chats.append(chat)
            members.append(member)
        numbers = range(40)
        for number in numbers:
            for room in ("dev", "ops"):
                side = number % 2
                await chats[side].post(members[side], room, str(number))
        await receiver.until(2 * len(numbers))
        for room in ("dev", "ops"):
            texts = [text for where, text in receiver.seen if where == room]
            self.assertEqual(texts, [str(number) for number in numbers])
