"""
An outbox and its transports for tests.
"""

from __future__ import annotations

from errno import EAGAIN
from typing import Any

from hypothesis import strategies as st
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.limits import Limits
from machat.transport.budget import SendBudget
from machat.transport.outbox import Outbox
from machat.transport.queue import PIECE
from machat.wire.pieces import Pieces

PEER = IPv4Address("TCP", "192.0.2.1", 50000)
HOST = IPv4Address("TCP", "192.0.2.2", 8989)


#: Steps in any order: bytes to write, pieces to write, or a number of bytes that the peer reads.
Step = bytes | int | list[bytes]

STEPS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=12),
        st.sampled_from([b"x" * 300, b"y" * (PIECE - 1), b"z" * PIECE, b"abc" * 50_000]),
        st.lists(st.sampled_from([b"", b"u" * 5, b"v" * PIECE, b"w" * 100_000]), max_size=4),
        st.integers(0, 20),
        st.sampled_from([300, PIECE, 100_000]),
    ),
    max_size=25,
)


class Socket(Connection):
    """
    A plain socket and its transport: Twisted's own buffering and producer code, above a socket
    that accepts as much as a test allows.

    @ivar space: how many bytes it accepts until the peer reads
    @ivar taken: the bytes that it accepted
    @ivar written: the size of each C{write}, which receives the data that has to wait
    @ivar aborted: how often it was aborted
    @ivar ended: whether our direction is closed after all bytes
    @ivar broken: the error of every attempt to send
    """

    connected = 1
    outbox: Any = None
    reactor: Any

    def __init__(self, reactor: Any, space: int) -> None:
        FileDescriptor.__init__(self, reactor)
        self.socket: Any = self
        self.space = space
        self.taken = b""
        self.written: list[int] = []
        self.aborted = 0
        self.ended = False
        self.broken: OSError | None = None

    def send(self, data: bytes) -> int:
        """
        The kernel's part.
        """
        if self.broken is not None:
            raise self.broken
        if data and not self.space:
            raise BlockingIOError(EAGAIN, "Resource temporarily unavailable")
        size = min(len(data), self.space)
        self.space -= size
        self.taken += bytes(data[:size])
        return size

    def write(self, data: bytes) -> None:
        self.written.append(len(data))
        FileDescriptor.write(self, data)

    def read(self, size: int) -> None:
        """
        The peer reads: the socket accepts so many more bytes, and the reactor notices.
        """
        self.space += size
        while self.space and self in self.reactor.getWriters():
            why = self.doWrite()
            if why:
                self.connectionLost(Failure(why))

    def _closeWriteConnection(self) -> None:
        self.ended = True

    def abortConnection(self) -> None:
        self.aborted += 1
        self.stopReading()
        self.stopWriting()
        self.reactor.callLater(0, self.connectionLost, Failure(ConnectionAborted()))

    def connectionLost(self, reason: Failure) -> None:
        if not self.disconnected:
            FileDescriptor.connectionLost(self, reason)
            self.outbox.connectionLost()

    def getPeer(self) -> IPv4Address:
        return PEER

    def getHost(self) -> IPv4Address:
        return HOST


def take(step: Step, outbox: Outbox, socket: Socket) -> bytes:
    """
    Make one step.

    @return: the bytes that it writes
    """
    if isinstance(step, int):
        socket.read(step)
        return b""
    if isinstance(step, list):
        outbox.writePieces(Pieces(iter(step), 0))
        return b"".join(step)
    outbox.write(step)
    return step


class Cipher(ProtocolWrapper):
    """
    A transport above another one, as in TLS: it passes on every attribute, including C{getHandle},
    but it must transform the data that is sent.
    """

    transport: Any

    def write(self, data: bytes) -> None:
        self.transport.write(data.swapcase())


class OutboxTestCase(SynchronousTestCase):
    """
    An outbox on a socket. After the connection is lost, the outbox has no timer.
    """

    def setUp(self) -> None:
        self.clock = MemoryReactorClock()
        self.gaveUp: list[int] = []

    def open(self, space: int = 0, **limits: float) -> None:
        """
        Make a connection whose socket accepts so many bytes.
        """
        self.socket = Socket(self.clock, space)
        self.makeOutbox(self.socket, **limits)

    def makeOutbox(self, transport: Any, **limits: float) -> None:
        values = Limits(**{"maxWaiting": 10_000_000, **limits})  # type: ignore[arg-type]
        self.sendBudget = SendBudget(values.maxWaitingTotal)
        self.outbox = Outbox(transport, self.clock, values, self, self.sendBudget)
        self.socket.outbox = self.outbox

    def slow(self, waiting: int) -> None:
        """
        Record that the outbox has aborted the connection.
        """
        self.gaveUp.append(waiting)

    def tearDown(self) -> None:
        self.clock.advance(0)
        self.socket.connectionLost(Failure(ConnectionDone()))
        self.outbox.write(b"too late")
        self.outbox.loseConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.clock.getWriters(), [])

    def assertSlow(self, waiting: int) -> None:
        """
        The outbox aborted the connection once, with so many bytes queued.
        """
        self.assertEqual(self.gaveUp, [waiting])
        self.assertEqual(self.socket.aborted, 1)

    def assertOpen(self) -> None:
        """
        The connection was not aborted.
        """
        self.assertEqual(self.gaveUp, [])
        self.assertEqual(self.socket.aborted, 0)
