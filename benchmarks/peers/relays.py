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
    missingNodeModules,
    missingPrograms,
)


class TwistedEach(Peer):
    """
    F{servers/twisted_each.py}.
    """

    name = "twisted"
    about = "Twisted, one write per message and member (Autobahn's sendMessage on WebSocket)"
    modules = ("twisted", "autobahn")
    dialects = {**TCP, **WS, **TLS}

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        script = [sys.executable, str(SERVERS / "twisted_each.py"), str(port), transport]
        return script + _certificate(transport, folder)


class Websockets(Peer):
    """
    F{servers/websockets_broadcast.py}.
    """

    name = "websockets"
    about = "the websockets library's broadcast, on asyncio"
    modules = ("websockets.asyncio.server",)
    dialects = WS

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
        return missingNodeModules("ws") if transport == "ws" else missingPrograms("node")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        if transport == "ws":
            return ["node", str(SERVERS / "node_ws.js"), str(port)]
        script = ["node", str(SERVERS / "node_net.js"), str(port)]
        return script + _certificate(transport, folder)


class UWebSockets(Peer):
    """
    F{servers/uwebsockets.py}.
    """

    name = "uws"
    about = "uWebSockets in C++, with a callback in Python for each message (socketify)"
    modules = ("socketify",)
    dialects = WS

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return [sys.executable, str(SERVERS / "uwebsockets.py"), str(port)]


class _Compiled(Peer):
    """
    A program that is compiled for each run, and whose only argument is the port.

    @cvar compiler: the first words of the compiler's command
    @cvar source: the source of the program
    """

    compiler: tuple[str, ...]
    source: Path

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        program = str(folder / self.name)
        subprocess.run([*self.compiler, "-o", program, str(self.source)], check=True)
        return [program, str(port)]


class Floor(_Compiled):
    """
    F{floor.c}.
    """

    name = "floor"
    about = "only the batching, in C: the rest of the cost is the kernel's"
    programs = ("cc",)
    compiler = ("cc", "-O2")
    source = FOLDER / "floor.c"
    dialects = TCP


class PythonFloor(Peer):
    """
    F{servers/python_floor.py}.
    """

    name = "pyfloor"
    about = "only the batching, in Python with one epoll: the least that a server in Python costs"
    dialects = {**TCP, **WS}

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return [sys.executable, str(SERVERS / "python_floor.py"), str(port), transport]


class Go(_Compiled):
    """
    F{servers/chat.go}.
    """

    name = "go"
    about = "Go's standard library: a goroutine for each connection, one write per message"
    programs = ("go",)
    compiler = ("go", "build")
    source = SERVERS / "chat.go"
    dialects = WS


def _certificate(transport: str, folder: Path) -> list[str]:
    """
    @return: the last arguments of a script that serves TLS: the paths of the key and of the
        certificate. Without TLS there are none.
    """
    if transport != "tls":
        return []
    return [f"{folder}/key.pem", f"{folder}/certificate.pem"]
