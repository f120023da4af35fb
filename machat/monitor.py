"""
Health checks and metrics over HTTP: C{/metrics} for Prometheus, C{/healthz}, C{/readyz}, C{/rooms}
and C{/sanctions}.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from itertools import accumulate
from typing import Any

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry
from twisted.application.internet import TimerService
from twisted.application.service import MultiService
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.server import Site
from zope.interface import implementer_only

from machat.clock import chatClock
from machat.errors import ChatError
from machat.http.messages import Answer, line
from machat.http.origins import Hosts
from machat.http.resource import Document, Late, Missing, fieldOf
from machat.interfaces import ISharedRooms
from machat.interfaces.listing import Occupied
from machat.metrics import Histogram, Metrics, WebhookFigures
from machat.records import Health
from machat.service import ChatService

#: The interval at which the reactor's lag is measured, and the histogram's upper bounds, seconds.
LAG_EVERY = 0.25
LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

#: The maximum number of rooms in C{/rooms}; the largest ones are listed.
LISTED = 1_000


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"machat_{name}", text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"machat_{name}", text, value)


def _byCode(name: str, text: str, counts: Counter[Any]) -> Metric:
    family = CounterMetricFamily(f"machat_{name}", text, labels=["code"])
    for code, count in sorted(counts.items()):
        family.add_metric([str(code)], count)
    return family


def _histogram(name: str, text: str, histograms: Sequence[Histogram]) -> Metric:
    family = HistogramMetricFamily(f"machat_{name}", text)
    family.add_metric([], *_buckets(histograms))
    return family


def _buckets(histograms: Sequence[Histogram]) -> tuple[list[tuple[str, int]], float]:
    """
    @return: the cumulative buckets and the sum of several histograms with the same bounds
    """
    bounds = [*map(str, histograms[0].bounds), "+Inf"]
    counts = accumulate([sum(each) for each in zip(*(h.counts for h in histograms), strict=True)])
    return list(zip(bounds, counts, strict=True)), sum(h.sum for h in histograms)


def _byEndpoint(metrics: Sequence[Metrics]) -> Iterator[Metric]:
    """
    @return: the metrics of the HTTP API
    """
    requests = CounterMetricFamily(
        "machat_api_requests", "Requests to the HTTP API", labels=["endpoint", "status"]
    )
    for labels, count in sorted(_sum(m.requests for m in metrics).items()):
        requests.add_metric(labels, count)
    yield requests
    text = "Duration of the requests to the HTTP API"
    seconds = HistogramMetricFamily("machat_api_seconds", text, labels=["endpoint"])
    for endpoint in sorted({each for m in metrics for each in m.requestSeconds}):
        found = [m.requestSeconds[endpoint] for m in metrics if endpoint in m.requestSeconds]
        seconds.add_metric([endpoint], *_buckets(found))
    yield seconds


def _sum(counters: Iterable[Counter[Any]]) -> Counter[Any]:
    return sum(counters, Counter())


def _collectWebhooks(figures: Sequence[WebhookFigures]) -> Iterator[Metric]:
    """
    @return: the metrics of the webhooks
    """
    delivered = sum(each.delivered for each in figures)
    failures = sum(each.failures for each in figures)
    dropped = sum(each.dropped for each in figures)
    waiting = sum(each.waiting() for each in figures)
    lag = max((each.lag() for each in figures), default=0.0)
    yield _counter("webhook_events", "Events that the webhook has accepted", delivered)
    yield _counter("webhook_failures", "Requests that it has not accepted", failures)
    yield _counter("webhook_dropped", "Events that were dropped", dropped)
    yield _gauge("webhook_waiting", "Events that wait for the webhook", waiting)
    yield _gauge("webhook_lag_seconds", "Time for which the oldest of them has waited", lag)


def _nothing(failure: Failure) -> tuple[int, Sequence[Occupied]]:
    """
    @return: the rooms of other servers, while the store is not available
    """
    failure.trap(ChatError)
    return 0, ()


class ChatCollector(Collector):
    """
    Collects the metrics of one or more chats, added up, for each request.
    """

    def __init__(self, reactor: Any, chats: Sequence[ChatService], lag: Histogram) -> None:
        self._reactor = reactor
        self._chats = chats
        self._lag = lag

    def collect(self) -> Iterator[Metric]:
        """
        @return: all metrics
        """
        yield from self._collectNow()
        yield from self._collectSince([chat.metrics for chat in self._chats])
        yield from self._collectStores()
        webhooks = [chat.metrics.webhooks for chat in self._chats]
        yield from _collectWebhooks([each for each in webhooks if each is not None])
        yield _histogram("reactor_lag_seconds", "Delay of a timer of the reactor", [self._lag])

    def _collectNow(self) -> Iterator[Metric]:
        kinds: Counter[tuple[str, str]] = Counter()
        throttled = 0
        for chat in self._chats:
            for connection in chat.connections:
                kinds[connection.kind] += 1
                throttled += connection.throttled
        labels = ["transport", "dialect"]
        family = GaugeMetricFamily("machat_connections", "Open connections", labels=labels)
        for kind, count in sorted(kinds.items()):
            family.add_metric(kind, count)
        yield family
        rooms = [room for chat in self._chats for room in chat.rooms]
        waiting = sum(chat.sendBudget.waiting for chat in self._chats)
        calls = len(self._reactor.getDelayedCalls())
        yield _gauge("rooms", "Rooms with at least one member", len(rooms))
        yield _gauge("members", "Members in all rooms", sum(len(room) for room in rooms))
        yield _gauge("waiting_bytes", "Size of all send queues", waiting)
        yield _gauge("throttled", "Connections that currently exceed their sending rate", throttled)
        yield _gauge("draining", "1 if the server is stopping, else 0", not isReady(self._chats))
        yield _gauge("pending_calls", "Pending timers of the reactor", calls)

    def _collectSince(self, metrics: Sequence[Metrics]) -> Iterator[Metric]:
        messages = sum(m.batches.sum for m in metrics)
        deliveries = sum(m.deliveries for m in metrics)
        refusals = _sum(m.refusals for m in metrics)
        moderations = _sum(m.moderations for m in metrics)
        ends = _sum(m.disconnects for m in metrics)
        throttles = sum(m.throttles for m in metrics)
        slow = sum(m.slow for m in metrics)
        failures = sum(m.storeFailures for m in metrics)
        yield _counter("messages", "Messages sent to rooms", messages)
        yield _counter("deliveries", "Messages delivered to members", deliveries)
        yield _byCode("refusals", "Refusals, by error code", refusals)
        yield _byCode("disconnects", "Connections ended by the server, by close code", ends)
        yield _byCode("moderations", "Executed moderation commands, by command", moderations)
        yield _counter("throttles", "Times that a connection exceeded its rate", throttles)
        yield _counter("slow_consumers", "Connections closed as slow consumers", slow)
        yield _counter("store_failures", "Batches that were not, or possibly not, stored", failures)
        yield _histogram("flush_seconds", "Duration of a flush", [m.flushes for m in metrics])
        yield _histogram("batch_messages", "Messages in a batch", [m.batches for m in metrics])
        yield from _byEndpoint(metrics)

    def _collectStores(self) -> Iterator[Metric]:
        stores = [chat.store for chat in self._chats]
        conditions = [store.health() for store in stores]
        now = [chat.clock.seconds() for chat in self._chats]
        down = max(map(downFor, conditions, now), default=0.0)
        up = all(condition.up for condition in conditions)
        waiting = sum(condition.waiting for condition in conditions)
        yield _gauge("store_up", "1 if the store accepts messages, else 0", up)
        yield _gauge("store_down_seconds", "Time since the store failed, else 0", down)
        yield _gauge("store_waiting", "Messages that wait to be stored", waiting)
        sizes = [size for store in stores if (size := store.size()) is not None]
        if len(sizes) == len(stores):
            for name, text, values in (
                ("store_rooms", "Rooms in the store", [size.rooms for size in sizes]),
                ("store_messages", "Stored messages", [size.messages for size in sizes]),
                ("store_bytes", "Size of the stored messages", [size.bytes for size in sizes]),
            ):
                yield _gauge(name, text, sum(values))


def downFor(health: Health, now: float) -> float:
    """
    @param now: the time of the clock of the store's chat
    @return: the seconds since the store failed; 0 if it is available
    """
    return 0.0 if health.up else max(0.0, now - health.since)


def isReady(chats: Sequence[ChatService]) -> bool:
    """
    @return: whether all chats run and accept new members
    """
    return all(chat.running and not chat.draining for chat in chats)


@implementer_only(IProtocolFactory)  # not of ALPN, which L{machat.transport.tls} implements
class _Site(Site):
    noisy = False

    def log(self, request: Request) -> None:
        """
        Write no access log: monitoring systems send requests every few seconds.
        """


def siteOf(hosts: Sequence[str], documents: Mapping[str, Callable[[Request], Late]]) -> Site:
    """
    @param hosts: the only hosts that requests may name, see L{Hosts}; an empty sequence means all
    @param documents: the functions that answer requests, by path
    @return: a site without an access log
    """
    allowed = Hosts(hosts)
    root = Missing(allowed, f"The paths are /{', /'.join(documents)}.")
    made = {path: Document(allowed, make, root) for path, make in documents.items()}
    for path, document in made.items():
        parent, _, name = path.rpartition("/")
        made.get(parent, root).putChild(name.encode(), document)
    return _Site(root)


class Monitor(MultiService):
    """
    Measures the lag of the reactor, and serves the metrics. Listen with C{site} to make them
    available.

    @ivar site: the L{Site}
    """

    def __init__(
        self, reactor: Any, chats: Sequence[ChatService], hosts: Sequence[str] = ()
    ) -> None:
        """
        @param reactor: the reactor
        @param chats: the chats to report
        @param hosts: the only hosts that requests may name, see L{Hosts}; by default all
        """
        MultiService.__init__(self)
        self._clock = chatClock(reactor)
        self._chats = chats
        self._lag = Histogram(LAG_SECONDS)
        self._last: float | None = None
        self._registry = CollectorRegistry()
        self._registry.register(ChatCollector(reactor, chats, self._lag))
        ProcessCollector(registry=self._registry)
        self.site = siteOf(
            hosts,
            {
                "metrics": self._metrics,
                "healthz": self._health,
                "readyz": self._readiness,
                "rooms": self._rooms,
                "sanctions": self._sanctions,
            },
        )
        timer = TimerService(LAG_EVERY, self._measure)
        timer.clock = reactor
        timer.setServiceParent(self)

    def _measure(self) -> None:
        now = self._clock.seconds()
        if self._last is not None:
            self._lag.observe(max(0.0, now - self._last - LAG_EVERY))
        self._last = now

    def _metrics(self, request: Request) -> Answer:
        return exposed(request, self._registry)

    def _health(self, request: Request) -> Answer:
        return line(200, "ok")

    def _readiness(self, request: Request) -> Answer:
        return line(*self.readiness())

    async def _rooms(self, request: Request) -> Answer:
        return freshJSON(await self.rooms(LISTED))

    def _sanctions(self, request: Request) -> Answer:
        return freshJSON(self.sanctions())

    @property
    def collector(self) -> Collector:
        """
        All metrics.
        """
        return self._registry

    def readiness(self) -> tuple[int, str]:
        """
        @return: the status and the text of C{/readyz}
        """
        if not isReady(self._chats):
            return 503, "draining"
        for chat in self._chats:
            health = chat.store.health()
            if not health.up:
                down = downFor(health, chat.clock.seconds())
                text = f"the store is down for {down:.0f} s: {health.reason}"
                # if only this server uses the store, no other server can do better
                return (503, text) if chat.store.shared else (200, f"ready, but {text}")
        return 200, "ready"

    async def rooms(self, most: int) -> dict[str, Any]:
        """
        @param most: the maximum number of rooms
        @return: the largest rooms with members, as in C{/rooms}. C{members} are those on this
            server, and C{names} is the number of names on all servers with its store. While the
            store is not available, the rooms are those with members on this server
        """
        count = 0
        rooms: dict[tuple[int, str], dict[str, Any]] = {}
        for number, chat in enumerate(self._chats):
            for room in chat.rooms:
                seq = room.position.seq if room.position else None
                names = {"room": room.name, "members": len(room), "names": len(room.occupants)}
                rooms[number, room.name] = {**names, "seq": seq}
            shared = ISharedRooms(chat.store, None)
            found = (0, ()) if shared is None else await shared.occupied().addErrback(_nothing)
            count += max(found[0], len(chat.rooms))
            for each in found[1]:
                known = {"room": each.name, "members": 0, "names": each.members, "seq": each.seq}
                rooms.setdefault((number, each.name), known)
        largest = nlargest(most, rooms.values(), key=lambda room: (room["names"], room["members"]))
        return {"count": count, "rooms": largest}

    def sanctions(self) -> list[dict[str, Any]]:
        """
        @return: the active sanctions, as in C{/sanctions}
        """
        active = [each for chat in self._chats for each in chat.moderation.sanctions()]
        return [
            {
                "room": each.room,
                "kind": each.kind.value,
                "target": each.target,
                "name": each.sanction.name,
                "until": each.sanction.until,
                "by": each.sanction.by,
            }
            for each in active
        ]


def freshJSON(value: Any) -> Answer:
    """
    @return: the value in JSON, see L{fresh}
    """
    return fresh("application/json", msgspec.json.encode(value))


def exposed(request: Request, registry: CollectorRegistry) -> Answer:
    """
    @return: the metrics of a registry, in the format that the request accepts, see L{fresh}
    """
    encode, kind = choose_encoder(fieldOf(request, b"accept") or "")
    return fresh(kind, encode(registry))


def fresh(kind: str, body: bytes) -> Answer:
    """
    @return: an answer that no cache may store
    """
    return Answer(200, {"Content-Type": kind, "Cache-Control": "no-store"}, body)
