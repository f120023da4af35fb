"""
A check of server certificates that Twisted omits.
"""

from __future__ import annotations

from typing import Any

from service_identity import CertificateError
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import ISSLTransport


def checkNamesHost(transport: Any) -> CertificateError | None:
    """
    Check that a certificate contains a host name. If it contains none, or none that can be read,
    Twisted only logs this and continues.

    @param transport: a client's transport, after the TLS handshake if it uses TLS
    @return: the fault of the server's certificate; C{None} if there is none
    """
    if ISSLTransport.providedBy(transport):
        certificate: Any = transport.getPeerCertificate()
        try:
            if not extract_patterns(certificate):
                return CertificateError("there is no subjectAltName")
        except CertificateError as error:
            return error
    return None
