"""
The WebSocket and the page as resources of L{twisted.web}, on the same port as the rest of a site.
"""

from __future__ import annotations

from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from machat.http.handshake import required
from machat.http.messages import Answer
from machat.http.resource import (
    Document,
    Missing,
    canTakeOver,
    fieldOf,
    refusedHost,
    send,
    takeOver,
)
from machat.http.site import Reply
from machat.http.static import File
from machat.wire import PATH
from machat.ws.factory import ChatWebSocketFactory


class ChatResource(Resource):
    """
    Opens WebSockets for a chat over HTTP/1.1, with or without TLS, at any path. It takes the
    connection over from the site.

    Autobahn's own C{WebSocketResource} leaves the site's producer registered on the connection.
    Bytes that wait for a slow reader would then be lost.
    """

    isLeaf = True

    def __init__(self, factory: ChatWebSocketFactory) -> None:
        Resource.__init__(self)
        self._factory = factory

    def render(self, request: Any) -> Any:
        """
        Open a WebSocket, or answer with one line that states the reason.
        """
        head = _headOf(request)
        reply = self._factory.site.reply(head)
        if isinstance(reply, Reply):
            self._factory.note(request.getClientAddress(), reply)
            return send(request, reply.answer)
        if not canTakeOver(request):
            return send(request, required("WebSockets require HTTP/1.1."))
        protocol = self._factory.buildProtocol(request.transport.getPeer())
        takeOver(request, protocol)
        protocol.dataReceived(head)
        return NOT_DONE_YET


class PageResource(Resource):
    """
    The page, with its security headers, and the WebSocket next to it, at L{PATH}.
    """

    def __init__(self, factory: ChatWebSocketFactory) -> None:
        Resource.__init__(self)
        self._hosts = factory.site.hosts
        self._missing = Missing(self._hosts, "The page is at the parent path.")
        for path, file in factory.pages.files.items():
            self.putChild(path[1:].encode(), self._document(file))
        self.putChild(PATH[1:].encode(), ChatResource(factory))

    def _document(self, file: File) -> Document:
        def make(request: Request) -> Answer:
            known, accepted = (
                fieldOf(request, name) or "" for name in (b"if-none-match", b"accept-encoding")
            )
            return file.answer(known, accepted)

        return Document(self._hosts, make, self._missing)

    def render(self, request: Request) -> bytes:
        """
        Redirect to the path with a slash, to which the page's links are relative.
        """
        refusal = refusedHost(request, self._hosts)
        if refusal is not None:
            return send(request, refusal)
        request.redirect(b"%s/" % (request.prepath or [b""])[-1])
        return b""

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        @return: an answer of one line, because there is no such file
        """
        return self._missing


def _headOf(request: Request) -> bytes:
    """
    @return: the head of the request, as a client would send it to L{PATH} on an endpoint of MaChat
    """
    headers = request.requestHeaders.getAllRawHeaders()
    query = b"?%s" % request.uri.partition(b"?")[2] if b"?" in request.uri else b""
    version = request.clientproto if request.clientproto == b"HTTP/1.0" else b"HTTP/1.1"
    first = b"%s %s%s %s\r\n" % (request.method, PATH.encode(), query, version)
    lines = [b"%s: %s\r\n" % (name, value) for name, values in headers for value in values]
    return first + b"".join(lines) + b"\r\n"
