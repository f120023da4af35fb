"""
Who is at the other end of a connection.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address as _IPv4
from ipaddress import IPv6Address as _IPv6
from ipaddress import IPv6Network, ip_address
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address

#: The part of an IPv6 address that one subscriber has for himself (RFC 6177 section 2).
_PREFIX = 64

#: Where a NAT64 puts all the addresses of IPv4 (RFC 6052 section 2.1).
_NAT64 = IPv6Network("64:ff9b::/96")

_FORWARDED = re.compile(rb"^x-forwarded-for[ \t]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)

#: An address, with a port or without.
_HOST = re.compile(r"\[([0-9a-fA-F:.]+)\](?::\d+)?|([0-9.]+)(?::\d+)?|([0-9a-fA-F:.]+)")


def describe(address: Any) -> str:
    """
    @param address: an L{twisted.internet.interfaces.IAddress}
    @return: what the log calls it
    """
    return f"{address.host}:{address.port}" if hasattr(address, "host") else "unix"


def forwardedFor(head: bytes, proxies: int) -> IPv4Address | IPv6Address | None:
    """
    @param head: of an HTTP request
    @param proxies: how many are trusted: each has added to C{X-Forwarded-For} whom it was asked by
    @return: the address of who asked the first of them; C{None} if that cannot be told
    """
    told = b",".join(_FORWARDED.findall(head)).decode("latin-1").split(",")
    if len(told) < proxies:
        return None
    match = _HOST.fullmatch(told[-proxies].strip())
    host = match[1] or match[2] or match[3] if match is not None else ""
    try:
        version = ip_address(host).version
    except ValueError:
        return None
    return IPv4Address("TCP", host, 0) if version == 4 else IPv6Address("TCP", host, 0)


def networkOf(address: Any) -> str | None:
    """
    @param address: an L{twisted.internet.interfaces.IAddress}
    @return: the network whose connections are counted together: an IPv4 address, a /64 of IPv6, or
        a link-local address by itself, as all neighbours share one /64; C{None} for this machine's
        own
    """
    host = getattr(address, "host", None)
    return None if host is None else networkOfHost(host)


@lru_cache(maxsize=1024)
def networkOfHost(host: str) -> str | None:
    """
    @param host: an address in words
    @return: as L{networkOf}; C{None} as well for what is no address
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:  # not an internet address
        return None
    if isinstance(address, _IPv6):
        if address in _NAT64:
            return str(_IPv4(address.packed[-4:]))
        if address.is_link_local:
            return host.lower()
        if address.ipv4_mapped is None:
            network = IPv6Network((address, _PREFIX), strict=False)
            return None if address.is_loopback else str(network)
        address = address.ipv4_mapped
    return None if address.is_loopback else str(address)
