"""
MaChat, as its users start it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.peers.base import TCP, TLS, WS, Peer, missingModules

#: Options of C{twistd machat}, in addition to its endpoints.
MACHAT_OPTIONS: tuple[str, ...] = ("--rate", "off")


class MaChat(Peer):
    """
    C{twistd machat}.
    """

    name = "machat"
    stores = True
    about = "twistd machat"
    dialects = {**TCP, **WS, **TLS}

    def missing(self, transport: str) -> str | None:
        return missingModules("machat", "twisted", "autobahn")

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
    stores = False
    about = "twistd machat, in the events dialect"
    dialects = {"tcp": "events", "ws": "event-frames"}
