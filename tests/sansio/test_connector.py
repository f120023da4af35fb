"""
Tests for L{machat.sansio.connector}.
"""

from __future__ import annotations

from collections import deque

from twisted.trial.unittest import SynchronousTestCase

from machat.sansio.backoff import MAX_RETRY, RECONNECT
from machat.sansio.connector import CLOSING, Connector, State
from machat.sansio.outputs import Close, Connect, Output
from machat.sansio.timers import Timers


class ConnectorTests(SynchronousTestCase):
    """
    Tests for L{Connector}.
    """

    def setUp(self) -> None:
        self.now = 0.0
        self.timers = Timers(lambda: self.now)
        self.outputs: deque[Output] = deque()
        self.connector = Connector(self.timers, self.outputs)

    def advance(self, seconds: float) -> list[Output]:
        """
        @return: the outputs after this time
        """
        self.now += seconds
        self.timers.run()
        outputs = list(self.outputs)
        self.outputs.clear()
        return outputs

    def test_reconnect(self) -> None:
        """
        A lost connection is followed by another attempt, after a delay.
        """
        self.connector.connect()
        self.assertTrue(self.connector.connecting())
        self.assertEqual(self.advance(0), [Connect()])
        self.connector.reconnect()
        self.assertEqual(self.advance(0), [])
        self.assertEqual(self.advance(2 * RECONNECT), [Connect()])
        self.assertIs(self.connector.state, State.CONNECTING)

    def test_postpone(self) -> None:
        """
        The delay that the server asked for is added to the delay of the client.
        """
        self.connector.postpone(MAX_RETRY)
        self.connector.reconnect()
        self.assertEqual(self.advance(MAX_RETRY), [])
        self.assertEqual(self.advance(2 * RECONNECT), [Connect()])

    def test_close(self) -> None:
        """
        A connection that does not close in time is aborted.
        """
        self.connector.connect()
        self.connector.connecting()
        self.connector.close()
        self.connector.close()
        self.assertEqual(self.advance(0), [Connect(), Close(False)])
        self.assertEqual(self.advance(CLOSING), [Close(True)])

    def test_givenUp(self) -> None:
        """
        An attempt that was given up is closed, also if it has just succeeded.
        """
        self.connector.connect()
        self.connector.close()
        self.assertIs(self.connector.state, State.IDLE)
        self.assertFalse(self.connector.connecting())
        self.assertEqual(self.advance(0), [Connect(), Close(True), Close(True)])

    def test_cancel(self) -> None:
        """
        A client that is closed while it waits does not connect again.
        """
        self.connector.reconnect()
        self.connector.close()
        self.assertEqual(self.advance(1000), [])
