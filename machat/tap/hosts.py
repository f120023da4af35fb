"""
The hosts that an endpoint answers for by default.

A chat without credentials on a loopback address is open to everything that runs on this machine, so
also to a page in a browser whose own name leads here (DNS rebinding). The page's name betrays it.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from machat.http.origins import LOOPBACK
from machat.tap.endpoints import Endpoint


def defaultHosts(reactor: Any, endpoint: str, proxied: bool, closed: bool) -> Sequence[str]:
    """
    @param endpoint: a strports string
    @param proxied: whether a proxy in front has been named: it answers for names of its own
    @param closed: whether nobody gets in without credentials
    @return: the hosts to answer for; none: all
    """
    if proxied or closed or not isLoopback(Endpoint(reactor, endpoint)):
        return ()
    return LOOPBACK


def isLoopback(endpoint: Endpoint) -> bool:
    """
    @return: whether it listens on a loopback address only. One for the PROXY protocol does not
        count: it is the proxy's
    """
    if endpoint.proxied:
        return False
    try:
        return endpoint.host == "localhost" or ip_address(endpoint.host).is_loopback
    except ValueError:
        return False
