"""
MaChat behind the proxies of C{deploy}: their actual files, with other ports and paths.
"""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import jwt
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from machat.http.static import thePage
from machat.limits import DEFAULTS
from machat.testing import clientFrame, clientRequest
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

#: A port of this machine to which a proxy forwards the addresses of its clients.
PROXIED = f"haproxy:{LOCAL}"

#: The address of the clients: also of this machine, but not that of the proxies.
CLIENT = "127.0.0.7"

#: The key that signs tokens.
SECRET = "0123456789abcdef" * 2

SECONDS = {"s": 1, "m": 60, "h": 3600}


def outside() -> str | None:
    """
    @return: this machine's external address, if it has one that L{CLIENT} can reach
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends no packet
            host: str = probe.getsockname()[0]
            with socket.create_server((host, 0)) as server:
                socket.create_connection(server.getsockname(), 1, (CLIENT, 0)).close()
        except OSError:
            return None
        return host


def overTLS(connection: socket.socket) -> socket.socket:
    """
    @return: the connection over TLS, with any certificate
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname="chat.example.org")


def reachesIPv6() -> bool:
    """
    @return: whether this machine has the loopback address of IPv6
    """
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


class NamedClient(RawWebSocketClient):
    """
    A WebSocket with the host name that the proxies answer for.
    """

    def begin(self) -> None:
        request = clientRequest(self.path).replace(b"localhost", b"chat.example.org")
        self.sendBytes(request)
        head = self.readUntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head


def peer(server: subprocess.Popen[str], name: str) -> str:
    """
    @return: the address of a member that joins, from the server's log
    """
    line = waitForLine(server, f"{name} joins dev from ")
    return line.split()[-1].rpartition(":")[0]


def loggedAs(factory: str, endpoint: str) -> str:
    """
    @return: Twisted's name for a factory on this endpoint
    """
    return f"{factory} (PROXY)" if endpoint == PROXIED else factory


