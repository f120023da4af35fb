"""
Who is at the other end of a connection.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

#: The part of an IPv6 address that one subscriber has for himself (RFC 6177 section 2).
_PREFIX = 64


def describe(address: Any) -> str:
    """
    @param address: an L{IAddress}
    @return: what the log calls it
    """
    return f"{address.host}:{address.port}" if hasattr(address, "host") else "unix"


def networkOf(address: Any) -> str | None:
    """
    @param address: an L{IAddress}
    @return: the network whose connections are counted together: an IPv4 address or a /64 of IPv6;
        C{None} for this machine's own
    """
    host = getattr(address, "host", None)
    return None if host is None else _network(host)


@lru_cache(maxsize=1024)
def _network(host: str) -> str | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:  # not an internet address
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            network = IPv6Network((address, _PREFIX), strict=False)
            return None if address.is_loopback else str(network)
        address = address.ipv4_mapped
    return None if address.is_loopback else str(address)
