"""
The WebSocket and the page among the resources of L{twisted.web}: on the same port as the rest of a
site.
"""

from __future__ import annotations

from typing import Any

from twisted.protocols.policies import ProtocolWrapper
from twisted.web.http import CACHED
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from machat.pages import File, thePage
from machat.ws.server import PATH, ChatWebSocketFactory

#: The status of an answer to what does not ask for a WebSocket (RFC 9110 section 15.5.22).
UPGRADE_REQUIRED = 426


class ChatResource(Resource):
    """
    Opens WebSockets for a chat, at whatever path it is put, over HTTP/1.1 with or without TLS. It
    takes the connection from the site, which hears of it no more.

    Autobahn's own C{WebSocketResource} leaves the site's producer with the connection, on which
    what a slow reader has to wait for would be lost.
    """

    isLeaf = True

    def __init__(self, factory: ChatWebSocketFactory) -> None:
        Resource.__init__(self)
        self._factory = factory

    def render_GET(self, request: Request) -> Any:
        """
        Open a WebSocket, or say that here is nothing else.
        """
        channel: Any = request.channel
        if channel.transport is None or request.getHeader("upgrade") is None:  # HTTP/2, or a page
            request.setResponseCode(UPGRADE_REQUIRED)
            request.setHeader("upgrade", "websocket")
            request.setHeader("content-type", "text/plain")
            return b"this is a WebSocket\n"
        transport, channel.transport = channel.transport, None
        transport.unregisterProducer()
        protocol = self._factory.buildProtocol(transport.getPeer())
        _connect(transport, protocol)
        channel.rawDataReceived = protocol.dataReceived  # takes what has come with the request
        transport.resumeProducing()  # the site paused it for this request
        protocol.dataReceived(_headOf(request))
        return NOT_DONE_YET


class PageResource(Resource):
    """
    The page, with the header fields that make it safe, and the WebSocket where the page looks for
    it: beside itself, at L{PATH}.
    """

    def __init__(self, factory: ChatWebSocketFactory) -> None:
        Resource.__init__(self)
        for path, file in thePage().files.items():
            self.putChild(path[1:].encode(), _FileResource(file))
        self.putChild(PATH[1:].encode(), ChatResource(factory))

    def render_GET(self, request: Request) -> bytes:
        """
        Add the slash, without which the page would look in the wrong place.
        """
        request.redirect(b"%s/" % (request.prepath or [b""])[-1])
        return b""


class _FileResource(Resource):
    isLeaf = True

    def __init__(self, file: File) -> None:
        Resource.__init__(self)
        self._file = file

    def render_GET(self, request: Request) -> bytes:
        for name, value in self._file.fields.items():
            request.setHeader(name, value)
        if request.setETag(self._file.tag.encode()) is CACHED:
            return b""
        request.setHeader("Content-Type", self._file.type)
        return self._file.body


def _connect(transport: Any, protocol: Any) -> None:
    if isinstance(transport, ProtocolWrapper):  # TLS
        transport.wrappedProtocol = protocol
    else:
        transport.protocol = protocol
    protocol.makeConnection(transport)


def _headOf(request: Request) -> bytes:
    """
    @return: the request's head, as if it had been made to a server of its own
    """
    headers = request.requestHeaders.getAllRawHeaders()
    lines = [b"%s: %s\r\n" % (name, value) for name, values in headers for value in values]
    return b"GET %s HTTP/1.1\r\n%s\r\n" % (PATH.encode(), b"".join(lines))
