"""
The options of C{twistd machat} that set limits.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from machat.limits import UNLIMITED
from machat.tap.quantities import count, perSecond, seconds, size, whole


class LimitOption(NamedTuple):
    """
    The option for one limit.

    @ivar field: the name of the limit in L{Limits}
    @ivar off: the value of C{off}; C{None} if the limit cannot be disabled
    """

    field: str
    parse: Callable[[str], float]
    text: str
    off: float | None = None


#: The options by name.
OPTIONS = {
    "rate": LimitOption(
        "rate", perSecond, 'Maximum average messages per second from one client, or "off".', inf
    ),
    "burst": LimitOption("burst", count, "Messages that a client may send at once above --rate."),
    "rate-bytes": LimitOption(
        "rateBytes", size, "Size up to which a message counts once towards --rate.", UNLIMITED
    ),
    "room-rate": LimitOption(
        "roomRate", size, 'Total bytes per second from all clients to one room, or "off".', inf
    ),
    "address-rate": LimitOption(
        "addressRate", size, 'Total bytes per second from one client address, or "off".', inf
    ),
    "max-line": LimitOption("maxLine", size, "Maximum length of a line or message, in bytes."),
    "max-waiting": LimitOption(
        "maxWaiting", size, "Maximum send queue of one connection, in bytes."
    ),
    "max-waiting-total": LimitOption(
        "maxWaitingTotal", size, 'Maximum size of all send queues, in bytes, or "off".', UNLIMITED
    ),
    "max-stall": LimitOption(
        "maxStall", seconds, "Time after which a client that does not read is disconnected."
    ),
    "max-connections": LimitOption(
        "maxConnections",
        count,
        'Maximum number of connections, or "off". [default: 90 % of the file descriptor limit]',
        UNLIMITED,
    ),
    "max-per-address": LimitOption(
        "maxPerAddress",
        count,
        'Maximum number of connections per address (IPv6: per /64), or "off".',
        UNLIMITED,
    ),
    "max-per-user": LimitOption(
        "maxPerUser", count, "Maximum number of connections per user, with --auth."
    ),
    "max-failures": LimitOption(
        "maxFailures", count, "Maximum number of failed logins per address and minute."
    ),
    "max-rooms": LimitOption("maxRooms", count, "Maximum number of rooms per connection."),
    "max-members": LimitOption(
        "maxMembers", count, 'Maximum number of members per room, or "off".', UNLIMITED
    ),
    "max-history": LimitOption(
        "maxHistory", count, "Maximum number of messages in one replay or history request."
    ),
    "max-sanctions": LimitOption(
        "maxSanctions", count, "Maximum number of active mutes and bans in all rooms."
    ),
    "max-sanctions-per-room": LimitOption(
        "maxSanctionsPerRoom", count, "Maximum number of active mutes and bans per room."
    ),
    "max-sanctions-per-moderator": LimitOption(
        "maxSanctionsPerModerator",
        count,
        "Maximum number of active mutes and bans per moderator.",
    ),
    "join-timeout": LimitOption(
        "joinTimeout", seconds, "Maximum time from connecting to joining a room."
    ),
    "close-timeout": LimitOption(
        "closeTimeout", seconds, "Maximum time for sending queued output on a closing connection."
    ),
    "ping": LimitOption("ping", whole, "Interval between WebSocket keepalive pings."),
    "pong": LimitOption("pong", whole, "Maximum time for the reply to a keepalive ping."),
    "edit-time": LimitOption(
        "editTime", seconds, "Time for which the author of a message may edit and redact it."
    ),
    "log-messages": LimitOption(
        "logMessages", count, "Maximum number of stored messages per room."
    ),
    "log-bytes": LimitOption("logBytes", size, "Maximum size of the stored messages of a room."),
    "log-age": LimitOption("logAge", seconds, "Time for which a message is stored."),
    "log-total": LimitOption("logTotal", size, "Maximum size of all stored messages."),
}
