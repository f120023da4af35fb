"""
The address of the engine, and the credentials for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates

PORT = 6379
SENTINEL_PORT = 26379

#: The form of the argument, for the command line.
FORM = "//[USER:PASSWORD@]HOST[:PORT][/DATABASE] or ///SOCKET"

_OPTIONS = ("ca", "db", "password-file", "prefix", "sentinel", "user")


class Host(NamedTuple):
    """
    A host and a port.
    """

    host: str
    port: int


class Location(NamedTuple):
    """
    The address of the engine.

    @ivar hosts: one host, or those of all Sentinels
    @ivar socket: the path of a UNIX socket; empty if there is none
    @ivar tls: whether the connection is encrypted
    @ivar ca: a file with certificates of authorities in PEM; empty: those of the system
    @ivar database: the number of the database
    @ivar user: the user; C{None}: the default user
    @ivar password: the password; C{None}: none
    @ivar passwordFile: a file with the password, which is read for each connection
    @ivar prefix: the first word of all keys
    @ivar sentinel: the name by which the Sentinels know the engine; empty: there are no Sentinels
    """

    hosts: tuple[Host, ...] = ()
    socket: str = ""
    tls: bool = False
    ca: str = ""
    database: int = 0
    user: str | None = None
    password: str | None = None
    passwordFile: str = ""
    prefix: str = "machat"
    sentinel: str = ""

    def __str__(self) -> str:
        if self.socket:
            return self.socket
        hosts = ",".join([f"{host}:{port}" for host, port in self.hosts])
        return f"{hosts} ({self.sentinel})" if self.sentinel else hosts

    def __repr__(self) -> str:
        return f"<Location {self}>"  # without the password

    def credentials(self) -> list[bytes]:
        """
        @return: the arguments of C{AUTH}; empty if there is no password
        @raise OSError: the file cannot be read
        """
        password = self.password
        if self.passwordFile:
            with open(self.passwordFile, encoding="utf-8") as file:
                password = file.readline().rstrip("\r\n")
        if password is None:
            return []
        return [each.encode() for each in (self.user, password) if each is not None]

    def endpoint(self, reactor: Any, host: Host | None = None) -> IStreamClientEndpoint:
        """
        @param host: where to connect to; C{None}: to the UNIX socket
        @raise OSError: the file with the certificates cannot be read
        """
        if host is None:
            return UNIXClientEndpoint(reactor, self.socket)
        endpoint = HostnameEndpoint(reactor, host.host, host.port)
        if not self.tls:
            return endpoint
        return wrapClientTLS(optionsForClientTLS(host.host, self._authorities()), endpoint)

    def _authorities(self) -> Any:
        if not self.ca:
            return None
        with open(self.ca, "rb") as file:
            end = b"-----END CERTIFICATE-----"
            texts = [part + end for part in file.read().split(end)[:-1]]
        return trustRootFromCertificates([Certificate.loadPEM(text) for text in texts])


def parseLocation(argument: str, tls: bool = False) -> Location:
    """
    @param argument: an URL without its scheme, see L{FORM}. The options C{password-file}, C{user},
        C{ca}, C{db}, C{prefix} and C{sentinel} follow a question mark
    @param tls: whether the scheme is C{rediss}
    @raise ValueError: the argument is not valid
    """
    if not argument.startswith("/"):
        raise ValueError(f"write {FORM}")
    parts = urlsplit(argument if argument.startswith("//") else f"//{argument}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS:
            raise ValueError(f"unknown option {name}: use {', '.join(_OPTIONS)}")
    account, _, hosts = parts.netloc.rpartition("@")
    user, colon, password = account.partition(":")
    sentinel = options.get("sentinel", "")
    port = SENTINEL_PORT if sentinel else PORT
    path = unquote(parts.path)
    if not hosts and (tls or sentinel or path in ("", "/")):
        raise ValueError("the host is missing")
    location = Location(
        hosts=tuple([_host(each, port) for each in hosts.split(",")]) if hosts else (),
        socket="" if hosts else path,
        tls=tls,
        ca=options.get("ca", ""),
        database=_database(options.get("db") or (path.strip("/") if hosts else "")),
        user=unquote(user) or options.get("user") or None,
        password=unquote(password) if colon else None,
        passwordFile=options.get("password-file", ""),
        prefix=options.get("prefix") or "machat",
        sentinel=sentinel,
    )
    return _checked(location)


def _checked(location: Location) -> Location:
    if len(location.hosts) > 1 and not location.sentinel:
        raise ValueError("several hosts require the option sentinel=NAME")
    if location.password is not None and location.passwordFile:
        raise ValueError("give either a password or a password-file")
    if location.ca and not location.tls:
        raise ValueError("the option ca requires rediss:")
    if not location.prefix.isalnum() or not location.prefix.isascii():
        raise ValueError("the prefix may contain only letters and digits")
    if location.user and not (location.passwordFile or location.password is not None):
        raise ValueError("the user requires a password or a password-file")
    return location


def _host(text: str, port: int) -> Host:
    try:
        parts = urlsplit(f"//{text}")
        if not parts.hostname or parts.port == 0:
            raise ValueError
        return Host(parts.hostname, port if parts.port is None else parts.port)
    except ValueError:
        raise ValueError(f'"{text}" is not a host and a port') from None


def _database(text: str) -> int:
    if not text:
        return 0
    if not text.isdecimal() or not text.isascii() or len(text) > 5:
        raise ValueError(f'"{text}" is not the number of a database')
    return int(text)
