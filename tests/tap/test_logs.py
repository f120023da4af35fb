"""
Tests for L{machat.tap.logs}: the chat continues, whatever the state of the log's destination.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from io import StringIO
from pathlib import Path
from typing import Any, cast

from twisted.application.service import Application
from twisted.logger import (
    ILogObserver,
    LegacyLogObserverWrapper,
    LogLevel,
    formatEventAsClassicLogText,
    globalLogPublisher,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import verify

from machat.tap.logs import LINE, TOGETHER, Stream, Syslog, Writer, asLine, observerFor, streamFor
from machat.tap.serving import Server
from tests.processes import (
    BIN,
    LOCAL,
    PATIENCE,
    ServerTestCase,
    askMonitor,
    connect,
    portsOf,
    readUntil,
    waitForLine,
)


class Sink:
    """
    A destination that accepts what is written once it is open.
    """

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.open = threading.Event()
        self.asked = threading.Event()

    def take(self, data: Any) -> None:
        self.asked.set()
        if not self.open.wait(PATIENCE):
            raise AssertionError("it was never opened")
        self.taken.append(data)


class WriterTests(SynchronousTestCase):
    """
    Tests for L{Writer} and L{Stream}.
    """

    def setUp(self) -> None:
        self.sink = Sink()
        self.addCleanup(self.sink.open.set)
        self.warnings: list[int] = []
        globalLogPublisher.addObserver(cast(ILogObserver, self.observe))
        self.addCleanup(globalLogPublisher.removeObserver, cast(ILogObserver, self.observe))

    def observe(self, event: Any) -> None:
        if "lost" in event:
            self.warnings.append(event["lost"])

    def start(self, most: int = 10_000) -> Writer:
        """
        @return: a writer that has started, whose thread waits for the sink
        """
        writer = Writer(most)
        writer.start()
        writer.start()
        self.stream = Stream(writer, self.sink.take)
        self.stream.write("first\n")
        self.assertTrue(self.sink.asked.wait(PATIENCE))
        return writer

    def test_before(self) -> None:
        """
        Before the start everything is written at once, and a failure has no effect.
        """
        writer = Writer()
        self.sink.open.set()
        stream = Stream(writer, self.sink.take)
        writer.add(0, lambda: 1 // 0)
        self.assertEqual(stream.write("a\n"), 2)
        self.assertEqual(self.sink.taken, [b"a\n"])
        self.assertTrue(writer.finish(0))

    def test_order(self) -> None:
        """
        Writing does not block, and the order is kept.
        """
        writer = self.start()
        for number in range(20):
            self.stream.write(f"{number}\n")
        self.assertEqual(self.sink.taken, [])
        self.assertFalse(writer.finish(0))
        self.sink.open.set()
        self.assertTrue(writer.finish(PATIENCE))
        self.assertEqual(self.sink.taken[1:], [b"".join([b"%d\n" % each for each in range(20)])])

    def test_together(self) -> None:
        """
        Lines for one file are written together, up to a size. Other calls keep their place.
        """
        writer = self.start(10_000_000)
        for number in range(3):
            self.stream.write(f"{number}\n")
        writer.add(0, lambda: self.sink.taken.append(b"other"))
        for _ in range(3):
            self.stream.write("x" * (TOGETHER // 2) + "\n")
        self.sink.open.set()
        self.assertTrue(writer.finish(PATIENCE))
        self.assertEqual(self.sink.taken[:3], [b"first\n", b"0\n1\n2\n", b"other"])
        sizes = [len(data) for data in self.sink.taken[3:]]
        self.assertEqual(sizes, [TOGETHER + 2, TOGETHER // 2 + 1])

    def test_bounded(self) -> None:
        """
        Lines that do not fit are dropped as a whole, and counted when there is space again.
        """
        writer = self.start(10 * (LINE + 10))
        for number in range(50):
            self.stream.write(f"line {number:4}\n")
        self.assertEqual(self.warnings, [])
        self.sink.open.set()
        self.assertTrue(writer.finish(PATIENCE))
        self.assertEqual(b"".join(self.sink.taken).count(b"\n"), 10)
        self.stream.write("last\n")
        self.assertTrue(writer.finish(PATIENCE))
        self.assertEqual(self.warnings, [41])
        self.assertEqual(self.sink.taken[-1], b"last\n")

    def test_failure(self) -> None:
        """
        Lines that cannot be written are counted too.
        """
        writer = self.start()
        self.sink.open.set()
        writer.add(0, lambda: 1 // 0)
        self.assertTrue(writer.finish(PATIENCE))
        self.stream.write("last\n")
        self.assertEqual(self.warnings, [1])

    def test_threads(self) -> None:
        """
        Lines of several threads are not mixed.
        """
        writer = self.start(10_000_000)
        self.sink.open.set()

        def write(name: str) -> None:
            for number in range(200):
                self.stream.write(f"{name}{number}\n")

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(writer.finish(PATIENCE))
        for name in "abcd":
            lines = b"".join(self.sink.taken).splitlines()
            own = [line for line in lines if line.startswith(name.encode())]
            self.assertEqual(own, [f"{name}{number}".encode() for number in range(200)])

    def test_lost(self) -> None:
        """
        If lines that are written together cannot be written, each of them is counted.
        """
        writer = self.start()
        self.sink.open.set()
        self.assertTrue(writer.finish(PATIENCE))

        def fail(data: bytes) -> None:
            raise OSError

        self.sink.open.clear()
        self.stream.write("second\n")
        broken = Stream(writer, fail)
        for _ in range(3):
            broken.write("x\n")
        self.sink.open.set()
        self.assertTrue(writer.finish(PATIENCE))
        self.stream.write("last\n")
        self.assertEqual(self.warnings, [3])

    def test_asLine(self) -> None:
        """
        A line is that of Twisted's own observer.
        """
        for when in (1e9, 1e9 + 0.9, 1e9 + 1.5, 1e9, None):
            event = {
                "log_time": when,
                "log_format": "{a}\n{b}",
                "a": 1,
                "b": "x",
                "log_level": None,
            }
            self.assertEqual(asLine(event), formatEventAsClassicLogText(event))
        self.assertIsNone(asLine({"log_format": ""}))

    def test_asLineOfAnyEvent(self) -> None:
        """
        This is true for every kind of format, of value, and of event.
        """
        forms: list[Any] = ["", "x", "{a}", "{a!r:>9}", "{a.real}", "{b[0]}", "{f()}", "{f}", "{}"]
        forms += ["{a} {b}{f}", "{a} %", "%(a)s", "{a}%s", "{{a}}", "}a{", "{log_time}"]
        forms += ["{0}", "{", "{missing}", "{a:{b}}", "{log_level}", "{bad}", b"{a}", None, 5]
        special: list[dict[str, Any]] = [
            {},
            {"log_system": "here"},
            {"log_system": None},
            {"log_failure": Failure(ValueError("wrong"))},
            {"log_level": LogLevel.warn, "log_namespace": "machat.x", "log_time": 1e9},
            {"log_level": LogLevel.warn, "log_namespace": None, "log_time": None},
            {"log_level": LogLevel.warn, "log_namespace": "x", "log_time": 1e9, "log_system": "y"},
        ]

        class Bad:
            def __repr__(self) -> str:
                raise ValueError("no text")

        for form in forms:
            for fields in special:
                event = {"a": 1, "b": "5\n6", "f": lambda: "called", "bad": Bad(), **fields}
                event["log_format"] = form
                self.assertEqual(asLine(event), formatEventAsClassicLogText(event), event)

    def test_utf8(self) -> None:
        """
        Text is written in UTF-8; characters that UTF-8 cannot encode are escaped.
        """
        self.sink.open.set()
        stream = Stream(Writer(), self.sink.take)
        stream.write("Zoë \N{SNOWMAN} \ud800\n")
        self.assertEqual(self.sink.taken, ["Zoë \N{SNOWMAN} \\ud800\n".encode()])
        self.assertTrue(stream.writable())

    def test_pipe(self) -> None:
        """
        All data is written to a pipe that does not accept it at once, even if another process has
        made the pipe non-blocking.
        """
        out, into = os.pipe()
        os.set_blocking(into, False)
        self.addCleanup(os.close, out)
        with open(into, "w") as file:
            writer = Writer(10_000_000)
            writer.start()
            stream = streamFor(file, writer)
            assert stream is not None
            stream.write("x" * 300_000 + "\n")
            data = b""
            while not data.endswith(b"\n"):
                data += os.read(out, 65_536)
            self.assertEqual(len(data), 300_001)
            self.assertTrue(writer.finish(PATIENCE))

    def test_syslog(self) -> None:
        """
        The writer writes to the system log as well.
        """
        said: list[tuple[int, str]] = []
        self.patch(Syslog.__bases__[0], "openlog", staticmethod(lambda *args: None))
        self.patch(Syslog.__bases__[0], "syslog", staticmethod(lambda *args: said.append(args)))
        writer = Writer()
        observer = LegacyLogObserverWrapper(cast(Any, Syslog("machat", writer).emit))
        observer({"log_format": "two\nlines \ud800", "log_time": 0.0, "log_level": LogLevel.info})
        self.assertEqual([line[line.index("]") :] for _, line in said[:1]], ["] two"])
        self.assertEqual(said[1][1][-13:], "\tlines \\ud800")


class ChoiceTests(SynchronousTestCase):
    """
    Tests for L{observerFor}.
    """

    def test_left(self) -> None:
        """
        Destinations chosen by the operator are left unchanged, and so are those that C{twistd}
        refuses, and a standard output that is not a file.
        """
        self.patch(sys, "stdout", StringIO())
        for options in (
            {"nodaemon": True, "logger": "their.observer"},
            {"nodaemon": False, "logfile": "-"},
            {"nodaemon": True},
            {"nodaemon": True, "logfile": "-"},
        ):
            self.assertIsNone(observerFor(options, Writer()))

    def test_file(self) -> None:
        """
        A log file is rotated and ten files are kept; SIGUSR1 rotates it too.
        """
        previous = signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        self.addCleanup(signal.signal, signal.SIGUSR1, previous)
        name = Path(self.mktemp()).absolute()
        for old in range(1, 11):
            name.with_name(f"{name.name}.{old}").write_text(f"{old}")
        observer = observerFor({"nodaemon": False, "logfile": str(name)}, Writer())
        verify.verifyObject(ILogObserver, observer)
        assert observer is not None
        observer({"log_format": "Zoë", "log_time": 0.0})
        os.kill(os.getpid(), signal.SIGUSR1)
        observer({"log_format": "next", "log_time": 0.0})
        self.assertIn("Zoë", name.with_name(f"{name.name}.1").read_text("utf-8"))
        self.assertIn("next", name.read_text())
        kept = sorted(path.name for path in name.parent.glob(f"{name.name}.*"))
        self.assertEqual(len(kept), 10)
        self.assertEqual(name.with_name(f"{name.name}.10").read_text(), "9")

    def test_application(self) -> None:
        """
        C{twistd} finds the observer in its application.
        """
        application: Any = Application("machat")
        server = Server(None, (), None, 1.0)
        server.setServiceParent(application)
        self.assertIsNone(application.getComponent(ILogObserver, None))
        other = Server(None, (), None, 1.0)
        other.observer = lambda event: None  # type: ignore[assignment]
        other.setServiceParent(application)
        self.assertIs(application.getComponent(ILogObserver), other.observer)


class ProcessTests(ServerTestCase):
    """
    Tests with real processes.
    """

    def run_(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """
        @return: a command whose output is never read
        """
        return self.stopAtEnd(
            subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env={**os.environ, **environment},
            )
        )

    def assertGoesOn(self, server: subprocess.Popen[str], tcp: int, monitor: int) -> None:
        """
        Fill the pipe to which the server logs: the chat, the monitor and SIGTERM still work.
        """
        name = "n" * 32
        for _ in range(1000):
            with connect(tcp) as client:
                client.sendall(f'{{"name": "{name}", "room": "{"r" * 64}"}}\nhello\n'.encode())
                self.assertEqual(readUntil(client, b"hello\n"), f"{name}:hello\n".encode())
        self.assertEqual(askMonitor(monitor, "/healthz"), (200, "ok\n"))
        server.terminate()
        self.assertEqual(server.wait(PATIENCE), 0)

    def test_twistd(self) -> None:
        """
        C{twistd -l -} with a pipe that is never read works in any locale.
        """
        arguments = ("--rate", "off", "--tcp", LOCAL, "--ws", "none", "--monitor", LOCAL)
        server = self.run_(
            "twistd", "-n", "--pidfile=", "-l", "-", "machat", *arguments, LC_ALL="POSIX"
        )
        monitor, tcp = portsOf(server, "_Site", "ChatFactory")
        self.assertGoesOn(server, tcp, monitor)

    def test_twist(self) -> None:
        """
        C{twist} logs JSON.
        """
        arguments = ("--rate", "off", "--tcp", LOCAL, "--ws", "none", "--monitor", LOCAL)
        server = self.run_("twist", "--log-format=json", "machat", *arguments)
        ports = []
        for factory in ("_Site", "ChatFactory"):
            event = json.loads(waitForLine(server, f"{factory} starting on").strip("\x1e"))
            ports.append(int(event["log_text"].split()[-1] if "log_text" in event else 0))
        self.assertGoesOn(server, ports[1], ports[0])

    def test_names(self) -> None:
        """
        Names with characters outside the locale's encoding are logged.
        """
        server = self.run_(
            *("twistd", "-n", "--pidfile=", "machat", "--tcp", LOCAL, "--ws", "none"),
            PYTHONIOENCODING="ascii",
            LC_ALL="POSIX",
        )
        (tcp,) = portsOf(server, "ChatFactory")
        with connect(tcp) as client:
            client.sendall('{"name": "Zoë雪", "room": "dev"}\n'.encode())
            waitForLine(server, "Zoë雪 joins dev")

    def test_daemon(self) -> None:
        """
        A daemon writes its log up to the end.
        """
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        pid, log = folder / "pid", folder / "machat.store.memory"
        subprocess.run(
            [
                *(BIN / "twistd", "--pidfile", pid, "-l", log, "--rundir", "/", "machat"),
                *("--tcp", f"unix:{folder}/chat", "--ws", "none"),
            ],
            check=True,
            timeout=PATIENCE,
        )
        number = int(pid.read_text())
        self.addCleanup(_kill, number)
        with connect(f"{folder}/chat") as client:
            client.sendall('{"name": "Zoë", "room": "dev"}\nhello\n'.encode())
            self.assertEqual(readUntil(client, b"\n"), "Zoë:hello\n".encode())
        os.kill(number, signal.SIGTERM)
        while pid.exists():
            time.sleep(0.01)
        self.assertIn("Zoë joins dev", log.read_text("utf-8"))


def _kill(number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)
