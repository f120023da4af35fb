"""
The reasons why a client cannot connect: the errors of asyncio, sockets and TLS.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

from machat.sansio import reasons
from machat.sansio.reasons import CERTIFICATE, CLOSED, TLS, UNREACHABLE, Reason, line

#: OpenSSL's reasons for a peer that does not use TLS.
_PLAIN = (
    "WRONG_VERSION_NUMBER",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "HTTP_REQUEST",
)

#: Texts by exception class. The first class that matches is used.
_TEXTS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (socket.gaierror, "the host name is unknown"),
    (ConnectionRefusedError, "connection refused: no server at this address"),
    ((TimeoutError, asyncio.TimeoutError), "the host does not respond"),
)


def explain(error: Exception) -> Reason:
    """
    @param error: why a connection or an attempt to connect failed
    @return: the reason
    """
    reason = reasons.explain(error)
    if reason is not None:
        return reason
    if isinstance(error, ssl.SSLCertVerificationError):
        text = line(f"the server's certificate is not valid: {error.verify_message}")
        return Reason(CERTIFICATE, text, True)
    if isinstance(error, ssl.SSLError):
        text = error.reason or "unknown reason"
        if text in _PLAIN:
            return Reason(TLS, line(f"the server does not use TLS: {text}"), True)
        return Reason(TLS, line(f"TLS failed: {text}"))
    for kind, text in _TEXTS:
        if isinstance(error, kind):
            return Reason(UNREACHABLE, text)
    if isinstance(error, EOFError | ConnectionError):
        return Reason(CLOSED, "the server closed the connection without a response")
    return Reason(UNREACHABLE, line(str(error) or type(error).__name__))
