"""
Writes the log of the process from a thread, through a bounded queue, so that a slow log never stops
the chat.

A log can block: a pipe whose reader has stopped, a paused terminal, a disk or system log that
hangs. Lines that do not fit into the queue are dropped. The log reports their number when it can be
written again.
"""

from __future__ import annotations

import atexit
import os
import re
import select
import signal
import sys
from collections import deque
from collections.abc import Callable
from functools import lru_cache, partial
from io import TextIOBase
from threading import Condition, Event, Thread
from typing import Any, TypeAlias

from twisted.application.service import Service
from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    LegacyLogObserverWrapper,
    LogEvent,
    Logger,
    formatEventAsClassicLogText,
    formatTime,
)
from twisted.python.logfile import LogFile
from twisted.python.syslog import SyslogObserver

from machat.tap.serving import Root
from machat.workers.logs import encodeEvent
from machat.workers.worker import Worker

#: The maximum size of the queue, and the size that each line adds to its text, bytes.
WAITING = 1_048_576
LINE = 200

#: The time for which lines are collected, seconds, and the size at which they are written, bytes.
PAUSE = 0.05
TOGETHER = 65_536

#: The maximum time for writing the rest of the queue when the process ends, seconds.
LAST = 2.0

#: The size at which a log file is rotated, bytes, and the number of rotated files that are kept.
ROTATE = 10_000_000
KEPT = 10


#: The size of an entry of the queue; a function, and the bytes to call it with.
_Entry: TypeAlias = "tuple[int, Callable[[bytes], object], bytes]"


