"""
Tests for the commands that refer to messages by their numbers, and for the lines that show them.
"""

from __future__ import annotations

from machat.entries import Edit, React, Redact, Said
from tests.cli.test_conversation import ConversationTestCase


class ChangesTests(ConversationTestCase):
    def post(self, text: str, data: bytes = b"", reply: int | None = None) -> None:
        """
        Have the bot post a message.
        """
        self.chat.service.post(self.bot, "dev", Said(text, data, reply))

    def typed(self, *typed: str) -> list[str]:
        """
        @return: the lines that are shown after the user has typed these
        """
        self.seen()
        for each in typed:
            self.conversation.typed(each)
        return self.seen()

    def test_numbers(self) -> None:
        """
        Each message has its number in the room.
        """
        self.seen()
        self.post("one")
        self.conversation.typed("two")
        self.chat.turn()
        self.chat.turn()
        self.assertEqual([line.number for line in self.lines], [1, 2])

    def test_reply(self) -> None:
        """
        A reply quotes the first line of its message. It may have several lines.
        """
        self.seen()
        self.post("shall we?\nor not?")
        self.assertEqual(
            self.typed("/reply 1 yes", "/reply #1 yes\n of course"),
            [
                "> #1 bot: shall we?...",
                "Mina: yes",
                "> #1 bot: shall we?...",
                "Mina: yes\n of course",
            ],
        )
        self.assertEqual(self.bot.received()[-1], "Mina:yes\n of course")

    def test_replyToUnknown(self) -> None:
        """
        A reply to a message that is not on the screen shows its number. The server refuses a reply
        to a message that does not exist.
        """
        for number in range(30):
            self.post(str(number))
            self.chat.turn()
        self.setUpClient("Ada")
        self.assertEqual(self.typed("/reply 1 yes"), ["> #1", "Ada: yes"])
        (line,) = self.typed("/reply 99 yes")
        self.assertTrue(line.startswith("refused: "), line)
        self.assertTrue(self.conversation.failed)

    def test_edit(self) -> None:
        """
        Without a number, the user's last message is edited.
        """
        self.assertEqual(self.typed("/edit x"), ["you have no message in dev to edit"])
        self.assertEqual(self.typed("helo"), ["Mina: helo"])
        self.post("hi")
        self.assertEqual(self.typed("/edit hello\nall"), ["Mina edited #1: hello\nall"])
        self.assertEqual(self.typed("/edit #1 hello"), ["Mina edited #1: hello"])
        self.assertEqual(self.typed("/reply 1 oh"), ["> #1 Mina: hello", "Mina: oh"])
        (line,) = self.typed("/edit 2 x")
        self.assertIn("(/edit 2)", line)

    def test_redact(self) -> None:
        """
        A removed message is shown as removed, by whom and why.
        """
        self.seen()
        self.post("buy this")
        self.allowAll()
        self.assertEqual(self.typed("hello"), ["Mina: hello"])
        self.assertEqual(
            self.typed("/redact 2", "/redact 1 spam"),
            ["Mina removed #2", "Mina removed #1 from bot: spam"],
        )
        self.assertEqual(self.typed("/edit x"), ["you have no message in dev to edit"])
        answer = ["> #1 bot: (removed)", "Mina: why?"]
        self.assertEqual(self.typed("/reply 1 why?"), answer)
        self.setUpClient("Ada")
        self.assertEqual(self.seen()[2:], ["bot: (removed)", "Mina: (removed)", *answer])

    def test_react(self) -> None:
        """
        A reaction is shown as a line, and with the message when it is shown later.
        """
        self.seen()
        self.post("news")
        self.assertEqual(
            self.typed("/react 1 \U0001f44d", "/react 1 \U0001f44d", "/unreact 1 \U0001f44d"),
            [
                "Mina reacts to #1 with \U0001f44d",
                "Mina no longer reacts to #1 with \U0001f44d",
            ],
        )
        self.typed("/react 1 \U0001f389", "/react 1 \U0001f44d")
        (line,) = self.typed("/react 1 good")
        self.assertIn("(/react 1)", line)
        self.setUpClient("Ada")
        self.assertEqual(self.seen()[2:], ["bot: news", "+ \U0001f389 Mina; \U0001f44d Mina"])

    def test_data(self) -> None:
        """
        An object for programs is shown as a short summary, without control characters.
        """
        self.seen()
        self.post("", b'{"kind":"card","to":"\\u001b[2J","rows":[1,2],"a":1,"b":true,"c":0}')
        self.post("see", b"{}")
        self.assertEqual(
            self.seen(),
            [
                "bot: (data: kind=card, to=\\x1b[2J, rows, a=1, b=True, ...)",
                "bot: see (data: )",
            ],
        )

    def test_lines(self) -> None:
        """
        Each line of a message is escaped.
        """
        self.seen()
        self.post("a\x1b\nb\r\n> c")
        self.assertEqual(self.seen(), ["bot: a\\x1b\nb\\x0d\n> c"])

    def test_recovered(self) -> None:
        """
        After a reconnection, a change that the recovered message contains already is not shown
        again, and one of a message on the screen is shown.
        """
        self.assertEqual(self.typed("hello"), ["Mina: hello"])
        self.chat.endpoint.cut()
        self.seen()
        service = self.chat.service
        for each in (
            React(1, "\U0001f44d"),
            Said("on"),
            Edit(3, "one"),
            React(3, "\U0001f44d"),
            Said("two"),
            Redact(6),
        ):
            service.post(self.bot, "dev", each)
            self.chat.turn()
        self.chat.clock.pump([0.5] * 4)
        self.assertEqual(
            self.seen(),
            [
                "connected",
                "bot reacts to #1 with \U0001f44d",
                "bot: one (edited)",
                "+ \U0001f44d bot",
                "bot: (removed)",
            ],
        )

    def test_usage(self) -> None:
        """
        Wrong arguments are answered with the correct use, and nothing is sent.
        """
        for typed, use in (
            ("/reply", "use /reply N TEXT, with the number of a message"),
            ("/reply 1", "use /reply N TEXT, with the number of a message"),
            ("/reply x y", "use /reply N TEXT, with the number of a message"),
            ("/reply 0 y", "use /reply N TEXT, with the number of a message"),
            ("/reply \u0661 y", "use /reply N TEXT, with the number of a message"),
            (f"/reply {'9' * 5000} y", "use /reply N TEXT, with the number of a message"),
            ("/edit 1", "use /edit N TEXT, or /edit TEXT for your last message"),
            ("/redact", "use /redact N [REASON], with the number of a message"),
            ("/react 1", "use /react N EMOJI, with the number of a message"),
            ("/unreact x y", "use /unreact N EMOJI, with the number of a message"),
            ("/who\n/kick bot", "this command has only one line"),
        ):
            self.assertEqual(self.typed(typed), [use])
        self.assertEqual(self.bot.received(), [])
