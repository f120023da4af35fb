"""
The factory of the server's WebSockets, with all their options.
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
from machat.http.static import thePage
from machat.interfaces import IChatRoom
from machat.transport.pings import Wheel
from machat.wire import PATH, SUBPROTOCOL
from machat.ws._autobahn import lean
from machat.ws.server import ChatWebSocketProtocol


class ChatWebSocketFactory(WebSocketServerFactory):
    """
    Serves a chat to WebSockets at L{PATH} on any stream endpoint.

    @ivar chat: the L{IChatRoom}
    @ivar plain: the largest frame that is read without Autobahn, bytes
    @ivar wheel: the pings of all connections
    @ivar proxies: see L{machat.addresses.forwardedFor}
    @ivar site: answers requests
    """

    noisy = False

    def __init__(
        self,
        chat: IChatRoom,
        page: bool = True,
        origins: Sequence[str] = (),
        proxies: int = 0,
        hosts: Sequence[str] = (),
    ) -> None:
        """
        @param page: whether to serve the page too
        @param origins: the pages of other hosts that may open a WebSocket, see L{Origins}
        @param proxies: how many proxies in front are believed about a client's address
        @param hosts: the only hosts that requests may name, see L{Hosts}; by default all
        @raise ValueError: C{origins} or C{hosts} has what is none
        """
        WebSocketServerFactory.__init__(self, server="", reactor=chat.clock)
        self.chat = chat
        self.proxies = proxies
        pages = thePage() if page else None
        self.site = Site(PATH, SUBPROTOCOL, pages, Origins(origins), Hosts(hosts))
        self.plain = min(wire.LARGEST_PLAIN, chat.limits.maxLine + 2)
        self.wheel = Wheel(chat.clock, chat.limits.ping, chat.limits.pong)
        self.setProtocolOptions(
            versions=[13],
            webStatus=False,
            failByDrop=False,
            maxFramePayloadSize=chat.limits.maxLine + 2,
            maxMessagePayloadSize=chat.limits.maxLine + 2,
            openHandshakeTimeout=0,  # the session's timer covers it, and the outbox's the closing
            closeHandshakeTimeout=0,
        )
        self.protocol = lean(
            ChatWebSocketProtocol,
            self,
            {"trafficStats": TrafficStats()},
            {"utf8validator": Utf8Validator, "is_open": Deferred, "is_closed": Deferred},
        )

    def note(self, address: Any, reply: Reply) -> None:
        """
        Write to the log what it should have of an answer.

        @param address: the peer's
        """
        if reply.log:
            self.chat.logbook.note(
                networkOf(address),
                "refused {peer}: {status} {text}",
                peer=describe(address),
                status=reply.answer.status,
                text=reply.log,
            )
