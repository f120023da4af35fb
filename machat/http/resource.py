"""
The answers of L{machat.http.messages} as resources of L{twisted.web}.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from machat.http.messages import Answer, line
from machat.http.origins import Hosts, readAuthority
from machat.http.site import allowed, misdirected, notAllowed

_log = Logger()

#: An answer, or a coroutine that returns it.
Late = Answer | Coroutine[Any, Any, Answer]


def fieldOf(request: Any, name: bytes) -> str | None:
    """
    @param request: a request of L{twisted.web}, which raises an exception for values that are not
        UTF-8 if it is asked for text
    @param name: the name of a header field
    @return: its last value, in which each character is one byte; C{None} if it is missing
    """
    value: bytes | None = request.getHeader(name)
    return None if value is None else value.decode("latin-1")


def send(request: Any, answer: Answer) -> bytes:
    """
    Set the status and the header fields of a request's answer.

    @param request: the request of L{twisted.web}
    @param answer: the answer
    @return: the result for C{render}. It is empty for C{HEAD}, because L{twisted.web} would log a
        body together with the unescaped path from the client
    """
    request.setResponseCode(answer.status)
    for name, value in answer.fields.items():
        if name != "Upgrade":
            request.setHeader(name, value)
        elif request.channel.transport is not None:  # not over HTTP/2
            request.setHeader(name, value)
            request.setHeader("Connection", name)
    if request.method != b"HEAD":
        return answer.body
    request.setHeader("Content-Length", str(len(answer.body)))
    return b""


def _sendLate(request: Any, answer: Coroutine[Any, Any, Answer]) -> None:
    """
    Answer a request when a coroutine has returned the answer, unless the client has gone by then.
    """

    def finish(answer: Answer) -> None:
        if not gone:
            request.write(send(request, answer))
            request.finish()

    def failed(failure: Failure) -> None:
        _log.failure("no answer to a request", failure)
        finish(line(500, "The answer failed; the log has the cause."))

    gone: list[Failure] = []
    request.notifyFinish().addErrback(gone.append)
    Deferred.fromCoroutine(answer).addCallbacks(finish, failed)


def canTakeOver(request: Any) -> bool:
    """
    @return: whether L{takeOver} is possible. It is not over HTTP/2
    """
    return request.channel.transport is not None


def takeOver(request: Any, protocol: Any) -> None:
    """
    Give the connection of a request to another protocol, which writes the answer. The site does not
    use the connection any more.

    @param request: a request of L{twisted.web} over HTTP/1.1 that has not been answered
    """
    channel = request.channel
    transport, channel.transport = channel.transport, None
    transport.unregisterProducer()
    if isinstance(transport, ProtocolWrapper):  # TLS
        transport.wrappedProtocol = protocol
    else:
        transport.protocol = protocol
    protocol.makeConnection(transport)
    # The channel then passes on the data that arrived with the request.
    channel.rawDataReceived = protocol.dataReceived
    transport.resumeProducing()  # the site paused it for this request


def refusedHost(request: Any, hosts: Hosts) -> Answer | None:
    """
    @return: the refusal of a request for a host that is not allowed, else C{None}
    """
    for value in request.requestHeaders.getRawHeaders(b"host", []):
        host = readAuthority(value.decode("latin-1"))
        if host is None:
            return line(400, "The Host field of the request is invalid.")
        if not hosts.allows(host):
            return misdirected(host)
    return None


class _Checked(Resource):
    """
    A resource that refuses requests for hosts that are not allowed.
    """

    def __init__(self, hosts: Hosts) -> None:
        Resource.__init__(self)
        self._hosts = hosts

    def render(self, request: Any) -> Any:
        answer = refusedHost(request, self._hosts) or self.answer(request)
        if isinstance(answer, Answer):
            return send(request, answer)
        _sendLate(request, answer)
        return NOT_DONE_YET

    def answer(self, request: Any) -> Late:
        """
        @return: the answer to a request for an allowed host, or a coroutine that returns it
        """
        raise NotImplementedError


class Missing(_Checked):
    """
    A path without a resource: answers 404, and C{OPTIONS} at C{/} for the whole server.
    """

    def __init__(self, hosts: Hosts, text: str) -> None:
        """
        @param hosts: the allowed hosts
        @param text: a sentence that names the existing paths
        """
        _Checked.__init__(self, hosts)
        self._text = text

    def answer(self, request: Any) -> Answer:
        if request.method == b"OPTIONS" and request.path == b"/":
            return allowed()
        return line(404, f"There is nothing at this path. {self._text}")

    def getChild(self, path: bytes, request: Any) -> Resource:
        """
        @return: a missing resource as well
        """
        return Missing(self._hosts, self._text)


class Document(_Checked):
    """
    A resource that can be read with C{GET} and C{HEAD}.
    """

    def __init__(self, hosts: Hosts, make: Callable[[Any], Late], missing: Missing) -> None:
        """
        @param hosts: the allowed hosts
        @param make: returns the answer to a request, or a coroutine that returns it
        @param missing: the resource for all paths below this one
        """
        _Checked.__init__(self, hosts)
        self._make = make
        self._missing = missing

    def answer(self, request: Any) -> Late:
        if request.method == b"OPTIONS":
            return allowed()
        if request.method not in (b"GET", b"HEAD"):
            return notAllowed()
        return self._make(request)

    def getChild(self, path: bytes, request: Any) -> Resource:
        """
        @return: a missing resource
        """
        return self._missing
