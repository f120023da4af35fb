"""
The link of a client to its server: the current connection and its keepalive.
"""

from __future__ import annotations

from typing import Any

from machat import commands, wire
from machat.client import reasons
from machat.client.heartbeat import Heartbeat
from machat.client.interfaces import IServerConnection
from machat.client.reasons import Reason


class ServerLink:
    """
    The current connection of a client, if there is one. Nothing is sent before the welcome, except
    the hello.

    @ivar welcomed: whether the server has sent its welcome on this connection
    @ivar farewell: whether the server has sent a bye on this connection
    @ivar reason: why the client has aborted the connection; C{None}: it has not
    """

    def __init__(self, clock: Any) -> None:
        """
        @param clock: runs the timers of the keepalive
        """
        self.welcomed = False
        self.farewell = False
        self.reason: Reason | None = None
        self._connection: IServerConnection | None = None
        self._heartbeat = Heartbeat(clock, self._ping, self._unresponsive)

    def begin(self, connection: IServerConnection) -> None:
        """
        Use a new connection, and wait for the server's welcome.
        """
        self._connection = connection
        self.farewell = False
        self.reason = None
        self._heartbeat.begin()

    def isCurrent(self, connection: IServerConnection) -> bool:
        """
        @return: whether this is the connection that is in use
        """
        return connection is self._connection

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

    def send(self, command: commands.Command) -> None:
        """
        Send a command. Does nothing without a welcome.
        """
        self.sendLine(wire.encodeCommand(command))

    def sendLine(self, line: bytes) -> None:
        """
        Send an encoded command, in the same way as L{send}.
        """
        if self._connection is not None and self.welcomed:
            self._connection.sendLine(line)

    def reply(self, line: bytes) -> None:
        """
        Send an encoded command in reply to an event, see L{IServerConnection.reply}.
        """
        if self._connection is not None and self.welcomed:
            self._connection.reply(line)

    def _ping(self, id: str) -> None:
        self.send(commands.Ping(id=id))

    def receivedPong(self, id: str | None) -> None:
        """
        Note that the server has answered a ping.
        """
        if self._heartbeat.answered(id) and self._connection is not None:
            self._connection.confirmed()

    def _unresponsive(self) -> None:
        self.abort(Reason(reasons.SILENT, "the server does not respond"))

    @property
    def paused(self) -> bool:
        """
        Whether nothing is read.
        """
        return self._heartbeat.paused

    def pause(self) -> None:
        """
        Stop reading, on later connections too.
        """
        self._heartbeat.paused = True
        if self._connection is not None and self.welcomed:
            self._connection.pause()

    def resume(self) -> None:
        """
        Read again.
        """
        self._heartbeat.paused = False
        if self._connection is not None and self.welcomed:
            self._connection.resume()

    def abort(self, reason: Reason) -> None:
        """
        Close the connection at once, if there is one.
        """
        if self._connection is not None:
            self.reason = reason
            self._connection.abort()

    def end(self) -> None:
        """
        Forget the connection, because it is closed.
        """
        self._connection = None
        self.welcomed = False
        self._heartbeat.stop()
