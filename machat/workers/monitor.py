"""
The monitor of a server with workers: it asks all workers, and adds up their answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import CollectorRegistry
from twisted.internet.defer import gatherResults
from twisted.web.http import Request

from machat.http.messages import Answer, line
from machat.monitor import Monitor
from machat.monitor.service import LISTED
from machat.monitor.site import exposed, freshJSON, siteOf
from machat.workers.figures import (
    Collected,
    Families,
    Totals,
    decodeFamilies,
    familiesOf,
    labelled,
)
from machat.workers.messages import Topic
from machat.workers.pool import Pool
from machat.workers.process import WorkerProcess

#: The value of the label C{worker} for the parent.
PARENT = "parent"

#: The maximum number of rooms in the answer of one worker. The largest rooms are reported.
ROOMS = 10_000


async def answerOf(monitor: Monitor, topic: Topic) -> Any:
    """
    @param monitor: the monitor of a worker
    @return: its answer to a question of the parent
    """
    if topic is Topic.METRICS:
        return familiesOf(monitor.collector)
    if topic is Topic.ROOMS:
        return await monitor.rooms(ROOMS)
    return monitor.readiness() if topic is Topic.READINESS else monitor.sanctions()


class WorkersMonitor:
    """
    Serves the figures of all workers over HTTP.

    @ivar site: the C{Site}
    """

    def __init__(self, pool: Pool, hosts: Sequence[str] = ()) -> None:
        """
        @param pool: the workers
        @param hosts: the only hosts that requests may name, see L{siteOf}; by default all
        """
        self._pool = pool
        self._totals = Totals()
        self._own = CollectorRegistry()
        ProcessCollector(registry=self._own)
        self.site = siteOf(
            hosts,
            {
                "metrics/workers": self._metricsOfEach,
                "metrics": self._metrics,
                "healthz": self._health,
                "readyz": self._readiness,
                "rooms": self._rooms,
                "sanctions": self._sanctions,
            },
        )

    async def _ask(self, topic: Topic) -> dict[WorkerProcess, Any]:
        """
        @return: the answers of the workers that serve and answer in time
        """
        asked = [slot.process for slot in self._pool.slots if slot.process is not None]
        answers = await gatherResults([process.ask(topic) for process in asked])
        return {
            process: answer
            for process, answer in zip(asked, answers, strict=True)
            if answer is not None
        }

    async def _figures(self) -> dict[WorkerProcess, Families]:
        answers = await self._ask(Topic.METRICS)
        return {process: decodeFamilies(answer) for process, answer in answers.items()}

    async def _metrics(self, request: Request) -> Answer:
        figures: dict[Any, Families] = {**await self._figures(), PARENT: familiesOf(self._own)}
        self._totals.update(figures, [*self._pool.processes, PARENT])
        return self._encode(request, [*self._totals.collect(figures), *self._workers(figures)])

    async def _metricsOfEach(self, request: Request) -> Answer:
        found = await self._figures()
        figures = {str(process.number): families for process, families in found.items()}
        figures[PARENT] = familiesOf(self._own)
        return self._encode(request, [*labelled(figures), *self._workers(found)])

    def _encode(self, request: Request, metrics: Sequence[Metric]) -> Answer:
        registry = CollectorRegistry()
        registry.register(Collected(metrics))
        return exposed(request, registry)

    def _workers(self, figures: dict[Any, Families]) -> Sequence[Metric]:
        up = GaugeMetricFamily(
            "machat_worker_up",
            "1 if the worker serves clients and has answered, else 0",
            labels=["worker"],
        )
        restarts = CounterMetricFamily(
            "machat_worker_restarts",
            "Processes of the worker that were replaced, other than by a rolling restart",
            labels=["worker"],
        )
        for slot in self._pool.slots:
            up.add_metric([str(slot.number)], slot.process in figures)
            restarts.add_metric([str(slot.number)], slot.restarts)
        return [up, restarts]

    async def _health(self, request: Request) -> Answer:
        return line(200, "ok")

    async def _readiness(self, request: Request) -> Answer:
        """
        The server is ready if one worker is: new connections go to the workers that serve.
        """
        if self._pool.stopping:
            return line(503, "draining")
        answers = (await self._ask(Topic.READINESS)).values()
        ready = sum(status == 200 for status, _ in answers)
        count = len(self._pool.slots)
        if ready:
            return line(200, f"ready: {ready} of {count} workers")
        reasons = dict.fromkeys(text for _, text in answers)
        return line(503, "; ".join(reasons) or f"none of {count} workers is ready")

    async def _rooms(self, request: Request) -> Answer:
        rooms: dict[str, dict[str, Any]] = {}
        count = 0
        for answer in (await self._ask(Topic.ROOMS)).values():
            count = max(count, answer["count"])
            for each in answer["rooms"]:
                found = rooms.setdefault(each["room"], {**each, "members": 0})
                found["members"] += each["members"]
                found["names"] = max(found["names"], each["names"])
                found["seq"] = max(found["seq"] or 0, each["seq"] or 0) or None
        largest = nlargest(LISTED, rooms.values(), key=lambda room: room["names"])
        return freshJSON({"count": max(count, len(rooms)), "rooms": largest})

    async def _sanctions(self, request: Request) -> Answer:
        found: dict[tuple[str, str, str], Any] = {}
        for answer in (await self._ask(Topic.SANCTIONS)).values():
            for each in answer:
                found.setdefault((each["room"], each["kind"], each["target"]), each)
        return freshJSON(list(found.values()))
