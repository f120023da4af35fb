"""
Tests with real sockets: C{twistd machat} started, used and stopped.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from machat.testing import clientFrame, clientRequest
from tests.processes import (
    BIN,
    PATIENCE,
    ServerTestCase,
    connect,
    makeCertificate,
    portsOf,
    readUntil,
    start,
    stop,
    twistd,
    waitForLine,
)


def hello(name: str) -> bytes:
    return b'{"name": "%s", "room": "dev"}\n' % name.encode()


class ServingTests(ServerTestCase):
    def join(self, address: int | str, name: str) -> socket.socket:
        connection = self.connect(address)
        connection.sendall(hello(name))
        return connection

    def joinWebSocket(self, port: int, name: str) -> socket.socket:
        connection = self.connect(port)
        connection.sendall(clientRequest())
        readUntil(connection, b"\r\n\r\n")
        connection.sendall(clientFrame(0x81, hello(name)))
        return connection

    def test_oneChat(self) -> None:
        """
        TCP and WebSocket share a chat; SIGTERM sends a bye, closes with 3001, and exits with 0.
        """
        server, tcp, ws = self.serveBoth()
        mina, ada = self.join(tcp, "Mina"), self.joinWebSocket(ws, "Ada")
        waitForLine(server, "Ada joins dev")
        mina.sendall(b"hello\n")
        self.assertEqual(readUntil(ada, b"hello\n"), b"\x81\x0bMina:hello\n")
        self.assertEqual(readUntil(mina, b"hello\n"), b"Mina:hello\n")
        server.send_signal(signal.SIGTERM)
        self.assertEqual(readUntil(mina, b"nothing"), b"machat:bye shutdown\n")
        mina.close()
        closed = b"\x81\x14machat:bye shutdown\n" + b"\x88\x0a\x0b\xb9shutdown"
        self.assertEqual(readUntil(ada, b"\xb9shutdown"), closed)
        ada.close()
        self.assertEqual(server.wait(PATIENCE), 0)

    def test_sigint(self) -> None:
        """
        SIGINT ends the server with 0 as well, even with stuck readers and silent connections.
        """
        server, tcp, _ = self.serveBoth()
        connect(tcp).close()
        self.connect(tcp)  # this connection sends nothing
        stuck = socket.socket()
        self.addCleanup(stuck.close)
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", tcp))
        stuck.sendall(hello("stuck"))
        waitForLine(server, "stuck joins dev")
        mina = self.join(tcp, "Mina")
        waitForLine(server, "Mina joins dev")
        for _ in range(100):
            mina.sendall(b"x" * 60_000 + b"\n")
            readUntil(mina, b"\n")
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=PATIENCE)
        self.assertEqual(server.returncode, 0)
        self.assertNotIn("Traceback", out + err)

    def test_separate(self) -> None:
        """
        With C{--separate}, each endpoint has its own chat.
        """
        server, tcp, ws = self.serveBoth("--separate")
        self.join(tcp, "Mina")
        other = self.joinWebSocket(ws, "Mina")
        waitForLine(server, "Mina joins dev")
        waitForLine(server, "Mina joins dev")
        other.sendall(clientFrame(0x81, b"hello"))
        self.assertEqual(readUntil(other, b"hello\n"), b"\x81\x0bMina:hello\n")

    def test_unixAndTLS(self) -> None:
        """
        An option that is given several times adds several endpoints, including C{unix:} and
        C{ssl:}.
        """
        path, key = self.mktemp(), self.mktemp()
        makeCertificate(key, key + ".pem")
        server = self.serve(
            *("--tcp", f"unix:{path}"),
            *("--tcp", f"ssl:0:privateKey={key}:certKey={key}.pem", "--ws", "none"),
        )
        (port,) = portsOf(server, "ChatFactory (TLS)")
        local = self.join(path, "Mina")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        secret = context.wrap_socket(connect(port))
        self.addCleanup(secret.close)
        secret.sendall(hello("Ada") + b"hello\n")
        self.assertEqual(readUntil(secret, b"\n"), b"Ada:hello\n")
        local.sendall(b"hi\n")
        self.assertTrue(readUntil(local, b"Mina:hi\n").endswith(b"Mina:hi\n"))
        self.assertEqual(readUntil(secret, b"\n"), b"Mina:hi\n")

    def test_unixAfterCrash(self) -> None:
        """
        A server that was killed leaves a UNIX socket, which the next server takes over, even if
        the lock names an existing process: in a container that is the new server itself.
        """
        path = self.mktemp()
        for endpoint in (f"unix:{path}", f"unix:{path}:lockfile=0"):
            killed = self.serve("--tcp", f"unix:{path}", "--ws", "none")
            self.join(path, "Mina")
            waitForLine(killed, "Mina joins")
            killed.kill()
            killed.wait()
            os.unlink(f"{path}.lock")
            os.symlink(str(os.getpid()), f"{path}.lock")
            server = self.serve("--tcp", endpoint, "--ws", "none")
            waitForLine(server, "removed stale socket ")
            self.join(path, "Mina")
            waitForLine(server, "Mina joins")
            self.assertEqual(stop(server)[0], 0)
            self.assertFalse(os.path.lexists(path) or os.path.lexists(f"{path}.lock"))

    def test_reset(self) -> None:
        """
        A peer that resets while batches are written to it affects no other client and causes no
        traceback.
        """
        server, tcp, _ = self.serveBoth()
        mina = self.join(tcp, "Mina")
        for number in range(20):
            victim = self.join(tcp, f"victim{number}")
            mina.sendall(b"x" * 1000 + b"\n")
            victim.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            victim.close()
            mina.sendall(b"y\n")
            readUntil(mina, b"y\n")
        status, out, err = stop(server)
        self.assertEqual(status, 0)
        self.assertNotIn("Traceback", out + err)


class RefusalTests(ServerTestCase):
    """
    An error that prevents the server from starting is reported in one line.
    """

    def refusal(self, server: subprocess.Popen[str]) -> str:
        """
        @return: the last error line of a server that does not start
        """
        out, err = server.communicate(timeout=PATIENCE)
        self.assertNotEqual(server.returncode, 0)
        self.assertNotIn("Traceback", out + err)
        return err.strip().splitlines()[-1]

    def test_portTaken(self) -> None:
        """
        A taken port is reported with its option, by C{twistd -n} and by C{twist}.
        """
        with socket.create_server(("127.0.0.1", 0)) as taken:
            endpoint = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            line = f"machat: --tcp {endpoint}: Address already in use"
            self.assertEqual(self.refusal(twistd("--tcp", endpoint, "--ws", "none")), line)
            twist = start(BIN / "twist", "machat", "--tcp", endpoint, "--ws", "none")
            self.assertEqual(self.refusal(twist), line)

    def test_unixTaken(self) -> None:
        """
        A UNIX socket that another server uses is not taken over, and the error names the lock.
        """
        path = self.mktemp()
        first = self.serve("--tcp", f"unix:{path}", "--ws", "none")
        self.connect(path)
        line = self.refusal(twistd("--tcp", f"unix:{path}", "--ws", "none"))
        self.assertIn(f"{path}: Cannot acquire lock: {path}.lock names process {first.pid}", line)
        self.connect(path)

    def test_daemonized(self) -> None:
        """
        A daemon that cannot listen reports this before its parent exits.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            endpoint = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            daemon = start(
                *(BIN / "twistd", "--pidfile=machat.pid", "-l", "machat.store.memory"),
                *("machat", "--ws", endpoint, "--tcp", "none"),
                cwd=folder,
            )
            out, err = daemon.communicate(timeout=PATIENCE)
        self.assertNotEqual(daemon.returncode, 0)
        self.assertIn(f"--ws {endpoint}: Address", out + err)
        self.assertNotIn("Traceback", out + err)
        self.assertFalse((folder / "machat.pid").exists())

    def test_badEndpoint(self) -> None:
        """
        An invalid endpoint is reported with its option.
        """
        for option, endpoint in (
            ("--tcp", "nonsense"),
            ("--ws", "ssl:1:privateKey=/none"),
            ("--tcp", "tcp:99999999"),
        ):
            line = self.refusal(twistd(option, endpoint))
            self.assertIn(f"{option} {endpoint}: ", line)

    def test_nothingToServe(self) -> None:
        """
        A server without any endpoint is refused.
        """
        line = self.refusal(twistd("--tcp", "none", "--ws", "none"))
        self.assertIn("leave nothing to serve", line)

    def test_privilegedPort(self) -> None:
        """
        A port that needs a privilege is reported with its option.
        """
        floor = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        if os.geteuid() != 0 and floor.exists() and int(floor.read_text()) > 80:
            line = self.refusal(twistd("--tcp", "tcp:80", "--ws", "none"))
            self.assertEqual(line, "machat: --tcp tcp:80: Permission denied")


class ReactorTests(SynchronousTestCase):
    def test_noGlobalReactor(self) -> None:
        """
        No import except that of the plugin's module installs a reactor.
        """
        code = (
            "import sys, machat.tcp, machat.ws, machat.testing\n"
            "machat.testing.MemoryChat().ws('Mina', 'dev').close()\n"
            "sys.exit('twisted.internet.reactor' in sys.modules)"
        )
        self.assertEqual(subprocess.run([BIN / "python", "-c", code], check=False).returncode, 0)
