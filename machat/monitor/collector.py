"""
The metrics of chats, for Prometheus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from machat.metrics import Histogram, Metrics, WebhookFigures
from machat.records import Health
from machat.service import ChatService


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
        batches = [m.batchSizes for m in metrics]
        messages = sum(sizes.sum for sizes in batches)
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
        yield _histogram("batch_messages", "Messages in a batch", batches)
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
