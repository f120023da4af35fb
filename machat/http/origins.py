"""
The origins of pages that may open a WebSocket, and the hosts that a request may name.

A browser sends the origin of a page (RFC 6454) with the request for a WebSocket. Without a check,
any page on the web could use the chat on behalf of its visitor. The origin is compared with the
requested host. In a DNS rebinding attack, the attacker's own host name resolves to the server's
address, so that origin and host match. Only a check of the host itself prevents this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address
from typing import NamedTuple

#: The maximum length of a host name (RFC 1035 section 2.3.4).
_LONGEST = 253

_HOST = r"([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])"
_AUTHORITY = re.compile(rf"{_HOST}(?::(\d{{0,5}}))?", re.ASCII)
_ORIGIN = re.compile(
    rf"(https?)://{_HOST}(?::(\d{{0,5}}))?(?:[/?#][!-~]*)?", re.ASCII | re.IGNORECASE
)
_PATTERN = re.compile(
    r"(https?)://((?:\*|[a-z0-9_-]+)(?:\.(?:\*|[a-z0-9_-]+))*\.?|\[[0-9a-f:.]+\])(?::(\d{1,5}))?/?",
    re.ASCII,
)
_NAME = re.compile(rf"{_HOST}|([0-9A-Fa-f:.]+)", re.ASCII)

_PORTS = {"http": 80, "https": 443}

#: Stands for every origin, or every host.
ANY = "*"

#: The hosts that always mean this machine, independent of DNS.
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Authority(NamedTuple):
    """
    A host and a port, as in a URL or a C{Host} field.

    @ivar host: the host in lower case; an IPv6 address in its shortest form and in brackets
    @ivar port: the port; C{None} for the default port of the scheme
    """

    host: str
    port: int | None

    def __str__(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


class Origin(NamedTuple):
    """
    The origin of a page.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{Authority(self.host, self._shownPort)}"

    @property
    def _shownPort(self) -> int | None:
        return None if self.port == _PORTS[self.scheme] else self.port


def readAuthority(text: str) -> Authority | None:
    """
    @param text: the value of a C{Host} field
    @return: the host and port, or C{None} if the value is invalid
    """
    match = _AUTHORITY.fullmatch(text)
    return None if match is None else _authority(match[1], match[2])


def readOrigin(text: str) -> Origin | None:
    """
    Parse an origin like a URL: case, a path and the default port of the scheme are ignored.

    @param text: the value of an C{Origin} field
    @return: the origin, or C{None} if it is not the origin of a page that was loaded over HTTP
    """
    match = _ORIGIN.fullmatch(text)
    authority = None if match is None else _authority(match[2], match[3])
    if match is None or authority is None:
        return None
    scheme = match[1].lower()
    port = _PORTS[scheme] if authority.port is None else authority.port
    return Origin(scheme, authority.host, port)


class Origins:
    """
    Allows pages of the requested host, and of the origins that the operator allows.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """
        @param patterns: origins. C{*} as the first label of a host, as in
            C{https://*.example.com}, matches one or more labels; in another position it matches one
            label. C{*} alone matches every origin
        @raise ValueError: a pattern is invalid
        """
        self._any = ANY in patterns
        self._patterns = [_compile(pattern) for pattern in patterns if pattern != ANY]

    def allows(self, origin: Origin, host: Authority) -> bool:
        """
        @param origin: the origin of the page
        @param host: the requested host. Its scheme is not compared, because a proxy that terminates
            TLS does not forward it
        @return: whether the page may open a WebSocket
        """
        default = _PORTS[origin.scheme]
        port = default if host.port is None else host.port
        if (origin.host, origin.port) == (host.host, port) or self._any:
            return True
        text = f"{origin.scheme}://{origin.host}:{origin.port}"
        return any(pattern.fullmatch(text) for pattern in self._patterns)


class Hosts:
    """
    Allows requests for a set of hosts. Ports are ignored.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        """
        @param names: names or addresses, without ports. If there is none, or one is C{*}, every
            host is allowed
        @raise ValueError: a name is not a valid host name or address
        """
        names = list(names)
        self._any = not names or ANY in names
        self._names = {_hostOf(name) for name in names if name != ANY}

    def allows(self, host: Authority) -> bool:
        """
        @return: whether requests for this host are answered
        """
        return self._any or host.host.removesuffix(".") in self._names


def _authority(host: str, port: str | None) -> Authority | None:
    """
    @param host: a host that one of the patterns above has matched
    @param port: digits; empty or C{None} for the default port of the scheme
    """
    number = int(port) if port else None
    if len(host) > _LONGEST or (number is not None and not 0 < number < 65_536):
        return None
    if host[0] == "[":
        try:
            host = f"[{IPv6Address(host[1:-1]).compressed}]"
        except ValueError:
            return None
    return Authority(host.lower(), number)


def _compile(pattern: str) -> re.Pattern[str]:
    match = _PATTERN.fullmatch(pattern.lower())
    if match is None:
        raise ValueError(f"not an origin such as https://*.example.com{_hint(pattern)}")
    scheme, host, port = match[1], match[2], match[3]
    authority = _authority(host.replace(ANY, "x"), port)
    if authority is None:
        raise ValueError("not a valid host and port")
    if host[0] == "[":
        shown = re.escape(authority.host)
    else:
        labels = [r"[^.:]+" if label == ANY else re.escape(label) for label in host.split(".")]
        shown = r"\.".join(labels)
        if host.startswith("*."):
            shown = rf"[^:]+{shown.removeprefix('[^.:]+')}"
    return re.compile(rf"{scheme}://{shown}:{authority.port or _PORTS[scheme]}")


def _hint(pattern: str) -> str:
    if not pattern.isascii():
        return ': write the name as browsers send it, with "xn--"'
    if pattern.lower() == "null":
        return ": null stands for all pages without an origin"
    if re.match(r"https?://", pattern.lower()) is None:
        return ": it must begin with http:// or https://"
    if "*" in pattern:
        return ": * can only replace whole labels of the host name"
    return ": write a host, optionally with a port, but without a path"


def _hostOf(name: str) -> str:
    match = _NAME.fullmatch(name)
    bare = match is not None and match[2] is not None and ":" in name
    authority = _authority(f"[{name}]" if bare else name, None) if match is not None else None
    if authority is None:
        raise ValueError("not a host name or address; write it without a port")
    return authority.host.removesuffix(".")
