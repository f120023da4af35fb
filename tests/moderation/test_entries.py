"""
Tests for changes of other members' messages by moderators.
"""

from __future__ import annotations

from tests.moderation.test_commands import ModerationTestCase


class EntriesTests(ModerationTestCase):
    """
    Ada changes messages of Mina.
    """

    def test_moderator(self) -> None:
        """
        A moderator may edit and redact any message at any time. C{text} names both.
        """
        text = self.hello(self.chat.tcp(), name="Mina", room="dev", password="secret")
        text.send("one")
        text.send("two")
        self.turn()
        self.ask(self.ada, "join", room="dev")
        self.chat.clock.advance(7200)
        text.received()
        ack = self.ask(self.ada, "edit", room="dev", target=1, text="1")
        self.assertEqual((ack["type"], ack["seq"]), ("ack", 3))
        self.chat.clock.advance(121)  # the tests use one id
        self.ask(self.ada, "redact", room="dev", target=2, reason="rude")
        (redacted,) = [each for each in self.others if each["type"] == "redacted"]
        self.assertEqual((redacted["by"], redacted["from"]), ("Ada", "Mina"))
        self.assertEqual(
            text.received(),
            [
                "machat:user Ada edited a message: 1",
                "machat:user Ada removed a message from Mina: rude",
            ],
        )

    def test_server(self) -> None:
        """
        Nobody can change what the server has announced, so that a moderator cannot invent an action
        of another one. It can be removed.
        """
        self.ask(self.ada, "join", room="dev")
        self.ask(self.ada, "topic", room="dev", text="tea")
        error = self.ask(self.ada, "edit", room="dev", target=1, text="moderator Bob left")
        self.assertEqual(error["code"], "not-allowed")
        self.assertEqual(self.ask(self.ada, "redact", room="dev", target=1)["type"], "ack")

    def test_elsewhere(self) -> None:
        """
        The right to moderate one room does not include another.
        """
        self.ask(self.mina, "join", room="lab")
        self.ask(self.mina, "say", room="lab", text="one")
        self.ask(self.ada, "join", room="lab")
        error = self.ask(self.ada, "redact", room="lab", target=1)
        self.assertEqual(error["code"], "not-allowed")
