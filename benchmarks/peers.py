"""
The servers to measure: their requirements, the commands that start them, and their dialects.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).absolute().parent
_SERVERS = FOLDER / "servers"

#: Options of C{twistd machat}, in addition to its endpoints.
MACHAT_OPTIONS: tuple[str, ...] = ("--rate", "off")

#: The dialect of each transport, for a server with MaChat's text dialect.
_TCP = {"tcp": "lines"}
_WS = {"ws": "frames"}
_TLS = {"tls": "lines"}


class Peer:
    """
    A server.

    @cvar name: its name for C{--peer}
    @cvar about: a description of one line for C{--list}
    @cvar dialects: the dialect on each of its transports, C{tcp}, C{ws} and C{tls}
    @cvar largestRoom: maximum number of members that can join a room in reasonable time
    @cvar largestBody: maximum size of a message body, bytes
    """

    name = ""
    about = ""
    dialects: Mapping[str, str] = {}
    largestRoom = 1_000_000
    largestBody = 32_768

    def missing(self, transport: str) -> str | None:
        """
        @return: the name of a requirement that is not installed, or C{None}
        """
        return None

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        """
        @param port: the port of 127.0.0.1 to listen on
        @param folder: for configuration; for C{tls}, it contains F{key.pem} and F{certificate.pem}
        @return: the command of a server that runs until it receives SIGTERM
        """
        raise NotImplementedError


class MaChat(Peer):
    """
    C{twistd machat}.
    """

    name = "machat"
    about = "twistd machat"
    dialects = {**_TCP, **_WS, **_TLS}

    def missing(self, transport: str) -> str | None:
        return _missingModules("machat", "twisted", "autobahn")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        endpoint = f"tcp:{port}"
        if transport == "tls":
            endpoint = f"ssl:{port}:privateKey={folder}/key.pem:certKey={folder}/certificate.pem"
        endpoints = {"tcp": "none", "ws": "none"}
        endpoints["ws" if transport == "ws" else "tcp"] = (
            f"{endpoint}:interface=127.0.0.1:backlog=4096"
        )
        start = "from twisted.scripts.twistd import run; run()"
        twistd = [sys.executable, "-c", start, "-n", "--pidfile=", "machat", *MACHAT_OPTIONS]
        return [*twistd, "--tcp", endpoints["tcp"], "--ws", endpoints["ws"]]


class MaChatEvents(MaChat):
    """
    C{twistd machat}, in its events dialect.
    """

    name = "events"
    about = "twistd machat, in the events dialect"
    dialects = {"tcp": "events", "ws": "event-frames"}


class TwistedEach(Peer):
    """
    F{servers/twisted_each.py}.
    """

    name = "twisted"
    about = "Twisted, one write per message and member (Autobahn's sendMessage on WebSocket)"
    dialects = {**_TCP, **_WS, **_TLS}

    def missing(self, transport: str) -> str | None:
        return _missingModules("twisted", "autobahn")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        certificate = [f"{folder}/key.pem", f"{folder}/certificate.pem"]
        script = [sys.executable, str(_SERVERS / "twisted_each.py"), str(port), transport]
        return script + certificate if transport == "tls" else script


class Websockets(Peer):
    """
    F{servers/websockets_broadcast.py}.
    """

    name = "websockets"
    about = "the websockets library's broadcast, on asyncio"
    dialects = _WS

    def missing(self, transport: str) -> str | None:
        return _missingModules("websockets.asyncio.server")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return [sys.executable, str(_SERVERS / "websockets_broadcast.py"), str(port)]


class Node(Peer):
    """
    F{servers/node_net.js} and F{servers/node_ws.js}.
    """

    name = "node"
    about = "Node: net, tls, and the npm package ws (NODE_PATH, or node_modules next to benchmarks)"
    dialects = {**_TCP, **_WS, **_TLS}

    def missing(self, transport: str) -> str | None:
        node = _missingProgram("node")
        if node is not None or transport != "ws":
            return node
        find = [
            shutil.which("node") or "",
            "-e",
            "require('module')._resolveFilename('ws', module)",
        ]
        found = subprocess.run(find, cwd=_SERVERS, stderr=subprocess.DEVNULL, check=False)
        return "ws (npm install ws)" if found.returncode else None

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        if transport == "ws":
            return ["node", str(_SERVERS / "node_ws.js"), str(port)]
        certificate = [f"{folder}/key.pem", f"{folder}/certificate.pem"]
        script = ["node", str(_SERVERS / "node_net.js"), str(port)]
        return script + certificate if transport == "tls" else script


class Nats(Peer):
    """
    NATS, a message broker in Go.
    """

    name = "nats"
    about = "nats-server, with a subject for each room"
    dialects = {"tcp": "nats"}

    def missing(self, transport: str) -> str | None:
        return _missingProgram("nats-server")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return ["nats-server", "-a", "127.0.0.1", "-p", str(port)]


class Ngircd(Peer):
    """
    ngircd, an IRC server in C.
    """

    name = "ngircd"
    about = "ngircd: an IRC server in C"
    dialects = {"tcp": "irc"}
    largestRoom = 500  # it closes clients whose 32 kB send buffer overflows during joins
    largestBody = 400

    def missing(self, transport: str) -> str | None:
        return _missingProgram("ngircd")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        configuration = folder / "ngircd.conf"
        configuration.write_text(
            "[Global]\nName = irc.bench\nInfo = bench\nAdminEMail = root@localhost\n"
            f"Listen = 127.0.0.1\nPorts = {port}\nMotdPhrase = bench\nPassword = bench\n"
            "[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\n"
            "MaxNickLength = 31\nMaxPenaltyTime = 0\nPingTimeout = 600\n"
            "[Options]\nDNS = no\nIdent = no\nPAM = no\nSyslogFacility = local0\n"
        )
        return ["ngircd", "--nodaemon", "--config", str(configuration)]


class Words(Peer):
    """
    F{servers/words_irc.py}.
    """

    name = "words"
    about = "twisted.words' IRC service"
    dialects = {"tcp": "irc"}
    largestRoom = 1_000
    largestBody = 400

    def missing(self, transport: str) -> str | None:
        return _missingModules("twisted.words")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return [sys.executable, str(_SERVERS / "words_irc.py"), str(port)]


class Floor(Peer):
    """
    F{floor.c}, compiled for each run.
    """

    name = "floor"
    about = "only the batching, in C: the rest of the cost is the kernel's"
    dialects = _TCP

    def missing(self, transport: str) -> str | None:
        return _missingProgram("cc")

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        program = str(folder / "floor")
        subprocess.run(["cc", "-O2", "-o", program, str(FOLDER / "floor.c")], check=True)
        return [program, str(port)]


PEERS: tuple[Peer, ...] = (
    MaChat(),
    MaChatEvents(),
    Floor(),
    Nats(),
    Node(),
    Websockets(),
    TwistedEach(),
    Ngircd(),
    Words(),
)


def _missingModules(*names: str) -> str | None:
    for name in names:
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            found = None
        if found is None:
            return name
    return None


def _missingProgram(name: str) -> str | None:
    return name if shutil.which(name) is None else None
