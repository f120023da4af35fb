"""
The hosts that C{twistd machat} answers for: L{machat.tap.hosts}, and a browser in which foreign
names resolve to the server.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import _SystemdParser
from twisted.python.systemd import ListenFDs
from twisted.trial.unittest import SynchronousTestCase

from machat.http.origins import LOOPBACK
from machat.tap.endpoints import Endpoint
from machat.tap.hosts import defaultHosts, isLoopback
from machat.testing import clientRequest
from tests.browser import PageTestCase, launch
from tests.page.elsewhere import elsewhere
from tests.processes import LOCAL, PATIENCE, ServerTestCase, portsOf, readUntil, waitForLine

#: Tries to open the chat's WebSocket.
OPEN = """(url) => new Promise((done) => {
    const line = new WebSocket(url);
    line.onopen = () => done("open");
    line.onerror = () => done("refused");
})"""


class LoopbackTests(SynchronousTestCase):
    """
    Tests for L{isLoopback} and L{defaultHosts}.
    """

    def test_endpoints(self) -> None:
        """
        An address is a loopback address only if other machines cannot reach it, and no proxy is in
        front of it.
        """
        for endpoint, expected in (
            ("tcp:8099:interface=127.0.0.1", True),
            ("tcp:8099:interface=127.0.1.1", True),
            ("tcp6:8099:interface=\\:\\:1", True),
            ("tcp:8099:interface=localhost", True),
            ("tcp:8099", False),
            ("tcp:8099:interface=0.0.0.0", False),
            ("tcp6:8099", False),
            ("tcp:8099:interface=192.0.2.1", False),
            ("unix:/run/machat", False),
            ("haproxy:tcp:8099:interface=127.0.0.1:backlog=5", False),
            ("haproxy:tcp:8099:interface=127.0.0.1", False),
        ):
            self.assertEqual(isLoopback(Endpoint(reactor, endpoint)), expected, endpoint)

    def test_adopted(self) -> None:
        """
        The address of a socket that the service manager has opened is read from the socket.
        """
        for host, family, expected in (
            ("127.0.0.1", socket.AF_INET, True),
            ("0.0.0.0", socket.AF_INET, False),
        ):
            with socket.create_server((host, 0), family=family) as server:
                self.patch(_SystemdParser, "_sddaemon", ListenFDs([server.fileno()], ["ws"]))
                endpoint = Endpoint(reactor, "systemd:domain=INET:name=ws")
                self.assertEqual(isLoopback(endpoint), expected)
        with socket.socket(socket.AF_UNIX) as server:
            path = self.mktemp()
            server.bind(os.path.relpath(path))
            self.patch(_SystemdParser, "_sddaemon", ListenFDs([server.fileno()], ["ws"]))
            self.assertFalse(isLoopback(Endpoint(reactor, "systemd:domain=UNIX:name=ws")))

    def test_default(self) -> None:
        """
        The names of the loopback are the default if no credentials are required and no proxy is
        named.
        """
        endpoint = "tcp:8099:interface=127.0.0.1"
        self.assertEqual(defaultHosts(reactor, endpoint, False, False), LOOPBACK)
        self.assertEqual(defaultHosts(reactor, endpoint, True, False), ())
        self.assertEqual(defaultHosts(reactor, endpoint, False, True), ())
        self.assertEqual(defaultHosts(reactor, "tcp:8099", False, False), ())


class ServerTests(ServerTestCase):
    """
    A server with its options.
    """

    def statuses(self, port: int, *hosts: str) -> list[str]:
        """
        @return: the answers to requests for the page that name these hosts
        """
        found = []
        for host in hosts:
            connection = self.connect(port)
            connection.sendall(f"GET /metrics HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            answer = readUntil(connection, b"nothing").decode()
            found.append(answer.split()[1])
        return found

    def port(self, *options: object) -> int:
        self.server = self.serve("--tcp", "none", "--ws", LOCAL, *options)
        (port,) = portsOf(self.server, "ChatWebSocketFactory")
        return port

    def test_default(self) -> None:
        """
        On a loopback address, without credentials and a proxy, other names are refused and logged,
        by the monitor as well.
        """
        self.server = self.serve("--tcp", "none", "--monitor", LOCAL, "--ws", LOCAL)
        monitor, port = portsOf(self.server, "_Site", "ChatWebSocketFactory")
        names = ("localhost:1", "127.0.0.1", "[::1]:80", "evil.test:8099")
        self.assertEqual(self.statuses(port, *names), ["404", "404", "404", "421"])
        self.assertEqual(self.statuses(monitor, *names), ["200", "200", "200", "421"])
        line = waitForLine(self.server, "refused 127.0.0.1:")
        self.assertIn("421 This server does not serve the host evil.test.", line)
        self.assertIn("--host evil.test", line)

    def test_given(self) -> None:
        """
        C{--host} replaces the default names; C{*} allows all. The monitor also allows those of the
        loopback.
        """
        self.server = self.serve(
            *("--tcp", "none", "--ws", LOCAL, "--monitor", LOCAL),
            *("--host", "chat.example.org", "--host", "::1"),
        )
        monitor, port = portsOf(self.server, "_Site", "ChatWebSocketFactory")
        names = ("Chat.Example.Org:443", "[::1]", "localhost", "evil.test")
        self.assertEqual(self.statuses(port, *names), ["404", "404", "421", "421"])
        self.assertEqual(self.statuses(monitor, *names), ["200", "200", "200", "421"])
        port = self.port("--host", "*")
        self.assertEqual(self.statuses(port, "evil.test"), ["404"])

    def test_others(self) -> None:
        """
        With credentials or behind a proxy there is no default; with anonymous access in addition
        to credentials, there is.
        """
        auth = ("--auth", "memory:mina:secret")
        for options, status in (
            (("--trust-proxy", "1"), "404"),
            (auth, "404"),
            ((*auth, "--anonymous"), "421"),
        ):
            self.assertEqual(self.statuses(self.port(*options), "evil.test"), [status], options)

    def test_origin(self) -> None:
        """
        A refused origin is reported in one log line, with the address, the origin and the option.
        """
        port = self.port()
        connection = self.connect(port)
        origin = b"\r\nOrigin: https://Evil.test/\r\n\r\n"
        connection.sendall(clientRequest().replace(b"\r\n\r\n", origin))
        body = readUntil(connection, b"nothing").partition(b"\r\n\r\n")[2].decode()
        line = waitForLine(self.server, "refused 127.0.0.1:")
        for word in ("https://evil.test", "--origin https://evil.test", "localhost"):
            self.assertIn(word, line)
            self.assertIn(word, body)
        self.assertEqual(body.count("\n"), 1)
        self.server.terminate()
        rest = self.server.communicate(timeout=PATIENCE)[0]
        self.assertNotIn("handshake", rest)
        self.assertNotIn("peer unknown", rest)


class RebindingTests(PageTestCase):
    """
    A browser in which the name of a page resolves to this machine.
    """

    def setUp(self) -> None:
        PageTestCase.setUp(self)
        rule = "--host-resolver-rules=MAP evil.test 127.0.0.1"
        self.browser = launch(self.browser.browser_type, rule)
        self.addCleanup(self.browser.close)

    def read(self, page: Any, path: str) -> list[Any]:
        """
        @return: the status and the text that a page reads from the server
        """
        found: list[Any] = page.evaluate(
            "async (path) => { const a = await fetch(path); return [a.status, await a.text()]; }",
            path,
        )
        return found

    def test_rebound(self) -> None:
        """
        Such a page can neither read from the server nor open a WebSocket, unless the server
        answers for all hosts.
        """
        for options, status, expected in (((), 421, "refused"), (("--host", "*"), 200, "open")):
            self.serveOn(*options)
            page = self.blank()
            answer = page.goto(f"http://evil.test:{self.ws}/")
            self.assertEqual(answer.status, status)
            url = f"ws://evil.test:{self.ws}/mychat"
            self.assertEqual(page.evaluate(OPEN, url), expected)
            status, text = self.read(page, "/mychat?origin=x")
            self.assertEqual(status, 421 if expected == "refused" else 403)
            self.problems.clear()

    def test_explained(self) -> None:
        """
        A page of this server, and one of another, can learn why their WebSocket is refused, which
        browsers do not report.
        """
        self.serveOn("--host", "*")
        ask = "'mychat?origin=' + encodeURIComponent(location.origin)"
        page = self.blank()
        page.goto(f"http://127.0.0.1:{self.ws}/")
        status, text = self.read(page, page.evaluate(ask))
        self.assertEqual(status, 426)
        other = elsewhere(self)
        page.goto(f"http://evil.test:{other}/")
        status, text = self.read(page, f"http://127.0.0.1:{self.ws}/mychat")
        self.assertEqual(status, 403)
        self.assertIn(f"--origin http://evil.test:{other},", text)
        self.problems.clear()
