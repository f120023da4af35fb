"""
TCP keepalive: finding out from the kernel that a peer has vanished.

A peer that loses its network says no goodbye, and a client of the C{text} dialect on TCP cannot be
asked whether it is there. The kernel can ask.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import Any

#: What is set on each connection, seconds or counts. An idle peer is probed after a minute. Linux
#: ends a connection on which anything, a probe or data, has been unanswered for the last of these,
#: milliseconds: with the second probe 90 s after the peer vanished. It would end it with the first
#: if this were 60 s, and then one lost packet would end an idle connection.
OPTIONS = {
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPINTVL": 15,
    "TCP_KEEPCNT": 4,
    "TCP_USER_TIMEOUT": 80_000,
}

#: The beginning of C{struct tcp_info} of Linux: eight fields of a byte, then of four bytes.
_INFO = struct.Struct("@8B13I")
_RETRANSMITS, _PROBES, _BACKOFF = 2, 3, 4
_LAST_DATA_RECEIVED = 8 + 11


def keepAlive(transport: Any) -> None:
    """
    Send small packets at once (C{TCP_NODELAY}), and find out when the peer has vanished.

    @param transport: any; one that is not on TCP is left as it is
    """
    with suppress(AttributeError, OSError):  # a UNIX socket or a test's transport
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
    connection = _socketOf(transport)
    if connection is not None:
        for name, value in OPTIONS.items():
            with suppress(AttributeError, OSError):  # not on this system
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def isSilent(transport: Any, seconds: float) -> bool:
    """
    @param transport: any, as for L{keepAlive}
    @return: whether the peer has sent nothing for so long, or leaves anything unanswered at the
        moment. C{False} if the system cannot tell
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
            inet = handle.family in (socket.AF_INET, socket.AF_INET6)
            return handle if inet and handle.fileno() >= 0 else None
        transport = getattr(transport, "transport", None)
    return None
