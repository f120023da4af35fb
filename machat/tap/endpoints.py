"""
The endpoints of the command line: Twisted's strports strings, with additions for servers.

* A longer listen queue than Twisted's, unless the string sets C{backlog}.
* C{ssl:} and C{tls:}, with certificates that can be reloaded: see L{machat.transport.tls}.
* C{haproxy:} before any other endpoint, including TLS: see L{machat.transport.proxy}.
* C{unix:}, which removes the socket of a killed server: see L{machat.tap.stale}.
* C{inherited:DESCRIPTOR:} before any other endpoint: the parent process has opened its socket.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    AdoptedStreamServerEndpoint,
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    serverFromString,
)
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from machat.tap import stale
from machat.tap.adopted import AdoptedEndpoint
from machat.transport.proxy import ProxiedFactory
from machat.transport.reuseport import BACKLOG
from machat.transport.tls import Certificates, contextOf, contextOfFolder, faultOf

#: The maximum length of the path of a UNIX socket, bytes.
_LONGEST_PATH = 107

#: The positional arguments of the endpoint types that take a backlog.
_ARGUMENTS = {
    "tcp": ("port", "interface", "backlog"),
    "tcp6": ("port", "backlog", "interface"),
    "ssl": (
        *("port", "privateKey", "certKey", "sslmethod", "interface", "backlog"),
        *("extraCertChain", "dhParameters"),
    ),
    "tls": ("path", "port", "backlog", "interface"),
    "unix": ("address", "mode", "backlog", "lockfile"),
    "reuseport": ("port", "interface", "backlog"),
}

_PROXIED = "haproxy:"
_INHERITED = re.compile(r"inherited:([0-9]+):(.*)", re.DOTALL)
_PART = re.compile(r":?((?:\\.|[^\\:])*)", re.DOTALL)
_NAMED = re.compile(r"((?:\\.|[^\\=])*)=(.*)", re.DOTALL)


def given(text: str) -> str:
    """
    @return: an endpoint as on the command line of the parent, for messages
    """
    inherited = _INHERITED.fullmatch(text)
    return inherited[2] if inherited else text


class Endpoint:
    """
    One endpoint.

    @ivar certificates: the certificates of a TLS endpoint, else C{None}
    @ivar path: the path of a UNIX socket, else C{None}
    @ivar host: the address that it listens on; empty for all addresses and for a UNIX socket
    @ivar proxied: whether connections begin with a PROXY protocol header
    @ivar kind: the type of the endpoint, such as C{tcp}
    @ivar arguments: its arguments by name; empty for types of other packages
    """

    _log = Logger()

    def __init__(self, reactor: Any, text: str, protocols: Sequence[bytes] = ()) -> None:
        """
        @param reactor: the reactor
        @param text: a strports string
        @param protocols: see L{machat.transport.tls.contextOf}
        @raise Exception: the string is invalid, or its certificates cannot be used
        """
        self.certificates: Certificates | None = None
        self.path: str | None = None
        self._reactor = reactor
        inherited = _INHERITED.fullmatch(text)
        text = given(text)
        self.proxied = text.lower().startswith(_PROXIED)
        inner = text[len(_PROXIED) :] if self.proxied else text
        if inner.lower().startswith(_PROXIED):
            raise ValueError("haproxy: appears twice")
        kind, arguments = _parse(inner)
        _check(arguments)
        self.kind, self.arguments = kind, arguments
        self.host = arguments.get("interface", "")
        if kind == "ssl":
            self._endpoint: Any = self._ssl(_backlogged(inner, arguments), arguments, protocols)
        elif kind == "tls":
            self._endpoint = self._tls(arguments, protocols)
        elif not inherited:
            self._endpoint = self._plain(_backlogged(inner, arguments))
            self.path = arguments.get("address")
        if inherited:
            self._endpoint = self._adopt(int(inherited[1]))

    def _plain(self, text: str) -> Any:
        try:
            endpoint = serverFromString(self._reactor, text)
        except (KeyError, IndexError) as error:
            raise ValueError(f"the service manager did not pass this socket: {error}") from None
        if isinstance(endpoint, AdoptedStreamServerEndpoint):
            return self._adopt(endpoint.fileno, endpoint.addressFamily)
        return endpoint

    def _adopt(self, descriptor: int, family: int | None = None) -> AdoptedEndpoint:
        with socket.socket(fileno=os.dup(descriptor)) as adopted:
            actual = adopted.family
            if family not in (None, actual):  # Twisted would misread all addresses
                raise ValueError(f"the passed socket has domain {actual.name[3:]}")
            if actual != socket.AF_UNIX:
                self.host = adopted.getsockname()[0]
        return AdoptedEndpoint(self._reactor, descriptor, actual)

    def _ssl(self, text: str, arguments: dict[str, str], protocols: Sequence[bytes]) -> Any:
        privateKey = arguments.get("privateKey", "server.pem")  # the defaults of Twisted
        certificate = arguments.get("certKey", privateKey)

        def load() -> SSL.Context:
            fault = faultOf(privateKey, certificate)
            if fault is not None:
                raise ValueError(fault)
            return contextOf(_Recorder(text).options, protocols)

        self.certificates = Certificates(load)
        recorded = _Recorder(text)
        return TCP4ServerEndpoint(
            self._reactor, recorded.port, recorded.backlog, recorded.interface
        )

    def _tls(self, arguments: dict[str, str], protocols: Sequence[bytes]) -> Any:
        unknown = arguments.keys() - set(_ARGUMENTS["tls"])
        if unknown:
            raise TypeError(f"tls: has no argument {min(unknown)}")
        folder = Path(arguments.get("path", ""))
        if not arguments.get("path") or not folder.is_dir():
            raise ValueError(f"no directory with certificates: {folder}")
        self.certificates = Certificates(lambda: contextOfFolder(folder, protocols))
        return TCP6ServerEndpoint(
            self._reactor,
            int(arguments.get("port", 443)),
            int(arguments.get("backlog", BACKLOG)),
            arguments.get("interface", "::"),
        )

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen, after removing a UNIX socket that no process listens on any more.

        @return: as C{IStreamServerEndpoint.listen}
        """
        served: Any = factory
        if self.certificates is not None:
            served = TLSMemoryBIOFactory(self.certificates, False, served)
        if self.proxied:
            served = ProxiedFactory(served, self._reactor)
        if self.path is not None and stale.clear(self.path):
            self._log.warn("removed stale socket {path}: no process listened on it", path=self.path)
        listening: Deferred[IListeningPort] = self._endpoint.listen(served)
        return listening

    @property
    def descriptor(self) -> int | None:
        """
        The descriptor of a socket that the service manager has passed, else C{None}.
        """
        adopted = isinstance(self._endpoint, AdoptedStreamServerEndpoint)
        return self._endpoint.fileno if adopted else None

    def explain(self, reason: str) -> str:
        """
        @param reason: why MaChat cannot listen
        @return: the reason, with a remedy if one is known
        """
        holder = stale.holderOf(self.path) if self.path is not None else None
        if self.path is None or holder is None:
            return reason
        return (
            f"{reason}: {stale.lockOf(self.path)} names process {holder}: remove it if that"
            " process does not serve this socket"
        )