class Writer:
    """
    Calls functions that may block, in order, from a thread. The thread collects lines for L{PAUSE}
    seconds, and writes them together. A thread that wakes up for each line would cost more than the
    line, and there are two lines for each connection.
    """

    _log = Logger()

    def __init__(self, most: int = WAITING) -> None:
        """
        @param most: the maximum size of the queue, bytes
        """
        self._most = most
        self._free = most
        self._lost = 0
        self._queue: deque[_Entry] = deque()
        self._changed = Condition()
        self._hurry = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """
        Start the thread, which runs until the process ends. Until then, functions are called
        directly: a thread would not survive when the process becomes a daemon.
        """
        if self._thread is None:
            self._thread = Thread(target=self._run, name="log", daemon=True)
            self._thread.start()
            atexit.register(self.finish, LAST)

    def add(self, size: int, function: Callable[[], object]) -> None:
        """
        Call a function from the thread. It is dropped if the queue is full.

        @param size: the memory that the function keeps, bytes
        """
        self._add((size + LINE, lambda _: function(), b""))

    def write(self, write: Callable[[bytes], object], data: bytes) -> None:
        """
        Write a line from the thread, possibly together with those before and after it. It is
        dropped if the queue is full.

        @param write: writes bytes
        """
        self._add((len(data) + LINE, write, data))

    def _add(self, entry: _Entry) -> None:
        size, function, data = entry
        if self._thread is None:
            self._call(function, data, 1)
            return
        with self._changed:
            room = self._free >= size
            if room:
                self._free -= size
                if not self._queue:  # else the thread does not wait for an entry
                    self._changed.notify_all()
                self._queue.append(entry)
            else:
                self._lost += 1
            lost, self._lost = (self._lost, 0) if self._free > self._most // 2 else (0, self._lost)
        if lost:
            self._log.warn("dropped {lost} log lines: the log is written too slowly", lost=lost)

    def finish(self, seconds: float) -> bool:
        """
        Wait until the queue is empty.

        @param seconds: the maximum time to wait
        @return: whether everything has been written
        """
        self._hurry.set()
        with self._changed:
            return self._changed.wait_for(lambda: self._free == self._most, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                size, function, data, lines = self._take()
            self._call(function, data, lines)
            with self._changed:
                self._free += size
                self._changed.notify_all()
                more = bool(self._queue)
            if not more:
                self._hurry.wait(PAUSE)

    def _take(self) -> tuple[int, Callable[[bytes], object], bytes, int]:
        """
        @return: the front of the queue: one function, or up to L{TOGETHER} bytes for the same one;
            and the number of lines
        """
        size, function, data = self._queue.popleft()
        lines = [data]
        while data and self._queue and self._queue[0][1] == function and size < TOGETHER:
            each, _, data = self._queue.popleft()
            lines.append(data)
            size += each
        return size, function, b"".join(lines), len(lines)

    def _call(self, function: Callable[[bytes], object], data: bytes, lines: int) -> None:
        try:
            function(data)
        except Exception:  # a closed pipe or a full disk: there is no place to report it
            with self._changed:
                self._lost += lines


class Stream(TextIOBase):
    """
    A text file that is written by a L{Writer}, always in UTF-8.
    """

    encoding = "utf-8"

    def __init__(self, writer: Writer, write: Callable[[bytes], object]) -> None:
        """
        @param writer: writes the file
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
        Queue text for writing.
        """
        self._writer.write(self._write, text.encode("utf-8", "backslashreplace"))
        return len(text)


class Syslog(SyslogObserver):
    """
    Writes to the system log through a L{Writer}.
    """

    def __init__(self, prefix: str, writer: Writer) -> None:
        SyslogObserver.__init__(self, prefix)
        self._writer = writer

    def syslog(self, priority: int, line: str) -> None:
        """
        Queue one line for writing.
        """
        data = line.encode("utf-8", "backslashreplace").decode()
        write = partial(SyslogObserver.syslog, priority, data)
        self._writer.add(len(data), write)


class Starter(Service):
    """
    Starts a L{Writer} when the application starts.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def startService(self) -> None:
        Service.startService(self)
        self._writer.start()


def writeLogApart(server: Root, options: dict[str, Any]) -> None:
    """
    Make C{twistd} or C{twist} write its log through a L{Writer}, unless the user has chosen an
    observer with C{--logger}.

    @param server: the service that starts the writer
    @param options: the options of C{twistd} or C{twist}, which has not started to log yet
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
    @param options: the options of C{twistd}
    @param writer: writes the log
    @return: an observer that writes to the log that C{twistd} would use; C{None} if the user has
        chosen an observer, or if the log cannot be written from a thread
    """
    name = options.get("logfile") or ("-" if options.get("nodaemon") else "twistd.log")
    if options.get("logger") or (name == "-" and not options.get("nodaemon")):
        return None
    if options.get("syslog"):
        emit: Any = Syslog(options.get("prefix", ""), writer).emit
        return LegacyLogObserverWrapper(emit)
    stream: Any = _rotated(name, writer) if name != "-" else streamFor(sys.stdout, writer)
    if stream is None:
        return None
    worker = Worker.current is not None
    return FileLogObserver(stream, encodeEvent if worker else asLine)


#: The fields of events that are not formatted like most. Neither is "{name()}", which is a call.
_SPECIAL = {"log_flattened", "log_failure", "log_system"}

#: A name in braces, and a format that contains nothing else in braces.
_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")
_NAMES = re.compile(rf"(?:[^{{}}%]|{_FIELD.pattern})*")


def asLine(event: LogEvent) -> str | None:
    """
    @return: an event as a line, in the form of C{textFileLogObserver}, at a fifth of its cost;
        C{None} if it has no text
    """
    form = event.get("log_format")
    if type(form) is str and "(" not in form and event.keys().isdisjoint(_SPECIAL):
        try:
            template = _templateOf(form)
            text = form.format_map(event) if template is None else template % event
            text = text.replace("\n", "\n\t")
            system = f"{event['log_namespace']}#{event['log_level'].name}"
            if text:
                return f"{_formatTime(event['log_time'])} [{system}] {text}\n"
        except Exception:
            pass  # Twisted describes what cannot be formatted
    return formatEventAsClassicLogText(event, formatTime=_formatTime)


@lru_cache(maxsize=64)
def _templateOf(form: str) -> str | None:
    """
    @return: the same format for the operator C{%}, which takes a third of the time; C{None}: it has
        more than names in braces. C{%s} uses C{str}, and not a C{__format__} of the value, which
        differs for mixed-in enums of Python 3.10
    """
    return None if _NAMES.fullmatch(form) is None else _FIELD.sub(r"%(\1)s", form)


def _formatTime(when: float | None) -> str:
    return formatTime(when) if when is None else _formatSecond(int(when))


@lru_cache(maxsize=1)
def _formatSecond(when: int) -> str:
    return formatTime(when)


def streamFor(file: Any, writer: Writer) -> Stream | None:
    """
    @param file: a file object
    @param writer: writes the file
    @return: a stream that writes to the same file descriptor, or C{None} if the file has none
    """
    try:
        file.flush()
        descriptor = file.fileno()
    except (AttributeError, OSError, ValueError):
        return None
    stream = Stream(writer, partial(_writeAll, descriptor))
    stream.file = file  # type: ignore[attr-defined]  # keeps the file open
    return stream


def _writeAll(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # another process has set O_NONBLOCK on the shared terminal or pipe
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()


def _rotated(name: str, writer: Writer) -> Stream:
    """
    @return: a file that is rotated by its size, and on SIGUSR1 unless that signal has a handler
    """
    file = LogFile.fromFullPath(name, rotateLength=ROTATE, maxRotatedFiles=KEPT)
    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, lambda number, frame: writer.add(0, file.rotate))
    return Stream(writer, file.write)
