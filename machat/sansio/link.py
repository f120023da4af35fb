"""
The link of a client to its server: the current connection and its keepalive.
"""

from __future__ import annotations

from collections.abc import Callable

from machat.codec import encodeCommand
from machat.commands import Command, Ping
from machat.sansio import reasons
from machat.sansio.heartbeat import Heartbeat
from machat.sansio.outputs import Close, Confirmed, Output, Pause, Send
from machat.sansio.quota import ReplyQuota
from machat.sansio.reasons import Reason
from machat.sansio.timers import Timers

#: The size of the frame around an object, bytes (RFC 6455 section 5.2): more than a newline.
FRAME = 14


class ServerLink:
    """
    The current connection of a client, if there is one. Nothing is sent before the welcome, except
    the hello.

    @ivar connected: whether there is a connection
    @ivar greeted: whether the hello was sent on this connection
    @ivar welcomed: whether the server has sent its welcome on this connection
    @ivar farewell: whether the server has sent a bye on this connection
    @ivar reason: why the client has aborted the connection; C{None}: it has not
    """

    def __init__(self, timers: Timers, output: Callable[[Output], object]) -> None:
        """
        @param timers: runs the timers of the keepalive
        @param output: called with each output
        """
        self.connected = False
        self.greeted = False
        self.welcomed = False
        self.farewell = False
        self.reason: Reason | None = None
        self._output = output
        self._quota = ReplyQuota()
        self._heartbeat = Heartbeat(timers, self._ping, self._unresponsive)

    def begin(self) -> None:
        """
        Use a new connection, and wait for the server's welcome.
        """
        self.connected = True
        self.greeted = False
        self.farewell = False
        self.reason = None
        self._quota.confirmed()
        self._heartbeat.begin()

    def greet(self, hello: bytes) -> None:
        """
        Send the hello.
        """
        self.greeted = True
        self._output(Send(hello))

    def received(self) -> None:
        """
        Record that the server has sent something.
        """
        self._heartbeat.received()

    def welcome(self, rate: float | None) -> None:
        """
        Allow sending, and start to send pings.

        @param rate: the server's rate limit, commands per second
        """
        self.welcomed = True
        self._heartbeat.welcomed(rate)

    def sendLine(self, line: bytes) -> None:
        """
        Send an encoded command. Does nothing without a welcome, and after an abort.
        """
        if self.welcomed and self.reason is None:
            self._output(Send(line))

    def reply(self, line: bytes) -> None:
        """
        Send an encoded command in reply to an event, within the quota.
        """
        if self._quota.allow(len(line) + FRAME):
            self.sendLine(line)

    def _send(self, command: Command) -> None:
        self.sendLine(encodeCommand(command))

    def _ping(self, id: str) -> None:
        self._send(Ping(id=id))

    def receivedPong(self, id: str | None) -> None:
        """
        Note that the server has answered a ping.
        """
        if self._heartbeat.answered(id):
            self._quota.confirmed()
            self._output(Confirmed())

    def _unresponsive(self) -> None:
        self.abort(Reason(reasons.SILENT, "the server does not respond"))

    @property
    def paused(self) -> bool:
        """
        Whether nothing is read.
        """
        return self._heartbeat.paused

    def pause(self, paused: bool) -> None:
        """
        Stop reading, or read again.
        """
        self._heartbeat.paused = paused
        if self.welcomed:
            self._output(Pause(paused))

    def abort(self, reason: Reason) -> None:
        """
        Close the connection at once, if there is one.
        """
        if self.connected and self.reason is None:
            self.reason = reason
            self._output(Close(True))

    def end(self) -> None:
        """
        Forget the connection, because it is closed.
        """
        self.connected = self.welcomed = False
        self._heartbeat.stop()
