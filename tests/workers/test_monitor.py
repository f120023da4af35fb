"""
Tests for L{machat.workers.monitor}.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from machat.limits import Limits
from machat.monitor import Monitor
from machat.testing import MemoryChat
from machat.workers.messages import Ask, State
from machat.workers.monitor import WorkersMonitor, answerOf
from machat.workers.process import ANSWER
from tests.workers.test_pool import PoolTestCase


class WorkersMonitorTests(PoolTestCase):
    """
    A monitor of two workers, each with a chat in memory.
    """

    def setUp(self) -> None:
        PoolTestCase.setUp(self)
        self.serve()
        self.chats = [MemoryChat(Limits()) for _ in range(2)]
        for chat in self.chats:
            chat.service.startService()
        self.monitors = [Monitor(chat.clock, [chat.service]) for chat in self.chats]
        self.monitor = WorkersMonitor(self.pool)

    def ask(self, path: str, silent: int | None = None) -> tuple[int, str]:
        """
        @param silent: the index of a worker that does not answer
        @return: the status and the body of the answer
        """
        transport = StringTransport()
        self.monitor.site.timeOut = None
        protocol: Any = self.monitor.site.buildProtocol(None)
        protocol.makeConnection(transport)
        protocol.dataReceived(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        for index, (process, monitor) in enumerate(zip(self.serving(), self.monitors, strict=True)):
            asked = process.sent[-1] if process.sent else None
            if isinstance(asked, Ask) and index != silent:
                answer = self.successResultOf(ensureDeferred(answerOf(monitor, asked.topic)))
                process.answer(msgspec.json.decode(msgspec.json.encode(answer)))
        if silent is not None:
            self.clock.advance(ANSWER)
        head, _, body = transport.value().decode().partition("\r\n\r\n")
        return int(head.split()[1]), body

    def samples(self, path: str, silent: int | None = None) -> dict[str, float]:
        """
        @return: the metrics of MaChat, each as Prometheus formats it
        """
        return {
            sample.name
            + "".join(f"[{value}]" for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.ask(path, silent)[1])
            for sample in family.samples
        }

    def test_metrics(self) -> None:
        """
        C{/metrics} has the sums, and C{/metrics/workers} each worker.
        """
        self.chats[0].tcp("Mina", "dev")
        self.chats[1].tcp("Ada", "dev")
        self.chats[1].tcp("Bob", "dev")
        total = self.samples("/metrics")
        self.assertEqual(total["machat_members"], 3)
        self.assertEqual(total["machat_connections[text][tcp]"], 3)
        self.assertEqual(total["machat_draining"], 0)
        self.assertEqual(total["machat_worker_up[1]"], 1)
        self.assertEqual(total["machat_worker_restarts_total[2]"], 0)
        each = self.samples("/metrics/workers")
        self.assertEqual([each[f"machat_members[{n}]"] for n in (1, 2)], [1, 2])
        self.assertIn("process_open_fds[parent]", each)

    def test_silent(self) -> None:
        """
        A worker that does not answer delays the metrics for two seconds at most, and is not up.
        """
        samples = self.samples("/metrics", 1)
        self.assertEqual([samples[f"machat_worker_up[{n}]"] for n in (1, 2)], [1, 0])

    def test_rooms(self) -> None:
        """
        A room with members on several workers is listed once, with all members.
        """
        self.chats[0].tcp("Mina", "dev")
        self.chats[0].tcp("Bob", "other")
        self.chats[1].tcp("Ada", "dev").send("hello")
        self.chats[1].turn()
        self.assertEqual(
            json.loads(self.ask("/rooms")[1]),
            {
                "count": 2,
                "rooms": [
                    {"room": "dev", "members": 2, "names": 1, "seq": 1},
                    {"room": "other", "members": 1, "names": 1, "seq": None},
                ],
            },
        )

    def test_sanctions(self) -> None:
        """
        A sanction that both workers know is listed once.
        """
        self.assertEqual(self.ask("/sanctions"), (200, "[]"))

    def test_ready(self) -> None:
        """
        The server is ready while one worker is, and is not while it stops.
        """
        self.assertEqual(self.ask("/readyz"), (200, "ready: 2 of 2 workers\n"))
        self.assertEqual(self.ask("/readyz", 0), (200, "ready: 1 of 2 workers\n"))
        for chat in self.chats:
            chat.service.stopService()
        self.assertEqual(self.ask("/readyz"), (503, "draining\n"))
        self.started[0].end(1)
        self.started[1].end(1)
        self.clock.advance(0)
        self.assertEqual(self.ask("/readyz"), (503, "none of 2 workers is ready\n"))
        self.pool.stopService()
        self.assertEqual(self.ask("/readyz"), (503, "draining\n"))

    def test_health(self) -> None:
        """
        The parent is healthy while it answers.
        """
        self.assertEqual(self.ask("/healthz"), (200, "ok\n"))
        self.assertEqual(self.ask("/nothing")[0], 404)

    def test_broken(self) -> None:
        """
        An answer that cannot be understood is logged, and the request is answered.
        """
        transport = StringTransport()
        protocol: Any = self.monitor.site.buildProtocol(None)
        protocol.timeOut = None
        protocol.makeConnection(transport)
        protocol.dataReceived(b"GET /metrics HTTP/1.0\r\n\r\n")
        for process in self.serving():
            process.answer([{"name": 7}])
        self.assertIn(b" 500 ", transport.value())
        self.assertEqual(len(self.flushLoggedErrors(msgspec.ValidationError)), 1)

    def test_clientGone(self) -> None:
        """
        A client that does not wait for the answer causes no error.
        """
        transport = StringTransport()
        protocol: Any = self.monitor.site.buildProtocol(None)
        protocol.timeOut = None
        protocol.makeConnection(transport)
        protocol.dataReceived(b"GET /rooms HTTP/1.0\r\n\r\n")
        protocol.connectionLost(Failure(ConnectionLost()))
        for process in self.serving():
            process.answer({"count": 0, "rooms": []})
        self.assertEqual(transport.value(), b"")

    def test_stateAfterReload(self) -> None:
        """
        A worker that reloads stays ready.
        """
        self.started[0].report(State.RELOADING)
        self.assertEqual(self.ask("/readyz"), (200, "ready: 2 of 2 workers\n"))
