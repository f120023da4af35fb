"""
Which pages may open a WebSocket: a browser tells where a page comes from (RFC 6454), and would let
any page anywhere talk to the chat in its visitor's place. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)", re.ASCII)
_PORTS = {"http": ":80", "https": ":443"}


class Origins:
    """
    Allows the host that was asked itself, and what an operator allows besides.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """
        @param patterns: origins, as in C{https://*.example.com}; C{*} stands for anything
        """
        self._patterns = [pattern.lower() for pattern in patterns]

    def allows(self, origin: str | None, host: str) -> bool:
        """
        @param origin: the request's C{Origin}; C{None}: it is not a browser's
        @param host: its C{Host}. The scheme does not count: what ends TLS in front of the chat
            keeps it to itself
        @return: whether it may be answered. C{null}, the origin of a page that has none, may not
        """
        if origin is None or origin == f"http://{host}":
            return True  # as nearly always
        origin = origin.lower()
        parts = _ORIGIN.fullmatch(origin)
        if parts is None:
            return False
        port = _PORTS[parts[1]]
        if parts[2].removesuffix(port) == host.lower().removesuffix(port):
            return True
        return any(fnmatchcase(origin, pattern) for pattern in self._patterns)
