"""
Tests for L{machat.transport.queue}, through an outbox: bytes that are made piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.interfaces import ISSLTransport
from zope.interface import alsoProvides

from machat import wire
from machat.events import Message
from machat.transport.queue import PIECE
from machat.wire.pieces import Encoded, Pieces, Slices
from tests.transport.outboxes import OutboxTestCase, Socket


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
        self.assertGreaterEqual(self.outbox.waiting, 10 * PIECE)
        self.assertOpen()
        self.socket.read(10 * PIECE + 1)
        self.assertEqual((self.outbox.waiting, self.sendBudget.waiting), (0, 0))

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
