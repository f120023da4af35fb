"""
Message brokers, and a web server with a module for messages.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.base import (
    ENGINE,
    FIRST,
    INNER,
    SERVERS,
    Peer,
    missingNodeModules,
)

#: The places where packages install the module.
_NCHAN = (
    Path("/usr/lib/nginx/modules/ngx_nchan_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_nchan_module.so"),
)


class Nats(Peer):
    """
    NATS, a message broker in Go.
    """

    name = "nats"
    about = "nats-server, with a subject for each room"
    programs = ("nats-server",)
    dialects = {"tcp": "nats"}

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return ["nats-server", "-a", "127.0.0.1", "-p", str(port)]


class NatsCluster(Nats):
    """
    Two NATS servers that form a cluster.
    """

    name = "nats-2"
    about = "two nats-servers as a cluster"
    nodes = 2

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        cluster = ["--cluster_name", "bench", "--cluster", f"nats://127.0.0.1:{INNER}"]
        routes = ["--routes", f"nats://127.0.0.1:{FIRST}"]
        return [*Nats.command(self, transport, port, folder), *cluster, *routes]


class RedisPubSub(Peer):
    """
    The publish and subscribe commands of Redis, with one connection for each member.
    """

    name = "redis"
    about = "redis-server, with a channel for each room: SUBSCRIBE and PUBLISH (RESP3)"
    programs = ("redis-server",)
    dialects = {"tcp": "redis"}

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return [*redisServer(port, folder), "--appendonly", "no"]


class RedisEngine(RedisPubSub):
    """
    Redis as the engine of a server with several nodes. It writes its log every second.
    """

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return [*redisServer(port, folder), "--appendonly", "yes", "--appendfsync", "everysec"]


class SocketIo(Peer):
    """
    F{servers/socketio.js}, in two processes that share a Redis server.
    """

    name = "socketio-2"
    about = "two nodes of Socket.IO with the Redis adapter"
    dialects = {"ws": "socketio"}
    nodes = 2
    engine = RedisEngine()

    def missing(self, transport: str) -> str | None:
        packages = ("socket.io", "@socket.io/redis-adapter", "redis")
        return self.engine.missing("tcp") or missingNodeModules(*packages)

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        return ["node", str(SERVERS / "socketio.js"), str(port), ENGINE]


class Nchan(Peer):
    """
    Nchan, a module of nginx: a WebSocket is both publisher and subscriber of a channel.
    """

    name = "nchan"
    about = "nginx with the module Nchan, one worker, no stored messages"
    programs = ("nginx",)
    dialects = {"ws": "nchan"}

    def missing(self, transport: str) -> str | None:
        if not any(path.exists() for path in _NCHAN):
            return "libnginx-mod-nchan"
        return Peer.missing(self, transport)

    def command(self, transport: str, port: int, folder: Path) -> list[str]:
        module = next(path for path in _NCHAN if path.exists())
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"daemon off;\nworker_processes 1;\nworker_rlimit_nofile 20000;\npid {folder}/pid;\n"
            f"load_module {module};\nerror_log stderr;\nevents {{ worker_connections 20000; }}\n"
            f"http {{\naccess_log off;\nserver {{\nlisten 127.0.0.1:{port} backlog=4096;\n"
            "location ~ ^/(\\w+)$ {\nnchan_pubsub websocket;\nnchan_channel_id $1;\n"
            "nchan_store_messages off;\n}\n}\n}\n"
        )
        return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(configuration)]


def redisServer(port: int, folder: Path) -> list[str]:
    """
    @return: the command of a Redis server that writes no snapshots
    """
    place = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    limits = ["--maxclients", "20000", "--tcp-backlog", "4096"]
    # The clients connect from several addresses of the loopback network.
    return ["redis-server", *place, *limits, "--save", "", "--protected-mode", "no"]
