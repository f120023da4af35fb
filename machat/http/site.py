"""
The answers of a WebSocket endpoint to HTTP requests: the WebSocket, the chat page, and one line of
text for everything else. This module does no I/O.

A browser does not report to a page why a WebSocket was refused. Therefore a plain C{GET} of the
WebSocket's path is answered with the reason. The page passes its origin in the query, C{?origin=},
because a browser sends no C{Origin} field with a same-origin C{GET}.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from machat.http.handshake import OLD, Opening, isAsked, open_, required, splitKey
from machat.http.messages import Answer, BadRequest, Request, line, readRequest
from machat.http.origins import Authority, Hosts, Origins, readOrigin
from machat.http.static import Pages

METHODS = "GET, HEAD, OPTIONS"

#: Header fields that allow pages of any origin to read the reason of a refusal.
_READABLE = {
    "Access_Control_Allow_Origin": "*",
    "Access_Control_Expose_Headers": "X-Machat-Reason",
}

_PLAIN = (
    "This is a WebSocket endpoint. If they cannot open it, configure the proxy in "
    "front to forward Upgrade and Connection."
)

_QUERIED = re.compile("(?:^|&)origin=([^&]*)")

#: The number of accepted handshakes that are remembered, and the maximum size of each, bytes.
_REMEMBERED = 64
_REMEMBERED_SIZE = 2_048

#: The maximum length of an invalid origin in the log, characters.
_SHOWN = 100

#: Continues the refusal of an origin such as C{null}.
_NO_ORIGIN = (
    "is not the origin of a page on a web server: pages in files and in sandboxed frames have "
    "none. Serve the page over HTTP, and allow its origin with --origin."
)


class Reply(NamedTuple):
    """
    An answer.

    @ivar answer: the answer
    @ivar method: the method of the request
    @ivar log: the text to log; empty for answers that need no attention
    @ivar keep: whether the connection may stay open for another request
    """

    answer: Answer
    method: str = "GET"
    log: str = ""
    keep: bool = False

    def encode(self, kept: float = 0.0) -> bytes:
        """
        @param kept: see L{Answer.encode}
        @return: the encoded answer
        """
        return self.answer.encode(self.method, kept)


class Site:
    """
    The paths of a WebSocket endpoint.

    @ivar hosts: the allowed hosts
    """

    def __init__(
        self, path: str, protocol: str, pages: Pages | None, origins: Origins, hosts: Hosts
    ) -> None:
        """
        @param path: the path of the WebSocket
        @param protocol: its subprotocol
        @param pages: the files to serve, or C{None}
        @param origins: the origins of pages that may open the WebSocket
        @param hosts: the allowed hosts
        """
        self.hosts = hosts
        self._path = path
        self._protocol = protocol
        self._pages = pages
        self._origins = origins
        self._accepted: dict[tuple[bytes, bytes], str | None] = {}

    def reply(self, head: bytes) -> Opening | Reply:
        """
        Answer a request. A handshake that differs from an accepted one only in its key is accepted
        too, without parsing it: clients of the same kind send the same fields. This saves a tenth
        of the cost of a join.

        @param head: the head of a request, including the empty line at its end
        @return: the accepted handshake, or an answer
        """
        split = splitKey(head)
        if split is None:
            return self._judge(head)
        rest, key = split
        if rest in self._accepted:
            return Opening(key, self._accepted[rest])
        reply = self._judge(head)
        if isinstance(reply, Opening) and len(head) <= _REMEMBERED_SIZE:
            if len(self._accepted) >= _REMEMBERED:
                self._accepted.clear()
            self._accepted[rest] = reply.protocol
        return reply

    def _judge(self, head: bytes) -> Opening | Reply:
        try:
            request = readRequest(head)
        except BadRequest as error:
            return Reply(error.answer, log=str(error))
        host = request.host  # HTTP/1.0 clients may omit it
        if host is not None and not self.hosts.allows(host):
            refusal = misdirected(host)
            return Reply(refusal, request.method, _textOf(refusal))
        if request.path == self._path:
            return self._atWebSocket(request)
        return self._elsewhere(request)

    def _elsewhere(self, request: Request) -> Reply:
        file = self._pages.find(request.path) if self._pages is not None else None
        wanted = isAsked(request)
        if wanted or (file is None and not _asksForAll(request)):
            text = f"There is nothing at this path. The WebSocket is at {self._path}."
            return Reply(line(404, text), request.method, text if wanted else "")
        if request.method == "OPTIONS":
            return Reply(allowed())
        if file is None or request.method not in METHODS.split(", "):
            return Reply(notAllowed(), request.method)
        known, accepted = (
            request.fields.get(name, "") for name in ("if-none-match", "accept-encoding")
        )
        return Reply(file.answer(known, accepted), request.method, keep=not request.last)

    def _atWebSocket(self, request: Request) -> Opening | Reply:
        wanted = isAsked(request)
        if request.method == "OPTIONS" and not wanted:
            return Reply(allowed())
        if request.method not in ("GET", "HEAD"):
            return Reply(notAllowed(), request.method)
        refusal = self._refusedOrigin(request)
        if refusal is not None:
            return refusal if wanted else refusal._replace(log="")
        if not wanted or request.method == "HEAD":
            answer = required(_PLAIN) if request.modern else required(OLD, reason="http-1.0")
            return Reply(_readable(answer), request.method)
        opened = open_(request, self._protocol)
        if isinstance(opened, Answer):
            return Reply(opened, log=_textOf(opened))
        return opened

    def _refusedOrigin(self, request: Request) -> Reply | None:
        value = request.fields.get("origin", _queried(request))
        if value is None or request.host is None:
            return None  # not a browser
        origin = readOrigin(value)
        if origin is not None and self._origins.allows(origin, request.host):
            return None
        if origin is None:
            log = f"The Origin {ascii(value[:_SHOWN])} {_NO_ORIGIN}"
            text = f"The Origin {_NO_ORIGIN}"
        else:
            text = log = (
                f"The origin {origin} may not open a WebSocket at the host {request.host}. Start "
                f"MaChat with --origin {origin}, or configure the proxy in front to forward the "
                "browser's Host field."
            )
        if not request.modern:
            text += f" {OLD}"
        answer = _readable(line(403, text, X_Machat_Reason="origin"))
        return Reply(answer, request.method, log)


def misdirected(host: Authority) -> Answer:
    """
    @return: the refusal of a request for a host that is not allowed (RFC 9110 section 15.5.20)
    """
    text = (
        f"This server does not serve the host {host.host}. If it should, start MaChat with "
        f"--host {host.host}."
    )
    return _readable(line(421, text, X_Machat_Reason="host"))


def allowed() -> Answer:
    """
    @return: the answer to C{OPTIONS}
    """
    return Answer(204, {"Allow": METHODS})


def notAllowed() -> Answer:
    """
    @return: the answer to a method that is not supported
    """
    return line(405, f"The supported methods are {METHODS}.", Allow=METHODS)


def _asksForAll(request: Request) -> bool:
    """
    @return: whether this is an C{OPTIONS} request for the whole server; C{/} counts even without
        a page
    """
    return request.method == "OPTIONS" and request.path in ("*", "/")


def _queried(request: Request) -> str | None:
    """
    @return: the origin in the query of a plain request. It is ignored in a handshake, because a
        page can choose the query but not the C{Origin} field
    """
    found = None if isAsked(request) else _QUERIED.search(request.query)
    return None if found is None else unquote(found[1])


def _readable(answer: Answer) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in _READABLE.items()}
    return answer._replace(fields={**answer.fields, **fields})


def _textOf(answer: Answer) -> str:
    return answer.body.decode().rstrip()
