"""
Tests for a client that connects to a hostile server. The client runs in its own process, whose
memory is measured.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest import skipUnless

from tests.hostile import HostileServer, event, frame
from tests.processes import BIN, PATIENCE, ServerTestCase

#: The bytes that an attack sends at most, and the KiB by which the client may grow. The greatest
#: growth is 13 MiB, of "members"; docs/terminal.rst promises 64 MiB.
SIZE = 32 * 1_048_576
BOUND = 24 * 1_024

#: The attacks of small events, and how much these send: an event that is kept takes several times
#: its bytes, so this is still more than L{BOUND}.
SMALL = {"elsewhere", "pings", "expiring"}
SMALL_SIZE = 8 * 1_048_576

LONG = "x" * 1_000_000

#: The measurement of the coverage would take minutes, and memory of the client.
UNMEASURED = {key: value for key, value in os.environ.items() if "COVERAGE" not in key}


def limited(pieces: Iterable[bytes], most: int = SIZE) -> Iterator[bytes]:
    """
    Yield so many bytes in pieces that are not small.
    """
    size, waiting = 0, b""
    for piece in pieces:
        waiting += piece
        if len(waiting) > 60_000:
            yield waiting
            size, waiting = size + len(waiting), b""
            if size > most:
                return


def messages() -> Iterator[bytes]:
    """
    Yield the messages of an apparently endless history.
    """
    for seq in itertools.count(1):
        yield event(
            "message", room="dev", seq=seq, text="y" * 900, at=0, replay=True, **{"from": "A"}
        )


ATTACKS: dict[str, Iterable[bytes]] = {
    "rooms": (
        event("presence", room=f"r{n}{'x' * 300}", joined=[f"{n}"], count=1)
        for n in itertools.count()
    ),
    "names": (
        event("presence", room="dev", joined=[f"{n}{LONG}"], left=[f"{n}{LONG}"], count=1)
        for n in itertools.count()
    ),
    "members": itertools.repeat(
        event("members", room="dev", count=1, members=[f"{n:x}" for n in range(400_000)])
    ),
    "joined": itertools.repeat(
        event("joined", room="dev", name="Mina", epoch="e", seq=0, count=1, members=["a"] * 500)
    ),
    "elsewhere": (
        event("joined", room=f"r{n}", name="Mina", epoch="e", seq=0, count=1)
        for n in itertools.count()
    ),
    "history": messages(),
    "unknown": (event(f"unknown{n}", text="x" * 10_000) for n in itertools.count()),
    "errors": (event("error", code=f"c{n}", text=f"{n}{LONG}") for n in itertools.count()),
    "line": itertools.repeat(b"x" * 100_000),
    "pings": itertools.repeat(event("ping") * 1_000),
    "expiring": itertools.repeat(event("expiring", seconds=1) * 1_000),
    "session": (
        event(
            "welcome",
            v=1,
            server="x",
            session=f"{n}{LONG}",
            limits={"line": 1, "history": 1, "rooms": 1},
            ping=1,
        )
        for n in itertools.count()
    ),
    "topic": (
        event("joined", room=f"{n}", name="Mina", epoch="e", seq=0, count=1, topic=LONG)
        for n in itertools.count()
    ),
    "sanctions": itertools.repeat(
        event(
            "sanctions", room="dev", sanctions=[{"kind": "mute", "name": "x", "until": 0}] * 10_000
        )
    ),
}

FRAMES: dict[str, Iterable[bytes]] = {
    "fragments": itertools.chain([frame(0x01, b"")], itertools.repeat(frame(0x00, b"") * 10_000)),
    "small": itertools.chain([frame(0x01, b"")], itertools.repeat(frame(0x00, b"xy") * 10_000)),
    "frame": itertools.chain(
        [b"\x81\x7f" + (2**40).to_bytes(8, "big")], itertools.repeat(b"x" * 100_000)
    ),
    "pings": itertools.repeat(frame(0x89, b"x" * 125) * 500),
    "history": (frame(0x81, line) for line in messages()),
}

HEADS: dict[str, Iterable[bytes]] = {
    "head": itertools.chain([b"HTTP/1.1 101 x\r\nX: "], itertools.repeat(b"x" * 100_000)),
    "body": itertools.chain(
        [b"HTTP/1.1 403 x\r\nContent-Length: 999999999\r\n\r\n"], itertools.repeat(b"x" * 100_000)
    ),
    "garbage": itertools.repeat(b"x" * 100_000),
}


def peak(process: subprocess.Popen[bytes]) -> int:
    """
    @return: the maximum memory that a process has had, KiB
    """
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"(?m)^VmHWM:\s+(\d+) kB$", status)
    assert found is not None
    return int(found[1])


@skipUnless(Path("/proc/self/status").exists(), "the system has no /proc")
class HostileTests(ServerTestCase):
    def attack(self, name: str, server: HostileServer, address: str, reading: bool = True) -> None:
        """
        Check how much the client grows.

        @param reading: whether its output is read
        """
        self.addCleanup(server.close)
        client = subprocess.Popen(
            [BIN / "machat", "--client", "Mina", "--room", "dev", "--address", address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=UNMEASURED,
        )
        try:
            assert client.stdout is not None
            if reading:
                threading.Thread(target=client.stdout.read, daemon=True).start()
            self.assertTrue(server.joined.wait(PATIENCE), name)
            before = peak(client)
            server.go.set()
            server.over.wait(PATIENCE if reading else 3)
            grown = peak(client) - before
            self.assertLess(grown, BOUND, f"{name}: after {server.sent} bytes")
        finally:
            client.kill()
            client.wait()

    def test_lines(self) -> None:
        """
        The client's memory stays limited for all input from the server, of any length.
        """
        for name, pieces in ATTACKS.items():
            server = HostileServer(limited(pieces, SMALL_SIZE if name in SMALL else SIZE))
            self.attack(name, server, f"localhost:{server.port}")

    def test_output(self) -> None:
        """
        If the client's output is not read, the client stops reading from the server.
        """
        server = HostileServer(limited(messages()))
        self.attack("output", server, f"localhost:{server.port}", False)
        self.assertLess(server.sent, SIZE)

    def test_websocket(self) -> None:
        """
        The same holds for WebSocket frames.
        """
        for name, pieces in FRAMES.items():
            server = HostileServer(limited(pieces), True)
            self.attack(name, server, f"ws://localhost:{server.port}/")

    def test_handshake(self) -> None:
        """
        The same holds for the answer to the WebSocket handshake.
        """
        for name, pieces in HEADS.items():
            server = HostileServer(limited(pieces), True, False)
            self.attack(name, server, f"ws://localhost:{server.port}/")
