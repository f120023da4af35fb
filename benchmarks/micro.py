"""
Microbenchmarks of MaChat's hot functions, with pyperf: C{python -m benchmarks.micro --help}. Times
are per message, or per member if the name of the benchmark states so.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport

from benchmarks.dialects import DIALECTS, TextLines
from machat.events import Message
from machat.limits import DEFAULTS
from machat.testing import MemoryChat, MemoryClient
from machat.transport.budget import SendBudget
from machat.transport.outbox import Outbox
from machat.wire import EVENTS, EVENTS_FRAMES, TEXT, TEXT_FRAMES, IDialect

try:
    import pyperf
except ImportError:
    sys.exit("benchmarks: pyperf is not installed: pip install 'machat[bench]'")

#: Number of messages in one read, and in one batch.
BATCH = 8

_BODY = b"$%017x" % 0


def said(
    client: MemoryClient, chat: MemoryChat, dialect: TextLines, count: int
) -> Callable[[int], float]:
    """
    @return: a function that lets the client's protocol read C{count} messages at once, repeatedly,
        without delivering them
    """
    data = dialect.speech("dev", 64)(_BODY) * count
    receive = client._protocol.dataReceived
    (room,) = chat.service.rooms
    dirty = chat.service._batches._dirty

    def read(loops: int) -> float:
        dirty[:] = [room]  # so that no delivery is scheduled
        begun = perf_counter()
        for _ in range(loops):
            receive(data)
            room.batch = None
            del dirty[1:]
        return perf_counter() - begun

    return read


def encoded(dialect: IDialect) -> Callable[[], object]:
    """
    @return: a function that encodes a batch
    """
    batch = [Message("dev", seq, "Mina", "x" * 64, 1_764_000_000_000) for seq in range(BATCH)]
    return partial(dialect.encode, batch)


class _Socket(Connection):
    """
    One end of a socket pair, as the transport of an outbox.
    """

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self.connected = 1


class _Owner:
    """
    The protocol of an outbox.
    """

    def slow(self, waiting: int) -> None:
        """
        Do nothing.
        """


def written(plain: bool) -> Callable[[int], float]:
    """
    @param plain: whether to write to a socket, whose other end is read to empty between
        measurements, or to memory
    @return: a function that writes to an idle outbox
    """
    here, there = socket.socketpair()
    here.setblocking(False)
    transport = _Socket(here) if plain else StringTransport()
    clock: IReactorTime = Clock()
    outbox = Outbox(transport, clock, DEFAULTS, _Owner(), SendBudget(1 << 30))
    data = TEXT.encode([Message("dev", 1, "Mina", "x" * 64, 0)])

    def write(loops: int) -> float:
        total = 0.0
        for start in range(0, loops, 100):
            count = min(100, loops - start)
            begun = perf_counter()
            for _ in range(count):
                outbox.write(data)
            total += perf_counter() - begun
            if isinstance(transport, StringTransport):
                transport.clear()
            else:
                there.recv(count * len(data), socket.MSG_WAITALL)
        return total

    return write


def main() -> None:
    """
    Run the benchmarks.
    """
    runner = pyperf.Runner()
    chat = MemoryChat()
    clients = {
        "line in": (chat.tcp("Mina", "dev"), "lines"),
        "frame in": (chat.ws("Ada", "dev"), "frames"),
    }
    for name, (client, dialect) in clients.items():
        for count in (BATCH, 1):
            measured = said(client, chat, DIALECTS[dialect], count)
            runner.bench_time_func(f"{name}, {count} per read", measured, inner_loops=count)
    for name, speaks in (
        ("text lines", TEXT),
        ("text frames", TEXT_FRAMES),
        ("event lines", EVENTS),
        ("event frames", EVENTS_FRAMES),
    ):
        runner.bench_func(f"batch encode, {name}", encoded(speaks), inner_loops=BATCH)
    runner.bench_time_func("outbox write to a socket, per member", written(True))
    runner.bench_time_func("outbox write to memory, per member", written(False))


if __name__ == "__main__":
    main()
