"""
The client's end of a connection: non-blocking reads into a shared buffer, and queued sends.
"""

from __future__ import annotations

import socket
import ssl
import struct
from typing import cast

#: Maximum size of one read, bytes.
READ = 262_144

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the socket module does not define it
_TIMESPEC = struct.Struct("@ll")


class Link:
    """
    Plain TCP.

    @ivar receive: C{socket.recv_into}. Reads into a view, and returns the number of bytes, 0 at the
        end of the stream. Raises C{OSError}.
    @ivar setOption: C{socket.setsockopt}
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.receive = sock.recv_into
        self.setOption = sock.setsockopt
        self._waiting = b""

    def handshake(self) -> bool:
        """
        @return: whether the connection is ready for data; if not, call this again when there is
            something to read
        """
        return True

    def send(self, data: bytes) -> bool:
        """
        @return: whether all data was sent; if not, call L{flush} when the socket is writable
        @raise OSError: the connection is gone
        """
        if not self._waiting:
            try:
                sent = self.sock.send(data)
            except BlockingIOError:
                sent = 0
            if sent == len(data):
                return True
            data = data[sent:]
        self._waiting += data
        return False

    def flush(self) -> bool:
        """
        Send the data that waits.

        @return: as for L{send}
        """
        data, self._waiting = self._waiting, b""
        return Link.send(self, data)


class StampedLink(Link):
    """
    Plain TCP, with the time at which the kernel received the last segment of a read. The reading
    loop in Python therefore adds nothing to a latency. The time costs the kernel about 30 ns per
    packet.

    @ivar arrived: that time, as from C{time.time_ns()}
    """

    arrived = 0

    def __init__(self, sock: socket.socket) -> None:
        Link.__init__(self, sock)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.receive = self._receive  # type: ignore[assignment]

    def _receive(self, view: memoryview) -> int:
        size, ancillary, _, _ = self.sock.recvmsg_into([view], 64)
        for _, kind, value in ancillary:
            if kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack(value[: _TIMESPEC.size])
                self.arrived = seconds * 1_000_000_000 + nanoseconds
        return size


class TlsLink(Link):
    """
    TLS, without verification of the certificate.
    """

    _context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _context.check_hostname = False
    _context.verify_mode = ssl.CERT_NONE

    def __init__(self, sock: socket.socket) -> None:
        Link.__init__(self, sock)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing)
        self.receive = self._receive  # type: ignore[assignment]

    def handshake(self) -> bool:
        try:
            data = self.sock.recv(READ)
            if not data:
                raise ConnectionAbortedError("closed during the TLS handshake")
            self._incoming.write(data)
        except BlockingIOError:
            pass  # the first call: no data yet
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            Link.send(self, self._outgoing.read())
        return True

    def send(self, data: bytes) -> bool:
        self._tls.write(data)
        return Link.send(self, self._outgoing.read())

    def _receive(self, view: memoryview) -> int:
        data = self.sock.recv(len(view))
        if not data:
            return 0
        self._incoming.write(data)
        size = 0
        try:
            while taken := cast(int, self._tls.read(len(view) - size, view[size:])):
                size += taken
        except ssl.SSLWantReadError:
            if not size:
                raise BlockingIOError from None
        return size
