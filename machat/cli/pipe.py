"""
The command C{machat} in a pipe: it sends lines from standard input, and writes messages to standard
output.

Only a newline ends a line. Lines are sent unchanged. Reading pauses while 64 KiB of input wait to
be sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.python.failure import Failure
from zope.interface import implementer

from machat.cli.conversation import Conversation
from machat.cli.display import Line, printable, stamp
from machat.cli.progress import ProgressTimer
from machat.cli.settings import Settings
from machat.cli.stdio import Input, plural, tell
from machat.client import ChatClient
from machat.sansio.heartbeat import silenceLimit
from machat.sansio.outgoing import MAX_SIZE

#: The maximum amount of input in memory, bytes.
MAX_HELD = 65_536

#: The time without progress after which a pipe exits once its input has ended, seconds.
END_TIMEOUT = 30.0

#: The interval of reports about a slow server, and the shortest wait to report, seconds.
REPORT_INTERVAL = 60.0
MIN_REPORTED = 2.0


@implementer(IHalfCloseableProtocol, IPushProducer)
class Pipe(Protocol):
    """
    A conversation over standard input and output. The texts of the client itself go to standard
    error.

    @ivar conversation: the conversation
    @ivar interrupted: whether a signal has ended the conversation
    """

    transport: Any

    def __init__(self, reactor: Any, options: Any) -> None:
        """
        @param options: see L{machat.cli.console.parse}
        """
        escape = printable if os.isatty(1) else str
        self.conversation = Conversation(self._show, self.quit, escape, Settings(bell=False))
        self._reactor = reactor
        self._commands: bool = options.commands
        self._times: bool = options.times is True
        self._numbers: bool = options.numbers is True
        self._timeout: float | None = options.timeout
        self._input = Input()
        self._refused = 0
        self._joining = 0
        self._pumping = False
        self._outputClosed = False
        self._reading = False
        self.interrupted = False
        self._lastReport: float | None = None
        self._status: int | None = None
        self._over: Deferred[int] = Deferred()

    async def run(self, client: ChatClient, rooms: Iterable[str]) -> int:
        """
        Run the conversation.

        @return: the exit status
        """
        self._client = client
        blocking = [(fd, os.get_blocking(fd)) for fd in (0, 1)]
        self._reactor.addSystemEventTrigger("before", "shutdown", self._interrupt)
        transport = StandardIO(self, reactor=self._reactor)
        transport.pauseProducing()
        transport.registerProducer(self, True)
        self._joining = 1
        for joined in self.conversation.begin(client, rooms, self._pump):
            self._joining += 1
            joined.addBoth(self._joined)
        watch = ProgressTimer(self._reactor, self._progressState, self._checkTimeout)
        self._joined(None)
        try:
            return await self._over
        finally:
            watch.stop()
            for fd, was in blocking:  # the shell uses the same terminal
                os.set_blocking(fd, was)

    def _joined(self, result: object) -> None:
        self._joining -= 1
        self._pump()

    # Input.

    @property
    def _longest(self) -> int:
        limits = self._client.limits
        return MAX_SIZE if limits is None else max(0, min(limits.line, MAX_SIZE))

    def dataReceived(self, data: bytes) -> None:
        self._input.received(data, self._longest)
        self._pump()

    def readConnectionLost(self) -> None:
        """
        Record the end of the input. The conversation ends when all lines are settled.
        """
        self._input.end()
        self._pump()

    def _pump(self) -> None:
        """
        Send lines while the queue accepts them. Then read more, or end.
        """
        if self._pumping or self._status is not None:
            return
        self._pumping = True
        while self._input.lines and self._mayTake():
            self._take(self._input.take())
        self._pumping = False
        if self._status is not None:
            return
        self._read(self._mayRead())
        if self._joining:
            return
        if self._input.lines and self.conversation.room is None and not self._commands:
            self.quit(1)
        elif not (self._input.lines or self._waiting) and (self._input.ended or self._outputClosed):
            self.quit(1 if self.conversation.failed else 0)

    @property
    def _waiting(self) -> bool:
        """
        Whether the answer to a line or a command is awaited.
        """
        return bool(self.conversation.queue.waiting) or self.conversation.loading

    def _mayRead(self) -> bool:
        if self._input.ended or self._outputClosed:
            return False
        if self._joining or self._input.lines:
            return self._input.held < MAX_HELD
        return True  # an incomplete line may be longer

    def _mayTake(self) -> bool:
        if self._joining or self._status is not None:
            return False
        if self._commands and self._input.lines[0].startswith(b"/"):
            return not self._waiting  # all earlier lines come first
        return self.conversation.queue.idle and (
            self.conversation.room is not None or self._commands
        )

    def _take(self, line: bytes) -> None:
        number = self._input.number
        if len(line) > self._longest:
            self._refuse(number, f"it is longer than {self._longest} bytes")
            return
        try:
            text = line.decode()
        except UnicodeDecodeError:
            self._refuse(number, "it is not UTF-8")
            return
        if self._commands and text.startswith("/"):
            self.conversation.typed(text)
        else:
            self.conversation.say(text, number)

    def _refuse(self, number: int, reason: str) -> None:
        self._refused += 1
        tell(f"line {number} was not sent: {reason}")

    def _read(self, on: bool) -> None:
        if self.transport is not None and on != self._reading:
            self._reading = on
            if on:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    # Timeouts.

    def _progressState(self) -> object:
        queue = self.conversation.queue
        if self._waiting or self._joining or self._input.lines or not self._client.connected:
            return queue.done, queue.failed, self._joining
        return None

    def _checkTimeout(self, seconds: float) -> None:
        limits = self._client.limits
        rate = limits.rate if limits is not None and limits.rate else None
        longest = self._timeout
        if longest is None and self._input.ended:
            longest = silenceLimit(rate, END_TIMEOUT)
        if longest is not None and seconds >= longest:
            tell(f"no progress for {seconds:.0f} s: giving up")
            self.quit(1)
        elif rate is not None and rate > 0 and self._client.connected and not self._joining:
            self._reportSlow(rate)

    def _reportSlow(self, rate: float) -> None:
        now: float = self._reactor.seconds()
        if self._lastReport is not None and now - self._lastReport < REPORT_INTERVAL:
            return
        lines = self.conversation.queue.waiting + self._input.left()
        seconds = lines / rate
        if seconds >= MIN_REPORTED:
            self._lastReport = now
            least = "" if self._input.ended else "at least "
            tell(
                f"the server accepts {rate:g} lines per second: {least}{lines} lines are waiting, "
                f"which will take about {seconds:.0f} s"
            )

    # Output.

    def _show(self, line: Line) -> None:
        if line.sender is None:
            tell(line.text.replace("\n", " / "))
        elif line.mark and not line.text:
            tell(f"{line.sender}: {line.mark}")
        elif self._status is None and not self._outputClosed and self.transport is not None:
            at = f"{stamp(line.at)} " if self._times and line.at is not None else ""
            room = f"[{line.room}] " if line.room is not None else ""
            number = f"#{line.number} " if self._numbers else ""
            prefix = f"{at}{number}{room}{line.sender}: "
            text = "".join([f"{prefix}{each}\n" for each in line.text.split("\n")])
            self.transport.write(text.encode(errors="replace"))

    def pauseProducing(self) -> None:
        """
        Stop reading from the server, because the output is not read.
        """
        self._client.pause()

    def resumeProducing(self) -> None:
        """
        Read from the server again.
        """
        self._client.resume()

    def stopProducing(self) -> None:
        """
        Read from the server again, because the output is closed.
        """
        self._client.resume()

    def writeConnectionLost(self) -> None:
        """
        Record that the output is closed. The conversation ends when all lines are settled.
        """
        if self._status is not None:
            return
        self._outputClosed = True
        self.conversation.failed = True
        tell("the output was closed")
        self._read(False)
        self._pump()

    # The end.

    def _interrupt(self) -> None:
        """
        End the conversation after a signal.
        """
        if self._status is None:
            self.interrupted = True
            self.report()
            self._status = 1

    @property
    def unacknowledged(self) -> int:
        """
        The number of lines that were read but not acknowledged.
        """
        queue = self.conversation.queue
        return queue.waiting + queue.failed + self._refused + len(self._input.lines)

    def report(self) -> None:
        """
        Report the number of unacknowledged lines.
        """
        if self.unacknowledged:
            rest = "" if self._input.ended else "; the rest of the input was not read"
            tell(f"{plural(self.unacknowledged)} not acknowledged{rest}")

    def quit(self, status: int) -> None:
        """
        End the conversation after the output was read.
        """
        if self._status is not None:
            return
        self.report()
        if status and not (self._input.ended or self.unacknowledged):
            tell("the rest of the input was not read")
        self._status = 1 if self.unacknowledged else status
        if self._outputClosed or self.transport is None:
            self._over.callback(self._status)
        else:
            self._read(False)
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._over.called:
            self._over.callback(1 if self._status is None else self._status)
