"""
TLS for servers: certificates that can be reloaded, and the negotiation of a protocol (ALPN,
RFC 7301).

Twisted 26 refuses a client that offers only protocols that the server does not support. This module
serves such a client without a negotiated protocol, as earlier versions of Twisted do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from OpenSSL import SSL
from OpenSSL.crypto import X509, PKey
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions
from zope.interface import implementer

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """
    The certificates of one endpoint. L{reload} replaces them without a restart, through the public
    interface of Twisted alone.
    """

    def __init__(self, load: Callable[[], SSL.Context]) -> None:
        """
        @param load: reads the certificates. The constructor and L{reload} raise its exceptions
        """
        self._load = load
        self._context = load()

    def reload(self) -> None:
        """
        Read the certificates again, for new connections. If that fails, the old ones stay in use.
        """
        self._context = self._load()

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """
        @return: a new connection
        """
        return SSL.Connection(self._context, None)


def contextOf(options: CertificateOptions, protocols: Sequence[bytes]) -> SSL.Context:
    """
    Build a context that negotiates a protocol.

    @param options: the certificate and key. Use them for this context only, because their own
        context is changed
    @param protocols: in order of preference. The first one that the client offers is selected. If
        the client offers none of them, no protocol is negotiated
    """
    context: SSL.Context = options.getContext()
    context.set_alpn_select_callback(partial(_select, protocols))
    return context


def _select(protocols: Sequence[bytes], connection: object, offered: list[bytes]) -> Any:
    common = (protocol for protocol in protocols if protocol in offered)
    return next(common, SSL.NO_OVERLAPPING_PROTOCOLS)


def faultOf(privateKey: str, certificate: str) -> str | None:
    """
    Look into the files of a certificate before OpenSSL does: it would ask the terminal for the
    password of a key, and its errors do not name a file.

    @param privateKey: the path of a file in PEM format, as C{certificate}
    @return: why the files cannot be used, with the path of one of them; C{None} if no fault is
        visible
    """
    found = {}
    for path in (privateKey, certificate):
        try:
            found[path] = Path(path).read_bytes()
        except OSError as error:
            return f"{path}: {error.strerror}"
    if b"ENCRYPTED" in found[privateKey]:
        return f"{privateKey}: the private key has a password: remove it with openssl pkey"
    if not _contains(found[privateKey], b"PRIVATE KEY"):
        return f"{privateKey} contains no private key in PEM format"
    if not _contains(found[certificate], b"CERTIFICATE"):
        return f"{certificate} contains no certificate in PEM format"
    return None


def _contains(text: bytes, kind: bytes) -> bool:
    return any(block[1].endswith(kind) for block in _BLOCK.finditer(text))


def contextOfFolder(folder: Path, protocols: Sequence[bytes]) -> SSL.Context:
    """
    Build a context that selects the certificate by the name that the client requests (SNI). If the
    client requests no name, or one that no certificate has, the first certificate is used.

    @param folder: contains certificates and their keys in files C{*.pem}, in any order, also in its
        subfolders
    @param protocols: as for L{contextOf}
    @raise ValueError: no certificate has its private key in the folder, or a file is invalid
    """
    contexts: dict[str, SSL.Context] = {}
    first: SSL.Context | None = None
    for names, options in _certificatesIn(folder):
        context = contextOf(options, protocols)
        first = first or context
        for name in names:
            contexts.setdefault(name.lower(), context)
    if first is None:
        raise ValueError(f"no certificate with its private key in {folder}/*.pem")
    first.set_tlsext_servername_callback(partial(_switch, contexts))
    return first


def _switch(contexts: dict[str, SSL.Context], connection: SSL.Connection) -> None:
    name = (connection.get_servername() or b"").decode("latin-1").lower()
    context = contexts.get(name) or contexts.get("*." + name.partition(".")[2])
    if context is not None:
        connection.set_context(context)


def _certificatesIn(folder: Path) -> Iterator[tuple[list[str], CertificateOptions]]:
    keys: dict[bytes, Any] = {}
    certificates: list[x509.Certificate] = []
    for path in sorted(folder.rglob("*.pem")):
        try:
            for block in _BLOCK.finditer(path.read_bytes()):
                if block[1] == b"CERTIFICATE":
                    certificates.append(x509.load_pem_x509_certificate(block[0]))
                elif block[1].endswith(b"PRIVATE KEY"):
                    private: Any = load_pem_private_key(block[0], None)
                    keys[_publicBytes(private)] = private
        except (TypeError, ValueError) as error:  # a TypeError: the key has a password
            raise ValueError(f"{path}: {error}") from None
    issuers = {each.subject: each for each in certificates if _publicBytes(each) not in keys}
    for certificate in certificates:
        key = keys.get(_publicBytes(certificate))
        if key is not None:
            options = CertificateOptions(
                privateKey=PKey.from_cryptography_key(key),
                certificate=X509.from_cryptography(certificate),
                extraCertChain=[
                    X509.from_cryptography(each) for each in _chain(certificate, issuers)
                ],
            )
            yield _namesOf(certificate), options


def _publicBytes(owner: Any) -> bytes:
    """
    @param owner: a certificate or a private key
    """
    data: bytes = owner.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return data


def _chain(
    certificate: x509.Certificate, issuers: dict[x509.Name, x509.Certificate]
) -> list[x509.Certificate]:
    chain: list[x509.Certificate] = []
    issuer = issuers.get(certificate.issuer)
    while issuer is not None and issuer not in chain:
        chain.append(issuer)
        issuer = issuers.get(issuer.issuer)
    return chain


def _namesOf(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.DNSName)
