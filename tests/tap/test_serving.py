"""
Tests for L{machat.tap.serving}: a real C{twistd machat} is watched, reloaded and stopped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from machat.tap.listener import Listener
from machat.tap.serving import Server
from tests.processes import (
    BIN,
    LOCAL,
    PATIENCE,
    RawClient,
    ServerTestCase,
    askMonitor,
    connect,
    makeCertificate,
    portsOf,
    shortFolder,
    start,
    stop,
    waitForLine,
)

#: The options of a server that queues much data for a client.
PATIENT = ("--tcp", LOCAL, "--ws", "none", "--max-waiting", "64MiB")


class ServingTests(ServerTestCase):
    """
    The behaviour that an operator sees.
    """

    def manager(self) -> tuple[socket.socket, str]:
        """
        @return: a service manager's socket, and its variables in the environment
        """
        path = f"{shortFolder(self)}/notify"
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listening.close)
        listening.bind(path)
        listening.settimeout(PATIENCE)
        return listening, path

    def test_monitor(self) -> None:
        """
        The monitor reports the current state, and also reports the stop while the last bytes are
        sent.
        """
        longer = ("--close-timeout", "1h", "--shutdown-timeout", "1h")
        server = self.serve(*PATIENT, *longer, "--monitor", LOCAL)
        monitor, tcp = portsOf(server, "_Site", "ChatFactory")
        self.assertEqual(askMonitor(monitor, "/readyz")[0], 200)
        stuck = self.connect(tcp)
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b'{"name": "stuck", "room": "dev"}\n')
        waitForLine(server, "stuck joins dev")
        stuck.sendall((b"x" * 60_000 + b"\n") * 100)
        while "machat_waiting_bytes 0.0" in askMonitor(monitor, "/metrics")[1]:
            pass
        self.assertIn(
            'machat_connections{dialect="text",transport="tcp"} 1.0',
            askMonitor(monitor, "/metrics")[1],
        )
        self.assertIn('"room":"dev","members":1', askMonitor(monitor, "/rooms")[1])
        server.terminate()
        while askMonitor(monitor, "/readyz")[0] == 200:
            pass
        self.assertEqual(askMonitor(monitor, "/readyz"), (503, "draining\n"))
        self.assertEqual(askMonitor(monitor, "/healthz")[0], 200)
        stuck.close()
        out, err = server.communicate(timeout=PATIENCE)
        self.assertEqual(server.returncode, 0)
        self.assertNotIn("Traceback", out + err)

    def test_secondSignal(self) -> None:
        """
        A second signal ends the server at once, even with open connections.
        """
        server = self.serve(*PATIENT, "--close-timeout", "1h")
        (tcp,) = portsOf(server, "ChatFactory")
        stuck = self.connect(tcp)
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b'{"name": "stuck", "room": "dev"}\n' + (b"x" * 60_000 + b"\n") * 100)
        waitForLine(server, "stuck joins dev")
        server.terminate()
        waitForLine(server, "stuck leaves dev")
        server.terminate()
        server.communicate(timeout=PATIENCE)
        self.assertEqual(server.returncode, -signal.SIGTERM)

    def test_shutdownTimeout(self) -> None:
        """
        A stop takes no longer than its limit.
        """
        server = self.serve(*PATIENT, "--close-timeout", "1h", "--shutdown-timeout", "0.1")
        (tcp,) = portsOf(server, "ChatFactory")
        stuck = self.connect(tcp)
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b'{"name": "stuck", "room": "dev"}\n' + (b"x" * 60_000 + b"\n") * 100)
        waitForLine(server, "stuck joins dev")
        status, out, _ = stop(server)
        self.assertEqual(status, 0)
        self.assertIn("stopped after 0.1 s before all output was sent", out)

    def test_notify(self) -> None:
        """
        The service manager is notified when the server is ready, reloads and stops.
        """
        manager, path = self.manager()
        self.patchEnvironment("NOTIFY_SOCKET", path)
        server = self.serve("--tcp", LOCAL, "--ws", "none")
        self.assertEqual(manager.recv(100), b"READY=1")
        server.send_signal(signal.SIGHUP)
        self.assertRegex(manager.recv(100).decode(), r"\ARELOADING=1\nMONOTONIC_USEC=[0-9]+\Z")
        self.assertEqual(manager.recv(100), b"READY=1")
        status, _, _ = stop(server)
        self.assertEqual(manager.recv(100), b"STOPPING=1")
        self.assertEqual(status, 0)

    def test_notifyNobody(self) -> None:
        """
        A service manager that is gone, or does not read its notifications, does not block the
        server.
        """
        manager, path = self.manager()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.connect(path)
            other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    other.send(b"x")
        self.patchEnvironment("NOTIFY_SOCKET", path)
        server = self.serve("--tcp", LOCAL, "--ws", "none")
        waitForLine(server, "the service manager was not notified: timed out")
        manager.close()
        os.remove(path)
        server.send_signal(signal.SIGHUP)
        waitForLine(server, "the service manager was not notified: No such file")
        self.assertEqual(stop(server)[0], 0)

    def patchEnvironment(self, name: str, value: str) -> None:
        """
        Set an environment variable for the processes of this test.
        """
        self.patch(os, "environ", {**os.environ, name: value})

    def certificateOf(self, port: int) -> tuple[ssl.SSLSocket, bytes]:
        """
        @return: a connection, and the certificate that the server sent
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        secret = context.wrap_socket(connect(port))
        self.addCleanup(secret.close)
        return secret, secret.getpeercert(True) or b""

    def test_newCertificate(self) -> None:
        """
        After a SIGHUP new connections receive the new certificate, and old ones continue; an
        invalid one is logged, and changes nothing.
        """
        key = self.mktemp()
        makeCertificate(key, key + ".pem")
        server = self.serve("--tcp", f"ssl:0:privateKey={key}:certKey={key}.pem", "--ws", "none")
        (port,) = portsOf(server, r"ChatFactory (TLS)")
        old, first = self.certificateOf(port)
        old.sendall(b'{"name": "Mina", "room": "dev"}\n')
        waitForLine(server, "Mina joins")
        makeCertificate(key, key + ".pem")
        server.send_signal(signal.SIGHUP)
        waitForLine(server, "certificate reloaded")
        new, second = self.certificateOf(port)
        self.assertNotEqual(first, second)
        new.sendall(b'{"name": "Ada", "room": "dev"}\nhello\n')
        self.assertEqual(old.recv(100), b"Ada:hello\n")
        Path(key + ".pem").write_text("nonsense")
        server.send_signal(signal.SIGHUP)
        waitForLine(server, f"certKey={key}.pem: ")
        self.assertEqual(self.certificateOf(port)[1], second)

    def test_check(self) -> None:
        """
        A configuration can be checked without starting the server.
        """
        check = [BIN / "twistd", "machat", "--check", "--tcp", LOCAL]
        right = self.stopAtEnd(start(*check))
        self.assertEqual(right.communicate(timeout=PATIENCE), ("", ""))
        self.assertEqual(right.returncode, 0)
        wrong = self.stopAtEnd(start(*check, "--burst", "many"))
        _, err = wrong.communicate(timeout=PATIENCE)
        self.assertEqual(err, "machat: --burst many: must be a whole number of at least 1\n")
        self.assertEqual(wrong.returncode, 1)

    def test_rate(self) -> None:
        """
        The rate is enabled by default: of thirty lines at once some are delayed, and none is lost.
        """
        _, tcp = self.serveLines("--rate", "20")
        client = RawClient(tcp)
        self.addCleanup(client.close)
        client.sendBytes(b'{"name": "Mina", "room": "dev"}\n' + b"hello\n" * 30)
        for _ in range(30):
            self.assertEqual(client.readUntil(b"\n"), b"Mina:hello\n")


