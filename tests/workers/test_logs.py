"""
Tests for L{machat.workers.logs}.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger, LogLevel, globalLogPublisher
from twisted.python import log
from twisted.trial.unittest import SynchronousTestCase

from machat.workers.logs import LONGEST, Relay, encodeEvent


class RelayTests(SynchronousTestCase):
    """
    Events of a worker in the log of the parent.
    """

    def setUp(self) -> None:
        self.events: list[Any] = []
        self.relay = Relay(2, lambda: 1000.0)

    def observed(self, function: Any, *arguments: Any) -> list[Any]:
        """
        @return: the events that a function logs
        """
        events: list[Any] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        try:
            function(*arguments)
        finally:
            globalLogPublisher.removeObserver(observer)
        return events

    def relayed(self, function: Any, *arguments: Any) -> Any:
        """
        @return: the event of the parent for the event that a function logs in the worker
        """
        (event,) = self.observed(function, *arguments)
        line = encodeEvent(event)
        assert line is not None
        self.assertEqual(line.count("\n"), 1)
        (relayed,) = self.observed(self.relay.received, 1, line.encode())
        self.assertEqual(relayed["log_time"], event["log_time"])
        return relayed

    def test_event(self) -> None:
        """
        An event keeps its text, time and level, and the system names the worker.
        """
        event = self.relayed(Logger("machat.x").warn, "two\nlines {{}}")
        self.assertEqual(event["text"], "two\nlines {}")
        self.assertIs(event["log_level"], LogLevel.warn)
        self.assertEqual(event["log_system"], "worker 2 machat.x#warn")

    def test_failure(self) -> None:
        """
        The traceback of an error is part of its text.
        """

        def fail() -> None:
            try:
                raise ValueError("broken")
            except ValueError:
                Logger("machat.x").failure("it failed")

        event = self.relayed(fail)
        self.assertIn("it failed\nTraceback", event["text"])
        self.assertIn("ValueError: broken", event["text"])
        self.flushLoggedErrors(ValueError)

    def test_legacy(self) -> None:
        """
        Events of C{twisted.python.log} are relayed with the system that they name.
        """
        self.assertEqual(self.relayed(log.msg, "old")["log_system"], "worker 2 -")

    def test_surrogate(self) -> None:
        """
        Text that UTF-8 cannot represent is escaped, and a very long one is shortened.
        """
        line = encodeEvent({"log_format": "\udc80"})
        assert line is not None
        (event,) = self.observed(self.relay.received, 1, line.encode())
        self.assertEqual(event["text"], "\\udc80")
        line = encodeEvent({"log_format": "x" * 2 * LONGEST})
        assert line is not None
        self.assertLess(len(line), LONGEST + 100)

    def test_plain(self) -> None:
        """
        Other output, such as that of the interpreter, is a warning. The last line is kept.
        """
        events = self.observed(self.relay.received, 2, b"Segmentation fault\n\n\xff\nlast")
        events += self.observed(self.relay.finish)
        self.assertEqual(
            [event["text"] for event in events], ["Segmentation fault", "\\xff", "last"]
        )
        self.assertEqual({event["log_level"] for event in events}, {LogLevel.warn})
        self.assertEqual(self.relay.last, "last")

    def test_noText(self) -> None:
        """
        An event without text is omitted.
        """
        self.assertIsNone(encodeEvent({"log_format": ""}))
