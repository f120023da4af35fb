"""
The program that receives webhooks, over HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from OpenSSL.SSL import Error as TLSError
from service_identity import CertificateError, VerificationError
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IConsumer, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from machat import __version__
from machat.webhooks.signature import sign

#: Time limits: for the connection including TLS, and for the whole request, seconds.
CONNECT = 5.0
REQUEST = 10.0

#: The maximum length of the body of an answer, bytes. It is discarded.
ANSWER = 65_536

#: The maximum length of an answer including its head, bytes.
WHOLE = 131_072

#: The statuses of answers that refuse a request because of its content (RFC 9110 section 15.5).
#: Other statuses, such as 404, are rather caused by the configuration of the receiver.
LASTING = (400, 413, 415, 422)

#: The maximum length of a cause, characters.
_LONGEST = 200


class Undelivered(Exception):
    """
    A request was not accepted, or it is not known whether it was. The text is the cause.

    @ivar lasting: whether the receiver refuses this request in particular, so that it probably
        refuses it again
    @ivar retry: the time after which the receiver asks to send it again, seconds; C{None} if it
        does not ask
    """

    def __init__(self, text: str, lasting: bool = False, retry: float | None = None) -> None:
        super().__init__(text)
        self.lasting = lasting
        self.retry = retry


class BadURL(ValueError):
    """
    A URL cannot be used for webhooks.
    """


def checkURL(url: str) -> str:
    """
    @return: the URL without its query, which may be secret, for the log
    @raise BadURL: it cannot be used. The message is one line for the operator
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as cause:
        raise BadURL(f"not a URL: {cause}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise BadURL("must have the form https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise BadURL("must not contain a user or a password: receivers check the signature")
    if parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        raise BadURL("must be ASCII, without spaces and without a fragment")
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


@implementer(IBodyProducer)
class _Body:
    """
    The body of a request.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        Write the body.
        """
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """
        Everything has been written.
        """

    resumeProducing = stopProducing = pauseProducing


class _Discarded(Protocol):
    """
    The body of an answer.

    @ivar done: fires when it has ended, or has more than L{ANSWER} bytes
    """

    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred()
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > ANSWER:
            self._end()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._end()

    def _end(self) -> None:
        if not self.done.called:
            self.done.callback(None)


class _Bounded(ProtocolWrapper):
    """
    A connection to the receiver. It is aborted if an answer is too long, because L{twisted.web}
    keeps header fields without a limit.
    """

    _size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > WHOLE:
            self.abortConnection()
        else:
            ProtocolWrapper.dataReceived(self, data)


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class _Connections:
    """
    Connects to the receiver, and keeps the connection, so that it can be aborted.
    """

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint
        self._protocol: Any = None

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """
        See L{IAgentEndpointFactory}.
        """
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """
        See L{IStreamClientEndpoint}.
        """
        protocolFactory.noisy = False  # type: ignore[attr-defined]  # or it logs each request
        bounded = WrappingFactory(protocolFactory)
        bounded.noisy = False
        bounded.protocol = _Bounded
        return self._endpoint.connect(bounded).addCallback(self._connected)

    def _connected(self, bounded: Any) -> Any:
        self._protocol = bounded.wrappedProtocol
        return self._protocol

    def abort(self) -> None:
        """
        Close the connection at once, if there is one.
        """
        protocol, self._protocol = self._protocol, None
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abortConnection()


class Receiver:
    """
    Sends requests to one URL, each on a connection of its own. It does not follow redirects, and
    verifies the certificate of an C{https} URL.

    @ivar name: the URL without its query
    @ivar secrets: sign the requests. They may be replaced
    """

    def __init__(
        self,
        reactor: Any,
        url: str,
        secrets: Sequence[bytes],
        now: Callable[[], float],
        endpoint: IStreamClientEndpoint | None = None,
    ) -> None:
        """
        @param secrets: see L{machat.webhooks.signature.secretsOf}
        @param now: returns Unix time
        @param endpoint: connects to the receiver, instead of the host in the URL
        @raise BadURL: the URL cannot be used
        """
        self.name = checkURL(url)
        self.secrets = secrets
        self._url = url.encode()
        self._reactor = reactor
        self._now = now
        self._connections = _Connections(endpoint or _endpointOf(reactor, url))
        self._agent = Agent.usingEndpointFactory(reactor, self._connections)

    def post(self, id: str, body: bytes) -> Deferred[None]:
        """
        Send a request. Wait for its result before you send another.

        @param id: the same for all attempts to send this body
        @param body: JSON
        @return: fires when the receiver has accepted it; fails with L{Undelivered}
        """
        posting = Deferred.fromCoroutine(self._post(id, body))
        posting.addTimeout(REQUEST, self._reactor)
        return posting.addErrback(_explained)

    async def _post(self, id: str, body: bytes) -> None:
        at = int(self._now())
        headers = {
            "content-type": "application/json",
            "user-agent": f"MaChat/{__version__}",
            "webhook-id": id,
            "webhook-timestamp": str(at),
            "webhook-signature": sign(self.secrets, id, at, body),
        }
        fields = Headers({name: [value] for name, value in headers.items()})
        try:
            answer = await self._agent.request(b"POST", self._url, fields, _Body(body))
            discarded = _Discarded()
            answer.deliverBody(discarded)
            await discarded.done
        finally:
            self._connections.abort()
        if not 200 <= answer.code < 300:
            retry = _retryOf(answer.headers.getRawHeaders(b"retry-after", [b""])[0], self._now())
            text = _refusal(answer.code, answer.phrase)
            raise Undelivered(text, answer.code in LASTING, retry)


def _endpointOf(reactor: Any, url: str) -> IStreamClientEndpoint:
    parts = urlsplit(url)
    assert parts.hostname is not None, "checkURL has checked it"
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    endpoint: IStreamClientEndpoint = HostnameEndpoint(reactor, parts.hostname, port, CONNECT)
    if secure:
        endpoint = wrapClientTLS(optionsForClientTLS(parts.hostname), endpoint)
    return endpoint


def _refusal(code: int, phrase: bytes) -> str:
    """
    @return: the cause for the log
    """
    if 300 <= code < 400:
        return f"HTTP {code}: redirects are not followed; use the final URL"
    text = _line(f"HTTP {code} {phrase.decode('ascii', 'replace')}")
    denied = code in (401, 403)
    return f"{text}; {'compare the secrets and the clocks' if denied else 'see its log'}"


def _retryOf(value: bytes, now: float) -> float | None:
    """
    @param value: the value of C{Retry-After} (RFC 9110 section 10.2.3)
    @param now: Unix time
    @return: the time after which to send the request again, seconds
    """
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return None


#: The causes by exception class. The first class that matches is used.
_CAUSES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (
        (Late, error.TimeoutError, CancelledError),
        f"no answer within {REQUEST:g} s; it must answer before it processes the events",
    ),
    (error.DNSLookupError, "the host name is unknown; correct the URL, or check the DNS"),
    (error.ConnectionRefusedError, "connection refused; start the receiver, or correct the port"),
    (error.ConnectionAborted, f"its answer is longer than {WHOLE} bytes"),
    (error.NoRouteError, "there is no route to the host; check the network"),
    (VerificationError, "the certificate is for another host; use a name that it contains"),
    (CertificateError, "the certificate contains no host name; renew it with one"),
    (
        (error.ConnectionDone, error.ConnectionLost),
        "the receiver closed the connection; see its log, or use https:",
    ),
)


def _explained(failure: Failure) -> Failure:
    """
    @return: the failure of a request as L{Undelivered}
    """
    if failure.check(Undelivered) or failure.value is None:
        return failure
    return Failure(Undelivered(_causeOf(failure.value)))


def _causeOf(cause: BaseException) -> str:
    reasons = getattr(cause, "reasons", None)  # of the failures of twisted.web.client
    if reasons:
        return _causeOf(reasons[0].value)
    for kinds, text in _CAUSES:
        if isinstance(cause, kinds):
            return text
    if isinstance(cause, TLSError):
        texts = [str(each[-1]) for each in cause.args[0]] if cause.args else []
        if any("certificate verify failed" in text for text in texts):
            return "the certificate is not trusted; trust its authority with SSL_CERT_FILE"
        return _line(f"TLS failed: {', '.join(texts) or 'the receiver closed the connection'}")
    return _line(f"{type(cause).__name__}: {cause}")


def _line(text: str) -> str:
    return "".join([c if c.isprintable() else " " for c in text[:_LONGEST]]).strip()
