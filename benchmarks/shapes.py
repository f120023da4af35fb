"""
The shapes to measure: numbers of rooms and members, size and rate of messages.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import Enum


class Kind(str, Enum):
    """
    C{THROUGHPUT} keeps a fixed number of messages in flight. C{RATE} sends at a fixed rate. C{IDLE}
    and C{JOINS} only connect. C{STALL} sends at a fixed rate while some members stop reading.
    C{RECOVERY} posts a number of messages, and restarts the server.
    """

    THROUGHPUT = "throughput"
    RATE = "rate"
    IDLE = "idle"
    JOINS = "joins"
    STALL = "stall"
    RECOVERY = "recovery"


@dataclass(frozen=True)
class Shape:
    """
    One measurement.

    @ivar senders: number of members of each room that send messages, in turn
    @ivar window: number of messages in flight in each room
    @ivar rate: messages per second in each room, instead of a window
    @ivar messages: the total number of messages to post
    @ivar size: size of a message body, bytes
    @ivar stalled: number of members that stop reading, all in the first room, in addition to
        C{members}
    @ivar tls: whether to measure over TLS too
    @ivar stored: whether to measure the peers that store messages. A room has one member, and a
        delivery is the acknowledgement of a stored message.
    @ivar warm: time before the measurement, seconds
    """

    name: str
    kind: Kind
    rooms: int
    members: int
    senders: int = 1
    window: int = 0
    rate: float = 0.0
    messages: int = 0
    size: int = 64
    stalled: int = 0
    tls: bool = False
    stored: bool = False
    seconds: float = 4.0
    warm: float = 1.0

    @property
    def connections(self) -> int:
        """
        @return: the total number of connections
        """
        return self.rooms * self.members + self.stalled

    @property
    def largestRoom(self) -> int:
        """
        @return: the number of members of the largest room
        """
        return self.members + self.stalled

    def lasting(self, seconds: float) -> Shape:
        """
        @return: the same shape with a different measurement time, and a warm-up time of at most
            that time
        """
        return replace(self, seconds=seconds, warm=min(self.warm, seconds))


_FLOW = Kind.THROUGHPUT

#: All shapes. By default, a room has one sender.
SHAPES = (
    Shape("1x10", _FLOW, 1, 10, senders=10, window=16),
    Shape("1x100", _FLOW, 1, 100, senders=10, window=16, tls=True),
    Shape("1x100-busy", _FLOW, 1, 100, senders=10, window=256),
    Shape("1x1000", _FLOW, 1, 1000, window=4, tls=True),
    Shape("1x5000", _FLOW, 1, 5000, window=4),
    Shape("200x5", _FLOW, 200, 5, window=8),
    Shape("2000x2", _FLOW, 2000, 2, window=2),
    Shape("1x100-1k", _FLOW, 1, 100, senders=10, window=16, size=1024),
    Shape("1x100-16k", _FLOW, 1, 100, senders=10, window=16, size=16_384),
    Shape("rate-1x1000", Kind.RATE, 1, 1000, senders=10, rate=50, seconds=8),
    Shape("rate-200x5", Kind.RATE, 200, 5, senders=5, rate=20, seconds=8),
    Shape("sparse-500x4", Kind.RATE, 500, 4, senders=4, rate=1, seconds=15),
    Shape("stored-200x1", _FLOW, 200, 1, window=8, stored=True),
    Shape("restart-1g", Kind.RECOVERY, 200, 1, window=64, messages=10**6, size=1024, stored=True),
    Shape("idle", Kind.IDLE, 10, 1000),
    Shape("joins", Kind.JOINS, 800, 5),
    Shape("stall-1", Kind.STALL, 1, 100, 10, rate=250, size=4096, stalled=1, seconds=15),
    Shape("stall-50", Kind.STALL, 1, 100, 10, rate=250, size=4096, stalled=50, seconds=15),
)

#: Names for several shapes: those of MaChat's own cost, those that compare one node
#: with several, and those that compare stores.
GROUPS = {
    "core": ("1x10", "1x100", "1x1000", "200x5", "2000x2", "sparse-500x4", "idle", "joins"),
    "nodes": ("1x100", "1x100-busy", "200x5", "rate-1x1000", "joins"),
    "store": ("1x100", "200x5", "rate-1x1000", "rate-200x5", "stored-200x1", "restart-1g"),
}

#: The shapes and peers of C{--quick}, seconds for each run, and seconds after which it starts no
#: more runs.
QUICK_SHAPES = ("1x100", "200x5")
QUICK_PEERS = ("machat", "events", "floor", "redis", "uws", "nats", "node", "websockets", "twisted")
QUICK_SECONDS = 0.5
QUICK_BUDGET = 41.0


@dataclass(frozen=True)
class Plan:
    """
    The input of the load process.

    @ivar dialect: a key of L{benchmarks.dialects.DIALECTS}
    @ivar ports: the port of each node of the server. The clients connect to them in turn.
    @ivar pids: process numbers of the nodes, to read their CPU time and memory
    @ivar engine: process number of the server that the nodes share, or C{None}
    @ivar library: path of the compiled F{turn.c}, or C{None} to run without it
    """

    shape: Shape
    dialect: str
    tls: bool
    ports: tuple[int, ...]
    pids: tuple[int, ...]
    engine: int | None = None
    library: str | None = None

    def toJson(self) -> str:
        """
        @return: the plan as one line of JSON
        """
        return json.dumps(asdict(self))

    @classmethod
    def fromJson(cls, text: str) -> Plan:
        """
        @return: the plan that L{toJson} has encoded
        """
        fields = json.loads(text)
        shape = fields.pop("shape")
        fields |= {key: tuple(fields[key]) for key in ("ports", "pids")}
        return cls(shape=Shape(**{**shape, "kind": Kind(shape["kind"])}), **fields)
