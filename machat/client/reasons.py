"""
The reasons why a client cannot connect: Twisted's and OpenSSL's errors.
"""

from __future__ import annotations

from OpenSSL.SSL import Error as TLSError
from service_identity import CertificateError, VerificationError
from twisted.internet import error
from twisted.python.failure import Failure

from machat.sansio import reasons
from machat.sansio.reasons import CERTIFICATE as CERTIFICATE
from machat.sansio.reasons import CLOSED as CLOSED
from machat.sansio.reasons import CREDENTIALS as CREDENTIALS
from machat.sansio.reasons import FOREIGN as FOREIGN
from machat.sansio.reasons import HTTP as HTTP
from machat.sansio.reasons import LONGEST as LONGEST
from machat.sansio.reasons import SILENT as SILENT
from machat.sansio.reasons import TLS as TLS
from machat.sansio.reasons import UNREACHABLE as UNREACHABLE
from machat.sansio.reasons import Closed as Closed
from machat.sansio.reasons import Foreign as Foreign
from machat.sansio.reasons import Reason as Reason
from machat.sansio.reasons import Refused as Refused
from machat.sansio.reasons import line as line
from machat.sansio.reasons import refusedEarly as refusedEarly

#: OpenSSL's errors for a peer that does not use TLS.
_PLAIN = ("wrong version number", "packet length too long", "record layer failure", "http request")

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
    reason = reasons.explain(failed) if isinstance(failed, Exception) else None
    if reason is not None:
        return reason
    for kind, text in _TEXTS:
        if isinstance(failed, kind):
            return Reason(UNREACHABLE, text)
    if isinstance(failed, VerificationError):
        return Reason(CERTIFICATE, "the server's certificate is for another host", True)
    if isinstance(failed, CertificateError):
        return Reason(CERTIFICATE, "the server's certificate contains no host name", True)
    if type(failed) is TLSError:
        return _explainTLS(failed)
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
