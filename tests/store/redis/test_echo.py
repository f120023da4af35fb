"""
Tests for L{machat.store.redis.echo}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.store.redis.echo import Echo


class EchoTests(SynchronousTestCase):
    """
    Tests for L{Echo}.
    """

    def setUp(self) -> None:
        self.echo = Echo(b"channel")

    def test_received(self) -> None:
        """
        A frame is expected until it is received for the first time.
        """
        frame, received = self.echo.expect()
        self.echo.received(b"another")
        self.assertNoResult(received)
        self.echo.received(frame)
        self.successResultOf(received)
        self.echo.received(frame)

    def test_late(self) -> None:
        """
        The frame of an earlier renewal does not count for the next one.
        """
        earlier, _ = self.echo.expect()
        frame, received = self.echo.expect()
        self.echo.received(earlier)
        self.assertNoResult(received)
        self.echo.received(frame)
        self.successResultOf(received)

    def test_fail(self) -> None:
        """
        If nothing is received any more, the wait for the frame fails, once.
        """
        frame, received = self.echo.expect()
        self.echo.fail(ValueError())
        self.failureResultOf(received, ValueError)
        self.echo.fail(ValueError())
        self.echo.received(frame)
