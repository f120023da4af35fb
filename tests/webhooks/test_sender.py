"""
Tests for L{machat.webhooks.sender}, with a receiver that answers when the test says so.
"""

from __future__ import annotations

import json
import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.entries import Edit, React, Redact, Said
from machat.errors import FAILED, ChatError
from machat.events import Draft
from machat.interfaces import IChatWatcher
from machat.limits import Limits
from machat.records import Imposed, KeySet, Kicked, Lifted, ListingSet, LockSet, TopicSet
from machat.service import ChatService
from machat.store import MemoryStore
from machat.testing import MemoryMember
from machat.webhooks import Undelivered, Webhooks, attempts, batch, sender, waiting
from machat.webhooks.events import moderation
from tests.store.sqlite.machine import Seen
from tests.test_logbook import logged

KINDS = ["message", "message", "edited", "reacted", "redacted"]


class FakeReceiver:
    """
    A receiver.

    @ivar requests: the ids and the bodies of all attempts
    @ivar answers: the answers that have not been given
    """

    name = "https://example.com/hook"

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.answers: list[Deferred[None]] = []

    def post(self, id: str, body: bytes) -> Deferred[None]:
        """
        Take a request.
        """
        self.requests.append((id, json.loads(body)))
        self.answers.append(Deferred())
        return self.answers[-1]


class WebhookTestCase(SynchronousTestCase):
    """
    A chat with webhooks.
    """

    limits = Limits()

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.store = MemoryStore(self.clock, self.limits)
        self.begin()
        self.mina = MemoryMember("Mina")

    def begin(self) -> None:
        """
        Start a chat with this store.
        """
        self.chat = ChatService(self.clock, self.limits, self.store)
        self.receiver = FakeReceiver()
        self.webhooks = Webhooks(self.chat, self.receiver)
        self.chat.startService()

    def join(self, room: str = "dev") -> None:
        """
        Let Mina join.
        """
        self.successResultOf(self.chat.join(self.mina, room))
        self.clock.advance(0)

    def say(self, *texts: str, room: str = "dev") -> None:
        """
        Let Mina say something.
        """
        for text in texts:
            self.chat.say(self.mina, room, text)
        self.clock.pump([0.0, 0.0])

    def accept(self) -> list[Any]:
        """
        Accept the current request.

        @return: its events, in short: the texts of messages, and the types of others
        """
        answer = self.receiver.answers.pop(0)
        events = self.receiver.requests[-1][1]["data"]["events"]
        answer.callback(None)
        self.clock.advance(0)
        return [event.get("text") or f"{event['type']} {event['room']}" for event in events]

    def refuse(
        self, why: str = "HTTP 500", lasting: bool = False, retry: float | None = None
    ) -> None:
        """
        Refuse the current request.
        """
        self.receiver.answers.pop(0).errback(Undelivered(why, lasting, retry))

    def drain(self) -> list[Any]:
        """
        Accept all requests.

        @return: their events
        """
        found = []
        while self.receiver.answers:
            found += self.accept()
        return found


