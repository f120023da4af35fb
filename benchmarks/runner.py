"""
Runs the servers one after the other, each with a load process.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import recovery
from benchmarks.peers import MaChat, Peer
from benchmarks.peers.base import ENGINE, FIRST, INNER
from benchmarks.processes import CannotStart, coresOf, freePorts, process, python, server
from benchmarks.shapes import Kind, Plan, Shape

#: Number of open files that a process needs, not counting its connections.
_SPARE_FILES = 200


@dataclass(frozen=True)
class Entry:
    """
    One cell of the table: a shape, and a peer on one transport.

    @ivar pinned: whether each node has a core of its own, see L{coresOf}
    """

    shape: Shape
    peer: Peer
    transport: str
    pinned: bool = False

    def cores(self) -> tuple[list[list[int] | None], list[int] | None]:
        """
        @return: the cores of each node, and those of the load and of the engine. C{None}: all
        """
        if not self.pinned:
            return [None] * self.peer.nodes, None
        nodes, others = coresOf(self.peer.nodes, sorted(os.sched_getaffinity(0)))
        return [[core] for core in nodes], others

    @property
    def label(self) -> str:
        """
        @return: the name of the peer, and the transport
        """
        return f"{self.peer.name} {self.transport}"


@dataclass
class Outcome:
    """
    The results of an entry.

    @ivar runs: the measurements of L{benchmarks.load}, one for each successful repetition
    @ivar skipped: the reason why the entry was not run
    @ivar failed: the errors, one for each failed repetition
    """

    entry: Entry
    runs: list[dict[str, Any]] = field(default_factory=list)
    skipped: str | None = None
    failed: list[str] = field(default_factory=list)


def entries(
    shapes: Iterable[Shape], peers: Iterable[Peer], transports: set[str], pinned: bool = False
) -> list[Entry]:
    """
    @return: all combinations, grouped by shape; TLS only for shapes with C{tls}, and only the
        peers that store messages for shapes with C{stored}
    """
    peers = list(peers)
    return [
        Entry(shape, peer, transport, pinned)
        for shape in shapes
        for peer in peers
        for transport in peer.dialects
        if transport in transports and _takesPart(peer, shape, transport)
    ]


def _takesPart(peer: Peer, shape: Shape, transport: str) -> bool:
    if shape.kind is Kind.RECOVERY:
        return isinstance(peer, MaChat) and peer.stores and (peer.nodes, transport) == (1, "tcp")
    if transport == "tls" and not shape.tls:
        return False
    return peer.stores if shape.stored else peer.chats


def obstacle(entry: Entry, files: int) -> str | None:
    """
    @param files: maximum number of open files of a process
    @return: the reason why an entry cannot be measured, or C{None}
    """
    peer, shape = entry.peer, entry.shape
    missing = peer.missing(entry.transport)
    if missing is None and entry.transport == "tls" and not _installed("cryptography"):
        missing = "cryptography"
    if missing is not None:
        return f"not installed: {missing}"
    if shape.connections + _SPARE_FILES > files:
        return f"needs {shape.connections + _SPARE_FILES} open files, the limit is {files}"
    if shape.size > peer.largestBody:
        return f"its messages have at most {peer.largestBody} bytes"
    if shape.largestRoom > peer.largestRoom:
        return f"at most {peer.largestRoom} members can join a room in reasonable time"
    return None


def run(outcome: Outcome, library: Path | None, progressed: Callable[[float], None]) -> str | None:
    """
    Run an entry once, and add the result to its outcome.

    @param library: the result of L{benchmarks.compiled.compileTurn}
    @param progressed: called with the completed fraction
    @return: the error, or C{None}
    """
    entry = outcome.entry
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        try:
            result = _measure(entry, Path(name), library, progressed)
        except (CannotStart, OSError, subprocess.SubprocessError) as problem:
            result = {"error": str(problem)}
    error: str | None = result.get("error")
    if error is not None:
        outcome.failed.append(error)
    else:
        outcome.runs.append(result)
    return error


def _measure(
    entry: Entry, folder: Path, library: Path | None, progressed: Callable[[float], None]
) -> dict[str, Any]:
    peer, shape = entry.peer, entry.shape
    with contextlib.ExitStack() as stack:
        nodes, engine = prepare(entry, folder, stack)
        ports = tuple(node.port for node in nodes)

        def load(*pids: int) -> dict[str, Any]:
            dialect, loop = peer.dialects[entry.transport], str(library) if library else None
            plan = Plan(shape, dialect, entry.transport == "tls", ports, pids, engine, loop)
            return _load(plan, folder, progressed, entry.cores()[1])

        if shape.kind is Kind.RECOVERY:
            (node,) = nodes
            return recovery.measure(node.command, node.port, node.folder, load, shape.rooms)
        started = [server(node.command, node.port, node.folder, node.cores) for node in nodes]
        return load(*[stack.enter_context(each) for each in started])


@dataclass(frozen=True)
class Node:
    """
    A process of a server.

    @ivar cores: the CPU cores that it may use; C{None}: all
    """

    command: list[str]
    port: int
    folder: Path
    cores: list[int] | None = None


def prepare(
    entry: Entry, folder: Path, stack: contextlib.ExitStack
) -> tuple[list[Node], int | None]:
    """
    Start the engine, if the peer has one.

    @return: the nodes, which are not started yet, and the process number of the engine
    """
    peer, engine = entry.peer, None
    enginePort, *ports = freePorts(1 + 2 * peer.nodes)
    inner = ports[peer.nodes :]
    cores = entry.cores()
    if peer.engine is not None:
        place = folder / "engine"
        place.mkdir()
        command = peer.engine.command("tcp", enginePort, place)
        engine = stack.enter_context(server(command, enginePort, place, cores[1]))
    nodes = []
    for number, (port, own) in enumerate(zip(ports, inner, strict=False)):
        place = folder / f"node{number}"
        (place / "store").mkdir(parents=True)
        if entry.transport == "tls":
            from benchmarks.certificate import writeCertificate

            writeCertificate(place)
        values = {ENGINE: str(enginePort), INNER: str(own), FIRST: str(inner[0])}
        words = peer.command(entry.transport, port, place)
        command = [_filled(word, values) for word in words]
        nodes.append(Node(command, port, place, cores[0][number]))
    return nodes, engine


def _filled(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(name, value)
    return word


def _load(
    plan: Plan,
    folder: Path,
    progressed: Callable[[float], None],
    cores: list[int] | None = None,
) -> dict[str, Any]:
    """
    @param cores: the CPU cores that the load process may use; C{None}: all
    @return: the last line that the load process prints
    """
    place = folder / "load"
    place.mkdir()
    command = python("benchmarks.load", plan.toJson())
    with process(command, place, subprocess.PIPE, cores) as child:
        assert child.stdout is not None
        for line in child.stdout:
            message: dict[str, Any] = json.loads(line)
            if "done" not in message:
                return message
            progressed(message["done"])
    with contextlib.suppress(OSError, IndexError):
        return {"error": (place / "errors").read_text().strip().splitlines()[-1]}
    return {"error": "the load process exited without output"}


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
