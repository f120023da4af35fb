"""
What one peer may take: every limit of a chat in one value, with its default.
"""

from __future__ import annotations

import sys

from msgspec import Struct

#: For the limits that count something: no limit.
UNLIMITED = sys.maxsize


class Limits(Struct, frozen=True, kw_only=True):
    """
    The limits of one L{machat.service.ChatService}. Times are seconds, sizes are bytes.

    @ivar maxLine: the longest line, and the longest WebSocket message, a client may send
    @ivar hello: the longest hello object
    @ivar head: the longest head of a WebSocket's HTTP request
    @ivar joinTimeout: from the connection to having joined
    @ivar rate: the messages and commands that a client may send in a second, as a mean; C{inf} for
        no such limit. Over it the server reads no more from that connection until it is due
    @ivar burst: how many it may send at once before that counts
    @ivar rateBytes: the size up to which a message or command counts as one of them; a longer one
        counts once for each C{rateBytes} that it begins
    @ivar roomRate: the bytes that the clients in one room may send there in a second, together;
        C{inf} for no such limit. Messages count as large as they are delivered, and one second's
        may come at once. Over it, each of the senders has to wait for its fair share. Without a
        C{rate} this does not count
    @ivar addressRate: the same for all connections from one IPv4 address or one /64 of IPv6, in
        whatever rooms; this machine's own do not count
    @ivar maxPerAddress: connections from one IPv4 address or one /64 of IPv6; connections of this
        machine are not counted
    @ivar maxPerUser: connections of one user who has shown credentials
    @ivar maxFailures: wrong credentials from one address or /64 in a minute; then it waits
    @ivar maxConnections: connections in all
    @ivar maxWaiting: output that may wait for one connection; beyond it, it is a slow consumer
    @ivar maxWaitingTotal: output that may wait for all connections, with the answers and replays
        that are kept in memory to be written; beyond it, those with the most are slow consumers
    @ivar maxStall: how long a connection may need for the next 64 KiB of what waits for it
    @ivar ping: how often a WebSocket is asked whether it is there, whole seconds
    @ivar pong: how long it may take to answer, whole seconds below C{ping}
    @ivar closeTimeout: how long a closing connection may take the last that waits for it
    @ivar maxRooms: the rooms that one connection may be in
    @ivar maxMembers: the members of one room
    @ivar maxHistory: the messages that are replayed, or answered to a C{history}, at once
    @ivar listed: the members of a room up to which they are told by name
    @ivar maxSanctions: active mutes and bans in all rooms; moderators may use four fifths of them
    @ivar maxSanctionsPerRoom: active mutes and bans in one room; moderators may use four fifths
    @ivar maxSanctionsPerModerator: active mutes and bans by one moderator, in all rooms
    @ivar coalesce: between two tellings of who came and went
    @ivar grace: how long one may be away without having gone
    @ivar remembered: how long a message's own id is known, in this process
    @ivar receipts: the ids that are known of one name in one room
    @ivar receiptsTotal: the ids that are known of all together
    @ivar logMessages: the messages that a room's log keeps
    @ivar logBytes: the memory of a room's log
    @ivar logAge: how long a message is kept, and the log of an empty room
    @ivar logTotal: the memory of all rooms' logs together; beyond it the networks that hold the
        most lose messages, see L{machat.store.memory.MemoryLog}
    """

    maxLine: int = 65_536
    hello: int = 4_096
    head: int = 8_192
    joinTimeout: float = 10.0
    rate: float = 5.0
    burst: int = 20
    rateBytes: int = 4_096
    roomRate: float = 262_144.0
    addressRate: float = 524_288.0
    maxPerAddress: int = 64
    maxPerUser: int = 10
    maxFailures: int = 3
    maxConnections: int = UNLIMITED
    maxWaiting: int = 1_048_576
    maxWaitingTotal: int = 536_870_912
    maxStall: float = 30.0
    ping: int = 25
    pong: int = 10
    closeTimeout: float = 5.0
    maxRooms: int = 32
    maxMembers: int = 10_000
    maxHistory: int = 300
    listed: int = 500
    maxSanctions: int = 10_000
    maxSanctionsPerRoom: int = 1_000
    maxSanctionsPerModerator: int = 250
    coalesce: float = 0.25
    grace: float = 5.0
    remembered: float = 120.0
    receipts: int = 64
    receiptsTotal: int = 100_000
    logMessages: int = 256
    logBytes: int = 262_144
    logAge: float = 86_400.0
    logTotal: int = 268_435_456


DEFAULTS = Limits()
