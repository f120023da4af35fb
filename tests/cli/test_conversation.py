"""
Tests for L{machat.cli.conversation}, without a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from machat.auth.users import User
from machat.cli.conversation import Conversation
from machat.cli.display import COLOURS, Line, colour
from machat.cli.help import HELP
from machat.client import ChatClient, Lost
from machat.errors import ChatError
from machat.events import Bye, Error, Moved, Presence
from machat.limits import DEFAULTS, Limits
from machat.session.session import Session
from machat.testing import MemoryChat


class ConversationTestCase(SynchronousTestCase):
    """
    A test of a conversation in a chat with one other member.
    """

    def setUp(self) -> None:
        self.setUpChat(DEFAULTS)
        self.setUpClient()

    def setUpChat(self, limits: Limits) -> None:
        """
        Create a chat with one member.
        """
        self.chat = MemoryChat(limits)
        self.bot = self.chat.member("bot", "dev")

    def setUpClient(self, name: str = "Mina") -> None:
        """
        Begin a conversation.
        """
        self.lines: list[Line] = []
        self.ends: list[int] = []
        self.now = 0.0
        self.conversation = Conversation(
            self.lines.append, self.ends.append, seconds=lambda: self.now
        )
        self.client = ChatClient(
            self.chat.clock, self.chat.endpoint, name, self.conversation.received
        )
        self.conversation.begin(self.client, ["dev"])

    def allowAll(self) -> None:
        """
        Allow all users who are connected to moderate.
        """
        for session in self.chat.service.connections:
            cast(Session, session).user = User(mod=("*",))

    def seen(self) -> list[str]:
        """
        @return: the displayed lines since the last call
        """
        for _ in range(8):
            self.chat.turn()
        lines, self.lines[:] = list(self.lines), []
        return [each for line in lines for each in self.shown(line)]

    def shown(self, line: Line) -> Iterator[str]:
        """
        @return: the lines that show a message
        """
        if line.quote is not None:
            yield f"> {line.quote}"
        room = f"[{line.room}] " if line.room else ""
        sender = f"{line.sender}: " if line.sender else ""
        yield room + sender + " ".join(filter(None, (line.text, line.mark)))
        if line.reactions:
            yield f"+ {line.reactions}"


class ConversationTests(ConversationTestCase):
    def test_chat(self) -> None:
        """
        Typed lines are posted, and messages are shown.
        """
        self.assertEqual(self.conversation.status, "not connected")
        self.assertEqual(self.seen(), ["connected", "joined dev, 2 here: bot, Mina"])
        self.assertEqual(self.conversation.status, "dev: 2 here")
        self.conversation.typed("hello")
        self.conversation.typed("//not a command")
        self.chat.service.say(self.bot, "dev", "beep")
        self.assertEqual(self.seen(), ["bot: beep", "Mina: hello", "Mina: /not a command"])
        self.successResultOf(self.conversation.settled())

    def test_paste(self) -> None:
        """
        Literal lines are never commands, and all of them arrive, whatever their number.
        """
        self.seen()
        texts = ["/quit", "//", "", "a\x0cb", "a\u2028/join x", "\r", *map(str, range(1500))]
        for text in texts:
            self.conversation.say(text)
        self.assertEqual(self.conversation.status, "dev: 2 here, 1506 waiting")
        settled = self.conversation.settled()
        self.chat.clock.pump([1.0] * 310)
        self.successResultOf(settled)
        self.assertEqual(self.bot.received(), [f"Mina:{text}" for text in texts])
        self.assertEqual((self.ends, self.conversation.failed), ([], False))

    def test_lost(self) -> None:
        """
        A line reports that the server has lost messages; a new epoch without losses is not shown.
        """
        self.seen()
        for lost in (False, True):
            self.conversation.received(Moved(room="dev", epoch="e", seq=0, lost=lost))
        shown = "--- some messages of dev were lost: the server no longer has them ---"
        self.assertEqual(self.seen(), [shown])

    def test_notStored(self) -> None:
        """
        A message that the server could not store is reported as not sent, and one that it may have
        stored as unknown.
        """
        self.seen()
        for code, waits, shown in (
            ("failed", 1, "not sent: the store does not answer (a)"),
            ("unknown", 130, "outcome unknown: the message may have been published, or not (a)"),
        ):
            error = ChatError(code, "the store does not answer")
            self.patch(self.chat.service, "post", lambda *_, error=error: fail(error))
            self.conversation.typed("a")
            for _ in range(waits):
                self.chat.turn()
                self.chat.clock.advance(1)
            self.assertEqual(self.seen(), [shown])
            self.assertTrue(self.conversation.failed)

    def test_quit(self) -> None:
        """
        Quitting waits until all messages are acknowledged; quitting a second time does not wait.
        """
        for again, ends in ((False, [0]), (True, [1])):
            self.setUp()
            self.seen()
            for number in range(30):
                self.conversation.say(str(number))
            self.conversation.typed("/quit")
            self.assertIn("30 lines are still waiting", self.lines[-1].text)
            if again:
                self.conversation.typed("/quit")
            self.chat.clock.pump([0.5] * 10)
            self.assertEqual(self.ends[:1], ends)

    def test_leaveWithLines(self) -> None:
        """
        Leaving a room waits until all messages to it are acknowledged.
        """
        self.seen()
        for number in range(30):
            self.conversation.say(str(number))
        self.conversation.typed("/leave")
        self.chat.clock.pump([0.5] * 10)
        self.assertEqual(len(self.bot.received()), 30)
        self.assertEqual(self.client.rooms(), [])

    def test_notConnected(self) -> None:
        """
        Each reason for a missing connection is shown once, and again after a connection; a command
        that needs a connection is answered with an error.
        """
        self.seen()
        self.chat.endpoint.refuses = True
        self.chat.endpoint.cut()
        self.chat.clock.pump([0.5] * 120)
        refused = "cannot connect: connection refused: no server at this address; trying again"
        self.assertEqual(self.seen(), ["connection lost, reconnecting", refused])
        self.assertFalse(self.conversation.ready)
        for typed in ("/who", "/kick bot"):
            self.conversation.typed(typed)
            self.assertEqual(self.seen(), ["not connected: the command was not sent"])
        self.chat.endpoint.refuses = False
        self.chat.clock.pump([0.5] * 70)
        self.assertTrue(self.conversation.ready)
        self.assertEqual(self.seen(), ["connected"])
        self.chat.endpoint.refuses = True
        self.chat.endpoint.cut()
        self.chat.clock.pump([0.5] * 20)
        self.assertIn(refused, self.seen())

    def test_refusedConnection(self) -> None:
        """
        Each refusal by a server is shown once as well.
        """
        self.seen()
        refused = "cannot be in"
        self.chat.endpoint.refuses = True
        self.chat.endpoint.cut()
        for _ in range(3):
            for event in (
                Lost(True),
                Error(code="too-many-connections", text=refused),
                Bye(code=3003, reason="too-many-connections", reconnect=True),
            ):
                self.conversation.received(event)
        self.assertEqual(
            [line.text for line in self.lines],
            [
                "connection lost, reconnecting",
                f"too-many-connections: {refused}",
                "the server closed the connection: too-many-connections",
            ],
        )

    def test_refusedLines(self) -> None:
        """
        Refused lines are reported with their numbers, up to ten of them.
        """
        self.seen()
        self.chat.service.moderation.mute("dev", "Mina", 60)
        for number in range(15):
            self.conversation.say("x", number + 1)
        told = [line for line in self.seen() if line.startswith("refused: ")]
        self.assertEqual(len(told), 10)
        self.assertTrue(told[9].endswith(" (line 10)"), told)
        self.assertEqual((self.conversation.queue.failed, self.conversation.failed), (15, True))

    def test_rooms(self) -> None:
        """
        With several rooms, messages are shown with their room, and typed lines go to the room
        joined last.
        """
        self.seen()
        self.conversation.typed("/join other")
        self.conversation.typed("there")
        self.chat.service.say(self.bot, "dev", "here")
        expected = ["joined other, 1 here: Mina", "[dev] bot: here", "[other] Mina: there"]
        self.assertEqual(sorted(self.seen()), sorted(expected))
        self.assertEqual(self.conversation.status, "other: 1 here, also in dev (1 new)")
        self.conversation.typed("/leave")
        self.conversation.typed("back")
        self.assertEqual(self.seen(), ["left other", "Mina: back"])
        self.conversation.typed("/leave")
        self.conversation.typed("nowhere")
        self.assertEqual(self.seen(), ["left dev", "you are not in a room: use /join ROOM"])

    def test_commands(self) -> None:
        """
        Commands are answered, including invalid ones.
        """
        self.seen()
        for typed, lines in (
            ("/who", ["2 in dev: bot, Mina"]),
            ("/help", list(HELP)),
            ("/dance", ["unknown command /dance: /help lists all commands"]),
            ("/join", ["the name of the room is missing: use /join ROOM"]),
        ):
            self.conversation.typed(typed)
            self.assertEqual(self.seen(), lines)
        self.conversation.typed("/quit")
        self.assertEqual(self.ends, [0])

    def fill(self, count: int) -> None:
        """
        Have the bot post this number of messages.
        """
        for number in range(count):
            self.chat.service.say(self.bot, "dev", str(number))
            self.chat.turn()

    def block(self, first: int, last: int, begins: bool = False) -> list[str]:
        """
        @return: the lines that show these messages as older ones
        """
        start = ["--- the stored history of dev begins here ---"] if begins else []
        return [
            f"--- {last - first + 1} older messages of dev ---",
            *start,
            *[f"bot: {number}" for number in range(first, last + 1)],
            "--- end of the older messages ---",
        ]

    def test_history(self) -> None:
        """
        C{/history} shows older messages in order, goes further back each time, and shows where the
        history begins.
        """
        self.setUpChat(DEFAULTS)
        self.fill(100)
        self.setUpClient()
        self.assertEqual(self.seen()[2:], [f"bot: {number}" for number in range(80, 100)])
        for typed, shown in (
            ("/history", self.block(30, 79)),
            ("/history 10", self.block(20, 29)),
            ("/history 1000", self.block(0, 19, begins=True)),
            ("/history", ["--- no older messages of dev are stored ---"]),
        ):
            self.conversation.typed(typed)
            self.assertEqual(self.seen(), shown)
        self.assertFalse(self.conversation.failed)

    def test_historyBeginsLater(self) -> None:
        """
        If the server has removed the oldest messages, the history begins with the first that is
        left. More messages are shown than the server returns at once.
        """
        self.setUpChat(Limits(logMessages=60, maxHistory=7))
        self.fill(100)
        self.setUpClient()
        self.assertEqual(self.seen()[2:], [f"bot: {number}" for number in range(93, 100)])
        self.conversation.typed("/history 20")
        self.assertEqual(self.seen(), self.block(73, 92))
        self.conversation.typed("/history")
        self.assertEqual(self.seen(), self.block(40, 72, begins=True))

    def test_historyOfNothing(self) -> None:
        """
        In a new room there are no older messages, and none is shown twice.
        """
        self.seen()
        self.conversation.typed("/history")
        self.assertEqual(self.seen(), ["--- no older messages of dev are stored ---"])
        self.conversation.typed("hello")
        self.assertEqual(self.seen(), ["Mina: hello"])
        self.conversation.typed("/history")
        self.assertEqual(self.seen(), ["--- no older messages of dev are stored ---"])

    def test_historyBeforeReplay(self) -> None:
        """
        The command works before the messages that are replayed on joining have arrived.
        """
        self.setUpChat(DEFAULTS)
        self.fill(100)
        self.setUpClient()
        join = self.client.join("dev")
        join.addCallback(lambda _: self.conversation.typed("/history 50"))
        shown = [f"bot: {number}" for number in range(80, 100)]
        self.assertEqual(self.seen()[2:], [*shown, *self.block(30, 79)])

    def test_historyArguments(self) -> None:
        """
        Only a number from 1 to 1000 is accepted.
        """
        self.seen()
        use = ["use /history N, with a number of messages from 1 to 1000"]
        for argument in ("0", "-1", "x", "1001", "\u0663", "1 2", "9" * 10_000):
            self.conversation.typed(f"/history {argument}")
            self.assertEqual(self.seen(), use)

    def test_historyFails(self) -> None:
        """
        A refusal and a lost connection are reported, and the command can be used again. Only one
        request is made at a time.
        """
        self.setUpChat(DEFAULTS)
        self.fill(30)
        self.setUpClient()
        self.seen()
        history = self.chat.service.history
        answers: list[Deferred[Any]] = [fail(ChatError("failed", "no answer")), Deferred()]
        self.patch(self.chat.service, "history", lambda *_: answers.pop(0))
        self.conversation.typed("/history")
        failed = "older messages of dev could not be loaded: "
        self.assertEqual(self.seen(), [f"{failed}no answer"])
        self.conversation.typed("/history")
        self.conversation.typed("/history")
        self.assertEqual(self.seen(), ["older messages are being loaded"])
        self.chat.endpoint.cut()
        lost = f"{failed}the connection was lost before the answer"
        self.assertEqual(self.seen()[:2], [lost, "connection lost, reconnecting"])
        self.conversation.typed("/history")
        self.assertEqual(self.seen(), ["not connected: the command was not sent"])
        self.patch(self.chat.service, "history", history)
        self.chat.clock.advance(3)
        self.seen()
        self.conversation.typed("/history")
        self.assertEqual(self.seen(), self.block(0, 9, begins=True))
        self.assertTrue(self.conversation.failed)

    def test_historyAfterGap(self) -> None:
        """
        After a gap, the history starts again at the end of the log.
        """
        self.setUpChat(Limits(logMessages=30))
        self.fill(30)
        self.setUpClient()
        self.seen()
        self.chat.endpoint.cut()
        self.fill(40)
        self.chat.clock.advance(3)
        self.assertIn("--- 40 messages of dev could not be recovered ---", self.seen())
        self.conversation.typed("/history 30")
        self.assertEqual(self.seen(), self.block(10, 39, begins=True))

    def test_historyWhileMessagesArrive(self) -> None:
        """
        A message that arrives while older ones are loaded is shown once.
        """
        self.seen()
        answer: Deferred[Any] = Deferred()
        history, asked = self.chat.service.history, []

        def later(*arguments: Any) -> Deferred[Any]:
            asked.append(arguments)
            return answer if len(asked) == 1 else history(*arguments)

        self.patch(self.chat.service, "history", later)
        self.conversation.typed("/history")
        self.seen()
        self.fill(2)
        self.assertEqual(self.seen(), ["bot: 0", "bot: 1"])
        history(*asked[0]).addCallback(answer.callback)
        self.assertEqual(self.seen(), ["--- no older messages of dev are stored ---"])

    def test_refused(self) -> None:
        """
        A refusal by the server is shown, and the current room stays the same.
        """
        self.seen()
        self.conversation.typed("/join a!")
        (line,) = [each for each in self.seen() if "refused" in each]
        self.assertIn("may contain only letters", line)
        self.assertEqual(self.conversation.room, "dev")

    def test_moderated(self) -> None:
        """
        A kicked user sees the reason, and is then in another room or in none.
        """
        self.seen()
        self.chat.service.moderation.kick("dev", "Mina", self.bot, "spam")
        self.assertEqual(self.seen(), ["removed from dev: moderator bot kicked Mina: spam"])
        self.assertIsNone(self.conversation.room)
        self.conversation.typed("/kick bot")
        self.conversation.typed("/join dev")
        self.chat.service.moderation.setTopic("dev", "Tea")
        self.assertIn("machat: the server set the topic: Tea", self.seen())

    def test_moderate(self) -> None:
        """
        Moderators have commands, whose effects are shown as messages; other users' attempts are
        refused.
        """
        self.seen()
        self.conversation.typed("/topic Tea")
        self.assertEqual(self.seen(), ["not-allowed: you may not moderate that room"])
        self.allowAll()
        for typed, told in (
            ("/topic Tea at five", "set the topic: Tea at five"),
            ("/lock", "locked the room"),
            ("/unlock", "unlocked the room"),
            ("/mute bot", "muted bot for 1 hour"),
            ("/unmute bot", "unmuted bot"),
            ("/mute bot 10 too loud", "muted bot for 10 minutes: too loud"),
            ("/ban @Eve 90", "banned Eve for 90 minutes"),
            ("/unban @Eve", "unbanned Eve"),
            ("/ban Eve \u0661 of them", "banned Eve for 1 hour: \u0661 of them"),
            ("/mute @bot 10", "muted bot for 10 minutes"),
            ("/kick @ bot too  loud", "kicked bot: too  loud"),
        ):
            self.conversation.typed(typed)
            self.assertEqual(self.seen(), [f"machat: moderator Mina {told}"])
        self.conversation.typed("/bans")
        muted, banned = self.seen()
        self.assertTrue(muted.startswith("bot is muted in dev by Mina until "), muted)
        self.assertTrue(banned.startswith("Eve is banned in dev by Mina until "), banned)
        self.conversation.typed("/unmute bot")
        self.conversation.typed("/unban Eve")
        self.seen()
        self.conversation.typed("/bans")
        self.assertEqual(self.seen(), ["no mutes or bans in dev"])
        self.conversation.typed("/ban Eve 99999")
        (line,) = self.seen()
        self.assertTrue(line.startswith("bad-command: "), line)
        other = ChatClient(self.chat.clock, self.chat.endpoint, "Bob", self.conversation.received)
        Conversation(self.lines.append, self.ends.append).begin(other, ["dev"])
        self.assertIn("the topic is: Tea at five", self.seen())

    def test_keyAndList(self) -> None:
        """
        A moderator sets a key, lists the room and removes both; all who know the key join again
        after a reconnection.
        """
        self.seen()
        self.allowAll()
        mina = self.conversation
        for typed, shown in (
            ("/list", ["there are no such rooms in the list"]),
            ("/key open sesame", ["machat: moderator Mina set a key"]),
            ("/listed on", ["machat: moderator Mina listed the room"]),
            ("/topic Tea", ["machat: moderator Mina set the topic: Tea"]),
            ("/list D", ["dev, 2 here (needs a key): Tea"]),
            ("/list x", ["there are no such rooms in the list"]),
        ):
            mina.typed(typed)
            self.assertEqual(self.seen(), shown)
        self.setUpClient("Ada")
        self.assertIn("refused: that room requires a key", self.seen())
        self.conversation.typed("/join dev open sesame")
        self.assertIn("joined dev, 3 here: bot, Mina, Ada", self.seen())
        self.chat.endpoint.cut()
        self.chat.clock.pump([0.5] * 10)
        self.assertTrue(mina.ready and self.conversation.ready)
        self.allowAll()
        mina.typed("/key -")
        self.assertIn("machat: moderator Mina removed the key", self.seen())
        mina.typed("/listed off")
        self.assertIn("machat: moderator Mina removed the room from the list", self.seen())

    def test_presence(self) -> None:
        """
        Joins and leaves of others are shown, but not the user's own.
        """
        self.seen()
        bob = self.chat.tcp("Bob", "dev")
        self.chat.clock.advance(1)
        self.assertEqual(self.seen(), ["Bob joined dev"])
        bob.close()
        self.chat.clock.advance(6)
        self.assertEqual(self.seen(), ["Bob left dev"])

    def test_reconnect(self) -> None:
        """
        A lost connection and a gap are shown.
        """
        self.seen()
        self.chat.endpoint.cut()
        self.chat.service.say(self.bot, "dev", "missed")
        self.assertEqual(self.seen(), ["connection lost, reconnecting"])
        self.chat.clock.pump([0.5] * 4)
        self.assertEqual(self.seen(), ["connected", "bot: missed"])

    def test_terminal(self) -> None:
        """
        No text of others moves the cursor, and each name has one colour.
        """
        self.seen()
        self.chat.service.say(self.bot, "dev", "\x1b[2Jgone\r\u202e")
        self.assertEqual(self.seen(), ["bot: \\x1b[2Jgone\\x0d\\x202e"])
        self.assertEqual(colour("Mina"), colour("MINA"))
        self.assertGreater(len({colour(f"m{n}") for n in range(100)}), COLOURS // 2)

    def test_asItIs(self) -> None:
        """
        A talk whose output is not a terminal shows lines unchanged.
        """
        self.conversation = Conversation(self.lines.append, self.ends.append, str)
        client = ChatClient(self.chat.clock, self.chat.endpoint, "Eve", self.conversation.received)
        self.conversation.begin(client, ["dev"])
        self.seen()
        self.chat.service.say(self.bot, "dev", "a\x0cb\r\u2028")
        self.assertIn("bot: a\x0cb\r\u2028", self.seen())

    def test_presenceElsewhere(self) -> None:
        """
        The counts cover the rooms that the user is in.
        """
        self.seen()
        for number in range(100):
            self.conversation.received(Presence(room=f"r{number}", joined=("x",), count=1))
        self.assertEqual(set(self.conversation.known), {"dev"})
