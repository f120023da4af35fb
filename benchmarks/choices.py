"""
The options of C{python -m benchmarks}, and the measurements that they select.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.peers import PEERS, MaChat, Peer
from benchmarks.shapes import GROUPS, QUICK_PEERS, QUICK_SECONDS, QUICK_SHAPES, SHAPES, Shape

TRANSPORTS = ("tcp", "ws", "tls")


def parseArguments(arguments: Sequence[str]) -> argparse.Namespace:
    """
    @return: the options
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Compare MaChat with other servers."
    )
    add = parser.add_argument
    add("--list", action="store_true", help="list the shapes and the peers")
    add("--quick", action="store_true", help="measure two shapes of some peers, briefly")
    shapes = [*GROUPS, *(shape.name for shape in SHAPES)]
    add("--shape", action="append", choices=shapes, metavar="NAME", help="a shape or a group")
    add("--peer", action="append", choices=[p.name for p in PEERS], metavar="NAME")
    variant = "measure MaChat with further options too; {store} in them is an empty folder"
    add("--variant", action="append", default=[], type=named, metavar="NAME=OPTIONS", help=variant)
    checkout = "measure the MaChat in this folder too"
    add("--checkout", action="append", default=[], type=named, metavar="NAME=DIR", help=checkout)
    add("--transport", action="append", choices=TRANSPORTS)
    add("--repeat", type=int, default=1, metavar="N", help="run all N times, show the medians")
    add("--seconds", type=float, metavar="S", help="measurement time of each run")
    pin = "give each node of a server a CPU core, and the others to the load and the engine"
    add("--pin", action="store_true", help=pin)
    add("--size", type=int, metavar="BYTES", help="size of a message body, for all shapes")
    add("--messages", type=int, metavar="N", help="number of messages before the restart shapes")
    add(
        "--output",
        type=Path,
        metavar="DIR",
        help="write results.json after each run, and results.png",
    )
    add("--compare", type=Path, metavar="FILE", help="report the changes since this results.json")
    return parser.parse_args(arguments)


def named(text: str) -> tuple[str, str]:
    """
    @return: the two parts of C{NAME=VALUE}
    @raise argparse.ArgumentTypeError: a part is missing, or a peer has this name
    """
    name, equals, value = text.partition("=")
    if not (name and equals and value) or name in {peer.name for peer in PEERS}:
        raise argparse.ArgumentTypeError(f"{text!r} is not a new name, = and a value")
    return name, value


def chosenPeers(options: argparse.Namespace) -> list[Peer]:
    """
    @return: the peers that the options select, each selected MaChat of the other checkouts, and all
        variants
    """
    peers: list[Peer] = []
    names = options.peer or (QUICK_PEERS if options.quick else [peer.name for peer in PEERS])
    for peer in PEERS:
        if peer.name not in names:
            continue
        peers.append(peer)
        if isinstance(peer, MaChat):
            for name, folder in options.checkout:
                peers.append(peer.variant(f"{name}-{peer.name}", root=Path(folder).absolute()))
    variants = [(name, tuple(shlex.split(words))) for name, words in options.variant]
    return [*peers, *(MaChat().variant(*variant) for variant in variants)]


def chosenShapes(options: argparse.Namespace) -> list[Shape]:
    """
    @return: the shapes that the options select
    """
    names = options.shape or (QUICK_SHAPES if options.quick else [s.name for s in SHAPES])
    seconds = options.seconds or (QUICK_SECONDS if options.quick else None)
    names = [each for name in names for each in GROUPS.get(name, (name,))]
    shapes = [shape for shape in SHAPES if shape.name in names]
    if options.size:
        shapes = [_changed(shape, f"{options.size}b", size=options.size) for shape in shapes]
    if options.messages:
        total = options.messages
        shapes = [
            _changed(shape, str(total), messages=total) if shape.messages else shape
            for shape in shapes
        ]
    return [shape.lasting(seconds) for shape in shapes] if seconds else shapes


def _changed(shape: Shape, name: str, **changes: int) -> Shape:
    """
    @return: a shape with another size or number of messages, and with another name, because its
        results cannot be compared with the usual ones
    """
    return replace(shape, name=f"{shape.name}-{name}", **changes)  # type: ignore[arg-type]


def chosenTransports(options: argparse.Namespace) -> set[str]:
    """
    @return: the transports that the options select. C{--quick} omits TLS to save time.
    """
    return set(options.transport or (TRANSPORTS[:2] if options.quick else TRANSPORTS))
