"""
Tests for L{machat.workers.worker}.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.error import ConnectionDone, ReactorNotRunning
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.workers.messages import Answer, Ask, Changed, State, Stop, Topic, decodeToParent, encode
from machat.workers.worker import Link, Worker


async def nameOf(topic: Topic) -> str:
    """
    Answer a question.
    """
    return str(topic.value)


async def fail(topic: Topic) -> str:
    """
    Fail to answer a question.
    """
    raise ZeroDivisionError


class LinkTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stops = 0
        self.exits: list[int] = []
        self.patch(os, "_exit", self.exits.append)
        self.link = Link(self.stop, nameOf)
        self.transport = StringTransport()

    def stop(self) -> None:
        self.stops += 1
        if self.stops > 1:
            raise ReactorNotRunning

    def connect(self) -> None:
        self.link.makeConnection(self.transport)

    def sent(self) -> list[Any]:
        """
        @return: the messages to the parent
        """
        return [decodeToParent(line) for line in self.transport.value().splitlines()]

    def receive(self, message: Stop | Ask) -> None:
        self.link.dataReceived(encode(message) + b"\n")

    def lose(self) -> None:
        self.link.connectionLost(Failure(ConnectionDone()))

    def test_answer(self) -> None:
        """
        A question is answered.
        """
        self.connect()
        self.receive(Ask(3, Topic.ROOMS))
        self.assertEqual(self.sent(), [Answer(3, "rooms")])

    def test_answerFails(self) -> None:
        """
        If the figures cannot be collected, the worker continues.
        """
        self.link = Link(self.stop, fail)
        self.connect()
        self.receive(Ask(3, Topic.ROOMS))
        self.assertEqual(self.sent(), [Answer(3, None)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_early(self) -> None:
        """
        A state that is reported before the pipes are connected is sent later.
        """
        self.link.notify(State.READY)
        self.connect()
        self.assertEqual(self.sent(), [Changed(State.READY)])

    def test_stop(self) -> None:
        """
        The parent stops the worker, once, even if a signal has stopped it already.
        """
        self.connect()
        self.receive(Stop())
        self.receive(Stop())
        self.assertEqual(self.stops, 1)
        self.link = Link(self.stop, nameOf)
        self.connect()
        self.receive(Stop())
        self.assertEqual(self.stops, 2)

    def test_parentGone(self) -> None:
        """
        If the parent ends, the worker stops.
        """
        self.connect()
        self.lose()
        self.assertEqual((self.stops, self.exits), (1, []))

    def test_parentGoneDuringStop(self) -> None:
        """
        If the parent ends while the worker stops, the worker ends at once, unless the drain is
        over.
        """
        self.connect()
        self.link.notify(State.STOPPING)
        self.link.finish()
        self.lose()
        self.assertEqual((self.stops, self.exits), (0, []))
        self.link = Link(self.stop, nameOf)
        self.connect()
        self.link.notify(State.STOPPING)
        self.lose()
        self.assertEqual((self.stops, self.exits), (0, [1]))


class WorkerTests(SynchronousTestCase):
    def test_endpoints(self) -> None:
        """
        The sockets belong to the endpoints of the command line, in this order.
        """
        worker = Worker(1, {"tcp": [5, 6], "ws": []})
        self.assertEqual(
            worker.endpoints("tcp", ["tcp:1", "ssl:2"]), ["inherited:5:tcp:1", "inherited:6:ssl:2"]
        )
        self.assertRaises(ValueError, worker.endpoints, "ws", ["tcp:1"])
