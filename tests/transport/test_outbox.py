"""
Tests for L{machat.transport.outbox}.
"""

from __future__ import annotations

from collections.abc import Iterator
from errno import EAGAIN, ECONNRESET
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IPullProducer,
    IPushProducer,
    ISSLTransport,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides, verify

from machat import wire
from machat.events import Message
from machat.limits import Limits
from machat.transport.budget import SendBudget
from machat.transport.outbox import Outbox
from machat.transport.queue import PIECE
from machat.transport.senders import LINGER
from machat.wire.pieces import Encoded, Pieces, Slices

PEER = IPv4Address("TCP", "192.0.2.1", 50000)
HOST = IPv4Address("TCP", "192.0.2.2", 8989)


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
        self.outbox = Outbox(transport, self.clock, values, self.gaveUp.append, self.sendBudget)
        self.socket.outbox = self.outbox

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


class SocketTests(OutboxTestCase):
    """
    An outbox on a plain socket.
    """

    def test_interfaces(self) -> None:
        """
        An outbox provides both producer interfaces; the socket of these tests provides a
        transport's.
        """
        self.open()
        verify.verifyObject(IPushProducer, self.outbox)
        verify.verifyObject(IPullProducer, self.outbox)
        verify.verifyObject(ITransport, self.socket)
        verify.verifyObject(IConsumer, self.socket)

    def test_idle(self) -> None:
        """
        Data is written to an idle socket at once, without a queue or a timer.
        """
        self.open(100)
        self.outbox.write(b"abc")
        self.outbox.write(b"def")
        self.assertEqual(self.socket.taken, b"abcdef")
        self.assertEqual(self.socket.written, [])
        self.assertIsNone(self.socket.producer)
        self.assertEqual(self.clock.getWriters(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_rest(self) -> None:
        """
        Data that the socket does not accept is sent when it accepts more.
        """
        self.open(2)
        self.outbox.write(b"abcdef")
        self.assertEqual(self.socket.taken, b"ab")
        self.socket.read(3)
        self.assertEqual(self.socket.taken, b"abcde")
        self.socket.read(3)
        self.assertEqual(self.socket.taken, b"abcdef")

    def test_nothing(self) -> None:
        """
        An empty write while data is queued does not stop the data after it.
        """
        self.open(2)
        self.outbox.write(b"abc")
        self.outbox.write(b"")
        self.socket.read(3)
        self.outbox.write(b"de")
        self.socket.read(5)
        self.assertEqual(self.socket.taken, b"abcde")

    def test_notAround(self) -> None:
        """
        While data is queued, later writes are queued after it, even if the socket would accept
        them.
        """
        self.open(2)
        self.outbox.write(b"abcd")
        self.socket.space = 100
        self.outbox.write(b"ef")
        self.assertEqual(self.socket.taken, b"ab")
        self.socket.read(1)
        self.assertEqual(self.socket.taken, b"abcdef")

    def test_idleAgain(self) -> None:
        """
        When all queued data is sent, the socket is written to at once again.
        """
        self.open()
        self.outbox.write(b"abc")
        self.socket.read(100)
        self.assertIsNone(self.socket.producer)
        self.assertEqual(self.clock.getWriters(), [])
        self.outbox.write(b"def")
        self.assertEqual(self.socket.taken, b"abcdef")
        self.assertEqual(self.socket.written, [3])

    def test_againAndAgain(self) -> None:
        """
        A socket may become full any number of times.
        """
        self.open()
        for n in range(20):
            self.outbox.write(b"%d," % n)
            self.assertIs(self.socket.producer, self.outbox)
            self.socket.read(3)
            self.assertIsNone(self.socket.producer)
            self.socket.space = 0
        self.assertEqual(self.socket.taken, b"".join(b"%d," % n for n in range(20)))
        self.assertOpen()

    def test_joined(self) -> None:
        """
        Queued data is passed to the socket in joined blocks of at most one piece.
        """
        self.open()
        self.outbox.write(b"first")
        for _ in range(1000):
            self.outbox.write(b"x" * 100)
        self.assertEqual(self.socket.written, [5])
        self.socket.read(5)
        self.assertEqual(self.socket.written, [5, PIECE])
        self.socket.read(PIECE)
        self.assertEqual(self.socket.written, [5, PIECE, 100_000 - PIECE])
        self.socket.read(1_000_000)
        self.assertEqual(self.socket.taken, b"first" + b"x" * 100_000)

    def test_large(self) -> None:
        """
        One write of many pieces is passed on piece by piece.
        """
        self.open(10)
        data = bytes(range(256)) * 1000
        self.outbox.write(data)
        self.socket.read(1_000_000)
        self.assertEqual(self.socket.taken, data)
        self.assertEqual(self.socket.written, [PIECE, PIECE, PIECE, 255_990 - 3 * PIECE])

    def test_addresses(self) -> None:
        """
        The outbox has the addresses of its transport.
        """
        self.open()
        self.assertEqual((self.outbox.getPeer(), self.outbox.getHost()), (PEER, HOST))

    def test_unregisterProducer(self) -> None:
        """
        No other code can unregister the outbox from its transport.
        """
        self.open()
        self.outbox.write(b"abc")
        self.outbox.unregisterProducer()
        self.assertIs(self.socket.producer, self.outbox)
        self.socket.read(3)
        self.assertEqual(self.socket.taken, b"abc")


class BoundsTests(OutboxTestCase):
    """
    The limits on queued data on a plain socket, in bytes and in time.
    """

    def test_waiting(self) -> None:
        """
        A queue longer than the limit aborts the connection; a queue up to the limit does not.
        """
        self.open(10, maxWaiting=1000)
        self.outbox.write(b"x" * 510)
        self.outbox.write(b"y" * 500)
        self.assertOpen()
        self.outbox.write(b"z")
        self.assertSlow(1001)

    def test_waitingHandedOver(self) -> None:
        """
        Data in the transport counts until it is sent.
        """
        self.open(maxWaiting=1000)
        self.outbox.write(b"x" * 600)
        self.outbox.write(b"y" * 400)
        self.socket.read(600)
        self.outbox.write(b"z" * 600)
        self.assertOpen()
        self.outbox.write(b"!")
        self.assertSlow(1001)

    def test_waitingBegins(self) -> None:
        """
        The count starts again when all data is sent.
        """
        self.open(maxWaiting=1000)
        for _ in range(5):
            self.outbox.write(b"x" * 500)
            self.outbox.write(b"y" * 500)
            self.socket.read(1000)
        self.assertOpen()
        self.assertEqual(len(self.socket.taken), 5000)

    def test_slowIsOver(self) -> None:
        """
        Nothing is sent to a peer that was aborted, and it is aborted once.
        """
        self.open(maxWaiting=10)
        self.outbox.write(b"abcdef")
        self.outbox.write(b"ghijkl")
        self.assertSlow(12)
        self.outbox.write(b"more" * 10)
        self.socket.space = 100
        self.outbox.resumeProducing()
        self.outbox.write(b"and more")
        self.outbox.loseConnection()
        self.clock.pump([0, 100, 100])
        self.assertSlow(12)
        self.assertEqual(self.socket.taken, b"")
        self.assertTrue(self.socket.disconnected)

    def test_stalled(self) -> None:
        """
        A peer that reads nothing for the given time is aborted.
        """
        self.open(2, maxStall=30)
        self.outbox.write(b"abcdef")
        self.clock.advance(29.5)
        self.assertOpen()
        self.clock.advance(0.5)
        self.assertSlow(4)

    def test_writingIsNoProgress(self) -> None:
        """
        Further writes do not extend the time of a peer that reads nothing.
        """
        self.open(maxStall=30)
        for _ in range(29):
            self.outbox.write(b"abc")
            self.clock.advance(1)
        self.assertOpen()
        self.clock.advance(1)
        self.assertSlow(29 * 3)

    def test_progress(self) -> None:
        """
        A peer that reads the data that was passed on has the full time again.
        """
        self.open(maxStall=30)
        self.outbox.write(b"abc")
        for _ in range(5):
            self.outbox.write(b"def")
            self.clock.advance(20)
            self.socket.read(3)
        self.clock.advance(29.5)
        self.assertOpen()
        self.clock.advance(0.5)
        self.assertSlow(3)

    def test_stalledAgain(self) -> None:
        """
        The time starts when the peer begins to read too slowly, not earlier.
        """
        self.open(maxStall=30)
        self.outbox.write(b"abc")
        self.clock.advance(10)
        self.socket.read(3)
        self.clock.advance(10)
        self.outbox.write(b"def")
        self.clock.advance(29.5)
        self.assertOpen()
        self.clock.advance(0.5)
        self.assertSlow(3)

    def test_standstill(self) -> None:
        """
        If the check runs late, the process stood still and sent nothing, so the time starts again.
        """
        self.open(maxStall=30)
        self.outbox.write(b"abc")
        self.clock.advance(32)
        self.assertOpen()
        self.clock.advance(29.5)
        self.assertOpen()
        self.clock.advance(0.5)
        self.assertSlow(3)

    def test_rounding(self) -> None:
        """
        The timeout ends at any clock value, even where floating-point arithmetic is inexact.
        """
        for tenths in range(1, 100):
            self.setUp()
            self.clock.advance(tenths * 0.1)
            self.open(0, maxStall=30)
            self.outbox.write(b"abc")
            self.clock.advance(30)
            self.clock.advance(0.001)
            self.assertSlow(3)
            self.tearDown()

    def test_oneTimer(self) -> None:
        """
        However often a socket is full, there is one timer, and it ends by itself.
        """
        self.open(maxStall=30)
        for _ in range(10):
            self.outbox.write(b"abc")
            self.socket.read(3)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(30)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertOpen()


class PiecesTests(OutboxTestCase):
    """
    Data that is produced while the peer reads.
    """

    def pieces(self, *pieces: bytes) -> Pieces:
        """
        @return: these pieces; the production of each one is recorded
        """

        def make() -> Iterator[bytes]:
            for piece in pieces:
                self.made.append(piece)
                yield piece

        return Pieces(make(), 0)

    def setUp(self) -> None:
        super().setUp()
        self.made: list[bytes] = []

    def test_atOnce(self) -> None:
        """
        Pieces that the socket accepts are passed on at once.
        """
        self.open(100)
        self.assertIsNone(self.outbox.writePieces(self.pieces(b"abc", b"def")))
        self.assertEqual(self.socket.taken, b"abcdef")
        self.assertIsNone(self.outbox.writePieces(self.pieces()))

    def test_asThePeerTakes(self) -> None:
        """
        A piece is produced only after the one before it has been sent, and later writes are sent
        after all pieces.
        """
        for secure in (False, True):
            self.setUp()
            self.socket = Socket(self.clock, 4)
            if secure:
                alsoProvides(self.socket, ISSLTransport)
            self.makeOutbox(self.socket)
            big = [bytes([65 + n]) * PIECE for n in range(4)]
            done = self.outbox.writePieces(self.pieces(*big))
            self.outbox.write(b"later")
            self.assertLess(len(self.made), 3)
            assert done is not None
            self.assertNoResult(done)
            for count in range(1, 5):
                self.socket.read(PIECE)
                self.assertLess(len(self.made), count + 3)
            self.socket.read(PIECE)
            self.assertEqual(self.socket.taken, b"".join(big) + b"later")
            self.successResultOf(done)
            self.assertOpen()
            self.tearDown()

    def test_bounded(self) -> None:
        """
        Pieces do not count before they are produced, but data queued after them does.
        """
        self.open(0, maxWaiting=PIECE + 10)
        self.outbox.writePieces(self.pieces(*[b"x" * PIECE] * 10))
        self.outbox.write(b"y" * 10)
        self.assertOpen()
        self.outbox.write(b"y")
        self.assertSlow(PIECE + 11)

    def test_closed(self) -> None:
        """
        Closing sends all pieces first.
        """
        self.open(0)
        self.outbox.writePieces(self.pieces(*[b"x" * PIECE] * 3))
        self.outbox.loseConnection()
        self.assertIsNone(self.outbox.writePieces(self.pieces(b"late")))
        self.socket.read(3 * PIECE + 1)
        self.assertEqual(self.socket.taken, b"x" * 3 * PIECE)
        self.assertTrue(self.socket.ended)

    def test_held(self) -> None:
        """
        Data that is kept for later pieces counts towards the limit of all connections together and
        the length of the queue, but not towards the limit of this connection.
        """
        self.open(0, maxWaiting=PIECE + 10)
        self.outbox.writePieces(Slices(b"x" * 10 * PIECE))
        self.assertEqual(self.outbox.waiting, self.sendBudget.waiting)
        self.assertEqual(self.outbox.waiting - self.outbox._waiting, 10 * PIECE)
        self.assertOpen()
        self.socket.read(10 * PIECE + 1)
        self.assertEqual((self.outbox.waiting, self.sendBudget.waiting), (0, 0))
        self.assertEqual(self.sendBudget._queues, set())

    def test_heldMessages(self) -> None:
        """
        Messages are released as they are encoded.
        """
        self.open(0)
        messages = [Message("dev", n, "Mina", chr(65 + n) * PIECE, 0) for n in range(8)]
        self.outbox.write(b"x")
        self.outbox.writePieces(Encoded(messages, wire.TEXT.encode))
        before = self.sendBudget.waiting
        self.assertGreater(before, 8 * PIECE)
        self.socket.read(4 * PIECE)
        self.assertLess(self.sendBudget.waiting, before - 2 * PIECE)
        self.outbox.connectionLost()
        self.assertEqual((self.outbox.waiting, self.sendBudget.waiting), (0, 0))
        self.assertEqual(self.sendBudget._holders, {})

    def test_heldTooMuch(self) -> None:
        """
        If all connections together keep too much, the connection that keeps the most is aborted.
        """
        self.open(0, maxWaitingTotal=5 * PIECE)
        done = self.outbox.writePieces(Slices(b"x" * 6 * PIECE))
        self.assertNoResult(done)
        self.assertSlow(6 * PIECE + PIECE // 4)
        self.assertEqual(self.sendBudget.waiting, 0)

    def test_lost(self) -> None:
        """
        A lost connection requests no more pieces.
        """
        self.open(0)
        done = self.outbox.writePieces(self.pieces(*[b"x" * PIECE] * 3))
        self.outbox.abortConnection()
        self.assertIsNone(self.outbox.writePieces(self.pieces(b"late")))
        self.assertNoResult(done)


class ClosingTests(OutboxTestCase):
    """
    The end of a connection on a plain socket.
    """

    def test_idle(self) -> None:
        """
        An idle connection is half-closed at once, so that the peer reads the last data.
        """
        self.open(100)
        self.outbox.write(b"bye")
        self.outbox.loseConnection()
        self.socket.read(1)
        self.assertEqual((self.socket.taken, self.socket.ended), (b"bye", True))
        self.assertOpen()

    def test_draining(self) -> None:
        """
        All written data is sent first.
        """
        self.open(2, closeTimeout=5)
        self.outbox.write(b"abcdef")
        self.outbox.write(b"x" * 100_000)
        self.outbox.loseConnection()
        self.clock.advance(4)
        self.socket.read(50_000)
        self.assertFalse(self.socket.ended)
        self.socket.read(100_000)
        self.assertEqual(self.socket.taken, b"abcdef" + b"x" * 100_000)
        self.assertTrue(self.socket.ended)
        self.assertIsNone(self.socket.producer)
        self.assertOpen()

    def test_noMore(self) -> None:
        """
        A closing connection accepts no more data.
        """
        for space in (0, 100):
            self.open(space)
            self.outbox.write(b"bye")
            self.outbox.loseConnection()
            self.outbox.write(b"more")
            self.socket.read(1000)
            self.outbox.write(b"and more")
            self.socket.read(1000)
            self.assertEqual((self.socket.taken, self.socket.ended), (b"bye", True))
            self.socket.connectionLost(Failure(ConnectionDone()))

    def test_expires(self) -> None:
        """
        A peer that does not read the last data in time is aborted, and is not reported as slow.
        """
        self.open(2, closeTimeout=5)
        self.outbox.write(b"abcdef")
        self.outbox.loseConnection()
        self.clock.advance(4.5)
        self.assertOpen()
        self.clock.advance(0.5)
        self.assertEqual((self.socket.aborted, self.gaveUp), (1, []))

    def test_progressDoesNotProlong(self) -> None:
        """
        The time for the last data does not start again when the peer reads some of it, or when the
        connection is closed again.
        """
        self.open(closeTimeout=5)
        self.outbox.write(b"x" * 200_000)
        self.outbox.loseConnection()
        self.clock.advance(3)
        self.socket.read(PIECE)
        self.outbox.loseConnection()
        self.clock.advance(1.5)
        self.assertEqual(self.socket.aborted, 0)
        self.clock.advance(0.5)
        self.assertEqual((self.socket.aborted, self.gaveUp), (1, []))

    def test_lingers(self) -> None:
        """
        A peer that does not close its own direction is aborted a little later.
        """
        self.open(100, closeTimeout=5)
        self.outbox.loseConnection()
        self.clock.advance(LINGER - 0.1)
        self.assertEqual(self.socket.aborted, 0)
        self.clock.advance(0.1)
        self.assertEqual((self.socket.aborted, self.gaveUp), (1, []))

    def test_lingersNoLonger(self) -> None:
        """
        That wait is not longer than the close timeout.
        """
        self.open(100, closeTimeout=0.5)
        self.outbox.loseConnection()
        self.clock.advance(0.4)
        self.assertEqual(self.socket.aborted, 0)
        self.clock.advance(0.1)
        self.assertEqual(self.socket.aborted, 1)

    def test_lingersAfterDraining(self) -> None:
        """
        A peer that read the last data late has the same short time to close.
        """
        self.open(closeTimeout=5)
        self.outbox.write(b"bye")
        self.outbox.loseConnection()
        self.clock.advance(4.9)
        self.socket.read(100)
        self.clock.advance(LINGER - 0.1)
        self.assertEqual((self.socket.ended, self.socket.aborted), (True, 0))
        self.clock.advance(0.1)
        self.assertEqual(self.socket.aborted, 1)

    def test_peerCloses(self) -> None:
        """
        A peer that closes after the last data is not aborted.
        """
        self.open(100)
        self.outbox.write(b"bye")
        self.outbox.loseConnection()
        self.socket.read(1)
        self.socket.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertOpen()

    def test_expire(self) -> None:
        """
        A connection that other code is closing is aborted when that takes too long, and works
        until then.
        """
        self.open(100, closeTimeout=5)
        self.outbox.expire()
        self.clock.advance(4.5)
        self.outbox.write(b"abc")
        self.assertEqual((self.socket.taken, self.socket.aborted), (b"abc", 0))
        self.clock.advance(0.5)
        self.assertEqual((self.socket.aborted, self.gaveUp), (1, []))

    def test_expireWhileDraining(self) -> None:
        """
        The same holds when data is queued.
        """
        self.open(2, closeTimeout=5)
        self.outbox.write(b"abcd")
        self.outbox.expire()
        self.clock.advance(4.5)
        self.assertEqual(self.socket.aborted, 0)
        self.clock.advance(0.5)
        self.assertEqual((self.socket.aborted, self.gaveUp), (1, []))

    def test_abort(self) -> None:
        """
        Aborting sends nothing more.
        """
        self.open(2)
        self.outbox.write(b"abcd")
        self.outbox.abortConnection()
        self.outbox.write(b"ef")
        self.socket.read(100)
        self.assertEqual((self.socket.taken, self.socket.aborted), (b"ab", 1))
        self.clock.advance(0)
        self.assertTrue(self.socket.disconnected)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_broken(self) -> None:
        """
        A connection whose socket fails is lost in the next turn, and is not reported as slow.
        """
        self.open(100)
        self.socket.broken = ConnectionResetError(ECONNRESET, "Connection reset by peer")
        self.outbox.write(b"abc")
        self.outbox.write(b"def")
        self.assertFalse(self.socket.disconnected)
        self.socket.read(1)
        self.assertTrue(self.socket.disconnected)
        self.assertEqual((self.socket.taken, self.gaveUp), (b"", []))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_brokenWhileDraining(self) -> None:
        """
        A socket that fails while data is queued is lost, and its timer stops.
        """
        self.open(2)
        self.outbox.write(b"abcd")
        self.socket.broken = ConnectionResetError(ECONNRESET, "Connection reset by peer")
        self.socket.read(1)
        self.assertTrue(self.socket.disconnected)
        self.assertEqual((self.clock.getDelayedCalls(), self.gaveUp), ([], []))

    def test_lostWhileDraining(self) -> None:
        """
        When the connection is lost, its queue is empty and its timer is stopped.
        """
        self.open(2)
        self.outbox.write(b"abcd")
        self.socket.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.outbox.write(b"ef")
        self.outbox.resumeProducing()
        self.outbox.connectionLost()
        self.assertEqual((self.socket.taken, self.socket.written), (b"ab", [2]))
        self.assertOpen()

    def test_lostWhileClosing(self) -> None:
        """
        A connection that is lost while it closes leaves no timer.
        """
        for space in (0, 100):
            self.open(space)
            self.outbox.write(b"abc")
            self.outbox.loseConnection()
            self.socket.connectionLost(Failure(ConnectionLost()))
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_expireAfterwards(self) -> None:
        """
        A lost connection does not time out.
        """
        self.open(2)
        self.socket.connectionLost(Failure(ConnectionLost()))
        self.outbox.connectionLost()
        self.outbox.expire()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_alreadyLost(self) -> None:
        """
        A transport that is already lost when the outbox registers reports this at once.
        """
        self.open(2)
        self.socket.disconnected = 1
        self.outbox.write(b"abcd")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.outbox.write(b"ef")
        self.assertEqual(self.socket.taken, b"ab")
        self.assertOpen()


class PushTests(OutboxTestCase):
    """
    An outbox on a transport that is not a plain socket.
    """

    def openString(self, **limits: float) -> None:
        """
        Make a connection on a transport that records what is written to it.
        """
        self.open()
        self.transport = StringTransport(HOST, PEER)
        self.makeOutbox(self.transport, **limits)

    def openCipher(self, space: int = 0, **limits: float) -> None:
        """
        Make a connection whose socket has another transport above it.
        """
        self.socket = Socket(self.clock, space)
        self.cipher = Cipher(WrappingFactory(Factory()), Protocol())
        self.cipher.makeConnection(self.socket)
        self.makeOutbox(self.cipher, **limits)

    def test_registers(self) -> None:
        """
        The outbox is the transport's push producer.
        """
        self.openString()
        self.assertIs(self.transport.producer, self.outbox)
        self.assertIs(self.transport.streaming, True)

    def test_writes(self) -> None:
        """
        Data is written to the transport as long as it does not pause the outbox.
        """
        self.openString()
        self.outbox.write(b"abc")
        self.outbox.write(b"def")
        self.assertEqual(self.transport.value(), b"abcdef")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_pause(self) -> None:
        """
        No data is written to a paused transport; when it resumes the outbox, it receives the
        queued data in order.
        """
        self.openString()
        self.outbox.write(b"a")
        self.outbox.pauseProducing()
        self.outbox.write(b"b")
        self.outbox.write(b"c")
        self.assertEqual(self.transport.value(), b"a")
        self.outbox.resumeProducing()
        self.assertEqual(self.transport.value(), b"abc")
        self.outbox.write(b"d")
        self.assertEqual(self.transport.value(), b"abcd")

    def test_idempotent(self) -> None:
        """
        Repeated calls of pause and resume have no effect, and a second pause is not progress.
        """
        self.openString(maxStall=30)
        self.outbox.resumeProducing()
        self.outbox.write(b"a")
        for _ in range(2):
            self.outbox.pauseProducing()
            self.clock.advance(10)
        self.outbox.write(b"b")
        self.assertEqual(self.transport.value(), b"a")
        for _ in range(2):
            self.outbox.resumeProducing()
            self.assertEqual(self.transport.value(), b"ab")
        self.outbox.pauseProducing()
        self.clock.advance(20)
        self.outbox.pauseProducing()
        self.clock.advance(9)
        self.assertFalse(self.transport.disconnected)
        self.clock.advance(1)
        self.assertTrue(self.transport.disconnected)
        self.assertEqual(self.gaveUp, [0])

    def test_waiting(self) -> None:
        """
        A queue longer than the limit aborts the connection here too.
        """
        self.openString(maxWaiting=1000)
        self.outbox.write(b"x" * 5000)
        self.outbox.pauseProducing()
        self.outbox.write(b"y" * 1000)
        self.assertEqual(self.gaveUp, [])
        self.outbox.write(b"z")
        self.assertEqual(self.gaveUp, [1001])
        self.assertTrue(self.transport.disconnected)
        self.outbox.resumeProducing()
        self.assertEqual(self.transport.value(), b"x" * 5000)

    def test_stalled(self) -> None:
        """
        A transport that stays paused for the given time aborts the connection.
        """
        self.openString(maxStall=30)
        self.outbox.pauseProducing()
        self.outbox.write(b"abc")
        self.clock.advance(29.5)
        self.assertEqual(self.gaveUp, [])
        self.clock.advance(0.5)
        self.assertEqual(self.gaveUp, [3])
        self.assertTrue(self.transport.disconnected)

    def test_stalledAgain(self) -> None:
        """
        The time starts at the last pause, not at an earlier one.
        """
        self.openString(maxStall=30)
        self.outbox.pauseProducing()
        self.clock.advance(10)
        self.outbox.resumeProducing()
        self.clock.advance(10)
        self.outbox.pauseProducing()
        self.clock.advance(29.5)
        self.assertEqual(self.gaveUp, [])
        self.clock.advance(0.5)
        self.assertEqual(self.gaveUp, [0])

    def test_close(self) -> None:
        """
        An idle transport is closed with its own method, and its producer is unregistered.
        """
        self.openString(closeTimeout=5)
        self.outbox.write(b"bye")
        self.outbox.loseConnection()
        self.outbox.write(b"more")
        self.assertEqual(self.transport.value(), b"bye")
        self.assertIsNone(self.transport.producer)
        self.assertTrue(self.transport.disconnecting)
        self.assertFalse(self.transport.disconnected)

    def test_closeExpires(self) -> None:
        """
        A transport that does not close by itself is aborted.
        """
        self.openString(closeTimeout=5)
        self.outbox.loseConnection()
        self.clock.advance(4.5)
        self.assertFalse(self.transport.disconnected)
        self.clock.advance(0.5)
        self.assertTrue(self.transport.disconnected)
        self.assertEqual(self.gaveUp, [])

    def test_closePaused(self) -> None:
        """
        A paused transport is closed when it has received the queued data, or aborted if it never
        resumes the outbox.
        """
        self.openString(closeTimeout=5)
        self.outbox.pauseProducing()
        self.outbox.write(b"bye")
        self.outbox.loseConnection()
        self.outbox.write(b"more")
        self.assertFalse(self.transport.disconnecting)
        self.clock.advance(4)
        self.outbox.resumeProducing()
        self.assertEqual(self.transport.value(), b"bye")
        self.assertIsNone(self.transport.producer)
        self.assertTrue(self.transport.disconnecting)
        self.assertFalse(self.transport.disconnected)
        self.outbox.connectionLost()

        self.openString(closeTimeout=5)
        self.outbox.pauseProducing()
        self.outbox.write(b"bye")
        self.outbox.loseConnection()
        self.clock.advance(5)
        self.assertTrue(self.transport.disconnected)
        self.assertEqual((self.transport.value(), self.gaveUp), (b"", []))

    def test_stopProducing(self) -> None:
        """
        A lost transport stops its producer, and no timer is left.
        """
        self.openString()
        self.outbox.pauseProducing()
        self.outbox.write(b"abc")
        self.outbox.stopProducing()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.outbox.resumeProducing()
        self.outbox.write(b"def")
        self.assertEqual(self.transport.value(), b"")

    def test_wrapped(self) -> None:
        """
        A transport that passes on the C{getHandle} of its socket is not bypassed.
        """
        self.openCipher(100)
        self.assertTrue(hasattr(self.cipher, "getHandle"))
        self.outbox.write(b"secret")
        self.assertEqual(self.socket.taken, b"")
        self.socket.read(100)
        self.assertEqual(self.socket.taken, b"SECRET")

    def test_wrappedPauses(self) -> None:
        """
        The socket below pauses the outbox at every write over its limit, and resumes it when it is
        empty.
        """
        self.openCipher()
        for letter in (b"a", b"b", b"c", b"d", b"e"):
            self.outbox.write(letter * 60_000)
        self.assertEqual(self.socket.written, [60_000, 60_000])
        self.socket.read(120_000)
        self.assertEqual(self.socket.written, [60_000, 60_000, PIECE, PIECE])
        self.socket.read(1_000_000)
        self.assertEqual(
            self.socket.taken,
            b"".join(letter * 60_000 for letter in (b"A", b"B", b"C", b"D", b"E")),
        )
        self.assertEqual(self.socket.written[4:], [180_000 - 2 * PIECE])
        self.outbox.write(b"f")
        self.socket.read(1)
        self.assertEqual(self.socket.taken[-1:], b"F")

    def test_wrappedCloses(self) -> None:
        """
        All written data is sent before the socket below is closed.
        """
        self.openCipher()
        for _ in range(4):
            self.outbox.write(b"x" * 60_000)
        self.outbox.loseConnection()
        self.socket.read(200_000)
        self.assertFalse(self.socket.disconnected)
        self.socket.read(200_000)
        self.assertEqual(self.socket.taken, b"X" * 240_000)
        self.assertTrue(self.socket.disconnected)
        self.assertOpen()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_startedTLS(self) -> None:
        """
        A socket that has become an encrypted transport itself is not bypassed either.
        """
        self.socket = Socket(self.clock, 100)
        alsoProvides(self.socket, ISSLTransport)
        self.makeOutbox(self.socket)
        self.outbox.write(b"abc")
        self.assertEqual((self.socket.taken, self.socket.written), (b"", [3]))
        self.assertIs(self.socket.producer, self.outbox)
        self.assertIs(self.socket.streamingProducer, True)


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


class OrderTests(OutboxTestCase):
    """
    In any order of writes and reads, the peer receives the bytes in order.
    """

    def assertInOrder(self, steps: list[Step]) -> None:
        """
        At every step the peer has received a prefix of the bytes, and at the end all of them.
        """
        expected = b""
        for step in steps:
            if isinstance(step, int):
                self.socket.read(step)
            elif isinstance(step, list):
                self.outbox.writePieces(Pieces(iter(step), 0))
                expected += b"".join(step)
            else:
                self.outbox.write(step)
                expected += step
            self.assertTrue(expected.startswith(self.socket.taken))
        self.socket.read(len(expected) + 1)
        self.assertEqual(self.socket.taken, expected)
        self.assertOpen()

    @given(space=st.integers(0, 400), steps=STEPS)
    @settings(deadline=None, max_examples=150)
    def test_socket(self, space: int, steps: list[Step]) -> None:
        """
        On a plain socket no byte is reordered, lost or sent twice, and the outbox is idle at the
        end.
        """
        self.setUp()  # a new one for each example
        self.open(space)
        self.assertInOrder(steps)
        self.assertIsNone(self.socket.producer)
        self.assertEqual(self.clock.getWriters(), [])
        self.socket.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @given(space=st.integers(0, 400), steps=STEPS)
    @settings(deadline=None, max_examples=150)
    def test_push(self, space: int, steps: list[Step]) -> None:
        """
        The same holds on a transport to which the outbox is a push producer.
        """
        self.setUp()
        self.socket = Socket(self.clock, space)
        alsoProvides(self.socket, ISSLTransport)
        self.makeOutbox(self.socket)
        self.assertInOrder(steps)
        self.socket.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @given(space=st.integers(0, 400), steps=STEPS, encrypted=st.booleans())
    @settings(deadline=None, max_examples=150)
    def test_close(self, space: int, steps: list[Step], encrypted: bool) -> None:
        """
        Closing sends all data first, whatever is queued.
        """
        self.setUp()
        self.socket = Socket(self.clock, space)
        if encrypted:
            alsoProvides(self.socket, ISSLTransport)
        self.makeOutbox(self.socket)
        expected = b""
        for step in steps:
            if isinstance(step, int):
                self.socket.read(step)
            elif isinstance(step, list):
                self.outbox.writePieces(Pieces(iter(step), 0))
                expected += b"".join(step)
            else:
                self.outbox.write(step)
                expected += step
        self.outbox.loseConnection()
        self.outbox.write(b"too late")
        self.socket.read(len(expected) + 1)
        self.assertEqual(self.socket.taken, expected)
        self.assertTrue(self.socket.disconnected if encrypted else self.socket.ended)
        self.assertOpen()
        self.socket.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
