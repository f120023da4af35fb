"""
The factory of WebSocket connections, with all their options.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from autobahn.websocket.protocol import TrafficStats
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet.defer import Deferred

from machat import wire
from machat.addresses import describe, networkOf
from machat.http.origins import Hosts, Origins
from machat.http.site import Reply, Site
from machat.http.static import Pages, checkTokens, thePage
from machat.interfaces import IChatRoom
from machat.transport.pings import Wheel
from machat.wire import PATH, SUBPROTOCOL
from machat.ws._autobahn import lean
from machat.ws.kept import KeptConnections
from machat.ws.server import ChatWebSocketProtocol


class ChatWebSocketFactory(WebSocketServerFactory):
    """
    Serves a chat on WebSockets at L{PATH}, on any stream endpoint.

    @ivar chat: the L{IChatRoom}
    @ivar kept: the connections that wait for another request
    @ivar plain: the maximum size of a frame that is read without Autobahn, bytes
    @ivar wheel: the pings of all connections
    @ivar proxies: see L{machat.addresses.forwardedFor}
    @ivar site: answers HTTP requests
    @ivar sockets: the sockets of the chat
    """

    noisy = False

    def __init__(
        self,
        chat: IChatRoom,
        page: bool | str = True,
        origins: Sequence[str] = (),
        proxies: int = 0,
        hosts: Sequence[str] = (),
    ) -> None:
        """
        @param page: whether to serve the page as well; a string: where the page fetches the user's
            name and token, see L{checkTokens<machat.http.static.checkTokens>}
        @param origins: the origins of other hosts whose pages may open a WebSocket: see L{Origins}
        @param proxies: the number of trusted proxies, which forward the client's address
        @param hosts: the only hosts that requests may name: see L{Hosts}. By default, all
        @raise ValueError: C{page}, or an item of C{origins} or C{hosts}, is invalid
        """
        WebSocketServerFactory.__init__(self, server="", reactor=chat.clock)
        self.chat = chat
        self.proxies = proxies
        self._tokens = checkTokens(page) if isinstance(page, str) else ""
        shown = self.pages if page else None
        self.site = Site(PATH, SUBPROTOCOL, shown, Origins(origins), Hosts(hosts))
        self.plain = min(wire.LARGEST_PLAIN, chat.limits.maxLine + 2)
        self.wheel = Wheel(chat.clock, chat.limits.ping, chat.limits.pong)
        self.sockets = chat.sockets
        self.kept = KeptConnections(chat.clock, chat.limits.joinTimeout)
        self.setProtocolOptions(
            versions=[13],
            webStatus=False,
            failByDrop=False,
            maxFramePayloadSize=chat.limits.maxLine + 2,
            maxMessagePayloadSize=chat.limits.maxLine + 2,
            openHandshakeTimeout=0,  # the session limits the opening, and the outbox the closing
            closeHandshakeTimeout=0,
        )
        self.protocol = lean(
            ChatWebSocketProtocol,
            self,
            {"trafficStats": TrafficStats()},
            {"utf8validator": Utf8Validator, "is_open": Deferred, "is_closed": Deferred},
        )

    @property
    def pages(self) -> Pages:
        """
        The files of the page, for a L{machat.ws.resource.PageResource} too. They are read and
        joined once in a process, and only if they are served.
        """
        return thePage(self._tokens)

    def note(self, address: Any, reply: Reply) -> None:
        """
        Write the log line of an answer, if it has one.

        @param address: the address of the peer
        """
        if reply.log:
            self.chat.logbook.note(
                networkOf(address),
                "refused {peer}: {status} {text}",
                peer=describe(address),
                status=reply.answer.status,
                text=reply.log,
            )