class EventTests(WebhookTestCase):
    """
    The content of requests.
    """

    def test_interface(self) -> None:
        """
        The webhooks are a watcher of the chat.
        """
        verifyObject(IChatWatcher, self.webhooks)

    def test_events(self) -> None:
        """
        A request has joins, messages, actions of moderators and leaves, in the order of the room.
        """
        self.join()
        self.assertEqual(self.accept(), ["joined dev"])
        self.say("one", "two")
        (request,) = self.receiver.requests[1:]
        epoch = self.successResultOf(self.chat.visitors.history("dev")).epoch
        message = {"type": "message", "room": "dev", "seq": 1, "from": "Mina", "text": "one"}
        self.assertEqual(
            request[1]["data"]["events"][0], {**message, "at": 1_800_000_000_000, "epoch": epoch}
        )
        self.assertEqual(request[1]["type"], "machat.events")
        self.assertEqual(request[1]["timestamp"], "2027-01-15T08:00:00.000Z")
        self.say("three")
        muting = self.chat.moderation.mute("dev", "Eve")
        self.clock.advance(0)
        self.successResultOf(muting)
        self.chat.leave(self.mina, "dev")
        self.assertEqual(self.accept(), ["one", "two"])
        expected = ["three", "the server muted Eve for 1 hour", "moderation dev", "left dev"]
        self.assertEqual(self.accept(), expected)
        self.assertEqual(self.receiver.answers, [])

    def test_entries(self) -> None:
        """
        Events contain everything that a message has, and its changes.
        """
        self.join()
        self.accept()
        for content in (
            Said("one\ntwo", b'{"a":[1.0]}'),
            Said("", b'{"b":2}', 1),
            Edit(1, "new"),
            React(2, "\U0001f44d"),
            Redact(2, "spam"),
        ):
            self.chat.post(self.mina, "dev", content)
            self.clock.advance(0)
            self.clock.advance(0)
        found = []
        while self.receiver.answers:
            found += self.receiver.requests[-1][1]["data"]["events"]
            self.accept()
        self.assertEqual([each["type"] for each in found], KINDS)
        self.assertEqual((found[0]["text"], found[0]["data"]), ("one\ntwo", {"a": [1.0]}))
        self.assertEqual((found[3]["emoji"], found[4]["reason"]), ("\U0001f44d", "spam"))

    def test_moderation(self) -> None:
        """
        Each change is one event, without the addresses of networks.
        """
        fields = [
            moderation("dev", change, 5)
            for change in (
                Imposed("mute", "eve", 9.0, "Eve", "Ada"),
                Imposed("address", "192.0.2.1", 9.0, None, None),
                Lifted("ban", "eve", "Eve"),
                Lifted("ban", "eve"),
                Lifted("address", "192.0.2.1"),
                TopicSet("x"),
                LockSet(True),
                LockSet(False),
                ListingSet(True),
                ListingSet(False),
                KeySet("a hash"),
                KeySet(None),
                Kicked("eve", "moderator Ada kicked Eve", "Eve"),
            )
        ]
        common = {"type": "moderation", "room": "dev", "at": 5}
        self.assertEqual([{**common, **each} for each in fields], fields)
        self.assertEqual(
            [{key: each[key] for key in each if key not in common} for each in fields],
            [
                {"action": "mute", "name": "Eve", "until": 9.0, "by": "Ada"},
                {"action": "ban-address", "until": 9.0},
                {"action": "unban", "name": "Eve"},
                {"action": "unban", "name": "eve"},
                {"action": "unban-address"},
                {"action": "topic", "topic": "x"},
                {"action": "lock"},
                {"action": "unlock"},
                {"action": "list"},
                {"action": "unlist"},
                {"action": "key"},
                {"action": "remove-key"},
                {"action": "kick", "name": "Eve", "reason": "moderator Ada kicked Eve"},
            ],
        )

    def test_spelling(self) -> None:
        """
        The events of moderators have the names as the members spell them.
        """
        self.join()
        self.accept()
        moderation = self.chat.moderation
        for action in (
            moderation.mute("dev", "MINA"),
            moderation.unmute("dev", "mina"),
            moderation.kick("dev", "mina"),
        ):
            self.clock.advance(0)
            self.successResultOf(action)
        self.drain()
        events = [each for _, body in self.receiver.requests for each in body["data"]["events"]]
        named = [each["name"] for each in events if each["type"] == "moderation"]
        self.assertEqual(named, ["MINA", "MINA", "Mina"])

    def test_invalid(self) -> None:
        """
        An event that cannot be encoded is left out, counted and logged, and delays no other.
        """
        self.join()
        self.accept()
        self.chat.moderation.setTopic("dev", "tea")
        self.clock.advance(0)
        self.drain()
        self.webhooks._happened("dev", {"type": "x", "room": "dev", "name": "\ud800"})
        self.say("one")
        self.assertEqual(self.drain(), ["one"])
        self.assertEqual(self.webhooks.figures.dropped, 1)
        self.assertEqual(len(self.flushLoggedErrors(UnicodeEncodeError)), 1)

    def test_turn(self) -> None:
        """
        A request is not sent within the delivery of a room, so that a receiver in this process may
        call the chat.
        """
        self.join()
        self.drain()
        said, counts = self.webhooks.said, []

        def count(messages: Any) -> None:
            said(messages)
            counts.append(len(self.receiver.requests))

        self.patch(self.webhooks, "said", count)
        before = len(self.receiver.requests)
        self.say("one")
        self.assertEqual(counts, [before])
        self.assertEqual(self.drain(), ["one"])

    def test_lostStore(self) -> None:
        """
        If the store loses its data and the room continues its numbers, the earlier messages count
        as delivered.
        """
        self.join()
        self.drain()
        self.say("one", "two")
        self.drain()
        room = self.store._open["dev"]
        room.drop(len(room.kept))
        room.delivered = 0
        self.say("three")
        self.assertEqual(self.drain(), ["three"])
        self.assertEqual(self.webhooks.figures.dropped, 0)

    def test_bounds(self) -> None:
        """
        A request has a maximum number of events and a maximum size, and the next one continues.
        """
        self.patch(batch, "EVENTS", 3)
        self.join()
        self.join("ops")
        self.say("1", "2", "3", "4")
        self.say("a", room="ops")
        self.assertEqual(self.accept(), ["joined dev"])
        self.assertEqual(self.accept(), ["joined ops", "a", "1"])
        self.assertEqual(self.accept(), ["2", "3", "4"])
        self.patch(batch, "SIZE", 100)
        self.say("5", "6")
        self.assertEqual(self.accept(), ["5"])
        self.assertEqual(self.accept(), ["6"])

    def test_oneName(self) -> None:
        """
        Further connections of a name are not reported.
        """
        self.join()
        self.drain()
        self.assertEqual(self.webhooks.figures.delivered, 1)


