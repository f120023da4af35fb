"""
Tables that compare two servers of the same run: figures in relation to a target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.results import Key, Summary


def _ratio(first: float, second: float) -> str:
    return f"{first / second:.2f}"


def _more(first: float, second: float) -> str:
    return f"{first - second:+.1f} ms"


@dataclass(frozen=True)
class Comparison:
    """
    The medians of one number of two servers.

    @ivar text: what is compared
    @ivar first: the name of a server. It is measured on TCP, unless another transport follows the
        name
    @ivar second: the server with which it is compared
    @ivar form: formats the comparison of two medians
    """

    text: str
    shape: str
    number: str
    first: str
    second: str
    target: str = ""
    form: Callable[[float, float], str] = _ratio

    def row(self, figures: Mapping[Key, Summary]) -> list[str]:
        """
        @return: the cells; none if there are no figures
        """
        found = [
            figures.get((self.shape, peer, transport or "tcp"), {}).get(self.number)
            for peer, _, transport in (self.first.partition(" "), self.second.partition(" "))
        ]
        numbers = [each["median"] for each in found if each is not None]
        if len(numbers) < 2:
            return []
        return [self.text, self.form(*numbers), self.target]


def _cpu(text: str, shape: str, first: str, second: str, target: str) -> Comparison:
    return Comparison(text, shape, "deliveriesPerCpu", first, second, target)


_ONE, _TWO, _MEMORY = "machat-redis", "machat-redis-2", "machat"
_LATENCY = "latency, Redis - memory, 50 in 1 x 1000"


def _than(text: str, first: str, second: str, targets: Mapping[str, float]) -> list[Comparison]:
    """
    @param targets: the least ratio for each shape
    """
    return [
        _cpu(f"{text}, {shape.replace('x', ' x ')}", shape, first, second, f"{target:.2f} or more")
        for shape, target in targets.items()
    ]


_UWS = {"1x100": 1.0, "1x1000": 1.0, "1x10": 0.92, "200x5": 0.92, "2000x2": 0.85}

#: The title and the rows of each table.
COMPARISONS: dict[str, tuple[str, Sequence[Comparison]]] = {
    "targets": (
        "Deliveries per CPU second in relation to other servers.",
        [
            *_than("WebSocket / uWebSockets", "machat ws", "uws ws", _UWS),
            *_than("TCP / Redis", "machat", "redis", {"1x1000": 1.0, "200x5": 0.75, "2000x2": 0.6}),
            *_than(
                "TCP / floor",
                "machat",
                "floor",
                {"1x100": 1.0, "1x1000": 1.0, "200x5": 0.55, "2000x2": 0.42},
            ),
            *_than("WebSocket / TCP", "machat ws", "machat", {"1x100": 0.95}),
        ],
    ),
    "engine": (
        "One server with its store in Redis, in relation to memory.",
        [
            _cpu("deliveries per CPU second, 1 x 100", "1x100", _ONE, _MEMORY, "0.8 or more"),
            _cpu("deliveries per CPU second, 200 x 5", "200x5", _ONE, _MEMORY, "0.6 or more"),
            Comparison(f"{_LATENCY}: p50", "rate-1x1000", "p50", _ONE, _MEMORY, "1 or less", _more),
            Comparison(f"{_LATENCY}: p99", "rate-1x1000", "p99", _ONE, _MEMORY, "3 or less", _more),
            Comparison("joins per CPU second", "joins", "joinsPerCpu", _ONE, _MEMORY),
        ],
    ),
    "cluster": (
        "CPU time per delivery of two nodes, in relation to one.",
        [
            _cpu("MaChat with Redis, 1 x 100", "1x100", _ONE, _TWO, "1.10 or less"),
            _cpu("the same, 256 in flight", "1x100-busy", _ONE, _TWO, "1.10 or less"),
            _cpu("MaChat with Redis, 200 x 5", "200x5", _ONE, _TWO, "1.10 or less"),
            _cpu("NATS, 1 x 100", "1x100", "nats", "nats-2", ""),
            _cpu("NATS, 200 x 5", "200x5", "nats", "nats-2", ""),
        ],
    ),
}


def compare(comparisons: Sequence[Comparison], figures: Mapping[Key, Summary]) -> list[list[str]]:
    """
    @return: the rows of a table, the first of which is its head; none without figures
    """
    rows = [row for each in comparisons if (row := each.row(figures))]
    return [["comparison", "measured", "target"], *rows] if rows else []
