"""
Tests for the rooms and members that a conversation knows.
"""

from __future__ import annotations

from machat.cli.known import MAX_NAMES, MAX_TYPING, TYPING
from machat.cli.talk import TYPING_INTERVAL
from machat.events import Event, Members, Typing
from tests.cli.test_conversation import ConversationTestCase


class KnownTests(ConversationTestCase):
    def status(self) -> str:
        """
        @return: the bottom line
        """
        self.seen()
        return self.conversation.status

    def test_unread(self) -> None:
        """
        Messages of others in another room are counted until the user switches to it.
        """
        self.seen()
        self.conversation.typed("/join other")
        self.seen()
        self.conversation.typed("mine")
        for text in ("one", "two"):
            self.chat.service.say(self.bot, "dev", text)
        self.assertEqual(self.status(), "other: 1 here, also in dev (2 new)")
        self.conversation.typed("/join DEV")
        self.assertEqual(self.status(), "dev: 2 here, also in other")

    def test_typing(self) -> None:
        """
        Members of the current room are shown as typing for a time, and until they post.
        """
        self.seen()
        for name in ("bot", "Eve", "Mina"):
            self.conversation.received(Typing(room="dev", sender=name))
        self.conversation.received(Typing(room="other", sender="Ada"))
        self.assertEqual(self.status(), "dev: 2 here, bot, Eve are typing")
        self.chat.service.say(self.bot, "dev", "x")
        self.assertEqual(self.status(), "dev: 2 here, Eve is typing")
        self.now += TYPING
        self.assertEqual(self.status(), "dev: 2 here")

    def test_bounds(self) -> None:
        """
        A server cannot make the client remember any number of names.
        """
        self.seen()
        for number in range(100):
            self.conversation.received(Typing(room="dev", sender=f"m{number}"))
        people = tuple([f"m{number}" for number in range(2 * MAX_NAMES)])
        self.conversation.received(Members(room="dev", count=len(people), members=people))
        room = self.conversation.known.get("dev")
        self.assertEqual((len(room.typing), len(room.people)), (MAX_TYPING, MAX_NAMES))

    def test_topic(self) -> None:
        """
        The topic is shown, also after it has changed.
        """
        self.seen()
        self.conversation.typed("/topic")
        self.assertEqual(self.seen(), ["dev has no topic"])
        self.chat.service.moderation.setTopic("dev", "Tea")
        self.seen()
        self.conversation.typed("/topic")
        self.assertEqual(self.seen(), ["the topic is: Tea"])

    def test_mention(self) -> None:
        """
        A new message that contains the user's name is a mention; an older one and the user's own
        are not.
        """
        self.seen()
        self.chat.service.say(self.bot, "dev", "hello MINA!")
        self.chat.service.say(self.bot, "dev", "minas")
        self.conversation.typed("Mina here")
        self.chat.turn()
        self.chat.turn()
        self.assertEqual([line.mention for line in self.lines], [True, False, False])

    def test_ownAction(self) -> None:
        """
        An announcement of the user's own action is not a mention, unless it has the name twice.
        """
        self.seen()
        self.allowAll()
        for typed, mention in (("/topic Tea", False), ("/topic for Mina", True)):
            self.conversation.typed(typed)
            self.chat.turn()
            self.assertEqual([line.mention for line in self.lines], [mention])
            self.seen()

    def test_report(self) -> None:
        """
        The other members receive a report that the user is typing, every three seconds, unless the
        user has switched this off.
        """
        self.seen()
        events: list[Event] = []
        self.chat.client("Ear", events.append).join("dev")
        self.seen()

        def reports(seconds: float) -> int:
            """
            @return: the number of reports after the user has typed at a later time
            """
            events.clear()
            self.now += seconds
            self.conversation.typing()
            self.chat.clock.advance(seconds)
            self.seen()
            return len([event for event in events if isinstance(event, Typing)])

        before = TYPING_INTERVAL - 0.1
        self.assertEqual([reports(each) for each in (before, 0.1, before, 0.1)], [1, 0, 1, 0])
        self.conversation.typed("/typing off")
        self.assertEqual(reports(TYPING_INTERVAL), 0)
