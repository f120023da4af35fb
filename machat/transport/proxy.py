"""
The PROXY protocol, versions 1 and 2. A proxy states the address of the client in a header at the
beginning of the connection (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).

After the header, the connection is passed to the wrapped protocol, whose transport then returns the
client's address. No wrapper remains between the two.
"""

from __future__ import annotations

import re
import struct
from ipaddress import IPv4Address as _IPv4
from ipaddress import IPv6Address as _IPv6
from typing import Any, NamedTuple

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocolFactory, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from machat.addresses import describe, networkOf
from machat.logbook import Logbook

#: The longest header of each version, bytes. That of version 2 may carry additional fields.
LONGEST_LINE = 107
LONGEST = 4_096

#: The time within which a header must arrive, seconds.
PATIENCE = 5.0

#: The maximum number of connections that wait for their header. If there are more, the oldest is
#: closed.
WAITING = 1_000

#: The number of bytes of an invalid header that are logged.
_SHOWN = 40

_WORD = b"PROXY "
_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_PORT = re.compile(rb"[0-9]{1,5}")

#: The format and the classes of the addresses in version 2, by address family.
_FAMILIES: dict[int, tuple[struct.Struct, Any, Any]] = {
    1: (struct.Struct("!4s4sHH"), _IPv4, IPv4Address),
    2: (struct.Struct("!16s16sHH"), _IPv6, IPv6Address),
}
_UNIX = 3


class Header(NamedTuple):
    """
    The content of a header.

    @ivar length: the length of the header, bytes
    @ivar source: the address of the client; C{None} if the proxy itself made the connection
    @ivar destination: the address to which the client connected
    """

    length: int
    source: IAddress | None = None
    destination: IAddress | None = None


def takeHeader(data: bytes) -> Header | None:
    """
    @param data: the beginning of a connection
    @return: the header, or C{None} while it is incomplete
    @raise ValueError: the data is not the beginning of a header
    """
    if data[: len(_WORD)] == _WORD[: len(data)]:
        return _takeLine(data)
    if data[: len(_SIGNATURE)] == _SIGNATURE[: len(data)]:
        return _takeBinary(data)
    raise ValueError("no PROXY header")


def _takeLine(data: bytes) -> Header | None:
    end = data.find(b"\r\n", 0, LONGEST_LINE)
    if end < 0:
        if len(data) >= LONGEST_LINE:
            raise ValueError("unterminated PROXY header")
        return None
    words = data[:end].split(b" ")
    if words[1] == b"UNKNOWN":
        return Header(end + 2)
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise ValueError("malformed PROXY header")
    source, destination = (_addressOf(words[1], *words[at::2]) for at in (2, 3))
    return Header(end + 2, source, destination)


def _addressOf(family: bytes, host: bytes, port: bytes) -> IAddress:
    if not _PORT.fullmatch(port) or int(port) > 65_535:
        raise ValueError("invalid port in the PROXY header")
    try:
        text = host.decode("ascii")
        if family == b"TCP4":
            return IPv4Address("TCP", str(_IPv4(text)), int(port))
        if "%" not in text:  # a zone can be any text
            return IPv6Address("TCP", str(_IPv6(text)), int(port))
    except ValueError:
        pass
    raise ValueError("invalid address in the PROXY header")


def _takeBinary(data: bytes) -> Header | None:
    if len(data) < 16:
        return None
    version, command = data[12] >> 4, data[12] & 15
    family, protocol = data[13] >> 4, data[13] & 15
    if version != 2 or command > 1 or family > _UNIX or protocol > 2:
        raise ValueError("unsupported PROXY header")
    end = 16 + int.from_bytes(data[14:16], "big")
    if end > LONGEST:
        raise ValueError(f"PROXY header longer than {LONGEST} bytes")
    if len(data) < end:
        return None
    if not command or not family or not protocol:  # made by the proxy itself, or unknown
        return Header(end)
    if family == _UNIX:
        return Header(end, UNIXAddress(None), UNIXAddress(None))
    format, parse, kind = _FAMILIES[family]
    if end - 16 < format.size:
        raise ValueError("no address in the PROXY header")
    fields = format.unpack_from(data, 16)
    source, destination = (kind("TCP", str(parse(fields[at])), fields[at + 2]) for at in (0, 1))
    return Header(end, source, destination)


class HeaderProtocol(Protocol):
    """
    Reads the header of one connection, then passes the connection on.
    """

    factory: Any
    transport: Any
    _timer: IDelayedCall | None = None
    _data = b""

    def connectionMade(self) -> None:
        self._timer = self.factory.clock.callLater(PATIENCE, self._due)
        self.factory.wait(self)

    def dataReceived(self, data: bytes) -> None:
        """
        Take a part of the header, or all of it and the bytes after it.
        """
        self._data += data
        try:
            header = takeHeader(self._data)
        except ValueError as error:
            self.refuse(str(error))
        else:
            if header is not None:
                self._stop()
                self._handOver(header)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop()

    def _due(self) -> None:
        # Data that arrived while the process stood still is read before the next timer is called.
        self._timer = self.factory.clock.callLater(0, self._late)

    def _late(self) -> None:
        self._timer = None
        self.refuse(f"no complete PROXY header within {PATIENCE:g} s")

    def refuse(self, why: str) -> None:
        """
        Close the connection, and log the reason.
        """
        self._stop()
        peer = self.transport.getPeer()
        self.factory.logbook.note(
            networkOf(peer),
            "refused {peer}: {why}: {data}",
            peer=describe(peer),
            why=why,
            data=repr(self._data[:_SHOWN]),
        )
        self.transport.abortConnection()

    def _stop(self) -> None:
        self.factory.waiting.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _handOver(self, header: Header) -> None:
        transport = self.transport
        if header.source is not None:
            transport.getPeer = lambda: header.source
            transport.getHost = lambda: header.destination
        protocol: Any = self.factory.wrapped.buildProtocol(transport.getPeer())
        if protocol is None:
            transport.abortConnection()
            return
        transport.protocol = protocol
        protocol.makeConnection(transport)
        rest = self._data[header.length :]
        if rest:
            protocol.dataReceived(rest)


class ProxiedFactory(Factory):
    """
    Serves the protocol of another factory on connections that begin with a header.

    @ivar wrapped: the other factory
    @ivar clock: runs the time limits of the headers
    @ivar waiting: the connections whose header is incomplete, the oldest first
    @ivar logbook: records the refused connections
    """

    noisy = False

    def __init__(self, wrapped: IProtocolFactory, clock: IReactorTime) -> None:
        self.wrapped = wrapped
        self.clock = clock
        self.waiting: dict[HeaderProtocol, None] = {}
        self.logbook = Logbook(clock)

    def buildProtocol(self, addr: IAddress | None) -> HeaderProtocol:
        protocol = HeaderProtocol()
        protocol.factory = self
        return protocol

    def wait(self, protocol: HeaderProtocol) -> None:
        """
        Add a connection that waits for its header.
        """
        self.waiting[protocol] = None
        if len(self.waiting) > WAITING:
            next(iter(self.waiting)).refuse("too many connections without a PROXY header")

    def doStart(self) -> None:
        super().doStart()
        self.wrapped.doStart()

    def doStop(self) -> None:
        self.wrapped.doStop()
        self.logbook.close()
        super().doStop()

    def logPrefix(self) -> str:
        """
        @return: the name of this factory in the log
        """
        prefix = getattr(self.wrapped, "logPrefix", None)
        return f"{type(self.wrapped).__name__ if prefix is None else prefix()} (PROXY)"
