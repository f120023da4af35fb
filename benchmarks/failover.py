"""
The storm of clients that reconnect after their node was killed: C{python -m benchmarks.failover}.
All clients join on the first node of a server. Then this node is killed, and they all connect to
the second one at once, as their next attempt after a jittered delay would.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from select import EPOLLIN, EPOLLOUT, epoll
from typing import Any

from benchmarks.peers import MaChatNodes, Peer
from benchmarks.processes import raiseFileLimit, server
from benchmarks.results import write
from benchmarks.runner import Entry, Outcome, prepare
from benchmarks.shapes import SHAPES, Kind, Shape

#: Members of each room.
_MEMBERS = 10

#: Seconds until a refused client connects again, and until all clients must have joined.
_RETRY = 0.2
_PATIENCE = 60.0

_SESSION = re.compile(rb'"session":"([^"]+)"')


@dataclass
class Client:
    """
    A client of the events dialect.

    @ivar session: the secret with which the client takes over its name after it has reconnected
    """

    number: int
    session: str | None = None
    received: bytes = b""
    sock: socket.socket = field(default_factory=socket.socket)

    def connect(self, port: int) -> int:
        """
        Begin to connect.

        @return: the file descriptor
        """
        self.sock.close()
        self.sock, self.received = socket.socket(), b""
        self.sock.setblocking(False)
        self.sock.connect_ex(("127.0.0.1", port))
        return self.sock.fileno()

    def hello(self) -> bytes:
        """
        @return: the bytes that join the client's room
        """
        hello = {"v": 1, "name": f"member{self.number}", "room": f"room{self.number // _MEMBERS}"}
        if self.session is not None:
            hello["session"] = self.session
        return json.dumps({**hello, "presence": False}).encode() + b"\n"

    def read(self) -> bool:
        """
        @return: whether the client has joined
        @raise OSError: the server closed the connection
        """
        data = self.sock.recv(65_536)
        if not data:
            raise ConnectionResetError
        self.received += data
        if b'"type":"joined"' not in self.received:
            return False
        found = _SESSION.search(self.received)
        self.session = found[1].decode() if found else None
        return True


def join(clients: list[Client], port: int) -> tuple[float, int]:
    """
    Connect all clients at once, and again if they are refused.

    @return: seconds until all have joined, and the number of refused connections
    @raise TimeoutError: some have not joined in time
    """
    poller, begun, refused = epoll(), time.monotonic(), 0
    waiting = {client.connect(port): client for client in clients}
    later: list[tuple[float, Client]] = []
    for fd in waiting:
        poller.register(fd, EPOLLOUT)
    while waiting or later:
        now = time.monotonic()
        if now > begun + _PATIENCE:
            raise TimeoutError(f"{len(waiting) + len(later)} clients have not joined")
        while later and later[0][0] <= now:
            client = later.pop(0)[1]
            fd = client.connect(port)
            waiting[fd] = client
            poller.register(fd, EPOLLOUT)
        for fd, event in poller.poll(0.01):
            client = waiting[fd]
            try:
                if event & EPOLLIN:
                    done = client.read()
                else:
                    client.sock.send(client.hello())
                    poller.modify(fd, EPOLLIN)
                    done = False
            except OSError:
                refused += 1
                later.append((time.monotonic() + _RETRY, client))
                done = True
            if done:
                del waiting[fd]
                poller.unregister(fd)
    return time.monotonic() - begun, refused


def failover(peer: Peer, members: int) -> dict[str, Any]:
    """
    Measure one failover.

    @param peer: a server with two nodes
    @return: the times in seconds until all have joined, before and after the failover, and the
        number of refused connections after it
    """
    entry = Entry(SHAPES[0], peer, "tcp")
    clients = [Client(number) for number in range(members)]
    with (
        tempfile.TemporaryDirectory(prefix="failover-") as folder,
        contextlib.ExitStack() as stack,
    ):
        (first, second), _ = prepare(entry, Path(folder), stack)
        pids = [
            stack.enter_context(server(node.command, node.port, node.folder))
            for node in (first, second)
        ]
        before, _ = join(clients, first.port)
        os.kill(pids[0], signal.SIGKILL)
        after, refused = join(clients, second.port)
        for client in clients:
            client.sock.close()
    return {"joined": before, "rejoined": after, "refused": refused}


def main() -> None:
    """
    Run the measurement on two nodes of MaChat.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.failover", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="clients (default 2000)")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="measure N times")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write results.json")
    options = parser.parse_args()
    peer = MaChatNodes()
    missing = peer.missing("tcp")
    if missing is not None:
        sys.exit(f"benchmarks: not installed: {missing}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop the servers too
    raiseFileLimit()
    shape = Shape("failover", Kind.JOINS, options.count // _MEMBERS, _MEMBERS)
    outcome = Outcome(Entry(shape, peer, "tcp"))
    try:
        for _ in range(options.repeat):
            run = failover(peer, options.count)
            outcome.runs.append(run)
            print(
                f"{options.count} clients joined in {run['joined']:.2f} s. The node was killed, and"
                f" all joined again in {run['rejoined']:.2f} s; {run['refused']} connections were"
                " refused."
            )
    except TimeoutError as error:
        sys.exit(f"benchmarks: {error}")
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        write([outcome], options.output, complete=True)


if __name__ == "__main__":
    main()
