"""
Property tests for L{machat.transport.outbox}: the order of bytes.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISSLTransport
from twisted.python.failure import Failure
from zope.interface import alsoProvides

from tests.transport.outboxes import STEPS, OutboxTestCase, Socket, Step, take


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
            expected += take(step, self.outbox, self.socket)
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
        expected = b"".join(take(step, self.outbox, self.socket) for step in steps)
        self.outbox.loseConnection()
        self.outbox.write(b"too late")
        self.socket.read(len(expected) + 1)
        self.assertEqual(self.socket.taken, expected)
        self.assertTrue(self.socket.disconnected if encrypted else self.socket.ended)
        self.assertOpen()
        self.socket.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