class Slow:
    """
    An endpoint that does not listen at once.
    """

    def __init__(self) -> None:
        self.listening: Deferred[Any] = Deferred()

    def listen(self, factory: object) -> Deferred[Any]:
        """
        @return: a Deferred that fires when the test says so
        """
        return self.listening


class ListenerTests(SynchronousTestCase):
    """
    Tests for L{Listener}.
    """

    def setUp(self) -> None:
        self.listener = Listener("tcp", LOCAL, Factory(), False)
        self.slow = Slow()
        self.patch(self.listener, "_endpoint", self.slow)
        self.listener.privilegedStartService()
        self.listener.startService()

    def stopListening(self) -> Deferred[Any]:
        """
        @return: what the stop of the listener returns
        """
        stopped = self.listener.stopService()
        assert stopped is not None
        return stopped

    def test_fails(self) -> None:
        """
        An endpoint that fails to listen later is logged.
        """
        self.slow.listening.errback(ConnectionError("no network"))
        (failure,) = self.flushLoggedErrors(ConnectionError)
        self.assertEqual(str(failure.value), "no network")
        self.assertIsNone(self.successResultOf(self.stopListening()))

    def test_stopped(self) -> None:
        """
        A stop cancels the wait for an endpoint, without a log line.
        """
        self.assertIsNone(self.successResultOf(self.stopListening()))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_listens(self) -> None:
        """
        A stop waits until the port is closed.
        """
        reactor = MemoryReactor()
        port = reactor.listenTCP(0, Factory())
        self.slow.listening.callback(port)
        self.successResultOf(self.stopListening())
        self.assertFalse(self.listener.running)


@implementer(IReactorFromThreads)
class NoReactor(MemoryReactor):
    """
    A reactor that does not run yet.

    @ivar calls: the functions to call when it runs
    """

    def __init__(self) -> None:
        MemoryReactor.__init__(self)
        self.calls: list[Any] = []

    def callFromThread(self, callable: Any, *args: Any, **keywords: Any) -> None:
        self.calls.append(callable)


class Interrupted(Service):
    """
    A service that receives signals while it starts to listen.
    """

    def privilegedStartService(self) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)


class SignalsTests(SynchronousTestCase):
    def test_early(self) -> None:
        """
        Signals have their effect even if they arrive before the reactor runs.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        reactor = NoReactor()
        server = Server(reactor, [], Interrupted(), 1.0)
        server.privilegedStartService()
        self.assertEqual(reactor.calls, [server.reload, reactor.stop])
