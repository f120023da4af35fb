"""
Tests for L{machat.lean}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.lean import COMMON, HANDSHAKE
from machat.testing import MemoryChat
from machat.ws import ChatWebSocketProtocol


class LeanTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat()

    def test_openConnection(self) -> None:
        """
        An open connection carries just this: a name more is one that a new Autobahn has added.
        """
        connection = self.chat.ws("Mina", "dev")._protocol
        self.assertEqual(
            sorted(vars(connection)),
            ["_alive", "_chat", "_outbox", "_session", "data", "factory", "http_response_data"]
            + ["is_closed", "is_open", "state", "transport"],
        )

    def test_stockConnection(self) -> None:
        """
        Every name that is taken off is one that Autobahn uses.
        """
        self.chat._ws.protocol = ChatWebSocketProtocol
        names = set(vars(self.chat.ws()._protocol))
        self.assertEqual((set(COMMON) | HANDSHAKE) - names, set())

    def test_fragments(self) -> None:
        """
        Two lean connections with half a character each do not see each other's.
        """
        mina, ada = self.chat.ws("Mina", "dev"), self.chat.ws("Ada", "dev")
        for half, first in (("\u00e4".encode()[:1], 0x01), ("\u00e4".encode()[1:], 0x80)):
            mina.sendFrame(first, half)
            ada.sendFrame(first, half)
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:\u00e4", "Ada:\u00e4"])
