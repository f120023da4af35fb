"""
Tests for L{machat.store.redis.follower}: a batch of this process arrives twice, in the reply to its
script and as it is published, in any order with the batches of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.events import Draft
from machat.records import Stored
from machat.store.redis import Location, RedisStore
from machat.store.redis.frames import packDraft
from machat.store.redis.room import RedisRoom
from machat.store.redis.scripts import SYNC, Script
from machat.store.redis.session import Session
from machat.testing.contract.witness import Witness


class FakeSession:
    """
    A session with an engine whose room is empty.

    @ivar appends: the scripts without a reply
    @ivar syncs: how often the room was read
    """

    life = "life"
    open = True

    def __init__(self) -> None:
        self.appends: list[Deferred[Any]] = []
        self.syncs = 0

    def run(self, script: Script, keys: Sequence[bytes], words: Sequence[Any]) -> Deferred[Any]:
        """
        Run a script.
        """
        if script is SYNC:
            self.syncs += 1
            record: list[Any] = [None, None, [], None, None]
            return succeed([b"e", 0, 0, b"", b"Dev", [], 0, record, b"- 0", []])
        self.appends.append(Deferred())
        return self.appends[-1]

    def subscribe(self, channels: Sequence[bytes]) -> list[Deferred[None]]:
        """
        Confirm subscriptions.
        """
        return [succeed(None) for _ in channels]


class OwnBatchTests(SynchronousTestCase):
    """
    A room of one process. It appends C{a}, and another process appends C{b}.
    """

    def setUp(self) -> None:
        self.store = RedisStore(Clock(), Location(socket="unused"))
        self.session = FakeSession()
        self.store.node.session = cast(Session, self.session)
        self.store.node.lease._until = float("inf")
        self.witness = Witness()
        keys = self.store._keys.room("dev")
        self.room = RedisRoom(self.store, keys, "Dev", self.witness)
        self.room.follower.catchUp()
        self.witness.opened(self.room)
        self.results: list[Stored] = []
        self.room.append([Draft("Dev", "Mina", "a")]).addCallback(self.results.append)

    def publish(self, seq: int, text: str, writer: bytes, number: int) -> None:
        """
        Publish a batch of one message.

        @param seq: the number of the message
        """
        body = packDraft(Draft("Dev", "Mina", text))
        head = b"m e %d 0 1 0 0 %b %d 0 %d\n" % (seq - 1, writer, number, len(body))
        self.room.follower.received(head + body)

    def publishOwn(self, seq: int) -> None:
        """
        Publish the batch of this process.
        """
        self.publish(seq, "a", self.store.process, self.store._batches)

    def reply(self, seq: int) -> None:
        """
        Reply to the script.
        """
        self.session.appends.pop(0).callback([b"e", seq - 1, 0, 0, b"", 0])

    def assertReported(self, *texts: str) -> None:
        """
        Require that these messages were reported once, without reading the room again.
        """
        self.assertEqual(self.witness.texts(), list(texts))
        self.assertEqual(self.witness.faults, [])
        self.assertEqual(self.session.syncs, 1)

    def assertStored(self, seq: int) -> None:
        """
        Require the result of the append.
        """
        self.assertEqual([list(each.numbers) for each in self.results], [[seq]])

    def test_suspended(self) -> None:
        """
        If the lease expires between two scripts, the second one still names the engine. Otherwise,
        the room would begin a new epoch.
        """
        self.store.node.session = None
        session = cast(Session, self.session)
        self.assertEqual(self.room.follower.claiming(session, 1, [])[0], b"life")

    def test_replyFirst(self) -> None:
        """
        The reply reports the batch. Its publication is ignored.
        """
        self.reply(1)
        self.assertReported("a")
        self.publishOwn(1)
        self.publish(2, "b", b"other", 1)
        self.assertReported("a", "b")
        self.assertStored(1)

    def test_publishedFirst(self) -> None:
        """
        The publication waits for the reply.
        """
        self.publishOwn(1)
        self.assertReported()
        self.reply(1)
        self.assertReported("a")
        self.publish(2, "b", b"other", 1)
        self.assertReported("a", "b")
        self.assertStored(1)

    def test_otherFollows(self) -> None:
        """
        If the batch of another process follows before the reply, both are reported.
        """
        self.publishOwn(1)
        self.publish(2, "b", b"other", 1)
        self.assertReported("a", "b")
        self.reply(1)
        self.assertReported("a", "b")
        self.assertStored(1)

    def test_otherPrecedes(self) -> None:
        """
        If the reply arrives before the batch of another process that precedes it, the publication
        reports the batch.
        """
        self.reply(2)
        self.assertReported()
        self.publish(1, "b", b"other", 1)
        self.publishOwn(2)
        self.assertReported("b", "a")
        self.assertStored(2)

    def test_next(self) -> None:
        """
        The next batch is another one, also with the same text.
        """
        self.publishOwn(1)
        self.reply(1)
        self.room.append([Draft("Dev", "Mina", "a")]).addCallback(self.results.append)
        self.publishOwn(2)
        self.assertReported("a")
        self.publish(3, "b", b"other", 1)
        self.assertReported("a", "a", "b")
        self.reply(2)
        self.assertReported("a", "a", "b")
