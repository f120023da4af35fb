"""
The site of an endpoint of the HTTP API: it limits what a client may send before a request is
complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IDelayedCall, IProtocolFactory, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface import implementer_only

from machat.addresses import describe, networkOf
from machat.api.resource import ApiResource
from machat.api.statuses import refused
from machat.errors import BAD_COMMAND, ChatError
from machat.http.resource import send
from machat.service import ChatService

#: The time after which an idle connection is closed, seconds. nginx closes its own after 60 s by
#: default (keepalive_timeout of ngx_http_upstream_module), and must be first.
IDLE = 75.0

#: The part of a body that is too long, or is from a client without a key, that is read and dropped,
#: so that the client reads the answer, bytes. A connection that sends more is aborted.
DROPPED = 16_777_216


class ApiRequest(Request):
    """
    A request whose body is limited, and which must be complete in time.

    @ivar excessive: whether the body is too long
    """

    channel: Any
    content: Any
    site: Any
    excessive = False

    def __init__(self, channel: Any, *args: Any, **kwargs: Any) -> None:
        Request.__init__(self, channel, *args, **kwargs)
        self._kept = True
        self._dropped = 0
        self._late: IDelayedCall | None = channel.site.callLater(self._abort)

    def _abort(self) -> None:
        self._late = None
        self.channel.abort("a request is too long, or was not complete in time")

    def gotLength(self, length: int | None) -> None:
        """
        The head has arrived.
        """
        self.content = BytesIO()
        self._kept = self.channel.site.api.access.keyOf(self) is not None
        if length is not None and length > DROPPED:
            self._abort()

    def handleContentChunk(self, data: bytes) -> None:
        """
        Keep a part of the body, or drop it.
        """
        if self._kept and not self.excessive:
            self.content.write(data)
            if self.content.tell() > self.channel.site.api.limits.body:
                self.excessive = True
                self.content = BytesIO()
        else:
            self._dropped += len(data)
            if self._dropped > DROPPED:
                self._abort()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """
        Forget the type of the body: curl labels any body as a form, which would be parsed as one.
        """
        self.requestHeaders.removeHeader(b"content-type")
        Request.requestReceived(self, command, path, version)

    def process(self) -> None:
        """
        The request is complete.
        """
        self._inTime()
        Request.process(self)

    def connectionLost(self, reason: Failure) -> None:
        self._inTime()
        Request.connectionLost(self, reason)

    def _inTime(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class ApiChannel(HTTPChannel):
    """
    One connection.
    """

    site: Any
    transport: Any
    _closing: IDelayedCall | None = None

    def connectionMade(self) -> None:
        HTTPChannel.connectionMade(self)
        if not self.site.add(self):
            self.abort("too many connections, in total or from this address")

    def abort(self, why: str) -> None:
        """
        Close the connection at once. Unlike C{forceAbortClient}, this limits the lines in the log.

        @param why: the reason, for the log
        """
        self.site.note(self.transport.getPeer(), why)
        self.transport.abortConnection()

    def timeoutConnection(self) -> None:
        """
        Close a connection that is idle.
        """
        self.loseConnection()

    def released(self) -> None:
        """
        An event stream has taken the connection over. It is not counted here any more.
        """
        self.site.remove(self)

    def loseConnection(self) -> None:
        """
        Close the connection when its answers have been sent, or after L{IDLE} seconds: a client
        that does not read would otherwise keep it, and the answers, forever.
        """
        if self._closing is None:
            self._closing = self.callLater(IDLE, self._abort)
        HTTPChannel.loseConnection(self)

    def _abort(self) -> None:
        self._closing = None
        self.abort("its last answer was not read")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        self.site.remove(self)
        HTTPChannel.connectionLost(self, reason)


class Elsewhere(Resource):
    """
    The paths outside the API.
    """

    def getChild(self, path: bytes, request: Any) -> Resource:
        """
        @return: this resource
        """
        return self

    def render(self, request: Any) -> bytes:
        """
        Answer 404.
        """
        return send(request, refused(ChatError(BAD_COMMAND, "the API is at /api/"), 404))


@implementer_only(IProtocolFactory)  # not of ALPN, which L{machat.transport.tls} implements
class ApiSite(Site):
    """
    A site with the HTTP API at C{/api}, and nothing else. Its idle connections and unfinished
    requests are limited.

    @ivar api: the resource of the API
    """

    noisy = False
    protocol: Any = ApiChannel
    requestFactory = ApiRequest

    def __init__(self, chat: ChatService, api: ApiResource) -> None:
        root = Elsewhere()
        root.putChild(b"api", api)
        Site.__init__(self, root, ApiRequest, timeout=IDLE, reactor=chat.clock)
        self.api = api
        self._chat = chat
        self._channels: dict[Any, str | None] = {}
        self._networks: Counter[str | None] = Counter()

    def log(self, request: Any) -> None:
        """
        Write no access log: L{machat.api.exchange} logs each request.
        """

    def callLater(self, late: Callable[[], object]) -> IDelayedCall:
        """
        @param late: called if a request is not complete in time
        """
        clock: IReactorTime = self._chat.clock
        return clock.callLater(self.api.limits.receive, late)

    def add(self, channel: Any) -> bool:
        """
        @return: whether a new connection is within the limits
        """
        network = networkOf(channel.transport.getPeer())
        if len(self._channels) >= self.api.limits.connections or (
            network is not None and self._networks[network] >= self._chat.limits.maxPerAddress
        ):
            return False
        self._channels[channel] = network
        self._networks[network] += 1
        return True

    def remove(self, channel: Any) -> None:
        """
        A connection is closed, or has become an event stream.
        """
        if channel in self._channels:
            network = self._channels.pop(channel)
            self._networks[network] -= 1
            if not self._networks[network]:
                del self._networks[network]

    def note(self, address: Any, why: str) -> None:
        """
        Log that a connection is aborted.
        """
        self._chat.logbook.note(
            networkOf(address),
            "connection of {peer} to the API aborted: {why}",
            peer=describe(address),
            why=why,
        )

    def closeIdle(self) -> None:
        """
        Close the connections without a request.
        """
        for channel in list(self._channels):
            if not channel.requests:
                channel.loseConnection()


class ApiService(Service):
    """
    Lets requests in progress finish when the chat stops. Make it a child of the chat.
    """

    def __init__(self, chat: ChatService, api: ApiResource, sites: Sequence[ApiSite] = ()) -> None:
        """
        @param sites: the sites whose idle connections to close
        """
        self._chat = chat
        self._api = api
        self._sites = sites

    def stopService(self) -> Deferred[None]:
        """
        @return: fires when all requests are answered, or after C{Limits.closeTimeout} seconds
        """
        Service.stopService(self)
        for site in self._sites:
            site.closeIdle()
        idle = self._api.whenIdle()
        idle.addTimeout(self._chat.limits.closeTimeout, self._chat.clock)
        return idle.addErrback(lambda failure: failure.trap(TimeoutError)).addCallback(self._end)

    def _end(self, _: object) -> None:
        for site in self._sites:
            site.closeIdle()
