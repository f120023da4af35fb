"""
What Twisted does not check about a server's certificate.
"""

from __future__ import annotations

from typing import Any

from service_identity import CertificateError
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import ISSLTransport


def unnamed(transport: Any) -> CertificateError | None:
    """
    Check that a certificate names a host. If it does not, or if its names cannot be read, Twisted
    logs that there is nothing to compare, and goes on.

    @param transport: of a client, after the handshake of TLS if it has one
    @return: what is wrong with the server's certificate
    """
    if ISSLTransport.providedBy(transport):
        certificate: Any = transport.getPeerCertificate()
        try:
            if not extract_patterns(certificate):
                return CertificateError("there is no subjectAltName")
        except CertificateError as error:
            return error
    return None
