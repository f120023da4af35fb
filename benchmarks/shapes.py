"""
What is measured: how many rooms, members, messages, and at what pace.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import Enum


class Kind(str, Enum):
    """
    C{THROUGHPUT} keeps a number of messages in flight, C{RATE} sends at a fixed rate, C{IDLE} and
    C{JOINS} only connect, C{STALL} is a fixed rate during which some members stop to read.
    """

    THROUGHPUT = "throughput"
    RATE = "rate"
    IDLE = "idle"
    JOINS = "joins"
    STALL = "stall"


@dataclass(frozen=True)
class Shape:
    """
    One measurement.

    @ivar senders: how many members of each room talk, in turn
    @ivar window: messages in flight in each room
    @ivar rate: messages a second in each room, instead of a window
    @ivar size: bytes of a message body
    @ivar stalled: members on top of C{members}, all in the first room, that stop to read
    @ivar tls: whether it is measured over TLS too
    @ivar warm: seconds before the measured ones
    """

    name: str
    kind: Kind
    rooms: int
    members: int
    senders: int = 1
    window: int = 0
    rate: float = 0.0
    size: int = 64
    stalled: int = 0
    tls: bool = False
    seconds: float = 4.0
    warm: float = 1.0

    @property
    def connections(self) -> int:
        """
        @return: how many are opened in all
        """
        return self.rooms * self.members + self.stalled

    @property
    def largestRoom(self) -> int:
        """
        @return: members of the fullest room
        """
        return self.members + self.stalled

    def lasting(self, seconds: float) -> Shape:
        """
        @return: the same with another time to measure, and at most that long to warm up
        """
        return replace(self, seconds=seconds, warm=min(self.warm, seconds))


_FLOW = Kind.THROUGHPUT

#: Rooms have one sender where nothing else is said.
SHAPES = (
    Shape("1x10", _FLOW, 1, 10, senders=10, window=16),
    Shape("1x100", _FLOW, 1, 100, senders=10, window=16, tls=True),
    Shape("1x1000", _FLOW, 1, 1000, window=4, tls=True),
    Shape("1x5000", _FLOW, 1, 5000, window=4),
    Shape("200x5", _FLOW, 200, 5, window=8),
    Shape("2000x2", _FLOW, 2000, 2, window=2),
    Shape("1x100-1k", _FLOW, 1, 100, senders=10, window=16, size=1024),
    Shape("1x100-16k", _FLOW, 1, 100, senders=10, window=16, size=16_384),
    Shape("rate-1x1000", Kind.RATE, 1, 1000, senders=10, rate=50, seconds=8),
    Shape("rate-200x5", Kind.RATE, 200, 5, senders=5, rate=20, seconds=8),
    Shape("idle", Kind.IDLE, 10, 1000),
    Shape("joins", Kind.JOINS, 800, 5),
    Shape("stall-1", Kind.STALL, 1, 100, 10, rate=250, size=4096, stalled=1, seconds=15),
    Shape("stall-50", Kind.STALL, 1, 100, 10, rate=250, size=4096, stalled=50, seconds=15),
)

#: What C{--quick} measures, for how many seconds each, and when it starts no more of them.
QUICK_SHAPES = ("1x100", "200x5")
QUICK_SECONDS = 0.5
QUICK_BUDGET = 41.0


@dataclass(frozen=True)
class Plan:
    """
    What the process that makes the load is told.

    @ivar dialect: a name of L{benchmarks.dialects.DIALECTS}
    @ivar pid: the server, whose CPU time and memory are read
    @ivar library: F{turn.c} compiled, or C{None} to do without
    """

    shape: Shape
    dialect: str
    tls: bool
    port: int
    pid: int
    library: str | None = None

    def toJson(self) -> str:
        """
        @return: this as one line
        """
        return json.dumps(asdict(self))

    @classmethod
    def fromJson(cls, text: str) -> Plan:
        """
        @return: what L{toJson} was called on
        """
        fields = json.loads(text)
        shape = fields.pop("shape")
        return cls(shape=Shape(**{**shape, "kind": Kind(shape["kind"])}), **fields)
