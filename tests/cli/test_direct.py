"""
Tests for direct messages in a conversation.
"""

from __future__ import annotations

from math import inf

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal

from machat.auth.realm import ChatRealm
from machat.cli.conversation import Conversation
from machat.cli.display import Line
from machat.client import ChatClient
from machat.commands import Auth
from machat.limits import Limits
from machat.testing import MemoryChat
from tests.cli.test_conversation import ConversationTestCase

ROOM = "@Ada,Mina"


class AccountTestCase(ConversationTestCase):
    """
    Mina and Ada have accounts.
    """

    def setUp(self) -> None:
        users = {name: b"secret" for name in ("Mina", "Ada")}
        checker = InMemoryUsernamePasswordDatabaseDontUse(**users)
        self.chat = MemoryChat(Limits(rate=inf), portal=Portal(ChatRealm(), [checker]))
        self.now = 0.0
        self.screens: dict[str, list[Line]] = {}
        self.lastScreen: list[Line] = []
        self.talks: dict[str, Conversation] = {}
        self.mina = self.begin("Mina")
        self.ada = self.begin("Ada")
        self.on("Mina")
        self.on("Ada")

    def begin(self, name: str, device: str | None = None) -> Conversation:
        """
        @param device: another name of the terminal
        @return: a conversation in no room
        """
        screen = self.screens.setdefault(device or name, [])
        conversation = self.talks[device or name] = Conversation(
            screen.append, lambda status: None, seconds=lambda: self.now
        )
        client = ChatClient(
            self.chat.clock,
            self.chat.endpoint,
            name,
            conversation.received,
            credentials=lambda: Auth(password="secret"),
        )
        conversation.reading.enabled = True
        conversation.away.present()
        conversation.begin(client, [])
        return conversation

    def stop(self, name: str) -> None:
        """
        Stop the client of a user.
        """
        client = self.talks[name].client
        if client is not None:
            client.stopService()
        self.chat.turn()

    def on(self, name: str) -> list[str]:
        """
        @return: the new lines on the screen of a user
        """
        self.lines = self.screens[name]
        for _ in range(8):
            self.chat.turn()
        self.lastScreen = list(self.lines)
        return self.seen()


class DirectTests(AccountTestCase):
    """
    Tests for direct messages.
    """

    def test_message(self) -> None:
        """
        A direct message arrives without a join, mentions its receiver, and is answered. The text
        may have several lines.
        """
        self.mina.typed("/msg Ada lunch?")
        self.chat.clock.pump([0.5] * 4)
        (line,) = [line for line in self.screens["Ada"] if line.sender == "Mina"]
        self.assertEqual(line.text, "lunch?")
        self.on("Ada")
        self.ada.typed("/msg Mina yes\nat one")
        self.assertEqual(self.on("Ada"), ["Ada: yes\nat one"])
        self.assertIn("Ada: yes\nat one", self.on("Mina"))
        self.assertIsNone(self.mina.room)
        self.mina.typed("/msg Ada")
        self.assertEqual(self.mina.room, ROOM)
        self.mina.typed("fine")
        self.assertEqual(self.on("Ada"), ["Mina: fine"])

    def test_later(self) -> None:
        """
        A user who was not connected receives the message later, and learns of the conversation.
        """
        self.stop("Ada")
        self.mina.typed("/msg Ada lunch?")
        self.chat.clock.pump([0.5] * 4)
        self.screens["Ada"].clear()
        self.ada = self.begin("Ada")
        shown = self.on("Ada")
        self.assertIn("you have conversations with Mina: /msg NAME", shown)
        self.assertEqual(shown[-1], "Mina: lunch?")

    def test_block(self) -> None:
        """
        A blocked user's messages are refused.
        """
        self.ada.typed("/block Mina")
        self.assertEqual(self.on("Ada"), ["Mina is blocked"])
        self.mina.typed("/msg Ada lunch?")
        (line,) = [each for each in self.on("Mina") if "refused" in each]
        self.assertIn("(/msg Ada)", line)
        self.ada.typed("/unblock Mina")
        self.assertEqual(self.on("Ada"), ["Mina is no longer blocked"])
        self.mina.typed("/msg Ada now?")
        self.assertIn("Mina: now?", self.on("Ada"))

    def test_blockShared(self) -> None:
        """
        All terminals of the user know the blocked names.
        """
        other = self.begin("Ada", "desk")
        self.ada.typed("/block mina")
        self.assertEqual(self.on("Ada"), ["mina is blocked"])
        self.chat.clock.pump([0.5] * 4)
        self.assertEqual((self.ada.known.blocked, other.known.blocked), (("mina",), ("mina",)))
        other.typed("/unblock Mina")
        self.chat.clock.pump([0.5] * 4)
        self.assertEqual((self.ada.known.blocked, other.known.blocked), ((), ()))

    def test_at(self) -> None:
        """
        The sign before a completed name is not a part of the name.
        """
        self.mina.typed("/msg @Ada @noon?")
        self.assertIn("Mina: @noon?", self.on("Ada"))
        self.ada.typed("/block @Mina")
        self.assertEqual(self.on("Ada"), ["Mina is blocked"])
        self.ada.typed("/unblock @Mina")
        self.assertEqual(self.on("Ada"), ["Mina is no longer blocked"])
        self.ada.typed("/block @")
        self.assertEqual(self.on("Ada"), ["use /block NAME"])

    def test_usage(self) -> None:
        """
        Wrong arguments are answered, and so is a server without accounts.
        """
        for typed, answer in (
            ("/msg", "use /msg NAME TEXT, or /msg NAME to switch to the conversation"),
            ("/msg MINA hello", "that is your own name"),
            ("/block", "use /block NAME"),
            ("/unblock", "use /unblock NAME"),
        ):
            self.mina.typed(typed)
            self.assertEqual(self.on("Mina"), [answer])
        ConversationTestCase.setUp(self)
        self.seen()
        self.conversation.typed("/msg Ada hello")
        (line,) = self.seen()
        self.assertTrue(line.startswith("refused: ") and line.endswith("(/msg Ada)"), line)
