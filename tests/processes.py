"""
Support for tests with real processes: the commands as a user starts them.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import urlopen

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from machat.testing import clientFrame, clientRequest
from machat.ws import PATH

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

#: Any free port of this machine.
LOCAL = "tcp:0:interface=127.0.0.1"

#: The time after which a test gives up waiting, seconds. No test depends on its value.
PATIENCE = 120.0

#: The options of a server, unless a test sets others. It has no limits that a slow test may reach:
#: the sending rate, the time until a client joins, and the time of a client that answers no ping,
#: because the test does something else. It does not listen on the default ports, which another test
#: may use at the same time.
OPTIONS = {
    "--rate": "off",
    "--join-timeout": "1h",
    "--ping": "1h",
    "--max-stall": "1h",
    "--tcp": "none",
    "--ws": "none",
}

# A shell that starts the tests in the background ignores SIGINT, and so would their processes.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def makeCertificate(
    keyPath: str,
    certificatePath: str,
    host: str = "localhost",
    named: bool = True,
    lifetime: timedelta = timedelta(days=1),
) -> None:
    """
    Write a private key and a self-signed certificate for a host.

    @param named: whether the certificate has a C{subjectAltName}
    @param lifetime: the time from now to its end; if it is negative, the certificate has expired
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    if named:
        hosts = x509.SubjectAlternativeName([x509.DNSName(host)])
        builder = builder.add_extension(hosts, critical=False)
    certificate = (
        builder.not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + lifetime)
        .sign(key, hashes.SHA256())
    )
    Path(keyPath).write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    Path(certificatePath).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def find(program: str) -> str:
    """
    @return: the program's path, also in C{/usr/sbin}, which is not in every search path
    @raise SkipTest: it is not installed
    """
    path = shutil.which(program) or shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        raise SkipTest(f"{program} is not installed")
    return path


