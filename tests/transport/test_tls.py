"""
Tests for L{machat.transport.tls}: C{twistd machat} with TLS, and the programs that connect to it.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from machat.transport.tls import contextOfFolder
from tests.browser import PATIENT, sharedBrowser
from tests.processes import (
    PATIENCE,
    RawClient,
    ServerTestCase,
    connect,
    find,
    makeCertificate,
    portsOf,
    waitForLine,
)

#: Protocols that clients offer, and the one that is selected where a browser may connect.
OFFERS: dict[tuple[str, ...], str | None] = {
    (): None,
    ("h2", "http/1.1"): "http/1.1",
    ("http/1.1",): "http/1.1",
    ("h2",): None,
    ("machat", "x" * 200): None,
}
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)

_GET = """
require("https").get(JSON.parse(process.argv[1]), (answer) => {
    console.log(answer.statusCode, answer.socket.alpnProtocol);
    process.exit();
});
"""


def handshake(connection: socket.socket, *offered: str, **options: object) -> ssl.SSLSocket:
    """
    @param options: options of the context
    @return: the connection over TLS, with any certificate
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in options.items():
        setattr(context, name, value)
    if offered:
        context.set_alpn_protocols(list(offered))
    return context.wrap_socket(connection, server_hostname="localhost")


class NegotiationTests(ServerTestCase):
    """
    The protocol that is selected, at start and after a reload.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.certificate = self.folder / "certificate.pem"
        self.certify()
        files = f"privateKey={self.folder / 'key'}:certKey={self.certificate}"
        address = "0:interface=127.0.0.1"
        self.server = self.serve(
            *("--monitor", f"ssl:{address}:{files}"),
            *("--tcp", f"ssl:{address}:{files}", "--tcp", f"haproxy:ssl:{address}:{files}"),
            *("--ws", f"ssl:{address}:{files}", "--ws", f"tls:{self.folder}:{address}"),
        )
        names = ["_Site (TLS)", "ChatFactory (TLS)", r"ChatFactory (TLS) (PROXY)"]
        self.ports = portsOf(self.server, *names, *["ChatWebSocketFactory (TLS)"] * 2)
        self.monitor, self.lines, self.proxied, self.frames, self.named = self.ports

    def certify(self) -> bytes:
        """
        @return: the certificate that the server uses from now on, or after the next reload
        """
        key = self.folder / "key"
        makeCertificate(str(key), str(self.certificate))
        text = self.certificate.read_text()
        self.certificate.write_text(text + key.read_text())
        return ssl.PEM_cert_to_DER_cert(text)

    def open(self, port: int) -> socket.socket:
        """
        @return: a connection, for which a proxy has sent its header
        """
        connection = connect(port)
        self.addCleanup(connection.close)
        if port == self.proxied:
            connection.sendall(b"PROXY TCP6 2001:db8::7 ::1 4711 8990\r\n")
        return connection

    def reload(self) -> None:
        """
        Have the server read its certificates again.
        """
        self.server.send_signal(signal.SIGHUP)
        for _ in self.ports:
            waitForLine(self.server, "certificate reloaded")

    def assertSelected(self) -> None:
        for port in self.ports:
            for offered, selected in OFFERS.items():
                for version in VERSIONS:
                    limits = {"minimum_version": version, "maximum_version": version}
                    with handshake(self.open(port), *offered, **limits) as client:
                        browser = port not in (self.lines, self.proxied)
                        expected = selected if browser else None
                        self.assertEqual(client.selected_alpn_protocol(), expected, offered)

    def test_selected(self) -> None:
        """
        HTTP/1.1 is selected if the client offers it. No client is refused because of its offer.
        """
        self.assertSelected()
        self.reload()
        self.assertSelected()

    def test_reload(self) -> None:
        """
        Every endpoint with TLS uses a new certificate after a reload.
        """
        certificate = self.certify()
        self.reload()
        for port in self.ports:
            with handshake(self.open(port)) as client:
                self.assertEqual(client.getpeercert(True), certificate)

    def test_proxied(self) -> None:
        """
        The header of a proxy is read before TLS, and its address is logged.
        """
        client = RawClient(handshake(self.open(self.proxied)))
        self.addCleanup(client.close)
        client.send(name="Mina", room="dev")
        waitForLine(self.server, "Mina joins dev from 2001:db8::7:4711")
        client.sendText("hello")
        self.assertEqual(client.readText(), "Mina:hello\n")

    def run_(self, *command: object, **keywords: Any) -> str:
        """
        @return: the output of a program
        """
        words = [str(word) for word in command]
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=PATIENCE, **keywords
        )
        return f"{done.stdout}{done.stderr}"

    def test_curl(self) -> None:
        """
        curl receives the page and the state, with and without ALPN.
        """
        curl = find("curl")
        for options in ([], ["--no-alpn"], ["--http1.1"], ["--tls-max", "1.2"], ["--tlsv1.3"]):
            for port, path in ((self.frames, ""), (self.named, ""), (self.monitor, "healthz")):
                code = ("-o", "/dev/null", "-w", "%{http_code}")
                url = f"https://127.0.0.1:{port}/{path}"
                self.assertEqual(self.run_(curl, "-sk", *code, *options, url), "200", options)

    def test_openssl(self) -> None:
        """
        openssl connects, with and without ALPN.
        """
        openssl = find("openssl")
        for version in ("-tls1_2", "-tls1_3"):
            for port, offered, said in (
                (self.frames, ["-alpn", "h2,http/1.1"], "ALPN protocol: http/1.1"),
                (self.frames, ["-alpn", "h2"], "No ALPN negotiated"),
                (self.frames, [], "No ALPN negotiated"),
                (self.lines, ["-alpn", "h2"], "No ALPN negotiated"),
            ):
                command = (openssl, "s_client", "-connect", f"127.0.0.1:{port}", version, *offered)
                told = self.run_(*command, input="")
                self.assertIn(said, told)
                self.assertIn("BEGIN CERTIFICATE", told)

    def test_node(self) -> None:
        """
        Node receives the page, with and without ALPN.
        """
        node = find("node")
        for offered, selected in (('["http/1.1"]', "http/1.1"), ("[]", "false")):
            for version in ("TLSv1.2", "TLSv1.3"):
                asked = (
                    f'{{"port": {self.frames}, "rejectUnauthorized": false, "ALPNProtocols":'
                    f' {offered}, "maxVersion": "{version}", "minVersion": "{version}"}}'
                )
                told = self.run_(node, "-e", _GET, asked)
                self.assertIn(f"200 {selected}", told)

    def test_chromium(self) -> None:
        """
        Chromium shows the page and opens its WebSocket, over C{ssl:} and over C{tls:}.
        """
        context = sharedBrowser().new_context(ignore_https_errors=True)
        self.addCleanup(context.close)
        for port in (self.frames, self.named):
            page = context.new_page()
            page.goto(f"https://127.0.0.1:{port}/", timeout=PATIENT)
            opened = page.evaluate(
                """() => new Promise((fire) => {
                    const socket = new WebSocket(`wss://${location.host}/mychat`, "machat.v1");
                    socket.onopen = () => fire(socket.protocol);
                    socket.onclose = (event) => fire(event.code);
                })"""
            )
            self.assertEqual(opened, "machat.v1")


class FolderTests(SynchronousTestCase):
    """
    Tests for L{contextOfFolder}.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.certificates: dict[str, bytes] = {}

    def certify(self, file: str, host: str) -> None:
        """
        Make a certificate, with its key in a file of its own.
        """
        path = self.folder / f"{file}.pem"
        path.parent.mkdir(exist_ok=True)
        makeCertificate(f"{path.with_suffix('')}-key.pem", str(path), host)
        self.certificates[host] = ssl.PEM_cert_to_DER_cert(path.read_text())

    def shown(self, *names: str | None) -> Iterator[bytes | None]:
        """
        @return: the certificates that clients receive that ask for these names
        """
        context = contextOfFolder(self.folder, [b"http/1.1"])
        for name in names:
            server = SSL.Connection(context, None)
            server.set_accept_state()
            asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            asking.check_hostname = False
            asking.verify_mode = ssl.CERT_NONE
            asking.set_alpn_protocols(["h2"])
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            client = asking.wrap_bio(incoming, outgoing, server_hostname=name)
            for _ in range(4):
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    server.bio_write(outgoing.read())
                    with contextlib.suppress(SSL.WantReadError):
                        server.do_handshake()
                    incoming.write(server.bio_read(65_536))
            yield client.getpeercert(True)

    def test_names(self) -> None:
        """
        A client receives the certificate for the name that it asks for, or the first one if no
        certificate matches.
        """
        for file, host in (
            ("a", "chat.example.org"),
            ("b", "*.example.com"),
            ("c/d", "example.net"),
        ):
            self.certify(file, host)
        asked = {
            "chat.example.org": "chat.example.org",
            "CHAT.example.ORG": "chat.example.org",
            "example.net": "example.net",
            "any.example.com": "*.example.com",
            "too.deep.example.com": "chat.example.org",
            "example.com": "chat.example.org",
            None: "chat.example.org",
        }
        expected = [self.certificates[host] for host in asked.values()]
        self.assertEqual(list(self.shown(*asked)), expected)

    def test_none(self) -> None:
        """
        A folder must contain a certificate with its key.
        """
        self.assertRaises(ValueError, contextOfFolder, self.folder, [])
        self.certify("a", "localhost")
        (self.folder / "a-key.pem").unlink()
        error = self.assertRaises(ValueError, contextOfFolder, self.folder, [])
        self.assertIn("no certificate with its private key in ", str(error))
