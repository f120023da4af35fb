"""
Tests for L{machat.transport.outbox}.
"""

from __future__ import annotations

from errno import ECONNRESET

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPullProducer, IPushProducer, ITransport
from twisted.python.failure import Failure
from zope.interface import verify

from machat.transport.queue import PIECE
from machat.transport.senders import LINGER
from tests.transport.outboxes import HOST, PEER, OutboxTestCase


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

    def test_abortTwice(self) -> None:
        """
        A slow connection is aborted and reported once. One that has ended is not aborted, and the
        budget keeps nothing of it.
        """
        self.open(2)
        self.outbox.write(b"abcd")
        self.outbox.abort()
        self.outbox.abort()
        self.assertSlow(2)
        self.clock.advance(0)
        self.outbox.abort()
        self.outbox.abortConnection()
        self.assertSlow(2)
        self.assertEqual(self.sendBudget.busy, set())

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
