"""
The metrics of all workers: each with the label C{worker}, and added up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

#: The types of metrics whose values never decrease.
_GROWING = ("counter", "histogram")

#: The metrics that are not added up.
_COMBINED: dict[str, Callable[[Iterable[float]], float]] = {
    "machat_draining": min,
    "process_start_time_seconds": min,
    "machat_store_up": min,
    "machat_store_down_seconds": max,
    "machat_webhook_lag_seconds": max,
    "machat_store_rooms": max,  # the workers share the store
    "machat_store_messages": max,
    "machat_store_bytes": max,
}


class Family(msgspec.Struct):
    """
    One metric of one process.

    @ivar samples: for each sample its name, labels and value
    """

    name: str
    text: str
    type: str
    samples: list[tuple[str, dict[str, str], float]]


Families = Sequence[Family]


def familiesOf(collector: Collector) -> list[Family]:
    """
    @return: the current metrics of this process
    """
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            [(each.name, dict(each.labels), float(each.value)) for each in metric.samples],
        )
        for metric in collector.collect()
    ]


def decodeFamilies(value: Any) -> list[Family]:
    """
    @param value: the decoded answer of a worker
    @raise msgspec.ValidationError: it is anything else
    """
    return msgspec.convert(value, list[Family])


class Collected(Collector):
    """
    Metrics that have been collected already.
    """

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterator[Metric]:
        """
        @return: the metrics
        """
        return iter(self._metrics)


def labelled(figures: dict[str, Families]) -> Iterator[Metric]:
    """
    @param figures: the metrics by process
    @return: the metrics of all processes, with the label C{worker}
    """
    found: dict[str, Metric] = {}
    for worker, families in figures.items():
        for family in families:
            metric = found.setdefault(family.name, Metric(family.name, family.text, family.type))
            metric.samples += [
                Sample(name, {"worker": worker, **labels}, value)
                for name, labels, value in family.samples
            ]
    yield from found.values()


def added(figures: Iterable[Families]) -> list[Family]:
    """
    @return: the sums of the metrics
    """
    found: dict[str, Family] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], list[float]]] = {}
    for families in figures:
        for family in families:
            found.setdefault(family.name, family)
            samples = values.setdefault(family.name, {})
            for name, labels, value in family.samples:
                samples.setdefault((name, tuple(labels.items())), []).append(value)
    return [
        Family(
            family.name,
            family.text,
            family.type,
            [
                (name, dict(labels), _COMBINED.get(family.name, sum)(each))
                for (name, labels), each in values[family.name].items()
            ],
        )
        for family in found.values()
    ]


class Totals:
    """
    The sums over all workers. A counter never decreases when a worker is replaced or does not
    answer: the last known values of each process count.
    """

    def __init__(self) -> None:
        self._last: dict[object, Families] = {}
        self._ended: Families = ()

    def update(self, figures: dict[Any, Families], living: Iterable[object]) -> None:
        """
        @param figures: the current metrics of the processes that have answered
        @param living: the processes that have not ended
        """
        self._last.update(figures)
        for process in self._last.keys() - set(living):
            self._ended = added([self._ended, _growing(self._last.pop(process))])

    def collect(self, figures: dict[Any, Families]) -> Iterator[Metric]:
        """
        @param figures: as for L{update}
        @return: the sums
        """
        silent = [_growing(last) for each, last in self._last.items() if each not in figures]
        for family in added([*figures.values(), *silent, self._ended]):
            metric = Metric(family.name, family.text, family.type)
            metric.samples = [Sample(*sample) for sample in family.samples]
            yield metric


def _growing(families: Families) -> list[Family]:
    return [family for family in families if family.type in _GROWING]