class _Recorder:
    """
    Parses an C{ssl:} string with Twisted's own parser. The parser calls this object in place of the
    reactor, and the arguments of the call are recorded.

    @ivar port: the port; C{interface} and C{backlog} are recorded too
    @ivar options: the TLS context factory
    """

    def __init__(self, text: str) -> None:
        serverFromString(self, text).listen(Factory())

    def listenSSL(
        self, port: int, factory: object, contextFactory: Any, backlog: int, interface: str
    ) -> None:
        """
        See C{IReactorSSL.listenSSL}.
        """
        self.port = port
        self.options = contextFactory
        self.backlog = backlog
        self.interface = interface


def _parse(text: str) -> tuple[str, dict[str, str]]:
    """
    @return: the type of an endpoint and its arguments by name, without arguments if the type is not
        in C{_ARGUMENTS}
    """
    kind, *parts = [found[1] for found in _PART.finditer(text)][:-1] or [""]
    kind = kind.lower()
    unnamed = iter(_ARGUMENTS.get(kind, ()))
    arguments: dict[str, str] = {}
    for part in parts:
        named = _NAMED.fullmatch(part)
        name = next(unnamed, None) if named is None else _plainly(named[1])
        if name is not None:
            arguments[name] = _plainly(part if named is None else named[2])
    return kind, arguments if kind in _ARGUMENTS else {}


def _plainly(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _check(arguments: dict[str, str]) -> None:
    """
    Check values that Twisted checks only when it listens.

    @raise ValueError: a port, a backlog, a mode or a path is out of range
    """
    for name, base, most in (("port", 10, 65_535), ("backlog", 10, 65_535), ("mode", 8, 0o777)):
        try:
            if name in arguments and not 0 <= int(arguments[name], base) <= most:
                raise ValueError
        except ValueError:
            shown = f"{most:o}" if base == 8 else str(most)
            raise ValueError(f"{name} must be a number from 0 to {shown}") from None
    if len(os.fsencode(arguments.get("address", ""))) > _LONGEST_PATH:
        raise ValueError(f"the path of a UNIX socket may have {_LONGEST_PATH} bytes at most")


def _backlogged(text: str, arguments: dict[str, str]) -> str:
    return f"{text}:backlog={BACKLOG}" if arguments and "backlog" not in arguments else text
