"""
The keys of a chat in the engine.

All keys of a room contain its name in braces, so that they are in the same slot of a cluster
(U{https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/}, section Hash tags).
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote


def encode(name: str) -> str:
    """
    @return: a string of letters, digits and C{_.-~%}, different for each name
    """
    return quote(name, safe="", errors="surrogatepass")


def decode(encoded: str) -> str:
    """
    @return: the name
    """
    return unquote(encoded, errors="surrogatepass")


class RoomKeys(NamedTuple):
    """
    The keys of a room.

    @ivar room: the beginning of all its keys
    @ivar six: the six keys of most scripts: those of its state, log, claims and sanctions, of the
        entries whose content has changed, and of the reactions and the last edits
    @ivar channel: the channel on which its scripts publish
    """

    room: str
    six: tuple[bytes, bytes, bytes, bytes, bytes, bytes]
    channel: bytes

    @property
    def state(self) -> bytes:
        """
        The key of the state.
        """
        return self.six[0]

    @property
    def claims(self) -> bytes:
        """
        The key of the claims.
        """
        return self.six[2]

    def ids(self, sender: str) -> bytes:
        """
        @param sender: the key of a name
        @return: the key with the ids of this sender
        """
        return f"{self.room}:id:{encode(sender)}".encode()


class Keys(NamedTuple):
    """
    The keys of a chat.

    @ivar prefix: the first word of all keys
    @ivar database: the number of the database. Channels contain it, because the engine does not
        separate the channels of its databases
    """

    prefix: str
    database: int

    @property
    def nodes(self) -> bytes:
        """
        The key of the leases of the nodes.
        """
        return f"{self.prefix}:nodes".encode()

    @property
    def check(self) -> bytes:
        """
        A key that is written to find out whether the engine accepts writes.
        """
        return f"{self.prefix}:check".encode()

    def quota(self, kind: str, key: str) -> bytes:
        """
        @return: the key of a number that the nodes count together
        """
        return f"{self.prefix}:{kind}:{encode(key)}".encode()

    @property
    def delivery(self) -> bytes:
        """
        A key that exists after messages have been delivered for the first time.
        """
        return f"{self.prefix}:delivery".encode()

    def shown(self, node: str) -> bytes:
        """
        @return: the key of the listed rooms in which a node has members
        """
        return f"{self.prefix}:shown:{node}".encode()

    def occupied(self, node: str) -> bytes:
        """
        @return: the key of the rooms in which a node has members
        """
        return f"{self.prefix}:occupied:{node}".encode()

    @property
    def states(self) -> bytes:
        """
        A pattern for the keys of the states of all rooms.
        """
        prefix = re.sub(r"[][*?\\^-]", r"\\\g<0>", self.prefix)
        return f"{prefix}:{{*}}:m".encode()

    def echo(self, node: str) -> bytes:
        """
        @return: the channel of a node
        """
        return f"{self.prefix}:node:{node}:{self.database}".encode()

    def room(self, key: str) -> RoomKeys:
        """
        @param key: the key of a room
        """
        room = f"{self.prefix}:{{{encode(key)}}}"
        state, log, who, sanctions, changed, notes = [
            f"{room}:{part}".encode() for part in ("m", "log", "who", "san", "chg", "note")
        ]
        six = (state, log, who, sanctions, changed, notes)
        return RoomKeys(room, six, f"{room}:ch:{self.database}".encode())
