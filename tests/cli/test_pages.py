"""
Tests for the commands C{/list}, C{/search} and C{/more}.
"""

from __future__ import annotations

from math import inf
from typing import Any

from twisted.internet.defer import Deferred, fail

from machat.cli.listing import LIMIT as ROOMS
from machat.cli.searching import LIMIT, REQUESTS
from machat.errors import ChatError
from machat.limits import Limits
from tests.cli.test_conversation import ConversationTestCase

NOTHING = "there is nothing more to show: use /list or /search first"


class PagesTestCase(ConversationTestCase):
    """
    A conversation on a server without a rate limit.
    """

    def setUp(self) -> None:
        self.setUpChat(Limits(rate=inf))
        self.setUpClient()
        self.seen()

    def typed(self, text: str) -> list[str]:
        """
        @return: the lines that answer a command
        """
        self.conversation.typed(text)
        for _ in range(3):
            self.chat.turn()
        self.chat.clock.pump([0.01] * 10)  # the server pauses between two parts of a search
        return self.seen()


class ListTests(PagesTestCase):
    """
    Tests for C{/list}.
    """

    def test_pages(self) -> None:
        """
        The rooms are shown page by page, each once, with the topic of each. Tab completes those of
        the last page.
        """
        self.chat.service.listing.patterns = ("*",)
        names = [f"r{number:03}" for number in range(2 * ROOMS + 1)]
        for name in names:
            self.chat.member("x", name)
        self.chat.service.moderation.setTopic("r000", "first")
        more = ["there are more rooms: /more shows the next ones, /list PREFIX only some"]
        lines = [f"{name}, 1 here" for name in names]
        lines[0] += ": first"
        self.assertEqual(self.typed("/list r"), lines[:ROOMS] + more)
        self.assertEqual(self.conversation.listing.names, names[:ROOMS])
        self.assertEqual(self.typed("/more"), lines[ROOMS : 2 * ROOMS] + more)
        self.assertEqual(self.typed("/more"), lines[2 * ROOMS :])
        self.assertEqual(self.typed("/more"), [NOTHING])
        self.assertEqual(self.typed("/list r10"), lines[100:])
        self.assertFalse(self.conversation.loading)

    def test_failure(self) -> None:
        """
        A failed request is reported, and can be repeated. Only one is made at a time.
        """
        assert self.conversation.client is not None
        list_ = self.conversation.client.listRooms
        answers: list[Any] = [fail(ChatError("busy", "try later")), Deferred()]
        self.patch(self.conversation.client, "listRooms", lambda *_: answers.pop(0))
        self.assertEqual(self.typed("/list"), ["the request failed: try later"])
        self.assertEqual(self.typed("/more"), [])
        again = "the answer to the last /list or /search has not arrived yet"
        for command in ("/list", "/search x", "/more"):
            self.assertEqual(self.typed(command), [again])
        self.patch(self.conversation.client, "listRooms", list_)
        self.chat.endpoint.cut()
        self.assertEqual(
            self.typed("/list"),
            ["connection lost, reconnecting", "not connected: the command was not sent"],
        )


class SearchTests(PagesTestCase):
    """
    Tests for C{/search}.
    """

    def test_pages(self) -> None:
        """
        The last messages with the words are shown in their order, then older ones. They can be
        answered by number.
        """
        for number in range(LIMIT + 1):
            self.chat.service.say(self.bot, "dev", f"red wine {number}")
            self.chat.service.say(self.bot, "dev", "beer")
        self.seen()
        head = '--- messages of dev with "WINE red" ---'
        self.assertEqual(
            self.typed("/search WINE red"),
            [
                head,
                *[f"bot: red wine {number}" for number in range(1, LIMIT + 1)],
                "--- end of the messages found; /more searches older ones ---",
            ],
        )
        last = "--- end of the messages found; there are no older ones ---"
        self.assertEqual(self.typed("/more"), [head, "bot: red wine 0", last])
        self.assertEqual(self.typed("/more"), [NOTHING])
        self.assertEqual(self.typed("/search gin"), ['--- no messages of dev with "gin" ---'])
        self.assertEqual(self.typed("/reply 1 yes"), ["> #1 bot: red wine 0", "Mina: yes"])
        self.assertFalse(self.conversation.failed)

    def test_limited(self) -> None:
        """
        If the server limits its work, a page makes a limited number of requests, and the next page
        continues.
        """
        assert self.conversation.client is not None
        answers = []
        history = self.conversation.client.history

        def slow(room: str, before: int | None, *more: Any) -> Any:
            answers.append(before)
            answer = history(room, before, *more)
            older = (before or 100) - 1

            def shorten(found: Any) -> Any:
                return type(found)(
                    room=room, epoch="e", seq=100, messages=(), searched=older, id=found.id
                )

            return answer.addCallback(shorten)

        self.patch(self.conversation.client, "history", slow)
        none = '--- no messages of dev with "gin" found; /more searches older ones ---'
        self.assertEqual(self.typed("/search gin"), [none])
        self.assertEqual(self.typed("/more"), [none])
        self.assertEqual(len(answers), 2 * REQUESTS)
        self.assertEqual(answers[1:], list(range(99, 100 - 2 * REQUESTS, -1)))

    def test_usage(self) -> None:
        """
        Words are necessary, and so is a room.
        """
        usage = "use /search WORDS, to find messages of this room with all of these words"
        self.assertEqual(self.typed("/search"), [usage])
        self.typed("/leave")
        self.assertEqual(self.typed("/search gin"), ["you are not in a room: use /join ROOM"])
