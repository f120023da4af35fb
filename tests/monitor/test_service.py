"""
Tests for L{machat.monitor}.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from machat.limits import Limits
from machat.monitor import Monitor
from machat.monitor.service import LAG_EVERY
from machat.store.memory import MemoryStore
from machat.testing import MemoryChat
from tests.test_logbook import logged


class MonitorTests(SynchronousTestCase):
    """
    A monitor of a chat in memory, queried over HTTP.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(burst=2, rate=1, maxWaiting=500))
        self.chat.service.startService()
        self.monitor = Monitor(self.chat.clock, [self.chat.service])
        self.monitor.startService()
        self.addCleanup(self.monitor.stopService)

    def ask(
        self, path: str, method: str = "GET", host: str = ""
    ) -> tuple[int, dict[str, str], str]:
        """
        @return: the status, the headers and the body of the answer
        """
        transport = StringTransport()
        self.monitor.site.timeOut = None  # the default would be the reactor's
        protocol: Any = self.monitor.site.buildProtocol(None)
        protocol.makeConnection(transport)
        field = f"Host: {host}\r\n" if host else ""
        protocol.dataReceived(f"{method} {path} HTTP/1.0\r\n{field}\r\n".encode())
        head, _, body = transport.value().decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers, body

    def samples(self) -> dict[str, float]:
        """
        @return: the metrics, each as Prometheus formats it
        """
        return {
            sample.name
            + "".join(f"[{value}]" for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.ask("/metrics")[2])
            for sample in family.samples
        }

    def assertSamples(self, **expected: float) -> None:
        """
        The metrics of these names, without their prefix, have these values.
        """
        samples = self.samples()
        self.assertEqual({name: samples.get(f"machat_{name}") for name in expected}, expected)

    def test_now(self) -> None:
        """
        The current connections, members and rooms are reported by transport and dialect.
        """
        self.chat.tcp()
        self.chat.tcp("Mina", "dev")
        self.chat.ws("Ada", "dev").send("1\n2\n3")
        events = self.chat.ws()
        events.send('{"v": 1, "name": "Bob", "room": "other"}')
        self.chat.turn()
        samples = self.samples()
        kinds = {name: n for name, n in samples.items() if name.startswith("machat_connections")}
        self.assertEqual(
            kinds,
            {
                "machat_connections[hello][tcp]": 1,
                "machat_connections[text][tcp]": 1,
                "machat_connections[text][websocket]": 1,
                "machat_connections[events][websocket]": 1,
            },
        )
        self.assertSamples(rooms=2, members=3, throttled=1, draining=0, store_rooms=2)
        self.assertSamples(store_messages=2, waiting_bytes=0)
        self.assertGreater(samples["process_open_fds"], 0)

    def test_since(self) -> None:
        """
        Messages, deliveries, refusals and disconnections are counted.
        """
        mina, slow = self.chat.tcp("Mina", "dev"), self.chat.tcp("slow", "dev")
        slow.transport.producer.pauseProducing()
        self.chat.tcp("Mina", "dev")
        mina.send("x" * 300 + "\n" + "y" * 300)
        self.chat.turn()
        self.chat.clock.advance(2)
        mina.send("z")
        self.chat.turn()
        self.chat.service.moderation.mute("other", "Ada")
        self.assertSamples(messages_total=3, deliveries_total=5, slow_consumers_total=1)
        self.assertSamples(throttles_total=0, store_failures_total=0)
        samples = self.samples()
        self.assertEqual(samples["machat_refusals_total[name-taken]"], 1)
        self.assertEqual(samples["machat_moderations_total[mute]"], 1)
        self.assertEqual(samples["machat_disconnects_total[3520]"], 1)
        self.assertEqual(samples["machat_disconnects_total[3008]"], 1)
        self.assertEqual(samples["machat_batch_messages_bucket[1.0]"], 1)
        self.assertEqual(samples["machat_batch_messages_bucket[2.0]"], 2)
        self.assertEqual(samples["machat_batch_messages_count"], 2)
        self.assertEqual(samples["machat_flush_seconds_count"], 2)

    def test_lag(self) -> None:
        """
        The delay of the reactor is measured continuously.
        """
        self.chat.clock.advance(LAG_EVERY)
        self.chat.clock.advance(LAG_EVERY + 0.2)
        samples = self.samples()
        self.assertEqual(samples["machat_reactor_lag_seconds_count"], 2)
        self.assertAlmostEqual(samples["machat_reactor_lag_seconds_sum"], 0.2)

    def test_health(self) -> None:
        """
        The monitor is healthy as long as it answers, and ready until the chat begins to stop.
        """
        self.assertEqual(self.ask("/healthz")[0], 200)
        self.assertEqual(self.ask("/readyz")[0], 200)
        self.chat.service.stopService()
        self.assertEqual(self.ask("/healthz")[0], 200)
        self.assertEqual(self.ask("/readyz")[0], 503)
        self.assertSamples(draining=1)

    def test_store(self) -> None:
        """
        If the store fails, the monitor reports the cause and the time. The server is not ready if
        other servers use the same store.
        """
        self.assertSamples(store_up=1, store_down_seconds=0)
        self.chat.cut()
        self.chat.clock.advance(12)
        self.assertSamples(store_up=0, store_down_seconds=12)
        text = f"the store is down for 12 s: {self.chat.service.store.health().reason}\n"
        self.assertEqual(self.ask("/readyz")[::2], (200, f"ready, but {text}"))
        self.patch(MemoryStore, "shared", True)
        self.assertEqual(self.ask("/readyz")[::2], (503, text))
        self.chat.restore()
        self.assertEqual(self.ask("/readyz")[::2], (200, "ready\n"))

    def test_rooms(self) -> None:
        """
        The rooms are listed as JSON, the largest first.
        """
        for name, room in (("Mina", "dev"), ("Ada", "dev"), ("Bob", "other")):
            self.chat.tcp(name, room).send("hello")
        self.chat.turn()
        status, headers, body = self.ask("/rooms")
        self.assertEqual((status, headers["content-type"]), (200, "application/json"))
        self.assertEqual(
            json.loads(body),
            {
                "count": 2,
                "rooms": [
                    {"room": "dev", "members": 2, "names": 2, "seq": 2},
                    {"room": "other", "members": 1, "names": 1, "seq": 1},
                ],
            },
        )

    def test_sanctions(self) -> None:
        """
        The active mutes and bans are listed as JSON, with addresses.
        """
        self.chat.service.moderation.mute("dev", "Mina", 60)
        self.chat.service.moderation.banAddress("dev", "192.0.2.1", 60)
        entry = {"room": "dev", "until": 60.0, "by": None}
        self.assertEqual(
            json.loads(self.ask("/sanctions")[2]),
            [
                {**entry, "kind": "mute", "target": "mina", "name": "Mina"},
                {**entry, "kind": "address", "target": "192.0.2.1", "name": None},
            ],
        )

    def test_nothingElse(self) -> None:
        """
        Other paths are not found, and nothing can be changed. Each answer is one line of text.
        """
        for path in ("/", "/x", "/metrics/more", "/metrics/", "//", "/%00"):
            for method in ("GET", "POST", "HEAD"):
                status, headers, body = self.ask(path, method)
                self.assertEqual(status, 404)
                self.assertEqual(headers["content-type"], "text/plain; charset=utf-8")
                self.assertRegex(body, r"\A([ -~]+/healthz[ -~]+\n)?\Z")
        for method in ("POST", "PUT", "X"):
            status, headers, body = self.ask("/metrics", method)
            self.assertEqual((status, headers["allow"]), (405, "get, head, options"))
            self.assertRegex(body, r"\A[ -~]+\n\Z")

    def test_checks(self) -> None:
        """
        The health checks of proxies are answered: C{HEAD} and C{OPTIONS}, without a host.
        """
        for path in ("/healthz", "/readyz", "/metrics", "/rooms"):
            status, headers, body = self.ask(path, "HEAD")
            self.assertEqual((status, body), (200, ""))
            self.assertGreater(int(headers["content-length"]), 1)
        for path in ("/", "/healthz"):
            status, headers, body = self.ask(path, "OPTIONS")
            self.assertEqual((status, headers["allow"], body), (204, "get, head, options", ""))

    def test_quiet(self) -> None:
        """
        No request writes to the log.
        """
        taken = logged(self)
        for method in ("GET", "HEAD", "OPTIONS", "POST", "X\x1b"):
            for path in ("/healthz", "/x", "/healthz?\x1b[31m", "/\x1b[31m", "\x1b"):
                with contextlib.suppress(ValueError, IndexError):
                    self.ask(path, method)
        self.assertEqual(taken(), [])

    def test_hosts(self) -> None:
        """
        With hosts, only requests that name one of them, or none, are answered.
        """
        self.monitor = Monitor(self.chat.clock, [self.chat.service], ["localhost", "::1"])
        for host, status in (
            ("", 200),
            ("localhost:9898", 200),
            ("[0::1]:1", 200),
            ("evil.test", 421),
            ("localhost.evil.test:9898", 421),
            ("a b", 400),
        ):
            for method in ("GET", "HEAD"):
                self.assertEqual(self.ask("/rooms", method, host)[0], status, host)
        self.assertIn("--host evil.test", self.ask("/x", "GET", "evil.test")[2])
        self.assertEqual(self.ask("/", "OPTIONS", "evil.test")[0], 421)
