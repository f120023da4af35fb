"""
Servers that store messages, to compare with MaChat's stores: they acknowledge a message after it is
on the disk.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from benchmarks.peers.base import Peer
from benchmarks.peers.brokers import redisServer

#: The first version of NATS that can write each message to the disk before it acknowledges it.
_JETSTREAM = (2, 10)


class RedisStreams(Peer):
    """
    Redis, with a stream for each room. It writes its log to the disk before it replies.
    """

    name = "redis-streams"
    about = "redis-server: XADD to a stream for each room, appendfsync always"
    programs = ("redis-server",)
    dialects = {"tcp": "redis-streams"}
    chats = False
    stores = True

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return [*redisServer(port, folder), "--appendonly", "yes", "--appendfsync", "always"]


class JetStream(Peer):
    """
    NATS JetStream, with one stream in files. It writes each message to the disk before it
    acknowledges it.
    """

    name = "jetstream"
    about = "nats-server: a JetStream stream in files, sync_interval always"
    programs = ("nats-server",)
    dialects = {"tcp": "jetstream"}
    chats = False
    stores = True

    def missing(self, transport: str) -> str | None:
        missing = Peer.missing(self, transport)
        if missing is None and _natsVersion() < _JETSTREAM:
            return "nats-server 2.10 or newer"
        return missing

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        configuration = folder / "nats.conf"
        configuration.write_text(
            f"host: 127.0.0.1\nport: {port}\n"
            f'jetstream {{ store_dir: "{folder}/jetstream", sync_interval: always }}\n'
        )
        return ["nats-server", "-c", str(configuration)]


def _natsVersion() -> tuple[int, ...]:
    done = subprocess.run(["nats-server", "--version"], capture_output=True, text=True, check=False)
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:2])
