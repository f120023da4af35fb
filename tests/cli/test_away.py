"""
Tests for L{machat.cli.away}.
"""

from __future__ import annotations

from machat.cli.away import IDLE
from tests.cli.test_conversation import ConversationTestCase

MARK = "--- new since you were away ---"


class AwayTests(ConversationTestCase):
    def post(self, *texts: str) -> list[str]:
        """
        Have the bot post messages.

        @return: the lines that are shown
        """
        for text in texts:
            self.chat.service.say(self.bot, "dev", text)
        return self.seen()

    def test_idle(self) -> None:
        """
        A line is shown before the first message after five minutes without a key.
        """
        self.seen()
        self.conversation.away.present()
        self.now += IDLE - 1
        self.assertEqual(self.post("a"), ["bot: a"])
        self.now += 1
        self.assertEqual(self.post("b", "c"), [MARK, "bot: b", "bot: c"])
        self.conversation.away.present()
        self.assertEqual(self.post("d"), ["bot: d"])
        self.now += IDLE
        self.conversation.typed("mine")
        self.assertEqual(self.seen(), ["Mina: mine"])
        self.assertEqual(self.post("e"), [MARK, "bot: e"])

    def test_lost(self) -> None:
        """
        A line is shown before the first message that was missed while there was no connection, but
        not before one that has just been posted.
        """
        for missed, shown in ((["a", "b"], [MARK, "bot: a", "bot: b"]), ([], [])):
            self.seen()
            self.conversation.away.present()
            self.chat.endpoint.cut()
            self.post(*missed)
            self.chat.clock.pump([0.5] * 4)
            self.assertEqual(self.seen(), ["connected", *shown])
            self.assertEqual(self.post("new"), ["bot: new"])

    def test_pipe(self) -> None:
        """
        Without keys, nothing is shown.
        """
        self.seen()
        self.now += 2 * IDLE
        self.assertEqual(self.post("a"), ["bot: a"])
