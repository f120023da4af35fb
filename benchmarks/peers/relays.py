"""
Servers that write each message to all members: libraries and runtimes for network programs.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.peers.base import (
    FOLDER,
    SERVERS,
    TCP,
    TLS,
    WS,
    Peer,
    missingModules,
    missingNodeModules,
    missingProgram,
)


class TwistedEach(Peer):
    """
    F{servers/twisted_each.py}.
    """

    name = "twisted"
    about = "Twisted, one write per message and member (Autobahn's sendMessage on WebSocket)"
    dialects = {**TCP, **WS, **TLS}

    def missing(self, transport: str) -> str | None:
        return missingModules("twisted", "autobahn")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        certificate = [f"{folder}/key.pem", f"{folder}/certificate.pem"]
        script = [sys.executable, str(SERVERS / "twisted_each.py"), str(port), transport]
        return script + certificate if transport == "tls" else script


class Websockets(Peer):
    """
    F{servers/websockets_broadcast.py}.
    """

    name = "websockets"
    about = "the websockets library's broadcast, on asyncio"
    dialects = WS

    def missing(self, transport: str) -> str | None:
        return missingModules("websockets.asyncio.server")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return [sys.executable, str(SERVERS / "websockets_broadcast.py"), str(port)]


class Node(Peer):
    """
    F{servers/node_net.js} and F{servers/node_ws.js}.
    """

    name = "node"
    about = "Node: net, tls, and the npm package ws (NODE_PATH, or node_modules next to benchmarks)"
    dialects = {**TCP, **WS, **TLS}

    def missing(self, transport: str) -> str | None:
        return missingNodeModules("ws") if transport == "ws" else missingProgram("node")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        if transport == "ws":
            return ["node", str(SERVERS / "node_ws.js"), str(port)]
        certificate = [f"{folder}/key.pem", f"{folder}/certificate.pem"]
        script = ["node", str(SERVERS / "node_net.js"), str(port)]
        return script + certificate if transport == "tls" else script


class UWebSockets(Peer):
    """
    F{servers/uwebsockets.py}.
    """

    name = "uws"
    about = "uWebSockets in C++, with a callback in Python for each message (socketify)"
    dialects = WS

    def missing(self, transport: str) -> str | None:
        return missingModules("socketify")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return [sys.executable, str(SERVERS / "uwebsockets.py"), str(port)]


class Floor(Peer):
    """
    F{floor.c}, compiled for each run.
    """

    name = "floor"
    about = "only the batching, in C: the rest of the cost is the kernel's"
    dialects = TCP

    def missing(self, transport: str) -> str | None:
        return missingProgram("cc")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        program = str(folder / "floor")
        subprocess.run(["cc", "-O2", "-o", program, str(FOLDER / "floor.c")], check=True)
        return [program, str(port)]
