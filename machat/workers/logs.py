"""
The log of a worker on its way to the log of the parent.

A worker writes each event to its standard output, as a JSON array on a line of its own. The parent
adds the number of the worker, and logs the event with its time and level.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from twisted.logger import LogEvent, LogLevel, eventAsText, globalLogPublisher

from machat.workers.messages import Splitter

#: The maximum size of the text of an event, characters. The rest is omitted.
LONGEST = 65_536

#: The maximum size of a line, bytes. JSON needs at most 6 bytes for a character of the text.
LINE = 8 * LONGEST


class Line(NamedTuple):
    """
    One event: Unix time, level, the system in brackets, and text.
    """

    time: float
    level: str
    system: str
    text: str


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Line)


def encodeEvent(event: LogEvent) -> str | None:
    """
    @return: an event as a line for the parent, or C{None} if it has no text
    """
    text = eventAsText(event, includeTimestamp=False, includeSystem=False)
    if not text:
        return None
    level = event.get("log_level")
    if level is None:  # an event of twisted.python.log
        level = LogLevel.critical if event.get("isError") else LogLevel.info
    text = text[:LONGEST].encode("utf-8", "backslashreplace").decode()
    system = str(event.get("log_system") or f"{event.get('log_namespace', '-')}#{level.name}")
    line = Line(float(event.get("log_time", 0.0)), level.name, system, text)
    return _encoder.encode(line).decode() + "\n"


class Relay:
    """
    Logs the output of one worker.

    @ivar last: the last line of plain text, such as the reason why the worker does not start
    """

    def __init__(self, number: int, now: Callable[[], float]) -> None:
        """
        @param number: the number of the worker
        @param now: returns Unix time
        """
        self._number = number
        self._now = now
        self._splitters = {1: Splitter(LINE), 2: Splitter(LINE)}
        self.last = ""

    def received(self, descriptor: int, data: bytes) -> None:
        """
        Log all complete lines. A line of more than L{LINE} bytes is divided.

        @param descriptor: where the worker wrote the data: 1 or 2
        """
        for line in self._splitters[descriptor].add(data):
            self._log(line)

    def finish(self) -> None:
        """
        Log the rest after the last complete line.
        """
        for splitter in self._splitters.values():
            self._log(splitter.finish())

    def _log(self, data: bytes) -> None:
        try:
            line = _decoder.decode(data)
            level = LogLevel.levelWithName(line.level)
        except Exception:  # plain text, for example of the interpreter
            text = data.decode("utf-8", "backslashreplace").rstrip()
            if not text:
                return
            self.last = text
            level = LogLevel.warn
            line = Line(self._now(), level.name, "-", text)
        globalLogPublisher(
            {
                "log_time": line.time,
                "log_level": level,
                "log_namespace": __name__,
                "log_system": f"worker {self._number} {line.system}",
                "log_format": "{text}",
                "text": line.text,
            }
        )
