"""
Counts the instructions that the server needs for a message, or for a join, outside the kernel::

    python -m benchmarks.instructions tcp ws             # messages in 100 rooms of two
    python -m benchmarks.instructions ws --rooms 1 --members 4    # one message in each turn
    python -m benchmarks.instructions tcp ws --joins
    python -m benchmarks.instructions tcp ws --floor    # those of the floor in Python

The counts are repeatable to 1 %, also on a machine that does other work. They do not contain waits
for memory. This needs C{valgrind} with its header files, and a C compiler. The files with the
profiles stay in the current folder, for C{callgrind_annotate}.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).absolute().with_suffix(".c")

#: The size of a message, bytes.
_SIZE = 64

#: The number of messages before the first one that is counted. Python adapts its code to them.
_WARM = 300

#: The number of clients that join in one turn.
_TOGETHER = 20

#: The dialect of the load for each transport.
_KINDS = {"tcp": "lines", "ws": "frames"}


def main() -> None:
    """
    Count for each transport in another process, under valgrind.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="+", choices=_KINDS)
    parser.add_argument("--rooms", type=int, default=100)
    parser.add_argument("--members", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=4, help="messages of each room")
    parser.add_argument("--joins", action="store_true", help="count joins instead of messages")
    parser.add_argument("--floor", action="store_true", help="count those of the floor in Python")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        (_FloorTurns if options.floor else _Turns)(options).run()
        return
    if shutil.which("valgrind") is None or shutil.which("cc") is None:
        sys.exit("skipped: valgrind or a C compiler is not installed")
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/counted.so"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, _SOURCE], check=True)
        for kind in options.kind:
            total, counted = _count(kind, library)
            unit = "join" if options.joins else "message"
            print(f"{kind}: {total / counted:,.0f} instructions per {unit}", flush=True)


def _count(kind: str, library: str) -> tuple[int, int]:
    """
    @return: the number of instructions, and of messages or joins
    """
    others = [each for each in sys.argv[1:] if each not in _KINDS]
    command = ["valgrind", "--tool=callgrind", "--collect-atstart=no"]
    command += [f"--callgrind-out-file=callgrind.{kind}.out", sys.executable, "-m", __spec__.name]
    ran = subprocess.run(
        [*command, kind, *others, "--child", library],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode or found is None:
        sys.exit(ran.stderr)
    return int(found[1]), int(ran.stdout)


class _Turns:
    """
    A server and its clients in one process. Only the turns of the reactor are counted.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        from twisted.internet import epollreactor

        epollreactor.install()
        from twisted.internet import reactor

        from benchmarks.dialects import DIALECTS

        self._options = options
        self._reactor: Any = reactor
        self._dialect = DIALECTS[_KINDS[options.kind[0]]]
        self._counted = ctypes.CDLL(options.child).counted
        self._turns = ctypes.CFUNCTYPE(None)(self._twice)
        self._rooms: list[list[socket.socket]] = [[] for _ in range(options.rooms)]

    def run(self) -> None:
        """
        Count, and print the number of messages or joins.
        """
        self._listen()
        self._fill(self._count if self._options.joins else self._twice)
        if self._options.joins:
            print(self._options.rooms * self._options.members)
            return
        for _ in range(_WARM // self._options.rooms + 1):
            self._exchange(self._twice)
        for _ in range(self._options.rounds):
            self._exchange(self._count)
        print(self._options.rooms * self._options.rounds)

    def _listen(self) -> None:
        """
        Serve a chat as C{twistd machat} does, with a log that nobody reads.
        """
        from msgspec.structs import replace
        from twisted.logger import FileLogObserver, globalLogBeginner

        from machat.clock import useMonotonic
        from machat.limits import DEFAULTS
        from machat.service import ChatService
        from machat.tap.logs import asLine
        from machat.tcp import ChatFactory
        from machat.ws import ChatWebSocketFactory

        log = FileLogObserver(io.StringIO(), asLine)
        globalLogBeginner.beginLoggingTo([log], redirectStandardIO=False)
        useMonotonic(self._reactor)
        chat = ChatService(self._reactor, replace(DEFAULTS, rate=math.inf))
        chat.sockets.leads = True
        chat.startService()
        tcp = self._options.kind[0] == "tcp"
        factory: Any = ChatFactory(chat) if tcp else ChatWebSocketFactory(chat)
        port = self._reactor.listenTCP(0, factory, interface="127.0.0.1", backlog=1000)
        factory.sockets.adoptPort(port)
        self._address = ("127.0.0.1", port.getHost().port)
        self._reactor.startRunning(installSignalHandlers=False)

    def _twice(self) -> None:
        for _ in range(2):
            self._reactor.runUntilCurrent()
            self._reactor.doIteration(0)

    def _count(self) -> None:
        self._counted(self._turns)

    def _fill(self, turns: Callable[[], None]) -> None:
        """
        Let all clients join, some in each turn.
        """
        places = [
            (member, number)
            for member in range(self._options.members)
            for number in range(self._options.rooms)
        ]
        for start in range(0, len(places), _TOGETHER):
            joining = []
            for member, number in places[start : start + _TOGETHER]:
                client = socket.create_connection(self._address)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._rooms[number].append(client)
                joining.append((client, f"n{number}x{member}", f"r{number}"))
            turns()
            if self._dialect.opening("", ""):
                self._send(joining, self._dialect.opening, turns)
            self._send(joining, self._dialect.hello, turns)
        self._twice()
        for client in [each for room in self._rooms for each in room]:
            client.setblocking(False)

    def _send(
        self,
        joining: list[tuple[socket.socket, str, str]],
        encode: Callable[[str, str], bytes],
        turns: Callable[[], None],
    ) -> None:
        for client, name, room in joining:
            client.send(encode(name, room))
        turns()

    def _exchange(self, turns: Callable[[], None]) -> None:
        """
        Let the first member of each room send a message, and all members read it.
        """
        for number, room in enumerate(self._rooms):
            room[0].send(self._dialect.speech(f"r{number}", _SIZE)(b"$%017x" % 0))
        turns()
        for room in self._rooms:
            for client in room:
                read = client.recv(65_536)
                assert read.count(b"$") == 1, "each member receives the message in this turn"


class _FloorTurns(_Turns):
    """
    The same with the floor in Python, F{servers/python_floor.py}.
    """

    def _listen(self) -> None:
        from benchmarks.servers import python_floor

        listener = python_floor.listen(0)
        guest = python_floor.GUESTS[self._options.kind[0]]
        self._address = listener.getsockname()
        self._poll = lambda: python_floor.turn(listener, guest, 0)

    def _twice(self) -> None:
        for _ in range(2):
            self._poll()


if __name__ == "__main__":
    main()
