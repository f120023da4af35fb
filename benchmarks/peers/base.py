"""
The base class of all servers to measure.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

#: The folder of the benchmarks.
FOLDER = Path(__file__).absolute().parent.parent

#: The folder of the servers that are scripts.
SERVERS = FOLDER / "servers"

#: These words in a command are replaced: the port of the engine, a port for the other nodes, and
#: that port of the first node.
ENGINE = "{engine}"
INNER = "{inner}"
FIRST = "{first}"

#: The dialect of each transport, for a server with MaChat's text dialect.
TCP = {"tcp": "lines"}
WS = {"ws": "frames"}
TLS = {"tls": "lines"}


class Peer:
    """
    A server.

    @cvar name: its name for C{--peer}
    @cvar about: a description of one line for C{--list}
    @cvar dialects: the dialect on each of its transports, C{tcp}, C{ws} and C{tls}
    @cvar chats: whether it delivers each message to all members of the room
    @cvar stores: whether it can store each message before it acknowledges it
    @cvar programs: the programs that it needs
    @cvar modules: the Python modules that it needs
    @cvar nodes: number of processes that form one server, each on a port of its own
    @cvar engine: a server that the nodes share, or C{None}
    @cvar largestRoom: maximum number of members that can join a room in reasonable time
    @cvar largestBody: maximum size of a message body, bytes
    """

    name = ""
    about = ""
    dialects: Mapping[str, str] = {}
    programs: Sequence[str] = ()
    modules: Sequence[str] = ()
    nodes = 1
    engine: Peer | None = None
    chats = True
    stores = False
    largestRoom = 1_000_000
    largestBody = 32_768

    def missing(self, transport: str) -> str | None:
        """
        @return: the name of a requirement that is not installed, or C{None}
        """
        return missingPrograms(*self.programs) or missingModules(*self.modules)

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        """
        @param port: the port of 127.0.0.1 to listen on
        @param folder: for configuration; for C{tls}, it contains F{key.pem} and F{certificate.pem}
        @return: the command of a server that runs until it receives SIGTERM
        """
        raise NotImplementedError


def missingModules(*names: str) -> str | None:
    """
    @return: the first of these modules that is not installed, or C{None}
    """
    for name in names:
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            found = None
        if found is None:
            return name
    return None


def missingPrograms(*names: str) -> str | None:
    """
    @return: the first of these programs that is not installed, or C{None}
    """
    return next((name for name in names if shutil.which(name) is None), None)


def missingNodeModules(*names: str) -> str | None:
    """
    @return: the first of these npm packages that C{node} does not find, or C{None}
    """
    node = shutil.which("node")
    if node is None:
        return "node"
    for name in names:
        find = [node, "-e", f"require('module')._resolveFilename('{name}', module)"]
        found = subprocess.run(find, cwd=SERVERS, stderr=subprocess.DEVNULL, check=False)
        if found.returncode:
            return f"{name} (npm install {name})"
    return None
