"""
Tables that compare servers of the same run: figures, or their ratios, with their targets.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.results import Key, Summary

#: The peers that show what a server in Python can reach at best, and what one on Twisted can.
_FLOORS = {"pyfloor": "floor in Python", "twisted": "plain Twisted"}

_HEAD = ["comparison", "measured", "target", "met", *_FLOORS.values()]


@dataclass(frozen=True)
class Unit:
    """
    The format of the numbers of a row.

    @ivar factor: a number is multiplied by it
    @ivar places: number of decimal places
    @ivar suffix: follows the number
    @ivar sign: C{"+"} to show the sign of positive numbers
    """

    factor: float = 1.0
    places: int = 2
    suffix: str = ""
    sign: str = ""

    def rounded(self, number: float) -> float:
        """
        @return: the number that is shown
        """
        return round(number * self.factor, self.places)

    def show(self, number: float) -> str:
        """
        @return: the text of a number
        """
        return f"{self.rounded(number):{self.sign},.{self.places}f}{self.suffix}"


_RATIO = Unit()
_MORE = Unit(1, 1, " ms", sign="+")
_MICROSECONDS = Unit(1e6, 1, " us")
_KILOBYTES = Unit(1e-3, 1, " kB")
_WHOLE = Unit(1, 0)


@dataclass(frozen=True)
class Comparison:
    """
    The median of one number of a server, in relation to other servers or by itself.

    @ivar text: what is compared
    @ivar first: the name of a server. It is measured on TCP, unless another transport follows the
        name
    @ivar others: the servers with the best of which it is compared. Those without figures are
        omitted.
    @ivar least: the target, if more is better
    @ivar most: the target, if less is better
    @ivar relation: compares the medians of two servers
    """

    text: str
    shape: str
    number: str
    first: str
    others: Sequence[str] = ()
    least: float | None = None
    most: float | None = None
    unit: Unit = _RATIO
    relation: Callable[[float, float], float] = operator.truediv

    def row(self, figures: Mapping[Key, Summary]) -> list[str]:
        """
        @return: the cells; none if there are no figures. The last ones are the same comparison for
            the floors, if this is one of MaChat.
        """
        measured = self._measure(figures, "machat")
        if measured is None:
            return []
        ours = self.first.partition(" ")[0] == "machat"
        floors = [self._measure(figures, peer) if ours else None for peer in _FLOORS]
        shown = ["" if floor is None else self.unit.show(floor) for floor in floors]
        return [self.text, self.unit.show(measured), *self._judge(measured), *shown]

    def _measure(self, figures: Mapping[Key, Summary], ours: str) -> float | None:
        """
        @param ours: the peer that is measured in the place of MaChat
        """
        names = [self.first, *self.others]
        first, *others = [self._median(figures, name, ours) for name in names]
        known = [each for each in others if each is not None]
        if first is None or (others and not known):
            return None
        best = min if self.most is not None else max
        return self.relation(first, best(known)) if known else first

    def _median(self, figures: Mapping[Key, Summary], name: str, ours: str) -> float | None:
        peer, _, transport = name.partition(" ")
        peer = ours if peer == "machat" else peer
        found = figures.get((self.shape, peer, transport or "tcp"), {}).get(self.number)
        return None if found is None else found["median"]

    def _judge(self, measured: float) -> tuple[str, str]:
        """
        @return: the target, and whether it is met by the number that is shown
        """
        number, show = self.unit.rounded(measured), self.unit.show
        if self.least is not None:
            return f"{show(self.least)} or more", _word(number >= self.unit.rounded(self.least))
        if self.most is not None:
            return f"{show(self.most)} or less", _word(number <= self.unit.rounded(self.most))
        return "", ""


def _word(met: bool) -> str:
    return "yes" if met else "no"


def _spaced(shape: str) -> str:
    return shape.replace("x", " x ")


def _than(text: str, first: str, other: str, targets: Mapping[str, float]) -> list[Comparison]:
    """
    @param targets: the least ratio of deliveries per CPU second for each shape
    """
    return [
        Comparison(f"{text}, {_spaced(shape)}", shape, "deliveriesPerCpu", first, [other], target)
        for shape, target in targets.items()
    ]


def _user(text: str, first: str) -> list[Comparison]:
    return [
        Comparison(
            f"{text}: user CPU time per message, {_spaced(shape)}",
            shape,
            "userPerMessage",
            first,
            most=target * 1e-6,
            unit=_MICROSECONDS,
        )
        for shape, target in {"1x1000": 150, "200x5": 6.5, "2000x2": 9}.items()
    ]


def _memory(text: str, first: str, target: float) -> Comparison:
    title = f"{text}: memory of an idle connection"
    number = "bytesPerConnection"
    return Comparison(title, "idle", number, first, most=target, unit=_KILOBYTES)


def _joins(text: str, others: Sequence[str], target: float, unit: Unit = _RATIO) -> Comparison:
    return Comparison(text, "joins", "joinsPerCpu", "machat ws", others, target, unit=unit)


def _sparse(text: str, first: str) -> list[Comparison]:
    return [
        Comparison(
            f"{text} / best server, 1 in 500 x 4: {title}",
            "sparse-500x4",
            number,
            first,
            _OTHERS,
            most=1.0,
        )
        for title, number in {"p50": "p50", "p99": "p99", "CPU time": "cpu"}.items()
    ]


_ONE, _TWO, _MEMORY = "machat-redis", "machat-redis-2", "machat"
_LATENCY = "latency, Redis - memory, 50 in 1 x 1000"

#: The servers of others, without the floors.
_OTHERS = ("redis", "uws ws", "nats", "go ws", "node", "node ws")

_UWS = {"1x100": 1.0, "1x1000": 1.0, "1x10": 0.92, "200x5": 0.92, "2000x2": 0.85}


def _stored(text: str, shape: str, target: float) -> Comparison:
    return Comparison(text, shape, "deliveriesPerCpu", _ONE, [_MEMORY], target)


def _later(number: str, target: float) -> Comparison:
    """
    @param target: the most that a latency with Redis may exceed that in memory, milliseconds
    """
    text = f"{_LATENCY}: {number}"
    shape, relation = "rate-1x1000", operator.sub
    return Comparison(text, shape, number, _ONE, [_MEMORY], None, target, _MORE, relation)


def _nodes(text: str, shape: str, one: str, two: str, most: float | None = None) -> Comparison:
    return Comparison(text, shape, "deliveriesPerCpu", one, [two], most=most)


#: The title and the rows of each table.
COMPARISONS: dict[str, tuple[str, Sequence[Comparison]]] = {
    "targets": (
        "Targets. Ratios are of deliveries per CPU second, unless the row names another figure.",
        [
            *_than("WebSocket / uWebSockets", "machat ws", "uws ws", _UWS),
            *_than("TCP / Redis", "machat", "redis", {"1x1000": 1.0, "200x5": 0.75, "2000x2": 0.6}),
            *_than(
                "TCP / floor in C",
                "machat",
                "floor",
                {"1x100": 1.0, "1x1000": 1.0, "200x5": 0.55, "2000x2": 0.42},
            ),
            *_than("WebSocket / TCP", "machat ws", "machat", {"1x100": 0.95}),
            *_user("TCP", "machat"),
            *_user("WebSocket", "machat ws"),
            *_sparse("TCP", "machat"),
            *_sparse("WebSocket", "machat ws"),
            _memory("TCP", "machat", 2_500),
            _memory("WebSocket", "machat ws", 2_600),
            _joins("WebSocket: joins per CPU second", [], 12_000, _WHOLE),
            _joins("WebSocket / Node, joins per CPU second", ["node ws"], 1.0),
            _joins("WebSocket / Go, joins per CPU second", ["go ws"], 1.0),
        ],
    ),
    "engine": (
        "One server with its store in Redis, in relation to memory.",
        [
            _stored("deliveries per CPU second, 1 x 100", "1x100", 0.8),
            _stored("deliveries per CPU second, 200 x 5", "200x5", 0.6),
            _later("p50", 1.0),
            _later("p99", 3.0),
            Comparison("joins per CPU second", "joins", "joinsPerCpu", _ONE, [_MEMORY]),
        ],
    ),
    "cluster": (
        "CPU time per delivery of two nodes, in relation to one.",
        [
            _nodes("MaChat with Redis, 1 x 100", "1x100", _ONE, _TWO, 1.1),
            _nodes("the same, 256 in flight", "1x100-busy", _ONE, _TWO, 1.1),
            _nodes("MaChat with Redis, 200 x 5", "200x5", _ONE, _TWO, 1.1),
            _nodes("NATS, 1 x 100", "1x100", "nats", "nats-2"),
            _nodes("NATS, 200 x 5", "200x5", "nats", "nats-2"),
        ],
    ),
}


def compare(comparisons: Iterable[Comparison], figures: Mapping[Key, Summary]) -> list[list[str]]:
    """
    @return: the rows of a table, the first of which is its head; none without figures
    """
    rows = [row for each in comparisons if (row := each.row(figures))]
    return [_HEAD, *rows] if rows else []