class ProxyTests(ServerTestCase):
    """
    A line client and a WebSocket client share a room through each proxy.
    """

    if sys.platform != "linux":
        skip = f"{CLIENT} is an address of this machine on Linux only"

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        short = TemporaryDirectory()  # the path of a socket has a short limit
        self.addCleanup(short.cleanup)
        self.socket = Path(short.name, "stats")
        self.host = outside() or "127.0.0.1"

    def configure(self, name: str, *changes: tuple[str, object]) -> Path:
        """
        @param changes: the patterns that must occur in the file, and their replacements
        @return: a copy of the file in C{deploy}
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
        Start a server on these endpoints, and choose the ports of a proxy for it.

        @return: the changes of the proxy's file
        """
        self.server = self.serve("--tcp", tcp, "--ws", ws, *options)
        lines, webSockets = portsOf(
            self.server, loggedAs("ChatFactory", tcp), loggedAs("ChatWebSocketFactory", ws)
        )
        self.tls, self.wss, self.plain = freePort(), freePort(), freePort()
        ports = ((8990, self.tls), (443, self.wss), (80, self.plain))
        return [
            ("(?<=127.0.0.1:)8989", lines),
            ("(?<=127.0.0.1:)8099", webSockets),
            *[self.listening6(*pair) for pair in ports],
            *[
                (rf"(?<=listen ){old}\b|(?<=bind ):{old}\b", f"{self.host}:{new}")
                for old, new in ports
            ],
            (r"/etc/\w+/machat[/\w]*\.pem", self.certify()),
        ]

    def listening6(self, old: int, new: int) -> tuple[str, object]:
        """
        @return: the change of a proxy's IPv6 listener, if this machine has IPv6
        """
        if reachesIPv6():
            return rf"\[?::\]?:{old}\b", f"[::1]:{new}"
        return rf"\n *(listen|bind) \[?::\]?:{old}\b.*", ""

    def check(self, *command: object) -> None:
        """
        Have a proxy check its file.
        """
        checked = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, check=False
        )
        if 'unknown directive "stream"' in checked.stderr:
            raise SkipTest("nginx has no stream module (Debian: libnginx-mod-stream)")
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def lines(self, source: str = CLIENT) -> RawClient:
        """
        @return: a line client over TLS
        """
        return RawClient(overTLS(connect(self.tls, self.host, source)))

    def frames(self, source: str = CLIENT) -> RawClient:
        """
        @return: a WebSocket client over TLS
        """
        return NamedClient(overTLS(connect(self.wss, self.host, source)))

    def assertPassed(self) -> None:
        """
        A line client and a WebSocket client share a room, the server knows their addresses, and
        the page is served.
        """
        self.meet(self.lines(), self.frames())
        self.assertEqual([peer(self.server, name) for name in ("Mina", "Ada")], [CLIENT, CLIENT])
        with overTLS(connect(self.wss, self.host)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: chat.example.org\r\n\r\n")
            page = thePage().files["/"].body
            head, _, body = readUntil(connection, page).partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertEqual(body, page)
        self.assertMoved()

    def assertMoved(self) -> None:
        """
        Plain HTTP redirects to TLS, under the only host name.
        """
        with connect(self.plain, self.host) as connection:
            connection.sendall(b"GET /a?b HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n")
            answer = readUntil(connection, b"nothing").lower()
        self.assertTrue(answer.startswith(b"http/1.1 301 "), answer)
        self.assertIn(b"\r\nlocation: https://chat.example.org/a?b\r\n", answer)

    def answer(self, request: bytes, port: int | None = None) -> bytes:
        """
        @return: the whole answer of a proxy, over TLS or at this port
        """
        connection = connect(port or self.wss, self.host if port is None else "127.0.0.1")
        with connection if port is not None else overTLS(connection) as connection:
            connection.sendall(request)
            return readUntil(connection, b"nothing")

    def enter(self, client: RawClient, name: str, answer: str = "joined") -> None:
        """
        Join with a token, and check the answer.
        """
        self.addCleanup(client.close)
        said = {"sub": name, "exp": time.time() + 600, "mod": name == "Mina"}
        client.send(v=1, name=name, room="dev", token=jwt.encode(said, SECRET, "HS256"))
        client.await_(answer)

    def assertBans(self) -> None:
        """
        A client at a banned address is removed and rejected on either endpoint, and a client at
        another address is not. The log has both addresses.
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
        @return: a checker that requires tokens signed with L{SECRET}
        """
        keyfile = self.folder / "secret"
        keyfile.write_text(SECRET)
        return f"jwt:keyfile={keyfile}"

    def nginx(self, *options: str) -> None:
        """
        Start a server and nginx, which forwards client addresses in two ways.
        """
        program = find("nginx")
        named = ("--host", "chat.example.org")
        changes = self.serveThrough(PROXIED, LOCAL, "--trust-proxy", "1", *named, *options)
        changes += [("/run/nginx.pid", self.folder / "pid"), ("/var/log/nginx", self.folder)]
        command = (program, "-e", "stderr", "-c", self.configure("nginx.conf", *changes))
        self.check(*command, "-t")
        self.stopAtEnd(start(*command, "-g", "daemon off; master_process off;"))

    def haproxy(self, *options: str, version: str = "") -> None:
        """
        Start a server and HAProxy, which forwards client addresses in one way.

        @param version: C{-v2} for the second version of that
        """
        program = find("haproxy")
        named = ("--host", "chat.example.org")
        changes = self.serveThrough(PROXIED, PROXIED, *named, *options)
        changes.append((r"(?<= )send-proxy\b", f"send-proxy{version}"))
        stats = f"stats socket {self.socket}\n    hard-stop-after"
        file = self.configure("haproxy.cfg", *changes, ("hard-stop-after", stats))
        self.check(program, "-c", "-f", file)
        self.stopAtEnd(start(program, "-db", "-f", file))

    def test_nginx(self) -> None:
        """
        All connections work through nginx.
        """
        self.nginx()
        self.assertPassed()

    def test_nginxNames(self) -> None:
        """
        nginx answers for one host name, whatever name TLS requested.
        """
        self.nginx()
        request = b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
        answer = self.answer(request % b"evil.test")
        self.assertTrue(answer.startswith(b"HTTP/1.1 421 "), answer)
        answer = self.answer(request % b"chat.example.org")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        context = ssl.create_default_context()
        with connect(self.wss, self.host) as connection:
            self.assertRaises(
                ssl.SSLError, context.wrap_socket, connection, server_hostname="evil.test"
            )

    def site(self, locations: str, *options: str) -> int:
        """
        Start a server, and nginx with a site of its own.

        @return: the port of the site
        """
        program = find("nginx")
        self.server = self.serve("--tcp", "none", "--ws", LOCAL, *options)
        (ws,) = portsOf(self.server, "ChatWebSocketFactory")
        port = freePort()
        file = self.folder / "site.conf"
        temporary = "".join(
            f"{kind}_temp_path {self.folder};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        file.write_text(
            f"pid {self.folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}"
            f"server {{\nlisten 127.0.0.1:{port};\n"
            f"location = / {{ return 200 home; }}\n{locations.replace('8099', str(ws))}\n}}\n}}\n"
        )
        self.stopAtEnd(
            start(program, "-e", "stderr", "-c", file, "-g", "daemon off; master_process off;")
        )
        return port

    def test_nginxSite(self) -> None:
        """
        In a site, the page and its WebSocket are below a prefix, and the WebSocket alone is at
        another path.
        """
        locations = (DEPLOY / "nginx-site.conf").read_text()
        port = self.site(locations, "--trust-proxy", "1", "--host", "www.example.org")
        request = "GET %s HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n"
        page = thePage().files["/"].body
        for path, end in (("/", b"home"), ("/chat/", page), ("/chat/client.js", b"}\n")):
            answer = self.answer((request % path).encode(), port)
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
            self.assertTrue(answer.endswith(end), answer)
        moved = self.answer((request % "/chat").encode(), port)
        self.assertRegex(moved, rb"\r\nLocation: http://www.example.org(:\d+)?/chat/\r\n")
        for path, name in (("/chat/mychat", "Mina"), ("/mychat", "Ada")):
            opening = clientRequest(path).replace(
                b"localhost\r\n", b"www.example.org\r\nOrigin: http://www.example.org\r\n"
            )
            with connect(port, source=CLIENT) as connection:
                connection.sendall(opening)
                head = readUntil(connection, b"\r\n\r\n")
                self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
                hello = b'{"name": "%s", "room": "dev"}' % name.encode()
                connection.sendall(clientFrame(0x81, hello))
                self.assertEqual(peer(self.server, name), CLIENT)

    def test_nginxAlone(self) -> None:
        """
        With only C{proxy_pass}, nginx uses HTTP/1.0 and changes the host: the page is served, and
        learns why its WebSocket is refused.
        """
        port = self.site("location / { proxy_pass http://127.0.0.1:8099; }")
        host = "\r\nHost: chat.example.org\r\nConnection: close\r\n\r\n"
        for path, status, word in (
            ("/index.html", 200, "<title>MaChat</title>"),
            ("/nothing", 404, "There is nothing at this path."),
            ("/mychat", 426, "proxy_http_version 1.1"),
            ("/mychat?origin=http://chat.example.org", 403, "--origin http://chat.example.org,"),
        ):
            answer = self.answer(f"GET {path} HTTP/1.1{host}".encode(), port).decode()
            self.assertTrue(answer.startswith(f"HTTP/1.1 {status} "), answer)
            self.assertIn(word, answer)
        opening = clientRequest().replace(b"\r\n\r\n", b"\r\nOrigin: http://localhost\r\n\r\n")
        with connect(port) as connection:
            connection.sendall(opening)
            head = connection.recv(4096)
        self.assertTrue(head.startswith(b"HTTP/1.1 403 "), head)

    def test_haproxyCheck(self) -> None:
        """
        HAProxy's health check is answered.
        """
        self.haproxy()
        while True:
            with connect(str(self.socket)) as stats:
                stats.sendall(b"show stat\n")
                told = readUntil(stats, b"nothing").decode().splitlines()
            names = told[0].split(",")
            (line,) = [each.split(",") for each in told if each.startswith("machat-ws,machat,")]
            state = dict(zip(names, line, strict=True))
            if "* " not in state["check_status"] and state["check_status"] not in ("", "INI"):
                break
            time.sleep(0.05)
        self.assertEqual((state["check_status"], state["check_code"]), ("L7OK", "204"), state)

    def test_nginxBans(self) -> None:
        """
        A ban behind nginx applies to the client's address.
        """
        self.nginx("--auth", self.tokens())
        self.assertBans()

    def test_haproxy(self) -> None:
        """
        All connections work through HAProxy.
        """
        self.haproxy()
        self.assertPassed()

    def test_haproxyVersion2(self) -> None:
        """
        The same holds with the binary header.
        """
        self.haproxy(version="-v2")
        self.assertPassed()

    def passTLS(self) -> tuple[int, int, int]:
        """
        Start a server that terminates TLS itself behind a proxy.

        @return: its port, and two for proxies
        """
        self.certify()
        files = f"privateKey={self.folder / 'key'}:certKey={self.folder / 'certificate'}"
        endpoint = f"haproxy:ssl:0:interface=127.0.0.1:{files}"
        self.server = self.serve("--tcp", endpoint, "--ws", "none")
        (port,) = portsOf(self.server, "ChatFactory (TLS) (PROXY)")
        return port, freePort(), freePort()

    def assertJoins(self, port: int, name: str) -> None:
        """
        Join over TLS through a proxy.
        """
        client = RawClient(overTLS(connect(port, "127.0.0.1", CLIENT)))
        self.addCleanup(client.close)
        client.send(v=1, name=name, room="dev")
        self.assertEqual(peer(self.server, name), CLIENT)
        client.await_("joined")

    def test_haproxyPassesTLS(self) -> None:
        """
        HAProxy passes TLS on, after a header of either version.
        """
        program = find("haproxy")
        port, first, second = self.passTLS()
        file = self.folder / "pass.cfg"
        text = (
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 75s\n timeout server 75s\n"
        )
        for at, version in ((first, "send-proxy"), (second, "send-proxy-v2 check")):
            text += (
                f"listen at{at}\n bind 127.0.0.1:{at}\n server machat 127.0.0.1:{port} {version}\n"
            )
        file.write_text(text)
        self.stopAtEnd(start(program, "-db", "-f", file))
        self.assertJoins(first, "Mina")
        self.assertJoins(second, "Ada")

    def test_nginxPassesTLS(self) -> None:
        """
        nginx passes TLS on, after a header.
        """
        program = find("nginx")
        port, at, _ = self.passTLS()
        file = self.folder / "pass.conf"
        file.write_text(
            f"pid {self.folder}/pid;\ninclude /etc/nginx/modules-enabled/*.conf;\nevents {{}}\n"
            f"stream {{ server {{ listen 127.0.0.1:{at}; proxy_pass 127.0.0.1:{port};"
            " proxy_protocol on; } }\n"
        )
        command = (program, "-e", "stderr", "-c", file)
        self.check(*command, "-t")
        self.stopAtEnd(start(*command, "-g", "daemon off; master_process off;"))
        self.assertJoins(at, "Mina")

    def test_haproxyBans(self) -> None:
        """
        A ban behind HAProxy applies to the client's address.
        """
        self.haproxy("--auth", self.tokens())
        self.assertBans()

    def test_caddy(self) -> None:
        """
        Caddy forwards WebSockets. Here it runs without the certificate that it would request.
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
    No proxy closes a connection that MaChat keeps open.
    """

    def seconds(self, name: str, pattern: str) -> int:
        """
        @param pattern: the text before a time in the file
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
        Lines, which are not pinged in the C{text} dialect, may be silent for a day.
        """
        for name, pattern in (
            ("nginx.conf", "proxy_timeout"),
            ("haproxy.cfg", r"backend machat-tcp (?s:.)*?timeout tunnel"),
        ):
            self.assertEqual(self.seconds(name, pattern), 24 * 3600)
