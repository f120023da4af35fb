"""
MaChat behind the proxies of C{deploy}: their very files, with other ports and paths.
"""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import jwt
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from machat.limits import DEFAULTS
from tests.processes import (
    LOCAL,
    ROOT,
    RawClient,
    RawWebSocketClient,
    ServerTestCase,
    connect,
    find,
    freePort,
    makeCertificate,
    portsOf,
    readUntil,
    start,
    waitForLine,
)

DEPLOY = ROOT / "deploy"

#: A port of this machine that is told by a proxy where its clients come from.
PROXIED = f"haproxy:{LOCAL}"

#: Where the clients come from: this machine as well, but not the address of the proxies.
CLIENT = "127.0.0.7"

#: What tokens are signed with.
SECRET = "0123456789abcdef" * 2

SECONDS = {"s": 1, "m": 60, "h": 3600}


def outside() -> str | None:
    """
    @return: the address that this machine has for others, if it has one that L{CLIENT} can reach
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # which sends nothing
            host: str = probe.getsockname()[0]
            with socket.create_server((host, 0)) as server:
                socket.create_connection(server.getsockname(), 1, (CLIENT, 0)).close()
        except OSError:
            return None
        return host


def overTLS(connection: socket.socket) -> socket.socket:
    """
    @return: the same over TLS, whatever the certificate
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname="chat.example.org")


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
        self.host = outside() or "127.0.0.1"

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
            ("(?<=listen )8990|(?<=bind ):8990", f"{self.host}:{self.tls}"),
            ("(?<=listen )443|(?<=bind ):443", f"{self.host}:{self.wss}"),
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

    def lines(self, source: str = CLIENT) -> RawClient:
        """
        @return: a client with lines over TLS
        """
        return RawClient(overTLS(connect(self.tls, self.host, source)))

    def frames(self, source: str = CLIENT) -> RawClient:
        """
        @return: a client with a WebSocket over TLS
        """
        return RawWebSocketClient(overTLS(connect(self.wss, self.host, source)))

    def assertPassed(self) -> None:
        """
        Somebody with lines and somebody with a WebSocket meet, where the server knows where they
        come from, and the page is there.
        """
        self.meet(self.lines(), self.frames())
        self.assertEqual([peer(self.server, name) for name in ("Mina", "Ada")], [CLIENT, CLIENT])
        with overTLS(connect(self.wss, self.host)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: chat.example.org\r\n\r\n")
            page = (ROOT / "machat/page/index.html").read_bytes()
            head, _, body = readUntil(connection, page).partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertEqual(body, page)

    def enter(self, client: RawClient, name: str, answer: str = "joined") -> None:
        """
        Join with a token, and await this answer.
        """
        self.addCleanup(client.close)
        said = {"sub": name, "exp": time.time() + 600, "mod": name == "Mina"}
        client.send(v=1, name=name, room="dev", token=jwt.encode(said, SECRET, "HS256"))
        client.await_(answer)

    def assertBans(self) -> None:
        """
        Who comes from a banned address is out and stays out, through either door; who comes from
        another does not. The log has both addresses.
        """
        if self.host.startswith("127."):
            raise SkipTest("this machine has no address that could be banned")
        mina, ada = self.lines(), self.frames(self.host)
        self.enter(mina, "Mina")
        self.enter(ada, "Ada")
        mina.send(type="ban", name="Ada", address=True)
        mina.await_("done")
        self.assertEqual(ada.await_("left")["room"], "dev")
        logged = waitForLine(self.server, " banned Ada and its address ")
        self.assertRegex(logged, rf" Mina \({CLIENT}:\d+\) .*, {self.host}, {self.host}:\d+$")
        self.enter(self.lines(self.host), "Bob", "error")
        self.enter(self.frames(self.host), "Eve", "error")
        self.enter(self.frames(), "Lola")

    def tokens(self) -> str:
        """
        @return: what asks for tokens that are signed with L{SECRET}
        """
        keyfile = self.folder / "secret"
        keyfile.write_text(SECRET)
        return f"jwt:keyfile={keyfile}"

    def nginx(self, *options: str) -> None:
        """
        Start a server and nginx, which tells where a client comes from in two ways.
        """
        program = find("nginx")
        changes = self.serveThrough(PROXIED, LOCAL, "--trust-proxy", "1", *options)
        changes += [("/run/nginx.pid", self.folder / "pid"), ("/var/log/nginx", self.folder)]
        command = (program, "-e", "stderr", "-c", self.configure("nginx.conf", *changes))
        self.check(*command, "-t")
        self.stopAtEnd(start(*command, "-g", "daemon off; master_process off;"))

    def haproxy(self, *options: str) -> None:
        """
        Start a server and HAProxy, which tells where a client comes from in one way.
        """
        program = find("haproxy")
        changes = self.serveThrough(PROXIED, PROXIED, *options)
        file = self.configure("haproxy.cfg", *changes)
        self.check(program, "-c", "-f", file)
        self.stopAtEnd(start(program, "-db", "-f", file))

    def test_nginx(self) -> None:
        """
        All pass nginx.
        """
        self.nginx()
        self.assertPassed()

    def test_nginxBans(self) -> None:
        """
        A ban behind nginx is of the client's address.
        """
        self.nginx("--auth", self.tokens())
        self.assertBans()

    def test_haproxy(self) -> None:
        """
        All pass HAProxy.
        """
        self.haproxy()
        self.assertPassed()

    def test_haproxyBans(self) -> None:
        """
        A ban behind HAProxy is of the client's address.
        """
        self.haproxy("--auth", self.tokens())
        self.assertBans()

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
        self.meet(RawClient(tcp), RawWebSocketClient(connect(port, source=CLIENT)))
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