class RetryTests(WebhookTestCase):
    """
    A receiver that does not accept a request.
    """

    def test_again(self) -> None:
        """
        The same request is sent again, with growing delays, and the next one follows. The log has
        one line for the whole outage.
        """
        logs = logged(self)
        self.join()
        self.say("one")
        for _ in range(5):
            self.refuse()
            self.say("two")
            self.clock.advance(attempts.LONGEST)
        self.assertEqual(len({id for id, _ in self.receiver.requests}), 1)
        self.assertEqual(self.accept(), ["joined dev"])
        self.assertEqual(self.accept(), ["one", *["two"] * 5])
        lines = [line for line in logs() if "webhook" in line]
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("https://example.com/hook does not accept events: HTTP 500", lines[0])
        self.assertIn("accepts events again, after 300 s", lines[1])
        figures = self.webhooks.figures
        self.assertEqual((figures.delivered, figures.failures, figures.waiting()), (7, 5, 0))

    def test_backoff(self) -> None:
        """
        The delay doubles up to a maximum.
        """
        self.patch(random, "uniform", lambda low, high: high)
        self.join()
        for delay in (1, 2, 4, 8, 16, 32, 60, 60):
            self.refuse()
            self.clock.advance(delay - 0.5)
            self.assertEqual(self.receiver.answers, [])
            self.clock.advance(1)
            self.assertEqual(len(self.receiver.answers), 1)

    def test_retryAfter(self) -> None:
        """
        A receiver can ask for a longer delay, within a bound.
        """
        self.join()
        for asked, delay in ((30.0, 30.0), (1e9, attempts.REQUESTED), (-5.0, 4.0)):
            self.refuse("HTTP 503", retry=asked)
            self.clock.pump([delay - 0.5] if asked > 0 else [])
            self.assertEqual(self.receiver.answers, [])
            self.clock.advance(1 if asked > 0 else delay)
            self.assertEqual(len(self.receiver.answers), 1, asked)

    def test_poison(self) -> None:
        """
        An event that the receiver always refuses is found by dividing the request, and is dropped
        after a while. The others are delivered.
        """
        logs = logged(self)
        self.join()
        self.drain()
        self.say("0", "1", "2", "poison", "4", "5", "6")
        accepted: list[object] = []
        for _ in range(100):
            if not self.receiver.answers:
                self.clock.advance(attempts.LONGEST)
                continue
            events = self.receiver.requests[-1][1]["data"]["events"]
            if any(each["text"] == "poison" for each in events):
                self.refuse("HTTP 413", True)
            else:
                accepted += self.accept()
        self.assertEqual(accepted, ["0", "1", "2", "4", "5", "6"])
        figures = self.webhooks.figures
        self.assertEqual((figures.dropped, figures.waiting()), (1, 0))
        (line,) = [line for line in logs() if "dropped" in line]
        self.assertIn("HTTP 413. It was dropped: message 4 in dev", line)

    def test_passing(self) -> None:
        """
        An event is not dropped while other causes prevent its delivery.
        """
        self.join()
        for _ in range(20):
            self.refuse("HTTP 400", True)
            self.clock.advance(attempts.LONGEST)
            self.refuse("HTTP 404")
            self.clock.advance(attempts.LONGEST)
        self.assertEqual(self.accept(), ["joined dev"])

    def test_deleted(self) -> None:
        """
        Messages that the store has deleted meanwhile are counted, and reported once.
        """
        logs = logged(self)
        self.join()
        self.say(*map(str, range(self.limits.logMessages + 5)))
        self.assertEqual(self.webhooks.figures.waiting(), self.limits.logMessages + 6)
        events = self.drain()
        self.assertEqual(events[:2], ["joined dev", "5"])
        self.assertEqual(len(events), self.limits.logMessages + 1)
        self.assertEqual(self.webhooks.figures.dropped, 5)
        self.assertEqual(len([line for line in logs() if "webhook" in line]), 1)

    def test_storeFails(self) -> None:
        """
        While the store does not answer, nothing is sent, and nothing is lost.
        """
        self.join()
        self.drain()
        claim = self.store.claimDelivery
        error = ChatError(FAILED, "down")

        def fail(key: str) -> Deferred[int | None]:
            raise error

        self.store.claimDelivery = fail  # type: ignore[method-assign]
        self.say("one")
        self.clock.advance(attempts.FIRST)
        self.assertEqual(self.receiver.answers, [])
        self.store.claimDelivery = claim  # type: ignore[method-assign]
        self.clock.advance(attempts.FIRST)
        self.assertEqual(self.accept(), ["one"])

    def test_manyRooms(self) -> None:
        """
        The messages of rooms that are too many are found in the store later.
        """
        self.patch(sender, "ROOMS", 2)
        self.patch(waiting, "ROOMS", 2)
        for number in range(5):
            self.join(f"room{number}")
            self.say(f"{number}", room=f"room{number}")
        texts = [event for event in self.drain() if " " not in event]
        self.assertEqual(sorted(texts), ["0", "1", "2", "3", "4"])