def freePort() -> int:
    """
    @return: a TCP port that was free a moment ago. It is below those that Linux chooses for other
        sockets, so that no connection and no port 0 of another test takes it.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def shortFolder(case: SynchronousTestCase) -> str:
    """
    @return: a folder that is removed at the end of the test. Its path, unlike those of trial's own
        folders, is always short enough for a UNIX socket.
    """
    folder = tempfile.mkdtemp()
    case.addCleanup(shutil.rmtree, folder)
    return folder


def start(*command: object, **keywords: Any) -> subprocess.Popen[str]:
    """
    @return: the running command; its output is captured
    """
    return subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        **keywords,
    )


def twistd(*arguments: object, **keywords: Any) -> subprocess.Popen[str]:
    """
    @return: a running C{twistd -n machat}
    """
    return start(BIN / "twistd", "-n", "--pidfile=", "-l", "-", "machat", *arguments, **keywords)


def withOptions(*arguments: object) -> list[object]:
    """
    @return: the arguments of a server, with L{OPTIONS} unless they set others
    """
    missing = {option: word for option, word in OPTIONS.items() if option not in arguments}
    return [*[word for option in missing.items() for word in option], *arguments]


def connect(
    address: int | str, host: str = "127.0.0.1", source: str | None = None
) -> socket.socket:
    """
    @param address: a port on this machine, or the path of a UNIX socket
    @param host: the host of the port
    @param source: the local address
    @return: a connection, as soon as the server listens
    """
    origin = None if source is None else (source, 0)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if isinstance(address, int):
                return socket.create_connection((host, address), PATIENCE, origin)
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(address)
            connection.settimeout(PATIENCE)
            return connection
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def readUntil(connection: socket.socket, end: bytes) -> bytes:
    """
    @return: the data that the peer sent, up to and including C{end}, or all of it if the peer
        closed
    """
    data = b""
    while not data.endswith(end):
        piece = connection.recv(65_536)
        if not piece:
            break
        data += piece
    return data


def portsOf(server: subprocess.Popen[str], *factories: str) -> list[int]:
    """
    @param factories: C{ChatFactory} or C{ChatWebSocketFactory}, in the order of listening
    @return: the ports on which a server with C{tcp:0} listens
    """
    return [
        int(waitForLine(server, f" {factory} starting on ").split()[-1]) for factory in factories
    ]


def askMonitor(port: int, path: str) -> tuple[int, str]:
    """
    @return: the status and the body of a page of the monitor
    """
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as page:
            return page.status, page.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def waitForLine(process: subprocess.Popen[str], text: str, stream: IO[str] | None = None) -> str:
    """
    @param stream: where to read; the process's output by default
    @return: the first line that has this text in it
    @raise AssertionError: the process ended before. Its exit status is -9 if it was killed because
        it took too long
    """
    stream = stream or process.stdout
    assert stream is not None
    impatient = threading.Timer(PATIENCE, process.kill)
    impatient.start()
    try:
        for line in stream:
            if text in line:
                return line
    finally:
        impatient.cancel()
    status = process.wait(PATIENCE)
    raise AssertionError(f"the output ended without {text!r}, with exit status {status}")


def stop(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """
    Stop a process.

    @return: its exit status, and the rest of its output and errors
    """
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


class ServerTestCase(SynchronousTestCase):
    """
    Tests that start processes and connect to them, and clean both up.
    """

    def stopAtEnd(self, process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        """
        @return: the process, which is stopped at the end of the test
        """
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def serve(self, *arguments: object) -> subprocess.Popen[str]:
        """
        @return: a C{twistd -n machat} that is stopped at the end of the test, with L{OPTIONS}
            unless the arguments set others
        """
        return self.stopAtEnd(twistd(*withOptions(*arguments)))

    def serveBoth(self, *arguments: object) -> tuple[subprocess.Popen[str], int, int]:
        """
        @return: a server with both endpoints, and their ports
        """
        server = self.serve(*arguments, "--tcp", LOCAL, "--ws", LOCAL)
        tcp, ws = portsOf(server, "ChatFactory", "ChatWebSocketFactory")
        return server, tcp, ws

    def serveLines(self, *arguments: object) -> tuple[subprocess.Popen[str], int]:
        """
        @return: a server with an endpoint for lines only, and its port
        """
        server = self.serve(*arguments, "--tcp", LOCAL, "--ws", "none")
        (port,) = portsOf(server, "ChatFactory")
        return server, port

    def connect(self, address: int | str) -> socket.socket:
        """
        @return: a connection that is closed at the end of the test
        """
        connection = connect(address)
        self.addCleanup(connection.close)
        return connection

    def rawClient(self, port: int, name: str, room: str = "dev") -> RawClient:
        """
        @return: a client that has joined over TCP
        """
        client = RawClient(port)
        self.addCleanup(client.close)
        client.send(v=1, name=name, room=room)
        client.await_("joined")
        return client

    def meet(self, mina: RawClient, ada: RawClient) -> None:
        """
        Have the two clients join the room C{dev}, and exchange messages.
        """
        for client, name in ((mina, "Mina"), (ada, "Ada")):
            self.addCleanup(client.close)
            client.send(v=1, name=name, room="dev")
            client.await_("joined")
        for speaker in (mina, ada):
            speaker.send(type="say", text="hello")
            for client in (mina, ada):
                self.assertEqual(client.await_("message")["text"], "hello")


class Closed(AssertionError):
    """
    The server has closed the connection too early.
    """


class RawClient:
    """
    A client of the C{events} dialect, directly on a socket.
    """

    def __init__(self, server: int | socket.socket) -> None:
        """
        @param server: its port on this machine, or a connection to it
        """
        self._socket = connect(server) if isinstance(server, int) else server
        self._received = b""
        self.begin()

    def begin(self) -> None:
        """
        Lines need no handshake before the hello.
        """

    def send(self, **command: Any) -> None:
        """
        Send one object.
        """
        self.sendText(json.dumps(command))

    def sendBytes(self, data: bytes) -> None:
        """
        Send bytes as they are.
        """
        self._socket.sendall(data)

    def read(self) -> Any:
        """
        @return: the next object
        """
        return json.loads(self.readUntil(b"\n"))

    def sendText(self, text: str) -> None:
        """
        Send one line.
        """
        self.sendBytes(text.encode() + b"\n")

    def readText(self) -> str:
        """
        @return: the next line, with its end; an empty string if the server has closed
        """
        try:
            return self.readUntil(b"\n").decode()
        except Closed:
            return ""

    def finish(self) -> None:
        """
        Close the sending direction.
        """
        self._socket.shutdown(socket.SHUT_WR)

    def readUntil(self, end: bytes) -> bytes:
        """
        @return: the data up to and including these bytes
        """
        return self.take(lambda data: data.find(end) + len(end) if end in data else 0)

    def take(self, size: Callable[[bytes], int]) -> bytes:
        """
        @param size: a function of the received data that returns the size of the part to take; 0
            if it is incomplete
        """
        while not (length := size(self._received)):
            more = self._socket.recv(65_536)
            if not more:
                raise Closed(f"the server closed behind {self._received!r}")
            self._received += more
        taken, self._received = self._received[:length], self._received[length:]
        return taken

    def await_(self, type: str) -> Any:
        """
        @return: the next object of this type
        """
        while (event := self.read())["type"] != type:
            pass
        return event

    def reset(self) -> None:
        """
        Reset the connection, discarding all data in flight.
        """
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        """
        Close the connection.
        """
        self._socket.close()


class RawWebSocketClient(RawClient):
    """
    The same client on WebSocket.

    @cvar path: the path of the WebSocket
    """

    path = PATH

    def begin(self) -> None:
        self.sendBytes(clientRequest(self.path))
        head = self.readUntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def sendText(self, text: str) -> None:
        self.sendBytes(clientFrame(0x81, text.encode()))

    def read(self) -> Any:
        first, payload = self.readFrame()
        return json.loads(payload) if first == 0x81 else {"type": "control"}

    def readText(self) -> str:
        first, payload = self.readFrame()
        if first == 0x88:
            return f"(closed {int.from_bytes(payload[:2], 'big')})"
        return payload.decode() if first == 0x81 else f"(frame {first:#x})"

    def finish(self) -> None:
        self.sendBytes(clientFrame(0x88, (1000).to_bytes(2, "big")))

    def readFrame(self) -> tuple[int, bytes]:
        """
        @return: the first byte of the next frame, and its payload
        """
        first, length = self.take(lambda data: 2 if len(data) > 1 else 0)
        if length > 125:
            extended = 2 if length == 126 else 8
            head = self.take(lambda data: extended if len(data) >= extended else 0)
            length = int.from_bytes(head, "big")
        return first, self.take(lambda data: length if len(data) >= length else 0)
