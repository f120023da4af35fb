"""
The reasons why a client cannot connect: codes and texts for errors.

A reason is final if further attempts cannot succeed until a person changes something.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from OpenSSL.SSL import Error as TLSError
from service_identity import CertificateError, VerificationError
from twisted.internet import error
from twisted.python.failure import Failure

from machat.errors import ChatError

#: The host name is unknown, the connection is refused, or there is no route to the host.
UNREACHABLE = "unreachable"

#: The server's certificate is not trusted, or is for another host.
CERTIFICATE = "certificate"

#: Any other TLS failure.
TLS = "tls"

#: An HTTP server refused to open a WebSocket.
HTTP = "http"

#: The peer is not a MaChat server.
FOREIGN = "foreign"

#: The server did not answer in time.
SILENT = "silent"

#: The server closed the connection without an answer.
CLOSED = "closed"

#: The credentials could not be read.
CREDENTIALS = "credentials"

#: The maximum length of a reason, characters.
LONGEST = 200

#: OpenSSL's errors for a peer that does not use TLS.
_PLAIN = ("wrong version number", "packet length too long", "record layer failure", "http request")

#: A refusal before the server knows the dialect of the client.
_EARLY = re.compile(rb"machat:error (?P<code>[a-z-]{1,40}) (?P<text>[^\n]*)\n?")

#: The 4xx status codes that another attempt may not receive (RFC 9110, RFC 8470, RFC 6585).
_TEMPORARY = (408, 425, 429)


class Reason(NamedTuple):
    """
    The reason why an attempt to connect failed.

    @ivar code: one of this module's constants
    @ivar text: one line for a person
    @ivar final: whether further attempts cannot succeed
    """

    code: str
    text: str
    final: bool = False


class Refused(Exception):
    """
    An HTTP server rejected the WebSocket handshake.

    @ivar status: the status code
    @ivar text: the reason phrase, and the first line of the body if that is plain text
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Foreign(Exception):
    """
    The peer does not use the protocol. The text describes what the peer does instead.
    """


class Closed(Exception):
    """
    The server closed a WebSocket.

    @ivar code: the close code
    @ivar text: the close reason
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


#: Texts by exception class. The first class that matches is used.
_TEXTS: tuple[tuple[type[Exception], str], ...] = (
    (error.DNSLookupError, "the host name is unknown"),
    (error.ConnectionRefusedError, "connection refused: no server at this address"),
    (ConnectionRefusedError, "connection refused: no server at this address"),
    (error.TCPTimedOutError, "the host does not respond"),
    (error.TimeoutError, "the host does not respond"),
    (error.NoRouteError, "there is no route to the host"),
)


def explain(failure: Failure) -> Reason:
    """
    @param failure: the failure of a connection or of an attempt to connect
    @return: the reason
    """
    failed = failure.value
    for kind, text in _TEXTS:
        if isinstance(failed, kind):
            return Reason(UNREACHABLE, text)
    if isinstance(failed, VerificationError):
        return Reason(CERTIFICATE, "the server's certificate is for another host", True)
    if isinstance(failed, CertificateError):
        return Reason(CERTIFICATE, "the server's certificate contains no host name", True)
    if type(failed) is TLSError:
        return _explainTLS(failed)
    if isinstance(failed, Refused):
        final = 300 <= failed.status < 500 and failed.status not in _TEMPORARY
        return Reason(HTTP, line(f"HTTP {failed.status} {failed.text}"), final)
    if isinstance(failed, Foreign):
        return Reason(FOREIGN, line(f"not a MaChat server: {failed}"), True)
    if isinstance(failed, Closed):
        text = f"the server closed the connection: {failed.code} {failed.text}"
        return Reason(CLOSED, line(text), 3500 <= failed.code < 4000)
    if isinstance(failed, error.ConnectionDone | error.ConnectionLost | error.ConnectionAborted):
        return Reason(CLOSED, "the server closed the connection without a response")
    return Reason(UNREACHABLE, line(str(failed) or type(failed).__name__))


def _explainTLS(failed: TLSError) -> Reason:
    text = ", ".join(str(each[-1]) for each in failed.args[0]) if failed.args else ""
    if "certificate verify failed" in text:
        return Reason(CERTIFICATE, "the server's certificate is not trusted", True)
    if any(plain in text for plain in _PLAIN):
        return Reason(TLS, line(f"the server does not use TLS: {text}"), True)
    return Reason(TLS, line(f"TLS failed: {text or 'unknown reason'}"))


def refusedEarly(data: bytes) -> ChatError | None:
    """
    @param data: what the server sent before its welcome
    @return: the refusal, if it is one in the C{text} dialect: the server refused the client before
        it read the hello, and so did not know the client's dialect
    """
    match = _EARLY.fullmatch(data)
    if match is None:
        return None
    return ChatError(match["code"].decode(), line(match["text"].decode(errors="replace")))


def line(text: str) -> str:
    """
    @return: the text as one line that is safe to print
    """
    return "".join(c if c.isprintable() else " " for c in text[:LONGEST]).strip()
