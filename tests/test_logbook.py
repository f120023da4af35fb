"""
Tests for L{machat.logbook}.
"""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, Logger, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from machat.logbook import LINES, MINUTE, TOTAL, Line, Logbook
from machat.tap.logs import asLine
from machat.testing import MemoryChat, MemoryClient
from machat.ws import ChatWebSocketFactory


def logged(test: SynchronousTestCase) -> Callable[[], list[str]]:
    """
    @return: a function that returns the log entries since its last call
    """
    lines: list[str] = []

    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    def take() -> list[str]:
        taken = lines[:]
        lines.clear()
        return taken

    globalLogPublisher.addObserver(cast(ILogObserver, observe))
    test.addCleanup(globalLogPublisher.removeObserver, cast(ILogObserver, observe))
    return take


class LineTests(SynchronousTestCase):
    """
    Tests for L{Line}.
    """

    def test_asInfo(self) -> None:
        """
        The event, and the line in the log, are those of L{Logger.info}.
        """
        events: list[LogEvent] = []
        observer: Any = events.append
        log = Logger("machat.x", self, observer)
        began = time()
        Line(log, "{name} joins {room}").write(name="Mi{na}", room="dev\n")
        log.info("{name} joins {room}", name="Mi{na}", room="dev\n")
        one, other = events
        self.assertEqual(list(one), list(other))
        self.assertTrue(began <= one["log_time"] <= other["log_time"])
        one["log_time"] = other["log_time"]
        self.assertEqual(one, other)
        self.assertEqual(asLine(one), asLine(other))


class LogbookTests(SynchronousTestCase):
    """
    Tests for L{Logbook}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.book = Logbook(self.clock)
        self.logged = logged(self)

    def note(self, network: str | None, text: object = "x") -> None:
        self.book.note(network, "refused {peer}: {text}", peer=network, text=text)

    def test_escaped(self) -> None:
        """
        Data from a peer is logged on one line, without control characters.
        """
        self.note("192.0.2.1", "\x1b[31m\r\nforged \x9b \u202e \u2028 \ud800 \u00e4 {peer}")
        self.assertEqual(
            self.logged(),
            [
                "refused 192.0.2.1: \\x1b[31m\\x0d\\x0aforged \\x9b \\x202e \\x2028 \\xd800 \u00e4"
                " {peer}"
            ],
        )
        self.note("192.0.2.1", "x" * 10_000)
        self.assertLess(len(self.logged()[0]), 600)

    def test_limited(self) -> None:
        """
        A network has a few lines per minute, and further lines are counted.
        """
        for _ in range(300):
            self.note("192.0.2.1")
        self.note("192.0.2.2")
        self.assertEqual(len(self.logged()), LINES + 1)
        self.clock.advance(MINUTE)
        (line,) = self.logged()
        self.assertEqual(
            line,
            f"{300 - LINES} more lines about refused peers were omitted, {300 - LINES} of them"
            " about 192.0.2.1",
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.note("192.0.2.1")
        self.assertEqual(len(self.logged()), 1)

    def test_many(self) -> None:
        """
        All networks together have a limit too, and no state is kept for dropped lines.
        """
        for number in range(5_000):
            self.note(f"2001:db8:0:{number:x}::/64")
        self.assertEqual(len(self.logged()), TOTAL)
        self.assertEqual(len(self.book._written), TOTAL)
        self.assertLessEqual(len(self.book._omitted), TOTAL)
        self.clock.advance(MINUTE)
        (line,) = self.logged()
        self.assertEqual(
            line,
            f"{5_000 - TOTAL} more lines about refused peers were omitted, {5_000 - TOTAL} of"
            " them about many networks",
        )

    def test_slowly(self) -> None:
        """
        With few lines there is no timer, and a new minute begins with the next line.
        """
        for _ in range(10):
            for _ in range(LINES):
                self.note(None)
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.clock.advance(MINUTE)
        self.assertEqual(len(self.logged()), 10 * LINES)

    def test_clockSetBack(self) -> None:
        """
        A clock that is set back begins a new minute too.
        """
        self.clock.advance(1000)
        for _ in range(LINES):
            self.note(None)
        self.clock.rightNow = 0.0
        self.note(None)
        self.assertEqual(len(self.logged()), LINES + 1)

    def test_close(self) -> None:
        """
        The count is logged at the end of the minute at the latest.
        """
        for _ in range(LINES + 2):
            self.note(None)
        self.logged()
        self.book.close()
        (line,) = self.logged()
        self.assertIn("2 more lines", line)
        self.assertIn("this machine", line)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ChatTests(SynchronousTestCase):
    """
    The lines that strangers can cause in the log of a chat.
    """

    EVIL = b"\x1b]0;owned\x07\r\n2026-01-01T00:00:00+0000 [-] forged\n\x9b31m"

    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.factory = ChatWebSocketFactory(self.chat.service)
        self.logged = logged(self)

    def assertClean(self, most: int) -> None:
        """
        The number of new lines is limited, and each is printable and has the peer's address or a
        count.
        """
        lines = self.logged()
        self.assertLessEqual(len(lines), most, lines)
        for text in lines:
            self.assertTrue(text.isprintable(), ascii(text))
            self.assertRegex(text, r"192\.0\.2\.1|left out")

    def test_handshakes(self) -> None:
        """
        Any request causes at most one line with its address, and many requests do not cause many
        lines.
        """
        evil = self.EVIL
        for head in (
            b"GET /" + evil + b" HTTP/1.1\r\n\r\n",
            b"GET /mychat HTTP/1.1\r\nHost: " + evil + b"\r\n\r\n",
            b"GET /mychat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nOrigin: \xff\r\n\r\n",
            b"GET /mychat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nOrigin: http://b\r\n\r\n",
            b"GET /mychat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
            b"\xe2\x80\xae\r\n\r\n",
            b"X" * 9_000,
            b"\x1b\r\n\r\n",
        ):
            self.chat = MemoryChat()
            self.factory = ChatWebSocketFactory(self.chat.service)
            MemoryClient(self.factory).sendBytes(head)
            self.assertClean(1)
            for _ in range(300):
                MemoryClient(self.factory).sendBytes(head)
            self.chat.clock.advance(MINUTE)
            self.assertClean(LINES + 1)

    def test_frames(self) -> None:
        """
        Frames that violate the protocol before the hello do not cause many lines either.
        """
        for frame in (b"\x81\x02hi", b"\xc1\x80\x00\x00\x00\x00", b"\x88\x81\x00\x00\x00\x00\x1b"):
            for _ in range(20):
                self.chat.ws().sendBytes(frame)
        self.chat.clock.advance(MINUTE)
        self.assertClean(2 * LINES)

    def test_hellos(self) -> None:
        """
        Hellos do not cause many lines either, on either transport.
        """
        for door in (self.chat.tcp, self.chat.ws):
            for _ in range(50):
                door().send('{"name": "a\\u001bb", "room": "dev"}')
                door().send("\x1b[31m")
        self.chat.clock.advance(MINUTE)
        self.assertClean(2 * LINES)
