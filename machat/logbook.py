"""
Log lines about refused peers, and frequent lines.

Anyone can cause refusals at any rate. Therefore the number of such lines per minute is limited for
each network and in total, and the omitted lines are counted. Data from a peer is escaped, because
control characters in a log can manipulate the terminal that displays it.
"""

from __future__ import annotations

from collections import Counter
from time import time
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger, LogLevel

#: The maximum number of lines per minute, about one network and in total.
LINES = 10
TOTAL = 100

MINUTE = 60.0

#: The maximum length of a field, characters. The rest is cut off.
_LONGEST = 500

#: The name under which lines about peers on this machine are counted.
_LOCAL = "this machine"


class Line:
    """
    A frequent line of the log, at the level C{info}. It emits the event that C{Logger.info} emits,
    but does not check the level each time. This saves 4 % of the instructions of a join.
    """

    __slots__ = ("_observer", "_common")

    def __init__(self, log: Logger, text: str) -> None:
        """
        @param text: the text, with the names of its fields in braces
        """
        self._observer = log.observer
        self._common: dict[str, Any] = {
            "log_logger": log,
            "log_level": LogLevel.info,
            "log_namespace": log.namespace,
            "log_source": log.source,
            "log_format": text,
        }

    def write(self, **fields: object) -> None:
        """
        Write the line.
        """
        fields.update(self._common)
        fields["log_time"] = time()
        self._observer(fields)


class Logbook:
    """
    Writes a limited number of lines about refused peers to the log.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._began = 0.0
        self._written: Counter[str] = Counter()
        self._omitted: Counter[str] = Counter()
        self._others = 0
        self._timer: IDelayedCall | None = None

    def note(self, network: str | None, format: str, **fields: object) -> None:
        """
        Write one line, unless a limit has been reached.

        @param network: the peer's network, see L{machat.addresses.networkOf}
        @param format: a format string of L{Logger}
        @param fields: the values for the names in C{format}; they are escaped
        """
        name = network or _LOCAL
        since = self._clock.seconds() - self._began
        if self._written and not 0 <= since < MINUTE:
            self.close()
        if not self._written:
            self._began = self._clock.seconds()
        if self._written[name] < LINES and self._written.total() < TOTAL:
            self._written[name] += 1
            self._log.info(format, **{key: _escaped(value) for key, value in fields.items()})
        else:
            self._omit(name)

    def close(self) -> None:
        """
        End the current minute, and log how many lines were omitted in it.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        count = self._omitted.total() + self._others
        most = self._omitted.most_common(1)
        self._written.clear()
        self._omitted.clear()
        self._others = 0
        if count:
            network, lines = most[0] if most else ("many networks", count)
            self._log.info(
                "{count} more lines about refused peers were omitted, {lines} of them about"
                " {network}",
                count=count,
                lines=lines,
                network=network,
            )

    def _omit(self, name: str) -> None:
        if self._written[name]:
            self._omitted[name] += 1
        else:
            self._others += 1
        if self._timer is None:
            due = self._began + MINUTE - self._clock.seconds()
            self._timer = self._clock.callLater(max(0.0, due), self._due)

    def _due(self) -> None:
        self._timer = None
        self.close()


def _escaped(value: object) -> str:
    text = str(value)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
