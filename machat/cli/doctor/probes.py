"""
The first checks of C{machat doctor}, with blocking sockets: DNS, TCP and TLS.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from datetime import datetime, timezone

from cryptography import x509

from machat.cli.doctor.address import Address
from machat.cli.doctor.report import DNS, TCP, TLS, Finding

#: The remaining lifetime of a certificate below which the remedy is shown, days.
RENEWAL = 14

#: The maximum number of IP addresses of a host that are tried.
ADDRESSES = 8

#: The exceptions of C{x509} for a certificate that cannot be described.
_UNREADABLE = (OSError, ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)

#: OpenSSL's results of a verification (X509_verify_cert_error_string(3)).
_NOT_YET, _EXPIRED, _SELF_SIGNED, _OWN_ROOT, _NO_ISSUER, _NO_LEAF = 9, 10, 18, 19, 20, 21
_WRONG_HOST, _WRONG_IP = 62, 64

_RELOAD = "then reload the proxy (nginx -s reload), or send SIGHUP to MaChat"

_REMEDIES = {
    _NOT_YET: "set the clock of this machine, or use a certificate that is already valid",
    _EXPIRED: f"renew the certificate, {_RELOAD}",
    _SELF_SIGNED: "use a certificate of a public authority, or trust this one: SSL_CERT_FILE=FILE",
    _OWN_ROOT: "use a certificate of a public authority, or trust its root: SSL_CERT_FILE=FILE",
    _NO_ISSUER: "serve the whole chain: in nginx, ssl_certificate fullchain.pem; in HAProxy and "
    "MaChat, a PEM file with the certificate and its intermediate certificates; or trust the "
    "root of your own authority: SSL_CERT_FILE=FILE",
    _WRONG_HOST: f"request a certificate that contains this name, {_RELOAD}; or use its own name",
}
_REMEDIES[_NO_LEAF] = _REMEDIES[_NO_ISSUER]
_REMEDIES[_WRONG_IP] = _REMEDIES[_WRONG_HOST]

_NO_TLS = "use ws:// or host:port without tls:, or enable TLS on this port"

#: The remedies for OpenSSL's other reasons.
_TLS_REMEDIES = dict.fromkeys(("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"), _NO_TLS)
_TLS_REMEDIES["TLSV1_ALERT_NO_APPLICATION_PROTOCOL"] = "allow http/1.1 in the ALPN of the proxy"
_TLS_REMEDIES["TLSV1_ALERT_PROTOCOL_VERSION"] = "allow TLS 1.2 and TLS 1.3 on the server"


class Unreachable(Exception):
    """
    A check failed. Its argument is the finding.
    """

    @property
    def finding(self) -> Finding:
        """
        The problem.
        """
        finding: Finding = self.args[0]
        return finding


def resolve(address: Address) -> tuple[Finding, list[str]]:
    """
    Look up the host name.

    @return: the finding, and the first L{ADDRESSES} IP addresses
    @raise Unreachable: there is none
    """
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        remedy = "check the spelling; create an A or AAAA record for this name"
        text = f"{address.host}: {getattr(error, 'strerror', None) or error}"
        raise Unreachable(Finding("DNS", text, DNS, remedy)) from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    shown = addresses[:ADDRESSES]
    more = f" and {len(addresses) - ADDRESSES} others" if len(addresses) > ADDRESSES else ""
    text = f"{address.host} is {', '.join(shown)}{more} ({_since(began)})"
    return Finding("DNS", text), shown


def connect(address: Address, hosts: list[str], timeout: float) -> list[Finding]:
    """
    Connect to each IP address of the host.

    @param hosts: the IP addresses
    @param timeout: the time per address, seconds
    @return: one finding, and one for each address that does not accept connections
    @raise Unreachable: none accepts connections
    """
    findings: list[Finding] = []
    usable = 0
    for host in hosts:
        began = time.monotonic()
        try:
            socket.create_connection((host, address.port), timeout).close()
        except OSError as error:
            findings.append(_refused(host, address.port, error))
        else:
            usable += 1
            text = f"{host} port {address.port} accepts connections ({_since(began)})"
            findings.append(Finding("TCP", text))
    if not usable:
        raise Unreachable(findings[0])
    return findings


def _refused(host: str, port: int, error: OSError) -> Finding:
    text = f"{host} port {port}: {error.strerror or 'no answer'}"
    if isinstance(error, ConnectionRefusedError):
        remedy = f"start MaChat or the proxy on port {port}, or use another port"
    elif isinstance(error, TimeoutError):
        remedy = f"let the firewall of the server pass TCP port {port}"
    else:
        remedy = "check the network of this machine, and whether the address record is current"
    return Finding("TCP", text, TCP, remedy)


def negotiate(address: Address, timeout: float) -> Finding:
    """
    Open a connection with TLS, and verify the certificate.

    @param timeout: the time to connect, and again for TLS, seconds
    @raise Unreachable: TLS failed
    """
    context = ssl.create_default_context()
    if address.origin is not None:
        context.set_alpn_protocols(["http/1.1"])  # as a browser does for a WebSocket (RFC 7301)
    try:
        with _secure(address, context, timeout) as connection:
            return _accepted(address, connection)
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(_invalid(address, error, timeout)) from None
    except ssl.SSLError as error:
        text = (error.reason or str(error)).replace("_", " ").lower()
        remedy = _TLS_REMEDIES.get(error.reason, "check the TLS settings and the log of the server")
        raise Unreachable(Finding("TLS", text, TLS, remedy)) from None
    except OSError as error:
        text = f"no TLS handshake: {error.strerror or 'the server does not answer'}"
        raise Unreachable(Finding("TLS", text, TLS, _NO_TLS)) from None


def _secure(address: Address, context: ssl.SSLContext, timeout: float) -> ssl.SSLSocket:
    plain = socket.create_connection((address.host, address.port), timeout)
    try:
        return context.wrap_socket(plain, server_hostname=address.host)
    except BaseException:
        plain.close()
        raise


def _accepted(address: Address, connection: ssl.SSLSocket) -> Finding:
    end = ssl.cert_time_to_seconds(str((connection.getpeercert() or {})["notAfter"]))
    days = int((end - time.time()) // 86_400)
    alpn = connection.selected_alpn_protocol()
    words = [f"{connection.version()}, certificate for {address.host}, {days} days left"]
    words += [f"ALPN {alpn}"] if alpn else []
    remedy = f"renew the certificate soon, {_RELOAD}" if days < RENEWAL else ""
    return Finding("TLS", ", ".join(words), 0, remedy)


def _invalid(address: Address, error: ssl.SSLCertVerificationError, timeout: float) -> Finding:
    code = error.verify_code
    text = f"the certificate is not valid: {error.verify_message}"
    if code in (_NOT_YET, _EXPIRED, _WRONG_HOST, _WRONG_IP):
        with suppress(*_UNREADABLE):
            text = _describe(_unverified(address, timeout), code, address.host)
    remedy = _REMEDIES.get(code, "use a certificate of a public authority")
    return Finding("TLS", text, TLS, remedy)


def _unverified(address: Address, timeout: float) -> x509.Certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with _secure(address, context, timeout) as connection:
        return x509.load_der_x509_certificate(connection.getpeercert(True) or b"")


def _describe(certificate: x509.Certificate, code: int, host: str) -> str:
    if code in (_WRONG_HOST, _WRONG_IP):
        names = "no name"
        with suppress(x509.ExtensionNotFound):
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            names = ", ".join(str(each.value) for each in found.value) or names
        return f"the certificate is for {names}, not for {host}"
    if code == _EXPIRED:
        end = certificate.not_valid_after_utc
        days = (datetime.now(timezone.utc) - end).days
        return (
            f"the certificate expired {days} day{'s'[: days != 1]} ago, on {end:%Y-%m-%d %H:%M} UTC"
        )
    return (
        f"the certificate is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    )


def _since(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f} ms"
