"""
Tests for L{machat.transport.keepalive}, and for a name whose holder may have disappeared.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from machat.errors import BUSY, NAME_TAKEN, ChatError, endOf
from machat.limits import Limits
from machat.testing import MemoryChat
from machat.transport.keepalive import OPTIONS, isSilent, keepAlive, keepAliveAll
from tests.processes import (
    LOCAL,
    PATIENCE,
    RawWebSocketClient,
    ServerTestCase,
    portsOf,
    readUntil,
)


class Transport:
    """
    A transport on a socket, or on another transport.
    """

    def __init__(self, handle: Any, transport: Any = None) -> None:
        self._handle = handle
        self.transport = transport

    def getHandle(self) -> Any:
        return self._handle


class TCPTestCase(SynchronousTestCase):
    """
    Tests with a TCP connection on this machine.
    """

    def setUp(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.client = socket.create_connection(server.getsockname())
            self.server, _ = server.accept()
        self.addCleanup(self.client.close)
        self.addCleanup(self.server.close)

    def awaitSilence(self) -> None:
        """
        Wait until the client has sent nothing for a moment.
        """
        deadline = time.monotonic() + PATIENCE
        while not isSilent(Transport(self.server), 0.0):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)


class KeepAliveTests(TCPTestCase):
    """
    Tests for L{keepAlive} and L{isSilent}.
    """

    def test_inherited(self) -> None:
        """
        The connections of a port have the same options as others, and need no further calls.
        """
        keepAlive(Transport(self.server))

        class Port:
            """
            A listening port.
            """

        port: Any = Port()
        keepAliveAll(port)
        port.socket = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(port.socket.close)
        keepAliveAll(port)
        client = socket.create_connection(port.socket.getsockname())
        self.addCleanup(client.close)
        accepted, _ = port.socket.accept()
        self.addCleanup(accepted.close)
        names = ["TCP_NODELAY", *[name for name in OPTIONS if hasattr(socket, name)]]
        options = [(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
        for option in [(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *options]:
            self.assertEqual(accepted.getsockopt(*option), self.server.getsockopt(*option))
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        keepAlive(Transport(accepted))
        self.assertEqual(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 0)

    def test_inheritedOnUnix(self) -> None:
        """
        The port of a UNIX socket is left unchanged.
        """

        class Port:
            """
            A listening port.
            """

        port: Any = Port()
        port.socket, other = socket.socketpair()
        self.addCleanup(port.socket.close)
        self.addCleanup(other.close)
        keepAliveAll(port)
        self.assertEqual(port.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 0)

    def values(self) -> dict[str, int]:
        """
        @return: the options of the server's socket
        """
        return {
            name: self.server.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            for name in OPTIONS
        }

    def test_options(self) -> None:
        """
        The options are set on the socket below any other transports, such as TLS.
        """
        for transport in (
            Transport(self.server),
            Transport(object(), Transport(self.server)),
            Transport(ssl.SSLContext(), Transport(object(), Transport(self.server))),
        ):
            for name in OPTIONS:
                self.server.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), 5)
            keepAlive(transport)
            self.assertEqual(self.values(), OPTIONS)

    def test_otherTransports(self) -> None:
        """
        A connection that is not on TCP, or no longer, is left unchanged, and is never silent.
        """
        one, other = socket.socketpair()
        self.addCleanup(one.close)
        self.addCleanup(other.close)
        self.client.close()
        closed = socket.socket()
        closed.close()
        for transport in (Transport(one), Transport(closed), StringTransport(), object(), None):
            keepAlive(transport)
            self.assertFalse(isSilent(transport, 0.0))

    def test_silent(self) -> None:
        """
        A peer is silent if it has sent nothing for the given time.
        """
        self.awaitSilence()
        self.assertFalse(isSilent(Transport(self.server), 3600.0))


class TakenTests(TCPTestCase):
    """
    A name that is in use by a connection that may have disappeared.
    """

    def setUp(self) -> None:
        super().setUp()
        self.chat = MemoryChat(Limits(pong=0))

    def test_silent(self) -> None:
        """
        While its holder is silent, a name is refused temporarily, with 3011 and C{retry}.
        """
        mina = self.chat.tcp("Mina", "dev")
        mina.transport.getHandle = lambda: self.server  # type: ignore[attr-defined]
        self.awaitSilence()
        text = '"Mina" is already in dev, but its connection does not respond: try again in 15 s'
        again = self.chat.ws("Mina", "dev")
        self.assertEqual(again.received(), [f"machat:error name-taken {text}"])
        self.assertEqual(again.closeCode, 3011)
        events = self.chat.tcp()
        events.send('{"v": 1, "name": "Mina", "room": "dev"}')
        self.assertIn('"code":"name-taken"', events.received()[1])
        self.assertTrue(events.connected)
        mina.close()
        self.assertTrue(self.chat.ws("Mina", "dev").connected)

    def test_present(self) -> None:
        """
        A connected client keeps its name, and so does a member in the process.
        """
        self.chat.tcp("Mina", "dev")
        self.chat.member("bot", "dev")
        for name in ("Mina", "bot"):
            again = self.chat.ws(name, "dev")
            self.assertEqual(
                again.received(), [f'machat:error name-taken "{name}" is already in dev']
            )
            self.assertEqual(again.closeCode, 3520)

    def test_ends(self) -> None:
        """
        The close code of a refusal depends on whether the client may try again.
        """
        self.assertEqual(endOf(ChatError(NAME_TAKEN, "")).code, 3520)
        self.assertEqual(endOf(ChatError(NAME_TAKEN, "", retry=15.0)).code, 3011)
        self.assertEqual(endOf(ChatError(BUSY, "", retry=7.0)).retry, 7.0)
        self.assertEqual(endOf(ChatError("bad-name", "")).code, 3501)


class ServedTests(ServerTestCase):
    def test_server(self) -> None:
        """
        A server refuses the name of a quiet client permanently at first, and temporarily when the
        client has been silent for some time.
        """
        for arguments, codes in ((), {3520}), (("--ping", "2", "--pong", "1"), {3011}):
            _, tcp, ws = self.serveBoth(*arguments)
            mina = self.connect(tcp)
            mina.sendall(b'{"name": "Mina", "room": "dev"}\nhello\n')
            readUntil(mina, b"hello\n")
            deadline = time.monotonic() + PATIENCE
            code = 0
            while code not in codes and time.monotonic() < deadline:
                again = RawWebSocketClient(ws)
                again.sendText('{"name": "Mina", "room": "dev"}')
                again.readText()
                code = int(again.readText()[len("(closed ") : -1])
                again.close()
            self.assertIn(code, codes)


class Network:
    """
    A second host: a network namespace that is connected to this machine by a virtual cable.
    """

    HERE, THERE = "198.18.77.1", "198.18.77.2"

    def __init__(self) -> None:
        """
        @raise SkipTest: without root privileges or C{ip} of iproute2
        """
        self.name = f"machat{os.getpid()}"
        if os.geteuid() or shutil.which("ip") is None:
            raise SkipTest("needs root and iproute2")
        try:
            self._ip("netns", "add", self.name)
            self._ip(
                "link", "add", "machat0", "type", "veth", "peer", "machat1", "netns", self.name
            )
        except subprocess.CalledProcessError:
            self.remove()
            raise SkipTest("network namespaces cannot be made here") from None
        self._ip("addr", "add", f"{self.HERE}/30", "dev", "machat0")
        self._ip("link", "set", "machat0", "up")
        self._ip("-n", self.name, "addr", "add", f"{self.THERE}/30", "dev", "machat1")
        self._ip("-n", self.name, "link", "set", "machat1", "up")

    def _ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def pull(self) -> None:
        """
        Pull the cable: no packet arrives any longer, and neither side is notified.
        """
        self._ip("-n", self.name, "link", "set", "machat1", "down")

    def connect(self, port: int, hello: bytes) -> subprocess.Popen[bytes]:
        """
        @return: a process on the second host, with a connection
        """
        program = (
            "import socket, sys, time\n"
            f"s = socket.create_connection(({self.HERE!r}, {port}))\n"
            f"s.sendall({hello!r})\n"
            "print(s.recv(999), flush=True)\n"
            "time.sleep(3600)"
        )
        return subprocess.Popen(
            ["ip", "netns", "exec", self.name, "python3", "-c", program], stdout=subprocess.PIPE
        )

    def remove(self) -> None:
        """
        Remove the host and its cable.
        """
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


class VanishedTests(ServerTestCase):
    def test_vanished(self) -> None:
        """
        A client whose network has failed is silent as soon as it does not acknowledge sent data.
        """
        network = Network()
        self.addCleanup(network.remove)
        server = self.serve(
            "--tcp", f"tcp:0:interface={network.HERE}", "--tcp", LOCAL, "--ws", LOCAL
        )
        there, tcp, ws = portsOf(server, "ChatFactory", "ChatFactory", "ChatWebSocketFactory")
        lost = network.connect(there, b'{"name": "Mina", "room": "dev"}\nhello\n')
        self.addCleanup(lost.communicate)
        self.addCleanup(lost.kill)
        assert lost.stdout is not None
        self.assertIn(b"Mina:hello", lost.stdout.readline())
        ada = self.connect(tcp)
        ada.sendall(b'{"name": "Ada", "room": "dev"}\n')
        network.pull()
        code, deadline = 0, time.monotonic() + PATIENCE
        while code != 3011 and time.monotonic() < deadline:
            ada.sendall(b"are you there?\n")
            again = RawWebSocketClient(ws)
            again.sendText('{"name": "Mina", "room": "dev"}')
            again.readText()
            code = int(again.readText()[len("(closed ") : -1])
            again.close()
        self.assertEqual(code, 3011)
