"""
The log of the process: a bounded queue and a thread, so that writing it never stops the chat.

A pipe whose reader has stopped, a terminal that is paused, a disk or a system log that hangs: what
does not fit into the queue is left out, and the log says how much when it can be written again.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from io import TextIOBase
from threading import Condition, Thread
from typing import Any

from twisted.application.service import Service
from twisted.logger import ILogObserver, LegacyLogObserverWrapper, Logger, textFileLogObserver
from twisted.python.logfile import LogFile
from twisted.python.syslog import SyslogObserver

from machat.tap.serving import Server

#: What may wait, bytes, and what a line weighs besides its text.
WAITING = 1_048_576
LINE = 200

#: How long the end of the process waits for the rest to be written, seconds.
LAST = 2.0

#: A file is rotated at so many bytes, and so many rotated ones are kept.
ROTATE = 10_000_000
KEPT = 10


class Writer:
    """
    Calls functions that may block, in order, from a thread.
    """

    _log = Logger()

    def __init__(self, most: int = WAITING) -> None:
        """
        @param most: bytes that may wait
        """
        self._most = most
        self._free = most
        self._lost = 0
        self._queue: deque[tuple[int, Callable[[], object]]] = deque()
        self._changed = Condition()
        self._thread: Thread | None = None

    def start(self) -> None:
        """
        Use the thread from now on, until the end of the process. Before, functions are called at
        once: a process that becomes a daemon would lose its threads.
        """
        if self._thread is None:
            self._thread = Thread(target=self._run, name="log", daemon=True)
            self._thread.start()
            atexit.register(self.finish, LAST)

    def add(self, size: int, function: Callable[[], object]) -> None:
        """
        Call a function later, or never if too much waits already.

        @param size: what it keeps in memory, bytes
        """
        if self._thread is None:
            self._call(function)
            return
        with self._changed:
            room = self._free >= size + LINE
            if room:
                self._free -= size + LINE
                self._queue.append((size + LINE, function))
                self._changed.notify_all()
            else:
                self._lost += 1
            lost, self._lost = (self._lost, 0) if self._free > self._most // 2 else (0, self._lost)
        if lost:
            self._log.warn("{lost} lines of the log were left out: they were not taken", lost=lost)

    def finish(self, seconds: float) -> bool:
        """
        Wait until nothing waits any more.

        @param seconds: how long at most
        @return: whether all is written
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._free == self._most, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                size, function = self._queue.popleft()
            self._call(function)
            with self._changed:
                self._free += size
                self._changed.notify_all()

    def _call(self, function: Callable[[], object]) -> None:
        try:
            function()
        except Exception:  # a closed pipe, a full disk: there is nowhere to say so
            with self._changed:
                self._lost += 1


class Stream(TextIOBase):
    """
    A text file whose lines are written by a L{Writer}, in UTF-8 whatever the locale is.
    """

    encoding = "utf-8"

    def __init__(self, writer: Writer, write: Callable[[bytes], object]) -> None:
        """
        @param write: writes whole lines; it may block
        """
        self._writer = writer
        self._write = write

    def writable(self) -> bool:
        """
        @return: C{True}
        """
        return True

    def write(self, text: str) -> int:
        """
        Write text, later.
        """
        data = text.encode("utf-8", "backslashreplace")
        self._writer.add(len(data), partial(self._write, data))
        return len(text)


class Syslog(SyslogObserver):
    """
    Writes to the system log, later.
    """

    def __init__(self, prefix: str, writer: Writer) -> None:
        SyslogObserver.__init__(self, prefix)
        self._writer = writer

    def syslog(self, priority: int, line: str) -> None:
        """
        Take one line.
        """
        data = line.encode("utf-8", "backslashreplace").decode()
        write = partial(SyslogObserver.syslog, priority, data)
        self._writer.add(len(data), write)


class Starter(Service):
    """
    Starts a L{Writer}.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def startService(self) -> None:
        Service.startService(self)
        self._writer.start()


def writeLogApart(server: Server, options: dict[str, Any]) -> None:
    """
    Have C{twistd} or C{twist} write the log by means of a L{Writer}. An observer that somebody else
    has chosen is left alone.

    @param options: those of C{twistd} or C{twist}, which has not begun to log yet
    """
    writer = Writer()
    if "nodaemon" in options:
        server.observer = observerFor(options, writer)
        chosen = server.observer is not None
    else:
        stream = streamFor(options.get("logFile"), writer)
        chosen = stream is not None
        if chosen:
            options["logFile"] = stream
    if chosen:
        Starter(writer).setServiceParent(server)


def observerFor(options: dict[str, Any], writer: Writer) -> ILogObserver | None:
    """
    @param options: those of C{twistd}
    @return: what writes the log as C{twistd} would, by means of C{writer}; C{None}: that is not for
        us to choose
    """
    name = options.get("logfile") or ("-" if options.get("nodaemon") else "twistd.log")
    if options.get("logger") or (name == "-" and not options.get("nodaemon")):
        return None
    if options.get("syslog"):
        emit: Any = Syslog(options.get("prefix", ""), writer).emit
        return LegacyLogObserverWrapper(emit)
    stream: Any = _rotated(name, writer) if name != "-" else streamFor(sys.stdout, writer)
    return None if stream is None else textFileLogObserver(stream)


def streamFor(file: Any, writer: Writer) -> Stream | None:
    """
    @param file: a file object
    @return: what writes to the same file, or C{None} if it is none of the system's
    """
    try:
        file.flush()
        descriptor = file.fileno()
    except (AttributeError, OSError, ValueError):
        return None
    stream = Stream(writer, partial(_writeAll, descriptor))
    stream.file = file  # type: ignore[attr-defined]  # or it would be closed
    return stream


def _writeAll(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # another process has made it so, such as one on the same terminal
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()


def _rotated(name: str, writer: Writer) -> Stream:
    """
    @return: a file that SIGUSR1 rotates too, unless somebody else has a use for that signal
    """
    file = LogFile.fromFullPath(name, rotateLength=ROTATE, maxRotatedFiles=KEPT)
    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, lambda number, frame: writer.add(0, file.rotate))
    return Stream(writer, file.write)
