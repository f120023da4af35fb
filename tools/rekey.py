"""
A certificate is changed under many open TLS connections, which must not notice::

    python -m tools.rekey --connections 1000

It prints who was heard afterwards, and ends with status 1 if anybody was not.
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
    @return: the TLS connection of somebody in C{dev}, whatever the certificate
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    client = context.wrap_socket(connect(port))
    client.sendall(b'{"name": "%s", "room": "dev"}\n' % name.encode())
    return client


def heard(clients: list[ssl.SSLSocket], line: bytes) -> int:
    """
    @return: how many hear this line next; they leave then
    """
    count = 0
    for client in clients:
        with suppress(OSError), client:
            count += readUntil(client, b"\n") == line
    return count


def rekey(connections: int, folder: Path) -> tuple[bool, int]:
    """
    @return: whether the next connection has another certificate, and how many of those that were
        open hear what it says
    """
    key, certificate = str(folder / "key"), str(folder / "certificate")
    makeCertificate(key, certificate)
    endpoint = f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
    server = twistd("--tcp", endpoint, "--ws", "none")
    try:
        (port,) = portsOf(server, "ChatFactory (TLS)")
        with ThreadPoolExecutor(1) as reader:  # a pipe that is full would stop the server
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
    @return: the status to exit with
    """
    parser = ArgumentParser(prog="python -m tools.rekey")
    parser.add_argument("--connections", type=int, default=1000)
    connections = parser.parse_args(arguments).connections
    with TemporaryDirectory() as folder:
        changed, count = rekey(connections, Path(folder))
    print("the next connection has", "another certificate" if changed else "THE OLD CERTIFICATE")
    print(f"{count} of {connections} open connections hear what it says")
    return 0 if changed and count == connections else 1


if __name__ == "__main__":
    sys.exit(main())
