"""
Tests for L{machat.transport.direct}: an outbox on real TLS, above a socket that accepts as much as
a test allows.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.limits import Limits
from machat.transport.budget import SendBudget
from machat.transport.outbox import Outbox
from tests.processes import makeCertificate
from tests.transport.outboxes import STEPS, Socket, Step, take

PLENTY = 1 << 24


class Client:
    """
    The peer's end of TLS.

    @ivar heard: the bytes that it has decrypted
    @ivar ended: whether it has received the end of the stream after them
    """

    def __init__(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._in, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self.out)
        self._taken = 0
        self._open = False
        self.heard = b""
        self.ended = False

    def read(self, taken: bytes) -> None:
        """
        @param taken: all bytes ever sent to the peer
        """
        self._in.write(taken[self._taken :])
        self._taken = len(taken)
        try:
            if not self._open:
                self._tls.do_handshake()
                self._open = True
            while data := self._tls.read(1 << 20):
                self.heard += data
            self.ended = True
        except ssl.SSLWantReadError:
            pass


class TLSTests(SynchronousTestCase):
    """
    An outbox above TLS on a plain socket.
    """

    def setUp(self) -> None:
        path = self.mktemp()
        makeCertificate(path, path + ".pem")
        both = Path(path).read_text() + Path(path + ".pem").read_text()
        self.options = PrivateCertificate.loadPEM(both).options()
        self.gaveUp: list[int] = []

    def open(self) -> None:
        """
        Connect and complete the handshake.
        """
        self.clock = MemoryReactorClock()
        factory: Any = Factory.forProtocol(Protocol)
        self.socket = Socket(self.clock, PLENTY)
        self.tls = TLSMemoryBIOFactory(self.options, False, factory, self.clock).buildProtocol(None)
        self.tls.makeConnection(self.socket)
        limits = Limits(maxWaiting=PLENTY)
        self.outbox = Outbox(self.tls, self.clock, limits, self, SendBudget(PLENTY))
        self.socket.outbox = self.outbox
        self.client = Client()
        self.client.read(b"")
        while said := self.client.out.read():
            self.tls.dataReceived(said)
            self.client.read(self.socket.taken)

    def slow(self, waiting: int) -> None:
        """
        Record that the outbox has aborted the connection.
        """
        self.gaveUp.append(waiting)

    def close(self) -> None:
        """
        The connection is lost, and leaves nothing.
        """
        self.socket.connectionLost(Failure(ConnectionDone()))
        self.tls.connectionLost(Failure(ConnectionDone()))
        self.outbox.write(b"too late")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.clock.getWriters(), [])

    def test_atOnce(self) -> None:
        """
        Data that an idle socket accepts is sent in the same turn, and nothing remains in the
        transport.
        """
        self.open()
        self.socket.written.clear()
        self.outbox.write(b"hello")
        self.client.read(self.socket.taken)
        self.assertEqual(self.client.heard, b"hello")
        self.assertEqual(self.socket.written, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.close()

    def test_full(self) -> None:
        """
        A socket that accepts no more data stops the outbox at once, and the outbox continues when
        the socket has space.
        """
        self.open()
        self.socket.space = 10
        self.outbox.write(b"first")
        self.outbox.write(b"second")
        self.assertEqual(len(self.socket.written), 1, "only the record that was begun")
        self.socket.read(PLENTY)
        self.client.read(self.socket.taken)
        self.assertEqual(self.client.heard, b"firstsecond")
        self.assertIsNone(self.socket.producer)
        self.close()

    def test_stalled(self) -> None:
        """
        A peer that reads nothing for 30 s is aborted.
        """
        self.open()
        self.socket.space = 0
        self.outbox.write(b"unread")
        self.outbox.write(b"waits")
        self.clock.advance(30)
        self.assertEqual(self.gaveUp, [11])
        self.assertTrue(self.socket.aborted)
        self.clock.advance(0)
        self.close()

    def test_lostWhileFull(self) -> None:
        """
        A connection that is lost while its socket is full leaves nothing.
        """
        self.open()
        self.socket.space = 0
        self.outbox.write(b"unread")
        self.close()

    def test_pausedReading(self) -> None:
        """
        Reading can be paused and resumed, also while data waits for the socket.
        """
        self.open()
        for space in (PLENTY, 0):
            self.socket.startReading()
            self.socket.space = space
            self.outbox.write(b"hello")
            self.tls.pauseProducing()
            self.assertEqual(self.clock.getReaders(), [])
            self.tls.resumeProducing()
            self.assertEqual(self.clock.getReaders(), [self.socket])
        self.socket.read(PLENTY)
        self.client.read(self.socket.taken)
        self.assertEqual(self.client.heard, b"hellohello")
        self.close()

    def test_broken(self) -> None:
        """
        A socket error is left for the transport to report; delivering a batch does not raise it.
        """
        self.open()
        self.socket.broken = ConnectionResetError("gone")
        self.outbox.write(b"hello")
        self.socket.doWrite()
        self.close()

    @given(space=st.integers(0, 400), steps=STEPS, closes=st.booleans())
    @settings(deadline=None, max_examples=100)
    def test_order(self, space: int, steps: list[Step], closes: bool) -> None:
        """
        In any order of writes and reads, the peer receives the bytes in order, even if the
        connection is closed after them.
        """
        self.open()
        self.socket.space = space
        expected = b""
        for step in steps:
            expected += take(step, self.outbox, self.socket)
            self.client.read(self.socket.taken)
            self.assertTrue(expected.startswith(self.client.heard))
        if closes:
            self.outbox.loseConnection()
            self.outbox.write(b"too late")
        self.socket.read(PLENTY)
        self.client.read(self.socket.taken)
        self.assertEqual(self.client.heard, expected)
        self.assertEqual(self.gaveUp, [])
        self.assertIsNone(self.socket.producer)
        self.assertEqual(self.client.ended, closes)
        self.close()
