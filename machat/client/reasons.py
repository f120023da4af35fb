"""
Why a client cannot connect: errors to codes and words.

A reason is final if another attempt at the same address with the same options cannot succeed
before a person has changed something.
"""

from __future__ import annotations

from typing import NamedTuple

from OpenSSL.SSL import Error as TLSError
from service_identity import CertificateError, VerificationError
from twisted.internet import error
from twisted.python.failure import Failure

#: The host's name is not known, nobody listens, or there is no way to the host.
UNREACHABLE = "unreachable"

#: The server's certificate is not trusted, or is for another host.
CERTIFICATE = "certificate"

#: Any other failure of TLS.
TLS = "tls"

#: An HTTP server refused to open a WebSocket.
HTTP = "http"

#: Something listens, but it is not a MaChat server.
FOREIGN = "foreign"

#: The server did not answer in time.
SILENT = "silent"

#: The server closed the connection without an answer.
CLOSED = "closed"

#: The credentials could not be read.
CREDENTIALS = "credentials"

#: The longest text of a reason, characters.
LONGEST = 200

#: What OpenSSL says of a peer that does not speak TLS.
_PLAIN = ("wrong version number", "packet length too long", "record layer failure", "http request")

#: ReplyQuota of the class 4xx that another attempt may not get (RFC 9110, RFC 8470, RFC 6585).
_PASSING = (408, 425, 429)


class Reason(NamedTuple):
    """
    Why an attempt to connect failed.

    @ivar code: one of this module's constants
    @ivar text: one line for a person
    @ivar final: whether another attempt cannot succeed
    """

    code: str
    text: str
    final: bool = False


class Refused(Exception):
    """
    An HTTP server answered with something else than a WebSocket.

    @ivar status: its status code
    @ivar text: its reason phrase, and its explanation if that is plain text
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Foreign(Exception):
    """
    The peer does not speak the protocol. The text says what it does.
    """


class Closed(Exception):
    """
    The server closed a WebSocket.

    @ivar code: its close code
    @ivar text: its reason
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


#: The first class that an error is an instance of.
_PLAINLY: tuple[tuple[type[Exception], str], ...] = (
    (error.DNSLookupError, "the host's name is not known"),
    (error.ConnectionRefusedError, "nobody listens there: connection refused"),
    (ConnectionRefusedError, "nobody listens there: connection refused"),
    (error.TCPTimedOutError, "the host does not answer"),
    (error.TimeoutError, "the host does not answer"),
    (error.NoRouteError, "there is no route to the host"),
)


def explain(failure: Failure) -> Reason:
    """
    @param failure: what a connection, or an attempt to make one, ended with
    @return: the reason
    """
    failed = failure.value
    for kind, text in _PLAINLY:
        if isinstance(failed, kind):
            return Reason(UNREACHABLE, text)
    if isinstance(failed, VerificationError):
        return Reason(CERTIFICATE, "the server's certificate is for another host", True)
    if isinstance(failed, CertificateError):
        return Reason(CERTIFICATE, "the server's certificate names no host", True)
    if type(failed) is TLSError:
        return _explainTLS(failed)
    if isinstance(failed, Refused):
        final = 300 <= failed.status < 500 and failed.status not in _PASSING
        return Reason(HTTP, line(f"HTTP {failed.status} {failed.text}"), final)
    if isinstance(failed, Foreign):
        return Reason(FOREIGN, line(f"that is no MaChat server: {failed}"), True)
    if isinstance(failed, Closed):
        text = f"the server closed the connection: {failed.code} {failed.text}"
        return Reason(CLOSED, line(text), 3500 <= failed.code < 4000)
    if isinstance(failed, error.ConnectionDone | error.ConnectionLost | error.ConnectionAborted):
        return Reason(CLOSED, "the server closed the connection without an answer")
    return Reason(UNREACHABLE, line(str(failed) or type(failed).__name__))


def _explainTLS(failed: TLSError) -> Reason:
    text = ", ".join(str(each[-1]) for each in failed.args[0]) if failed.args else ""
    if "certificate verify failed" in text:
        return Reason(CERTIFICATE, "the server's certificate is not trusted", True)
    if any(plain in text for plain in _PLAIN):
        return Reason(TLS, line(f"the server does not speak TLS: {text}"), True)
    return Reason(TLS, line(f"TLS failed: {text or 'no reason given'}"))


def line(text: str) -> str:
    """
    @return: the text as one line that is safe to print
    """
    return "".join(c if c.isprintable() else " " for c in text[:LONGEST]).strip()
