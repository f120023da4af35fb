"""
The chat on WebSocket (RFC 6455): the server's side and the client's. The only package that knows
Autobahn.
"""

from machat.wire import PATH, SUBPROTOCOL
from machat.ws.factory import ChatWebSocketFactory
from machat.ws.server import ChatWebSocketProtocol

__all__ = ["PATH", "SUBPROTOCOL", "ChatWebSocketFactory", "ChatWebSocketProtocol"]
