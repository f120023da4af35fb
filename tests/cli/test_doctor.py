"""
C{machat doctor}: a server, a proxy or a network with one fault each.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat import events
from machat.cli.doctor import checks, probes, remedies, report
from machat.cli.doctor.address import parse
from machat.cli.doctor.report import Finding, Report
from machat.cli.doctor.visit import Ended, Visit
from machat.client import reasons
from tests.processes import (
    BIN,
    LOCAL,
    PATIENCE,
    ServerTestCase,
    connect,
    find,
    freePort,
    makeCertificate,
    start,
    waitForLine,
)

#: Runs C{machat} on a machine whose clock is an hour ahead.
AHEAD = """
import time
now = time.time
time.time = lambda: now() + 3650
from machat.cli.console import main
main()
"""

#: The settings of nginx. Each server has one fault.
NGINX = """
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    proxy_http_version 1.1;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    server {{
        listen 127.0.0.1:{noHost};
        location / {{
            proxy_pass http://127.0.0.1:{ws};
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
        }}
    }}
    server {{
        listen 127.0.0.1:{noUpgrade};
        location / {{ proxy_pass http://127.0.0.1:{ws}; proxy_set_header Host $http_host; }}
    }}
    server {{
        listen 127.0.0.1:{impatient};
        listen 127.0.0.1:{expired} ssl;
        ssl_certificate {folder}/expired.pem; ssl_certificate_key {folder}/expired.key;
        location / {{
            proxy_pass http://127.0.0.1:{ws}; proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
            proxy_read_timeout 1s;
        }}
    }}
    server {{
        listen 127.0.0.1:{selfSigned} ssl;
        ssl_certificate {folder}/self.pem; ssl_certificate_key {folder}/self.key;
    }}
    server {{
        listen 127.0.0.1:{otherName} ssl;
        ssl_certificate {folder}/other.pem; ssl_certificate_key {folder}/other.key;
    }}
}}
"""

#: The settings of HAProxy, which sends the PROXY protocol only to the endpoint that does not expect
#: it.
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
listen chat
    mode tcp
    bind 127.0.0.1:{lines}
    server machat 127.0.0.1:{proxied}
listen missing
    bind 127.0.0.1:{missing}
    server machat 127.0.0.1:{proxied}
listen unexpected
    bind 127.0.0.1:{unexpected}
    server machat 127.0.0.1:{ws} send-proxy
"""


