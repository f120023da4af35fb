"""
The server's side of WebSocket connections (RFC 6455), with Autobahn.

L{machat.ws.resource} serves them in a site of L{twisted.web}. It is a module of its own, so that
this package does not load L{twisted.web}.
"""

from machat.wire import PATH, SUBPROTOCOL
from machat.ws.factory import ChatWebSocketFactory
from machat.ws.server import ChatWebSocketProtocol

__all__ = ["ChatWebSocketFactory", "ChatWebSocketProtocol", "PATH", "SUBPROTOCOL"]
