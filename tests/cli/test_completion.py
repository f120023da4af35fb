"""
Tests for L{machat.cli.completion}.
"""

from __future__ import annotations

from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from machat.cli.completion import MAX_SHOWN, ConversationCompleter
from machat.events import Conversations, Members
from tests.cli.test_conversation import ConversationTestCase


class CompleterTests(ConversationTestCase):
    def completed(self, text: str) -> list[str]:
        """
        @return: the input with each possible completion
        """
        completer = ConversationCompleter(self.conversation)
        found = completer.get_completions(Document(text), CompleteEvent())
        return [text[: len(text) + each.start_position] + each.text for each in found]

    def test_commands(self) -> None:
        """
        The beginning of a command is completed.
        """
        self.assertEqual(self.completed("/h"), ["/help", "/history"])
        self.assertEqual(self.completed("/hi"), ["/history"])
        self.assertIn("/mute", self.completed("/"))

    def test_rooms(self) -> None:
        """
        The names of rooms are completed after C{/join}.
        """
        self.seen()
        self.assertEqual(self.completed("/join D"), ["/join dev"])
        self.assertEqual(self.completed("/join "), ["/join dev"])
        self.assertEqual(self.completed("/join a d"), [])

    def test_names(self) -> None:
        """
        The names of the other members are completed, with a colon at the beginning of a message.
        """
        self.seen()
        self.assertEqual(self.completed("B"), ["bot: "])
        self.assertEqual(self.completed("hello @b"), ["hello @bot"])
        self.assertEqual(self.completed("/kick b"), ["/kick bot"])
        self.assertEqual(self.completed("/reply 1 ask bo"), ["/reply 1 ask bot"])
        self.assertEqual(self.completed("m"), [])
        self.chat.tcp("Bea", "dev")
        self.chat.clock.advance(1)
        self.seen()
        self.assertEqual(self.completed("a\nb"), ["a\nBea", "a\nbot"])

    def test_users(self) -> None:
        """
        After C{/msg}, also the names of users with whom there are conversations are completed.
        """
        self.seen()
        self.conversation.received(Conversations(rooms=("@Ada,Mina", "@Mina,Zoe", "@bot,MINA")))
        self.assertEqual(self.completed("/msg "), ["/msg Ada", "/msg Zoe", "/msg bot"])
        self.assertEqual(self.completed("/block z"), ["/block Zoe"])
        self.assertEqual(self.completed("/msg @z"), ["/msg @Zoe"])
        self.conversation.received(Conversations(rooms=(), blocked=("Yan",)))
        self.assertEqual(self.completed("/unblock y"), ["/unblock Yan"])
        self.assertEqual(self.completed("/msg Ada z"), [])
        self.assertEqual(self.completed("z"), [])

    def test_others(self) -> None:
        """
        Other words are not completed.
        """
        self.seen()
        for text in ("", "h", "//h", "/x", "/history ", "see /h", "a\n/h", "bot "):
            self.assertEqual(self.completed(text), [])

    def test_hostile(self) -> None:
        """
        A server cannot put control characters into the input, or fill the screen.
        """
        self.seen()
        people = ("b\x1b[2J", *[f"b{number}" for number in range(2 * MAX_SHOWN)])
        self.conversation.received(Members(room="dev", count=9, members=people))
        found = self.completed("b")
        self.assertEqual(len(found), MAX_SHOWN)
        self.assertTrue(all(each.isprintable() for each in found))