class StopTests(WebhookTestCase):
    """
    The stop, and the next start on the same store.
    """

    def test_stop(self) -> None:
        """
        The chat stops when everything has been delivered.
        """
        self.join()
        self.say("one")
        stopping = self.chat.stopService()
        self.clock.advance(0)
        self.assertNoResult(stopping)
        self.assertEqual(self.drain(), ["joined dev", "one", "left dev"])
        self.successResultOf(stopping)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """
        It waits only for a while. What is left is delivered after the next start.
        """
        self.join()
        self.drain()
        self.say("one", "two")
        self.refuse()
        self.say("three")
        stopping = self.chat.stopService()
        self.clock.pump([0.0, 1.0, 1.0])
        self.refuse()
        self.clock.pump([1.0] * 4)
        self.successResultOf(stopping)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.begin()
        self.assertEqual(self.drain(), ["one", "two", "three"])

    def test_beforeFirst(self) -> None:
        """
        Messages from before the first start with webhooks are not delivered.
        """
        store = MemoryStore(self.clock)
        room = self.successResultOf(store.open("old", "Old", Seen()))
        self.successResultOf(room.append([Draft("Old", "Ada", "old")]))
        room.close()
        self.store = store
        self.begin()
        self.assertEqual(self.receiver.answers, [])
        self.join("old")
        self.say("new", room="old")
        self.assertEqual(self.drain(), ["joined Old", "new"])

    def test_idle(self) -> None:
        """
        Without events, the stop does not wait, also before the start.
        """
        self.successResultOf(self.chat.stopService())
        chat = ChatService(self.clock)
        Webhooks(chat, FakeReceiver())
        self.successResultOf(chat.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])
