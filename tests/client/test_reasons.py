"""
Tests for L{machat.client.reasons}.
"""

from __future__ import annotations

from OpenSSL.SSL import Error as TLSError
from OpenSSL.SSL import SysCallError
from service_identity import CertificateError, VerificationError
from twisted.internet import error
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from machat.client.reasons import explain
from machat.sansio import reasons
from machat.sansio.reasons import Closed, Foreign, Refused


def tls(text: str) -> TLSError:
    """
    @return: an error of OpenSSL
    """
    return TLSError([("SSL routines", "", text)])


class ReasonTests(SynchronousTestCase):
    def test_final(self) -> None:
        """
        An error that only a person can fix is final.
        """
        for failed, code in (
            (tls("certificate verify failed"), reasons.CERTIFICATE),
            (VerificationError([]), reasons.CERTIFICATE),
            (CertificateError("x"), reasons.CERTIFICATE),
            (tls("wrong version number"), reasons.TLS),
            (Refused(301, "Moved"), reasons.HTTP),
            (Refused(403, "Forbidden"), reasons.HTTP),
            (Refused(404, "Not Found"), reasons.HTTP),
            (Refused(421, "Misdirected Request"), reasons.HTTP),
            (Foreign("it says x"), reasons.FOREIGN),
            (Closed(3500, "bad-credentials"), reasons.CLOSED),
        ):
            reason = explain(Failure(failed))
            self.assertEqual((reason.code, reason.final), (code, True), reason)

    def test_passing(self) -> None:
        """
        An error that may be temporary is not final.
        """
        for failed, code in (
            (error.DNSLookupError(), reasons.UNREACHABLE),
            (error.ConnectionRefusedError(), reasons.UNREACHABLE),
            (ConnectionRefusedError(), reasons.UNREACHABLE),
            (error.TCPTimedOutError(), reasons.UNREACHABLE),
            (error.TimeoutError(), reasons.UNREACHABLE),
            (error.NoRouteError(), reasons.UNREACHABLE),
            (error.ConnectError(string="no such file"), reasons.UNREACHABLE),
            (ValueError(), reasons.UNREACHABLE),
            (error.ConnectionDone(), reasons.CLOSED),
            (error.ConnectionLost(), reasons.CLOSED),
            (Closed(1001, "going away"), reasons.CLOSED),
            (Closed(3004, "busy"), reasons.CLOSED),
            (Closed(4000, "x"), reasons.CLOSED),
            (Refused(200, "OK"), reasons.HTTP),
            (Refused(408, "x"), reasons.HTTP),
            (Refused(429, "x"), reasons.HTTP),
            (Refused(502, "Bad Gateway"), reasons.HTTP),
            (tls("tlsv1 alert internal error"), reasons.TLS),
            (TLSError(), reasons.TLS),
            (TLSError("x"), reasons.TLS),
            (SysCallError(-1, "Unexpected EOF"), reasons.UNREACHABLE),
        ):
            reason = explain(Failure(failed))
            self.assertEqual((reason.code, reason.final), (code, False), reason)
            self.assertTrue(reason.text)

    def test_safe(self) -> None:
        """
        Text from the server is shortened, and cannot move the cursor.
        """
        reason = explain(Failure(Refused(400, "\x1b[2J\r\n\u202e" + "x" * 10_000)))
        self.assertTrue(reason.text.isprintable(), reason)
        self.assertLessEqual(len(reason.text), reasons.LONGEST)
