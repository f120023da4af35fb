"""
MaChat behind the proxies of C{deploy}: their very files, with other ports and paths.
"""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from machat.limits import DEFAULTS
from tests.processes import (
    LOCAL,
    PATIENCE,
    ROOT,
    RawClient,
    RawWebSocketClient,
    ServerTestCase,
    connect,
    find,
    freePort,
    makeCertificate,
    portsOf,
    start,
    waitForLine,
)

DEPLOY = ROOT / "deploy"

#: A port of this machine that is told by a proxy where its clients come from.
PROXIED = f"haproxy:{LOCAL}"

#: Where the clients come from: this machine as well, but not the address of the proxies.
CLIENT = "127.0.0.7"

#: Where a client comes from that the proxy has said nothing about.

SECONDS = {"s": 1, "m": 60, "h": 3600}


def connectFar(port: int) -> socket.socket:
    """
    @return: a connection from L{CLIENT}, as soon as somebody listens
    """
    connect(port).close()
    return socket.create_connection(("127.0.0.1", port), PATIENCE, (CLIENT, 0))


def connectTLS(port: int) -> socket.socket:
    """
    @return: the same over TLS, whatever the certificate
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connectFar(port), server_hostname="chat.example.org")


def peer(server: subprocess.Popen[str], name: str) -> str:
    """
    @return: the address from which somebody joins, as the server's log tells it
    """
    line = waitForLine(server, f"{name} joins dev from ")
    return line.split()[-1].rpartition(":")[0]


def loggedAs(factory: str, endpoint: str) -> str:
    """
    @return: what Twisted calls a factory on this endpoint
    """
    return f"{factory} (PROXY)" if endpoint == PROXIED else factory


class ProxyTests(ServerTestCase):
    """
    Somebody with lines and somebody with a WebSocket meet through each proxy.
    """

    if sys.platform != "linux":
        skip = f"{CLIENT} is an address of this machine on Linux only"

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def configure(self, name: str, *changes: tuple[str, object]) -> Path:
        """
        @param changes: what has to be in the file, as patterns, and what to put there
        @return: a copy of the file of C{deploy}
        """
        text = (DEPLOY / name).read_text()
        for pattern, new in changes:
            text, count = re.subn(pattern, str(new), text)
            self.assertTrue(count, f"{pattern} is not in {name}")
        copy = self.folder / name
        copy.write_text(text)
        return copy

    def certify(self) -> Path:
        """
        @return: a file with a certificate and its key
        """
        key, certificate, both = (self.folder / name for name in ("key", "certificate", "both"))
        makeCertificate(str(key), str(certificate))
        both.write_text(certificate.read_text() + key.read_text())
        return both

    def serveThrough(self, tcp: str, ws: str, *options: str) -> list[tuple[str, object]]:
        """
        Start a server on these endpoints, and choose the ports of a proxy in front of it.

        @return: what to change in the proxy's file
        """
        self.server = self.serve("--tcp", tcp, "--ws", ws, *options)
        lines, webSockets = portsOf(
            self.server, loggedAs("ChatFactory", tcp), loggedAs("ChatWebSocketFactory", ws)
        )
        self.tls, self.wss = freePort(), freePort()
        return [
            ("(?<=127.0.0.1:)8989", lines),
            ("(?<=127.0.0.1:)8099", webSockets),
            ("(?<=listen )8990|(?<=bind ):8990", f"127.0.0.1:{self.tls}"),
            ("(?<=listen )443|(?<=bind ):443", f"127.0.0.1:{self.wss}"),
            (r"/etc/\w+/machat[/\w]*\.pem", self.certify()),
        ]

    def check(self, *command: object) -> None:
        """
        Let a proxy look at its file.
        """
        checked = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, check=False
        )
        if 'unknown directive "stream"' in checked.stderr:
            raise SkipTest("nginx has no stream module (Debian: libnginx-mod-stream)")
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def meetOverTLS(self) -> list[str]:
        """
        @return: where the server thinks Mina and Ada are
        """
        self.meet(RawClient(connectTLS(self.tls)), RawWebSocketClient(connectTLS(self.wss)))
        return [peer(self.server, name) for name in ("Mina", "Ada")]

    def test_nginx(self) -> None:
        """
        nginx tells where both come from, in two ways.
        """
        program = find("nginx")
        changes = self.serveThrough(PROXIED, LOCAL, "--trust-proxy", "1")
        changes += [("/run/nginx.pid", self.folder / "pid"), ("/var/log/nginx", self.folder)]
        command = (program, "-e", "stderr", "-c", self.configure("nginx.conf", *changes))
        self.check(*command, "-t")
        self.stopAtEnd(start(*command, "-g", "daemon off; master_process off;"))
        self.assertEqual(self.meetOverTLS(), [CLIENT, CLIENT])

    def test_haproxy(self) -> None:
        """
        HAProxy tells where both come from.
        """
        program = find("haproxy")
        file = self.configure("haproxy.cfg", *self.serveThrough(PROXIED, PROXIED))
        self.check(program, "-c", "-f", file)
        self.stopAtEnd(start(program, "-db", "-f", file))
        self.assertEqual(self.meetOverTLS(), [CLIENT, CLIENT])

    def test_caddy(self) -> None:
        """
        Caddy passes WebSockets on. Here it does without a certificate, which it would ask for.
        """
        program = find("caddy")
        server = self.serve("--tcp", LOCAL, "--ws", LOCAL, "--trust-proxy", "1")
        tcp, ws = portsOf(server, "ChatFactory", "ChatWebSocketFactory")
        port = freePort()
        file = self.configure(
            "Caddyfile",
            (r"\A", "{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}\n"),
            (r"chat\.example\.org {", f"http://test:{port} {{"),
            ("127.0.0.1:8099", f"127.0.0.1:{ws}"),
        )
        homes = [f"{name}={self.folder}" for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME")]
        caddy = start("env", *homes, program, "run", "--adapter", "caddyfile", "--config", file)
        self.stopAtEnd(caddy)
        self.meet(RawClient(tcp), RawWebSocketClient(connectFar(port)))
        self.assertEqual(peer(server, "Ada"), CLIENT)


class PatienceTests(SynchronousTestCase):
    """
    No proxy gives up a connection that MaChat has not.
    """

    def seconds(self, name: str, pattern: str) -> int:
        """
        @param pattern: what stands before a time in the file
        """
        found = re.findall(rf"{pattern}\s+(\d+)([smh])\b", (DEPLOY / name).read_text())
        self.assertEqual(len(found), 1, f"{pattern} in {name}")
        number, unit = found[0]
        return int(number) * SECONDS[unit]

    def test_webSockets(self) -> None:
        """
        A WebSocket may be silent for longer than MaChat waits for a pong.
        """
        silence = DEFAULTS.ping + DEFAULTS.pong
        for name, pattern in (
            ("nginx.conf", "proxy_read_timeout"),
            ("nginx.conf", "proxy_send_timeout"),
            ("haproxy.cfg", r"backend machat-ws (?s:.)*?timeout tunnel"),
        ):
            self.assertGreater(self.seconds(name, pattern), silence)

    def test_lines(self) -> None:
        """
        Lines, which in the C{text} dialect are not pinged, may be silent for a day.
        """
        for name, pattern in (
            ("nginx.conf", "proxy_timeout"),
            ("haproxy.cfg", r"backend machat-tcp (?s:.)*?timeout tunnel"),
        ):
            self.assertEqual(self.seconds(name, pattern), 24 * 3600)
