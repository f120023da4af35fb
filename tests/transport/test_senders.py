"""
Tests for L{machat.transport.senders}, through an outbox: transports other than plain sockets.
"""

from __future__ import annotations

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import WrappingFactory
from zope.interface import alsoProvides

from machat.transport.queue import PIECE
from tests.transport.outboxes import HOST, PEER, Cipher, OutboxTestCase, Socket


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