class FaultTests(ServerTestCase):
    """
    The command names the fault and the remedy, and its exit status identifies the fault.
    """

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def examine(self, *cases: tuple[int, str, tuple[str, ...]]) -> None:
        """
        Run the command for several addresses at the same time.

        @param cases: for each one, the exit status, a word of the remedy, and the arguments
        """
        limit = ("--timeout", PATIENCE)
        runs = [start(BIN / "machat", "doctor", *limit, *words) for _, _, words in cases]
        for process, (status, word, words) in zip(runs, cases, strict=True):
            self.assertFound(process.communicate()[0], process.returncode, status, word, words)

    def assertFound(self, told: str, ended: int, status: int, word: str, words: object) -> None:
        self.assertEqual(ended, status, (words, told))
        self.assertIn(word, told.splitlines()[-1], told)
        self.assertLess(len(told.splitlines()), 11, told)

    def certificate(self, name: str, host: str = "localhost", days: int = 1) -> str:
        """
        @return: the file of a new certificate
        """
        file = str(self.folder / f"{name}.pem")
        makeCertificate(str(self.folder / f"{name}.key"), file, host, lifetime=timedelta(days=days))
        return file

    def nginx(self, ws: int) -> dict[str, int]:
        """
        @return: the ports of a new nginx
        """
        program = find("nginx")
        names = ["noHost", "noUpgrade", "impatient", "expired", "selfSigned", "otherName"]
        ports = {name: freePort() for name in names}
        file = self.folder / "nginx.conf"
        file.write_text(NGINX.format(folder=self.folder, ws=ws, **ports))
        options = "daemon off; master_process off;"
        self.stopAtEnd(start(program, "-e", "stderr", "-c", file, "-g", options))
        for port in ports.values():
            connect(port).close()
        return ports

    def test_proxy(self) -> None:
        """
        nginx without Host, without Upgrade and with a short timeout; certificates that are expired,
        self-signed and for another name.
        """
        find("nginx")
        for name, host, days in (
            ("expired", "localhost", -1),
            ("self", "localhost", 1),
            ("other", "chat.example.org", 1),
        ):
            self.certificate(name, host, days)
        trusted = self.folder / "trusted.pem"
        files = [(self.folder / f"{name}.pem").read_text() for name in ("expired", "other")]
        trusted.write_text("".join(files))
        self.patch(os, "environ", {**os.environ, "SSL_CERT_FILE": str(trusted)})
        _, _, ws = self.serveBoth("--ping", "600")
        ports = self.nginx(ws)
        self.examine(
            (report.HTTP, "Host $http_host", (f"ws://localhost:{ports['noHost']}",)),
            (report.HTTP, "Upgrade $http_upgrade", (f"ws://localhost:{ports['noUpgrade']}",)),
            (report.SILENCE, "proxy_read_timeout", (f"ws://localhost:{ports['impatient']}",)),
            (report.TLS, "renew the certificate", (f"wss://localhost:{ports['expired']}",)),
            (report.TLS, "SSL_CERT_FILE", (f"wss://localhost:{ports['selfSigned']}",)),
            (report.TLS, "this name", (f"wss://localhost:{ports['otherName']}",)),
        )

    def test_server(self) -> None:
        """
        A wrong port, a server that is not MaChat's, a refused origin, a server that is full, and a
        clock that is wrong.
        """
        _, tcp, ws = self.serveBoth("--max-connections", "20")
        chat = f"ws://localhost:{ws}"
        idle = ("--idle", "0")
        self.examine(
            (report.TCP, "start MaChat", (f"localhost:{freePort()}",)),
            (report.DNS, "spelling", ("chat.invalid:8989",)),
            (report.CHAT, "--ws", (f"ws://localhost:{tcp}",)),
            (report.REFUSED, "use ws://", (f"localhost:{ws}",)),
            (report.HTTP, "--origin https://a.example", (chat, "--origin", "https://a.example")),
            (report.REFUSED, "--name", (chat, "--name", "a:b", *idle)),
            (0, "sees this client at 127.0.0.1:", (chat, *idle)),
            (0, "open after 0.5 s", (f"localhost:{tcp}", "--idle", "0.5")),
        )
        ahead = start(sys.executable, "-c", AHEAD, "doctor", chat, *idle, "--timeout", PATIENCE)
        told = ahead.communicate()[0]
        self.assertEqual(ahead.returncode, report.CLOCK, told)
        self.assertRegex(told, "this machine's clock is 36[0-9]{2} s ahead of the server's")
        for _ in range(20):
            self.connect(tcp)
        self.examine((report.REFUSED, "--max-connections", (f"localhost:{tcp}",)))

    def test_haproxy(self) -> None:
        """
        HAProxy sends no PROXY protocol, and MaChat expects it; and the reverse.
        """
        program = find("haproxy")
        server = self.serve("--tcp", f"haproxy:{LOCAL}")
        proxied = waitForLine(server, " starting on ").split()[-1]
        _, _, ws = self.serveBoth()
        ports = {name: freePort() for name in ("lines", "missing", "unexpected")}
        file = self.folder / "haproxy.cfg"
        file.write_text(HAPROXY.format(proxied=proxied, ws=ws, **ports))
        self.stopAtEnd(start(program, "-f", file))
        for port in ports.values():
            connect(port).close()
        self.examine(
            (report.CHAT, "send-proxy", (f"localhost:{ports['lines']}",)),
            (report.HTTP, "send-proxy", (f"ws://localhost:{ports['missing']}",)),
            (report.HTTP, "with haproxy:", (f"ws://localhost:{ports['unexpected']}",)),
        )

    def test_usage(self) -> None:
        """
        A wrong command line is reported.
        """
        for words in (("localhost",), ("ftp://localhost",), ("a:1", "--token-file", "missing")):
            process = start(BIN / "machat", "doctor", *words, cwd=self.folder)
            self.assertIn(words[-1], process.communicate()[1])
            self.assertEqual(process.returncode, 2)


