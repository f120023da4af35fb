"""
The servers to measure: their requirements, the commands that start them, and their dialects.
"""

from benchmarks.peers.base import FOLDER, Peer
from benchmarks.peers.brokers import Nats, NatsCluster, Nchan, RedisPubSub, SocketIo
from benchmarks.peers.irc import Inspircd, Ngircd, Words
from benchmarks.peers.machat import MaChat, MaChatEvents, MaChatNodes, MaChatRedis, MaChatSqlite
from benchmarks.peers.relays import (
    Floor,
    Go,
    Node,
    PythonFloor,
    TwistedEach,
    UWebSockets,
    Websockets,
)
from benchmarks.peers.stores import JetStream, RedisStreams

__all__ = ["FOLDER", "PEERS", "Floor", "MaChat", "MaChatEvents", "MaChatNodes", "Nats", "Peer"]

#: All peers, in the order of the tables.
PEERS: tuple[Peer, ...] = (
    MaChat(),
    MaChatEvents(),
    MaChatSqlite(),
    MaChatRedis(),
    MaChatNodes(),
    Floor(),
    PythonFloor(),
    RedisPubSub(),
    UWebSockets(),
    Nats(),
    NatsCluster(),
    SocketIo(),
    Nchan(),
    Go(),
    Node(),
    Websockets(),
    TwistedEach(),
    Ngircd(),
    Inspircd(),
    Words(),
    RedisStreams(),
    JetStream(),
)
