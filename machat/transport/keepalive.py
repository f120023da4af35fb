"""
TCP keepalive, with which the kernel detects that a peer has vanished.

A peer that loses its network does not close the connection, and a client of the C{text} dialect on
TCP cannot be pinged. The kernel can probe it.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import Any

#: The socket options of each connection, in seconds or counts; the last one in milliseconds. An
#: idle peer is probed after a minute. Linux ends a connection when a probe or data has been
#: unacknowledged for C{TCP_USER_TIMEOUT}. With 80 s, this is at the second probe, 90 s after the
#: peer vanished. With 60 s it would be at the first probe, and one lost packet would end an idle
#: connection.
OPTIONS = {
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPINTVL": 15,
    "TCP_KEEPCNT": 4,
    "TCP_USER_TIMEOUT": 80_000,
}

#: All options that are set and that this system has: level, option, value.
_VALUES = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *[
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in OPTIONS.items()
        if hasattr(socket, name)
    ],
]

_INET = (socket.AF_INET, socket.AF_INET6)

#: The beginning of Linux's C{struct tcp_info}: 8 fields of one byte, then fields of four bytes.
_INFO = struct.Struct("@8B13I")
_RETRANSMITS, _PROBES, _BACKOFF = 2, 3, 4
_LAST_DATA_RECEIVED = 8 + 11


def keepAlive(transport: Any) -> bool:
    """
    Enable keepalive, and send small packets immediately (C{TCP_NODELAY}).

    @param transport: any transport; one that is not on TCP is left unchanged
    @return: whether it has inherited the options, see L{keepAliveAll}
    """
    connection = _socketOf(transport)
    if connection is None:
        return False
    inherited = _hasInherited(connection)
    if not inherited:
        _set(connection)
    return inherited


def keepAliveAll(port: Any) -> None:
    """
    Let all connections of a listening port inherit the options of L{keepAlive}, which then needs
    one system call for a connection instead of six.

    @param port: an L{twisted.internet.interfaces.IListeningPort}; one that is not on TCP is left
        unchanged
    """
    listening = getattr(port, "socket", None)
    if isinstance(listening, socket.socket) and listening.family in _INET:
        _set(listening)


def _set(changed: socket.socket) -> None:
    for level, option, value in _VALUES:
        with suppress(OSError):  # closed, or not on this system
            changed.setsockopt(level, option, value)


def _hasInherited(connection: socket.socket) -> bool:
    level, option, value = _VALUES[-1]
    try:
        return connection.getsockopt(level, option) == value
    except OSError:
        return False


def isSilent(transport: Any, seconds: float) -> bool:
    """
    @param transport: any transport, as for L{keepAlive}
    @return: whether the peer has sent nothing for this time, or currently leaves a packet
        unacknowledged. C{False} if the system does not provide this information
    """
    connection = _socketOf(transport)
    if connection is None or not hasattr(socket, "TCP_INFO"):
        return False
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
        fields = _INFO.unpack(info)
    except (OSError, struct.error):
        return False
    unanswered = fields[_RETRANSMITS] or fields[_PROBES] or fields[_BACKOFF]
    return bool(unanswered) or fields[_LAST_DATA_RECEIVED] > seconds * 1000


def _socketOf(transport: Any) -> socket.socket | None:
    """
    @return: the TCP socket below TLS and the PROXY protocol, or C{None}
    """
    while transport is not None:
        try:
            handle = transport.getHandle()
        except AttributeError:
            handle = None
        if isinstance(handle, socket.socket):
            return handle if handle.family in _INET and handle.fileno() >= 0 else None
        transport = getattr(transport, "transport", None)
    return None
