"""
Tests for L{machat.ws._autobahn}.
"""

from __future__ import annotations

from inspect import signature
from operator import attrgetter
from typing import Any

import autobahn
from autobahn.twisted.websocket import WebSocketServerProtocol
from twisted.trial.unittest import SynchronousTestCase

from machat.testing import MemoryChat
from machat.ws import SUBPROTOCOL, ChatWebSocketProtocol
from machat.ws._autobahn import ATTRIBUTES, CHECKED, COMMON, METHODS

#: The beginning of a failure's message.
CANARY = (
    f"Autobahn {autobahn.__version__} differs from the checked releases ({', '.join(CHECKED)}),"
    " adapt machat/ws/_autobahn.py:"
)

#: Attributes that Autobahn keeps from the handshake, and never reads once the connection is open.
HANDSHAKE = {
    "http_request_data",
    "http_response_data",
    "http_status_line",
    "http_headers",
    "http_request_uri",
    "http_request_path",
    "http_request_params",
    "http_request_host",
    "websocket_protocols",
    "websocket_origin",
    "websocket_extensions",
    "websocket_extensions_in_use",
    "_wskey",
    "_transport_details",
    "_valid_events",
    "_results",
}


class StockProtocol(ChatWebSocketProtocol):
    """
    The same protocol with Autobahn's own opening and reading code, and all of its attributes.
    """

    dataReceived = WebSocketServerProtocol.dataReceived

    def onConnect(self, request: Any) -> str | None:
        return SUBPROTOCOL if SUBPROTOCOL in request.protocols else None

    def makeConnection(self, transport: Any) -> None:
        WebSocketServerProtocol.__init__(self)
        ChatWebSocketProtocol.makeConnection(self, transport)
        WebSocketServerProtocol.makeConnection(self, self._outbox)


class ReceivingProtocol(StockProtocol):
    """
    Notes the names that are missing while it receives a frame.

    @cvar missing: these names; C{None} before the first frame
    """

    missing: list[str] | None = None

    def onMessageFrame(self, payload: list[bytes]) -> None:
        super().onMessageFrame(payload)
        missing = type(self).missing = []
        for name in ATTRIBUTES:
            try:
                attrgetter(name)(self)
            except AttributeError:
                missing.append(name)


class InternalsTests(SynchronousTestCase):
    """
    The installed Autobahn has the internals that the server uses.
    """

    def test_methods(self) -> None:
        """
        Each method exists and has the same parameters.
        """
        for name, parameters in METHODS.items():
            method = getattr(WebSocketServerProtocol, name, None)
            assert method is not None, f"{CANARY} there is no method {name}"
            found = tuple(signature(method).parameters)[1:]
            self.assertEqual(found, parameters, f"{CANARY} the parameters of {name}")

    def test_attributes(self) -> None:
        """
        A connection that receives a frame has each attribute.
        """
        chat = MemoryChat()
        chat._ws.protocol = ReceivingProtocol
        self.addCleanup(setattr, ReceivingProtocol, "missing", None)
        chat.ws().sendFrame(0x01, b"half a message")
        self.assertEqual(ReceivingProtocol.missing, [], f"{CANARY} there are no such attributes")


class LeanTests(SynchronousTestCase):
    """
    A connection has only few attributes of its own.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat()

    def test_openConnection(self) -> None:
        """
        An open connection has exactly these attributes.
        """
        self.assertEqual(
            sorted(vars(self.chat.ws("Mina", "dev")._protocol)),
            ["_alive", "_chat", "_midway", "_outbox", "_session", "factory", "state", "transport"],
        )

    def test_stockConnection(self) -> None:
        """
        An open connection has all attributes that Autobahn sets, except those that only the
        handshake needs: an additional name is one that a new Autobahn has added.
        """
        mine = self.chat.ws()._protocol
        self.chat._ws.protocol = StockProtocol
        stock = self.chat.ws()._protocol
        names = vars(stock).keys() - HANDSHAKE
        added = {name for name in names if not hasattr(mine, name)}
        self.assertEqual(added, set(), f"{CANARY} add these to COMMON")
        for name in COMMON.keys() - {"peer", "send_queue"}:
            self.assertTrue(hasattr(stock, name), f"{CANARY} remove {name} from COMMON")
            self.assertEqual(getattr(mine, name), getattr(stock, name), f"{CANARY} {name}")
        for name in stock.CONFIG_ATTRS:
            self.assertEqual(getattr(mine, name), getattr(stock, name), name)

    def test_fragments(self) -> None:
        """
        Two lean connections that have received half a character each do not share decoder state.
        """
        mina, ada = self.chat.ws("Mina", "dev"), self.chat.ws("Ada", "dev")
        for half, first in (("\u00e4".encode()[:1], 0x01), ("\u00e4".encode()[1:], 0x80)):
            mina.sendFrame(first, half)
            ada.sendFrame(first, half)
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:\u00e4", "Ada:\u00e4"])
