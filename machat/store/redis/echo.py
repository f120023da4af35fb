"""
The frames that a node publishes to itself, to find out whether it receives what is published.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred


class Echo:
    """
    The last frame that a node has published to itself.

    @ivar channel: the channel of the node
    """

    def __init__(self, channel: bytes) -> None:
        self.channel = channel
        self._count = 0
        self._expected: tuple[bytes, Deferred[None]] | None = None

    def expect(self) -> tuple[bytes, Deferred[None]]:
        """
        @return: a new frame to publish, and a C{Deferred} that fires when it is received
        """
        self._count += 1
        echo: Deferred[None] = Deferred()
        self._expected = (b"%d" % self._count, echo)
        return self._expected

    def received(self, frame: bytes) -> None:
        """
        A frame was received on the channel.
        """
        if self._expected is not None and self._expected[0] == frame:
            _, echo = self._expected
            self._expected = None
            if not echo.called:
                echo.callback(None)

    def fail(self, error: Exception) -> None:
        """
        No frame is received any more.
        """
        if self._expected is not None:
            _, echo = self._expected
            self._expected = None
            if not echo.called:
                echo.errback(error)
