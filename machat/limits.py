"""
The limits of a chat and their defaults.
"""

from __future__ import annotations

import sys

from msgspec import Struct

#: For the limits that count something: no limit.
UNLIMITED = sys.maxsize


class Limits(Struct, frozen=True, kw_only=True):
    """
    The limits of one L{machat.service.ChatService}. Times are in seconds, sizes in bytes.

    An I{address} in this list is an IPv4 address or an IPv6 /64 network, see
    L{machat.addresses.networkOf}. Connections from this machine itself have none.

    @ivar maxLine: maximum length of a line or WebSocket message from a client
    @ivar hello: maximum length of the hello object
    @ivar head: maximum length of the head of the HTTP request that opens a WebSocket
    @ivar joinTimeout: maximum time between accepting a connection and its first join
    @ivar rate: average number of messages and commands per second that the server reads from one
        connection; C{inf} disables the limit. The server stops reading from a connection that
        exceeds the rate until the next message is due
    @ivar burst: number of messages and commands that a connection may send at once before C{rate}
        applies
    @ivar rateBytes: size up to which a message or command counts as one towards C{rate}; a larger
        one counts once for each C{rateBytes} or part of them
    @ivar roomRate: total bytes per second that all clients may send to one room; C{inf} disables
        the limit. The size of a message is its size when it is delivered. The bytes of one second
        may be sent at once. Above the rate, the senders wait, and each gets a fair share. The limit
        does not apply if C{rate} is disabled
    @ivar addressRate: total bytes per second that all connections from one address may send to all
        rooms; C{inf} disables the limit. Connections from this machine are exempt
    @ivar maxPerAddress: maximum number of connections from one address. Connections from this
        machine are exempt
    @ivar maxPerUser: maximum number of connections of one authenticated user
    @ivar maxFailures: number of failed logins from one address within a minute, after which further
        logins are refused
    @ivar maxConnections: maximum number of connections
    @ivar maxWaiting: maximum output in the send queue of one connection. A connection above it is a
        slow consumer and is closed
    @ivar maxWaitingTotal: maximum output in all send queues together, including answers and replays
        that are kept in memory until they are written. Above it, the connections with the longest
        queues are closed as slow consumers
    @ivar maxStall: maximum time for a connection to accept the next 64 KiB of its send queue
    @ivar ping: interval between WebSocket keepalive pings, whole seconds
    @ivar pong: maximum time for the reply to a ping, whole seconds; less than C{ping}
    @ivar closeTimeout: maximum time for a closing connection to accept the rest of its send queue
    @ivar maxRooms: maximum number of rooms that one connection may be in
    @ivar maxMembers: maximum number of members in one room
    @ivar maxHistory: maximum number of messages in one replay or in the answer to one C{history}
    @ivar listed: number of members up to which a room lists its members by name
    @ivar maxSanctions: maximum number of active mutes and bans in all rooms. Moderators may use up
        to four fifths of them; the rest is reserved for the application and the operator
    @ivar maxSanctionsPerRoom: maximum number of active mutes and bans in one room. Moderators may
        use up to four fifths of them
    @ivar maxSanctionsPerModerator: maximum number of active mutes and bans by one moderator in all
        rooms
    @ivar coalesce: minimum time between two presence updates of a room
    @ivar grace: time within which a member may reconnect without being reported as having left
    @ivar remembered: time for which a message id is remembered for deduplication, seconds
    @ivar receipts: number of message ids that are remembered for one name in one room
    @ivar receiptsTotal: number of message ids that are remembered in total
    @ivar editTime: time for which the author of a message may edit and redact it; moderators may do
        so at any time
    @ivar logMessages: maximum number of stored messages of one room
    @ivar logBytes: maximum size of the stored messages of one room
    @ivar logAge: maximum age of a stored message, and time for which an empty room is kept
    @ivar logTotal: maximum size of the stored messages of all rooms together. Above it, messages
        are deleted from the networks that use the most, see L{machat.store.memory.MemoryStore}
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
    editTime: float = 3_600.0
    logMessages: int = 256
    logBytes: int = 262_144
    logAge: float = 86_400.0
    logTotal: int = 268_435_456


DEFAULTS = Limits()
