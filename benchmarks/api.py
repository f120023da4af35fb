"""
The publish requests per second of the HTTP API, compared with messages over TCP:
C{python -m benchmarks.api}.

Each connection sends one message at a time and waits until it is stored, as a web application does.
Over TCP, the messages have ids and the answers are acknowledgements.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from benchmarks.procfs import usageOf
from machat.auth.apikeys import makeKey, newSecret

#: Rooms, so that no room exceeds its byte rate.
_ROOMS = 20

#: The seconds until the measurement begins.
_WARM = 1.0


@dataclass
class Sender:
    """
    One connection.

    @ivar sock: its socket
    @ivar request: returns the bytes of a message
    @ivar end: the last bytes of an answer
    """

    sock: socket.socket
    request: Callable[[int], bytes]
    end: bytes
    count: int = 0
    received: bytes = b""

    def send(self) -> None:
        """
        Send the next message.
        """
        self.count += 1
        self.sock.sendall(self.request(self.count))

    def read(self) -> bool:
        """
        @return: whether the answer is complete
        """
        self.received += self.sock.recv(65_536)
        if not self.received.endswith(self.end):
            return False
        if b"error" in self.received:
            raise RuntimeError(self.received.decode())
        self.received = b""
        return True


def overHttp(port: int, secret: str, number: int) -> Sender:
    """
    @return: a sender of C{publish} requests on one kept connection
    """
    head = f"POST /api/publish HTTP/1.1\r\nHost: x\r\nX-API-Key: {secret}\r\nContent-Length: "

    def request(count: int) -> bytes:
        fields = {
            "room": f"room{number % _ROOMS}",
            "text": "hello there",
            "id": f"{number} {count}",
        }
        body = json.dumps(fields)
        return f"{head}{len(body)}\r\n\r\n{body}".encode()

    return Sender(socket.create_connection(("127.0.0.1", port)), request, b"}")


def overTcp(port: int, secret: str, number: int) -> Sender:
    """
    @return: a sender of the C{events} dialect
    """
    sock = socket.create_connection(("127.0.0.1", port))
    room = f"own{number}"  # nobody else receives the messages
    sock.sendall(json.dumps({"v": 1, "name": f"s{number}", "room": room}).encode() + b"\n")
    data = b""
    while b'"joined"' not in data:
        data += sock.recv(65_536)

    def request(count: int) -> bytes:
        command = {"type": "say", "room": room, "text": "hello there", "id": str(count)}
        return json.dumps(command).encode() + b"\n"

    return Sender(sock, request, b'"duplicate":false}\n')


def measure(senders: list[Sender], pid: int, seconds: float) -> tuple[int, float, float]:
    """
    @return: the answers, the seconds, and the seconds of CPU time of the server
    """
    selector = selectors.DefaultSelector()
    for sender in senders:
        selector.register(sender.sock, selectors.EVENT_READ, sender)
        sender.send()
    answers, start, cpu, warm = 0, time.monotonic(), 0.0, False
    while True:
        now = time.monotonic()
        if not warm and now - start >= _WARM:
            warm, answers, start, cpu = True, 0, now, usageOf(pid).cpu
        if warm and now - start >= seconds:
            return answers, now - start, usageOf(pid).cpu - cpu
        for key, _ in selector.select(0.1):
            if key.data.read():
                answers += 1
                key.data.send()


def serve(folder: Path, store: str) -> tuple[subprocess.Popen[str], dict[str, int], str]:
    """
    @return: a server, the ports of its two endpoints, and an API key
    """
    secret, local = newSecret(), "tcp:0:interface=127.0.0.1"
    key = makeKey("bench", "publish", "*", sha256(secret.encode()).digest())
    (folder / "keys").write_text(key.line)
    os.chmod(folder / "keys", 0o600)
    command = [sys.executable, "-m", "twisted", "-n", "--pidfile=", "-l", "-", "machat"]
    command[1:3] = ["-c", "from twisted.scripts.twistd import run; run()"]
    command += ["--ws", "none", "--tcp", local, "--api", local, "--api-keys", "keys"]
    command += ["--store", store, "--rate", "off", "--api-rate", "off", "--room-rate", "off"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    ports: dict[str, int] = {}
    assert server.stdout is not None
    for line in server.stdout:
        for name, factory in (("http", "ApiSite"), ("tcp", "ChatFactory")):
            if f"{factory} starting on" in line:
                ports[name] = int(line.split()[-1])
        if len(ports) == 2:
            return server, ports, secret
    raise RuntimeError("the server has ended")


def main() -> None:
    """
    Measure, and print a line for each protocol and number of connections.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 20, 100])
    parser.add_argument("--store", default="memory:")
    options = parser.parse_args()
    print("protocol connections  messages/s  per CPU second")
    with tempfile.TemporaryDirectory() as name:
        server, ports, secret = serve(Path(name), options.store)
        log = subprocess.Popen(["cat"], stdin=server.stdout, stdout=subprocess.DEVNULL)
        try:
            for protocol, make in (("http", overHttp), ("tcp", overTcp)):
                for count in options.connections:
                    senders = [make(ports[protocol], secret, each) for each in range(count)]
                    done, took, cpu = measure(senders, server.pid, options.seconds)
                    print(
                        f"{protocol:8} {count:11} {done / took:11.0f} {done / max(cpu, 0.01):15.0f}"
                    )
                    for sender in senders:
                        sender.sock.close()
        finally:
            server.kill()
            server.wait()
            log.wait()


if __name__ == "__main__":
    main()
