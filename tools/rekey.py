"""
Replace the certificate of a server that has many open TLS connections. They must stay open::

    python -m tools.rekey --connections 1000

The program prints whether a new connection gets the new certificate, and how many of the open
connections still receive messages. It exits with status 1 if any of them does not.
"""

from __future__ import annotations

import signal
import ssl
import sys
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.processes import connect, makeCertificate, portsOf, readUntil, stop, twistd, waitForLine


def join(port: int, name: str) -> ssl.SSLSocket:
    """
    Join the room C{dev} over TLS, without verifying the certificate.

    @return: the connection
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    client = context.wrap_socket(connect(port))
    client.sendall(b'{"name": "%s", "room": "dev"}\n' % name.encode())
    return client


def heard(clients: list[ssl.SSLSocket], line: bytes) -> int:
    """
    Close all connections.

    @return: the number of connections whose next line was C{line}
    """
    count = 0
    for client in clients:
        with suppress(OSError), client:
            count += readUntil(client, b"\n") == line
    return count


def rekey(connections: int, folder: Path) -> tuple[bool, int]:
    """
    Open connections, replace the certificate, and open one more connection that sends a message.

    @return: whether the last connection has a different certificate, and the number of earlier
        connections that receive its message
    """
    key, certificate = str(folder / "key"), str(folder / "certificate")
    makeCertificate(key, certificate)
    endpoint = f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
    server = twistd("--tcp", endpoint, "--ws", "none")
    try:
        (port,) = portsOf(server, "ChatFactory (TLS)")
        with ThreadPoolExecutor(1) as reader:  # a full pipe would block the server
            done = reader.submit(waitForLine, server, "certificate reloaded")
            clients = [join(port, f"u{number}") for number in range(connections)]
            makeCertificate(key, certificate)
            server.send_signal(signal.SIGHUP)
            done.result()
        last = join(port, "last")
        changed = last.getpeercert(True) != clients[0].getpeercert(True)
        last.sendall(b"hello\n")
        return changed, heard([*clients, last], b"last:hello\n") - 1
    finally:
        stop(server)


def main(arguments: list[str] | None = None) -> int:
    """
    @return: the exit status
    """
    parser = ArgumentParser(prog="python -m tools.rekey")
    parser.add_argument("--connections", type=int, default=1000)
    connections = parser.parse_args(arguments).connections
    with TemporaryDirectory() as folder:
        changed, count = rekey(connections, Path(folder))
    print("a new connection gets the", "new certificate" if changed else "OLD CERTIFICATE")
    print(f"{count} of {connections} open connections receive its message")
    return 0 if changed and count == connections else 1


if __name__ == "__main__":
    sys.exit(main())
