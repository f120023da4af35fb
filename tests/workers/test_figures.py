"""
Tests for L{machat.workers.figures}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from prometheus_client.registry import CollectorRegistry
from twisted.trial.unittest import SynchronousTestCase

from machat.metrics import Histogram
from machat.monitor.collector import ChatCollector
from machat.testing import MemoryChat
from machat.workers.figures import (
    Collected,
    Family,
    Totals,
    added,
    decodeFamilies,
    familiesOf,
    labelled,
)


def counted(value: float, code: str = "") -> Family:
    """
    @return: a counter
    """
    labels = {"code": code} if code else {}
    return Family("machat_x", "X", "counter", [("machat_x_total", labels, value)])


def gauge(name: str, value: float) -> Family:
    """
    @return: a gauge
    """
    return Family(name, "X", "gauge", [(name, {}, value)])


class FigureTests(SynchronousTestCase):
    def test_transport(self) -> None:
        """
        All metrics of a chat arrive at the parent unchanged.
        """
        chat = MemoryChat()
        families = familiesOf(ChatCollector(chat.clock, [chat.service], Histogram((1.0,))))
        received = decodeFamilies(msgspec.json.decode(msgspec.json.encode(families)))
        self.assertEqual(received, families)
        self.assertGreater(len(received), 20)

    def test_labelled(self) -> None:
        """
        Each sample has the label of its worker in addition to its own, and each metric is listed
        once.
        """
        (metric,) = labelled({"1": [counted(3, "a")], "2": [counted(4, "a")]})
        self.assertEqual(
            [(sample.labels, sample.value) for sample in metric.samples],
            [({"worker": "1", "code": "a"}, 3), ({"worker": "2", "code": "a"}, 4)],
        )

    def test_added(self) -> None:
        """
        Samples with the same labels are added. The server drains if all workers do, has been
        running since the first process started, and has one store.
        """
        (both,) = added([[counted(3, "a"), counted(1, "b")][:1], [counted(4, "a")]])
        self.assertEqual(both.samples, [("machat_x_total", {"code": "a"}, 7)])
        for name, expected in (
            ("machat_members", 3),
            ("machat_draining", 1),
            ("process_start_time_seconds", 1),
            ("machat_store_up", 1),
            ("machat_store_messages", 2),
        ):
            (family,) = added([[gauge(name, 1)], [gauge(name, 2)]])
            self.assertEqual(family.samples[0][2], expected, name)

    def test_collected(self) -> None:
        """
        A registry reads collected metrics.
        """
        registry = CollectorRegistry()
        registry.register(Collected(labelled({"1": [counted(3)]})))
        self.assertEqual(registry.get_sample_value("machat_x_total", {"worker": "1"}), 3)


class TotalsTests(SynchronousTestCase):
    """
    Tests for L{Totals}.
    """

    def total(
        self, figures: dict[str, list[Family]], living: str, name: str = "machat_x_total"
    ) -> float | None:
        found: dict[Any, Sequence[Family]] = {**figures}
        self.totals.update(found, living)
        registry = CollectorRegistry()
        registry.register(Collected(self.totals.collect(found)))
        return registry.get_sample_value(name)

    def setUp(self) -> None:
        self.totals = Totals()

    def test_monotonic(self) -> None:
        """
        A counter does not decrease when a process ends and its replacement begins with 0.
        """
        self.assertEqual(self.total({"a": [counted(3)], "b": [counted(4)]}, "ab"), 7)
        self.assertEqual(self.total({"b": [counted(5)], "c": [counted(0)]}, "bc"), 8)
        self.assertEqual(self.total({"b": [counted(5)], "c": [counted(1)]}, "bc"), 9)
        self.assertEqual(self.total({"c": [counted(2)]}, "c"), 10)

    def test_silent(self) -> None:
        """
        A process that does not answer counts with its last known counters, but not with what it
        has at the moment.
        """
        self.assertEqual(self.total({"a": [counted(3)], "b": [counted(4)]}, "ab"), 7)
        self.assertEqual(self.total({"b": [counted(6)]}, "ab"), 9)
        members = "machat_members"
        both = {"a": [gauge(members, 1)], "b": [gauge(members, 1)]}
        self.assertEqual(self.total(both, "ab", members), 2)
        self.assertEqual(self.total({"b": [gauge(members, 1)]}, "ab", members), 1)
