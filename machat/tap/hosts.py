"""
The hosts that an endpoint answers for by default.

A chat without credentials on a loopback address is open to everything that runs on this machine, so
also to a page in a browser whose own name leads here (DNS rebinding). The page's name betrays it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString

from machat.origins import LOOPBACK


def defaultHosts(reactor: Any, endpoint: str, proxied: bool, closed: bool) -> Sequence[str]:
    """
    @param endpoint: a strports string
    @param proxied: whether a proxy in front has been named: it answers for names of its own
    @param closed: whether nobody gets in without credentials
    @return: the hosts to answer for; none: all
    """
    if proxied or closed or not isLoopback(serverFromString(reactor, endpoint)):
        return ()
    return LOOPBACK


def isLoopback(endpoint: Any) -> bool:
    """
    @param endpoint: made from a strports string
    @return: whether it listens on a loopback address only. One for the PROXY protocol does not
        count: it is the proxy's
    """
    if isinstance(endpoint, AdoptedStreamServerEndpoint):
        with socket.socket(fileno=os.dup(endpoint.fileno)) as adopted:
            return adopted.family != socket.AF_UNIX and _isLoopback(adopted.getsockname()[0])
    inner = getattr(endpoint, "endpoint", endpoint)  # beneath tls:
    return _isLoopback(getattr(inner, "_interface", ""))


def _isLoopback(host: Any) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
