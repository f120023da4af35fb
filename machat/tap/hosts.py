"""
The hosts for which an endpoint answers by default.

A chat without authentication on a loopback address is open to every program on this machine. That
includes a page in a browser if an attacker's host name resolves to a loopback address (DNS
rebinding). The C{Host} field of the request reveals such a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from machat.http.origins import LOOPBACK
from machat.tap.endpoints import Endpoint


def defaultHosts(reactor: Any, endpoint: str, proxied: bool, closed: bool) -> Sequence[str]:
    """
    @param reactor: the reactor
    @param endpoint: a strports string
    @param proxied: whether a trusted proxy is configured, which may serve any host names
    @param closed: whether the chat requires credentials
    @return: the hosts to answer for; an empty sequence means all hosts
    """
    if proxied or closed or not isLoopback(Endpoint(reactor, endpoint)):
        return ()
    return LOOPBACK


def isLoopback(endpoint: Endpoint) -> bool:
    """
    @return: whether the endpoint listens on loopback addresses only. An endpoint for the PROXY
        protocol does not count, since the proxy serves other addresses
    """
    if endpoint.proxied:
        return False
    try:
        return endpoint.host == "localhost" or ip_address(endpoint.host).is_loopback
    except ValueError:
        return False
