"""
Tests for L{machat.transport.budget}.
"""

from __future__ import annotations

import json
from math import inf
from sys import getsizeof

from twisted.trial.unittest import SynchronousTestCase

from machat.limits import Limits
from machat.testing import MemoryChat, MemoryClient
from machat.transport.budget import Holding, SendBudget


class Queue:
    """
    The queue of one connection.
    """

    def __init__(self, sendBudget: SendBudget) -> None:
        self.sendBudget = sendBudget
        self.waiting = 0
        self.gaveUp = False

    def grow(self, size: int) -> None:
        self.waiting += size
        self.sendBudget.add(self, size)

    def abort(self) -> None:
        self.gaveUp = True
        self.grow(-self.waiting)


class SendBudgetTests(SynchronousTestCase):
    """
    Tests for L{SendBudget}.
    """

    def test_relieve(self) -> None:
        """
        Over the limit, the connections with the longest queues are aborted, as many as necessary;
        within the limit none is.
        """
        budget = SendBudget(100)
        queues = [Queue(budget) for _ in range(4)]
        for queue, size in zip(queues, (10, 40, 30, 20), strict=True):
            queue.grow(size)
        budget.shed()
        self.assertFalse(any(queue.gaveUp for queue in queues))
        queues[0].grow(1)
        budget.shed()
        self.assertEqual([queue.gaveUp for queue in queues], [False, True, False, False])
        self.assertEqual(budget.waiting, 61)
        for queue in queues:
            queue.grow(-queue.waiting)
        self.assertEqual((budget.waiting, budget._queues), (0, set()))

    def test_chat(self) -> None:
        """
        All connections of a chat share one limit: those with the most queued bytes are aborted
        first, and those that read stay.
        """
        chat = MemoryChat(Limits(rate=inf, maxWaitingTotal=3_000))
        early, late, quick = (chat.tcp(name, "dev") for name in ("early", "late", "quick"))
        early.transport.producer.pauseProducing()
        quick.send("x" * 1000)
        chat.turn()
        late.transport.producer.pauseProducing()
        for _ in range(2):
            quick.send("x" * 1000)
            chat.turn()
        self.assertEqual([c.connected for c in (early, late, quick)], [False, True, True])
        self.assertEqual(chat.service.metrics.slow, 1)
        self.assertEqual(len(quick.received()), 3)
        late.close()
        self.assertEqual(chat.service.sendBudget.waiting, 0)

    def test_holding(self) -> None:
        """
        A text that is queued for several connections counts once, until the last of them has sent
        it.
        """
        budget = SendBudget(1_000_000)
        texts = ["x" * 1_000, "\u4e2d" * 1_000]
        both = sum(map(getsizeof, texts))
        first, second = (Holding(budget, 100, texts) for _ in range(2))
        self.assertEqual(budget.waiting, both + 200)
        self.assertEqual((first.size, second.size), (both + 100, both + 100))
        first.keep(1)
        self.assertEqual(first.size, getsizeof(texts[1]) + 100)
        self.assertEqual(budget.waiting, both + 200)
        second.keep(1)
        self.assertEqual(budget.waiting, getsizeof(texts[1]) + 200)
        for holding in (first, second, first):
            holding.end()
        self.assertEqual((budget.waiting, first.size, budget._holders), (0, 0, {}))


class GreedyClientTests(SynchronousTestCase):
    """
    Clients that request much and read nothing.
    """

    def setUp(self) -> None:
        self.limits = Limits(burst=1_000, rate=1_000, maxWaitingTotal=3_000_000)
        self.chat = MemoryChat(self.limits)
        self.speaker = self.chat.tcp("Mina", "dev")
        for _ in range(8):
            self.speaker.send("\x01" * 30_000)
            self.chat.clock.advance(2)
        self.speaker.received()

    def hoard(self, number: int, *commands: dict[str, object]) -> MemoryClient:
        """
        @return: a client that has sent these commands, and reads nothing after its hello
        """
        room = "dev" if commands[0]["type"] != "join" else "lobby"
        client = self.chat.tcp()
        client.send(json.dumps({"v": 1, "name": f"h{number}", "room": room}))
        client.transport.producer.pauseProducing()
        for command in commands:
            client.send(json.dumps(command))
        return client

    @property
    def waiting(self) -> int:
        return self.chat.service.sendBudget.waiting

    def test_history(self) -> None:
        """
        Each answer counts in full, and all of them together are bounded. A client that reads
        receives the whole answer.
        """
        commands: list[dict[str, object]] = [{"type": "history", "room": "dev"}] * 3
        first = self.hoard(0, *commands)
        size = self.waiting
        self.assertGreater(size, 300_000)
        fit = self.limits.maxWaitingTotal // size
        clients = [first, *[self.hoard(number, *commands) for number in range(1, 20)]]
        self.assertLessEqual(self.waiting, self.limits.maxWaitingTotal)
        left = [client for client in clients if client.connected]
        self.assertEqual(len(left), fit)
        self.assertEqual(self.chat.service.metrics.slow, 20 - fit)
        for _ in range(10):
            left[0].transport.producer.resumeProducing()
            self.chat.turn()
        heard = [json.loads(line) for line in left[0].received()]
        answers = [event for event in heard if event["type"] == "history"]
        self.assertEqual([len(answer["messages"]) for answer in answers], [2] * 3)

    def test_stalled(self) -> None:
        """
        A client that reads nothing of its answer in time is closed as a slow consumer.
        """
        client = self.hoard(0, {"type": "history", "room": "dev"})
        self.assertGreater(self.waiting, 300_000)
        self.chat.clock.advance(self.limits.maxStall)
        self.assertFalse(client.connected)
        self.assertEqual((self.waiting, self.chat.service.metrics.slow), (0, 1))

    def test_replay(self) -> None:
        """
        The messages of replays count, each once for all connections that wait for it.
        """
        replays = {"type": "join", "room": "dev", "history": 300}
        clients = [self.hoard(0, replays)]
        one = self.waiting
        self.assertGreater(one, 200_000)
        clients += [self.hoard(number, replays) for number in range(1, 20)]
        self.assertLess(self.waiting, 2 * one)
        self.assertTrue(all(client.connected for client in clients))
        for client in clients:
            client.close()
        self.assertEqual((self.waiting, self.chat.service.sendBudget._holders), (0, {}))

    def test_members(self) -> None:
        """
        A list of members counts too.
        """
        for number in range(300):
            self.chat.member(f"{number:032}", "dev")
        self.hoard(0, {"type": "who", "room": "dev"})
        self.assertGreater(self.waiting, 300 * 32)
