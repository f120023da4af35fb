"""
The addresses of peers, and the networks by which connections are counted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address as _IPv4
from ipaddress import IPv6Address as _IPv6
from ipaddress import IPv6Network, ip_address
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address

#: The prefix length of an IPv6 network that is assigned to one subscriber (RFC 6177 section 2).
_PREFIX = 64

#: The network in which NAT64 represents IPv4 addresses (RFC 6052 section 2.1).
_NAT64 = IPv6Network("64:ff9b::/96")

_FORWARDED = re.compile(rb"^x-forwarded-for[ \t]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)

#: An address with an optional port.
_HOST = re.compile(r"\[([0-9a-fA-F:.]+)\](?::\d+)?|([0-9.]+)(?::\d+)?|([0-9a-fA-F:.]+)")


def describe(address: Any) -> str:
    """
    @param address: an L{twisted.internet.interfaces.IAddress}
    @return: the address and port for the log, or C{unix} for a UNIX socket
    """
    return f"{address.host}:{address.port}" if hasattr(address, "host") else "unix"


def forwardedFor(head: bytes, proxies: int) -> IPv4Address | IPv6Address | None:
    """
    @param head: the head of an HTTP request
    @param proxies: the number of trusted proxies, each of which appends its peer's address to
        C{X-Forwarded-For}
    @return: the address of the peer of the outermost trusted proxy; C{None} if it is missing or
        invalid
    """
    forwarded = b",".join(_FORWARDED.findall(head)).decode("latin-1").split(",")
    if len(forwarded) < proxies:
        return None
    match = _HOST.fullmatch(forwarded[-proxies].strip())
    host = match[1] or match[2] or match[3] if match is not None else ""
    try:
        version = ip_address(host).version
    except ValueError:
        return None
    return IPv4Address("TCP", host, 0) if version == 4 else IPv6Address("TCP", host, 0)


def networkOf(address: Any) -> str | None:
    """
    @param address: an L{twisted.internet.interfaces.IAddress}
    @return: the network whose connections are counted together: an IPv4 address, an IPv6 /64
        network, or a single link-local address, because all neighbours share one link-local /64.
        C{None} for connections from this machine
    """
    host = getattr(address, "host", None)
    return None if host is None else networkOfHost(host)


@lru_cache(maxsize=1024)
def networkOfHost(host: str) -> str | None:
    """
    @param host: an address in text form
    @return: as L{networkOf}; also C{None} if C{host} is not an address
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