class FindingTests(SynchronousTestCase):
    """
    The conclusions from what a connection shows.
    """

    def test_addresses(self) -> None:
        """
        The forms of an address.
        """
        for text, dialled, port, origin in (
            ("localhost:8989", "localhost:8989", 8989, None),
            ("tcp:[::1]:8989", "[::1]:8989", 8989, None),
            ("tls:a.example:1", "tls:a.example:1", 1, None),
            ("ws://a.example", "ws://a.example/mychat", 80, "http://a.example"),
            ("wss://a.example:1/x?y", "wss://a.example:1/x?y", 1, "https://a.example:1"),
            ("https://a.example", "wss://a.example/mychat", 443, "https://a.example"),
            ("https://a.example/chat/", "wss://a.example/chat/mychat", 443, "https://a.example"),
        ):
            address = parse(text)
            self.assertEqual((address.dialled, address.port), (dialled, port))
            self.assertEqual(address.origin, origin)
        for text in ("", "a", "a:0", "a:65536", "ws://", "ssl:a:1", "a:b:c"):
            self.assertRaises(ValueError, parse, text)

    def test_manyAddresses(self) -> None:
        """
        Only some addresses of a host are tried, because each may take the whole timeout.
        """
        hosts = [(0, 0, 0, "", (f"192.0.2.{number}", 1)) for number in range(100)]
        self.patch(socket, "getaddrinfo", lambda *args, **kwargs: hosts)
        found, addresses = probes.resolve(parse("a.example:1"))
        self.assertEqual(len(addresses), probes.ADDRESSES)
        self.assertIn("192.0.2.7 and 92 others (", found.text)

    def test_badCertificate(self) -> None:
        """
        A certificate that cannot be read is still reported.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject, now = x509.Name([]), datetime.now(timezone.utc)
        builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now)
        names = x509.UnrecognizedExtension(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
            b"\x30\x02\xa3\x00",  # an x400Address
        )
        bad = builder.add_extension(names, False).sign(key, hashes.SHA256())
        self.patch(probes, "_unverified", lambda address, timeout: bad)
        error = ssl.SSLCertVerificationError()
        error.verify_code, error.verify_message = 62, "Hostname mismatch"
        found = probes._invalid(parse("tls:a.example:1"), error, 1)
        self.assertIn("Hostname mismatch", found.text)

    def test_clocks(self) -> None:
        """
        Clocks may differ by 30 seconds.
        """
        self.assertEqual(checks.ofClocks(-30).status, 0)
        self.assertIn("is 31 s behind the server's", checks.ofClocks(-31).text)

    def test_seenAddress(self) -> None:
        """
        A server on the Internet that sees a private address sees that of a proxy.
        """
        self.assertEqual(checks.ofAddress("127.0.0.1:5", "8.8.8.8").status, report.ADDRESS)
        self.assertEqual(checks.ofAddress("unix", "8.8.8.8").status, report.ADDRESS)
        self.assertEqual(checks.ofAddress("127.0.0.1:5", "10.0.0.1").status, 0)
        self.assertEqual(checks.ofAddress("1.1.1.1:5", "8.8.8.8").status, 0)

    def test_ends(self) -> None:
        """
        The reason for which a connection ended in the silence is shown.
        """
        visit = Visit(None, 1)
        for bye, failed, word in (
            (events.Bye(code=3012, reason="no-pong", reconnect=True), None, "3012 no-pong"),
            (None, reasons.Closed(1001, "away"), "close code 1001 away"),
            (None, None, "closed after 60 s"),
        ):
            visit.bye = bye
            ended = Ended(Failure(failed) if failed else None, visit)
            self.assertIn(word, remedies.ofSilence(ended, 60.4, 25).text)

    def test_report(self) -> None:
        """
        The exit status is that of the first problem. What a server sends is shown as one line.
        """
        lines: list[str] = []
        made = Report(lines.append)
        made.add(Finding("TCP", "good"), Finding("TLS", "a\nb\x1b[2J", report.TLS, "do this"))
        made.add(Finding("chat", "bad", report.CHAT))
        self.assertEqual(made.status, report.TLS)
        self.assertEqual(
            [line.split() for line in lines],
            [
                ["ok", "TCP", "good"],
                ["FAIL", "TLS", "a", "b", "[2J"],
                ["remedy", "do", "this"],
                ["FAIL", "chat", "bad"],
            ],
        )
