"""
Tests for messages with several lines, data and replies, in both dialects.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from emoji import EMOJI_DATA, STATUS

from tests.session.test_events import EventsTestCase, OnWebSocket, nested


class EntriesTestCase(EventsTestCase):
    """
    A client of the C{events} dialect, and one of the C{text} dialect.
    """

    def setUp(self) -> None:
        super().setUp()
        self.mina = self.client()
        self.text = self.chat.tcp("Ada", "dev")
        self.heard(self.mina)

    def said(self, **fields: Any) -> tuple[Any, list[str]]:
        """
        @return: the event for a message, and the lines of the C{text} dialect
        """
        self.tell(self.mina, type="say", **fields)
        self.chat.turn()
        (event,) = self.heard(self.mina)
        return event, self.text.received()


class MessageTests(EntriesTestCase):
    """
    Tests for messages.
    """

    def test_lines(self) -> None:
        """
        A message with several lines is one message, and several lines in C{text}, of which none can
        look like another member's.
        """
        event, lines = self.said(text="one\nBob:two\n")
        self.assertEqual((event["text"], event["seq"]), ("one\nBob:two\n", 1))

        self.assertEqual(lines, ["Mina:one", "Mina:Bob:two", "Mina:"])

    def test_data(self) -> None:
        """
        An object is forwarded as it was written, but in one line. In C{text}, a message that has
        nothing else is not delivered.
        """
        self.mina.send('{"type":"say","text":"","data":{"n": 1.50, "n":1E2, "t":"\\u00fc"}}')
        self.chat.turn()
        (line,) = self.mina.received()
        self.assertIn('"text":"","at":', line)
        self.assertTrue(line.rstrip().endswith(',"data":{"n":1.50,"n":1E2,"t":"\\u00fc"}}'), line)
        self.assertEqual(self.text.received(), [])
        event, lines = self.said(text="seen", data=nested(32))
        self.assertEqual((event["data"], lines), (nested(32), ["Mina:seen"]))
        event, lines = self.said(text="plain", data=None)
        self.assertNotIn("data", event)

    def test_notANumber(self) -> None:
        """
        C{NaN} is not JSON (RFC 8259 section 6).
        """
        answer = self.ask(self.mina, type="say", text="", data={"x": float("nan")})
        self.assertEqual(answer["code"], "bad-command")

    def test_reply(self) -> None:
        """
        A message can answer one that exists or has existed.
        """
        self.said(text="question")
        event, lines = self.said(text="answer", reply=1)
        self.assertEqual((event["reply"], lines), (1, ["Mina:answer"]))

    def test_replayed(self) -> None:
        """
        Recovery, history and a join with history contain all fields.
        """
        event, _ = self.said(text="a\nb", data={"x": 1})
        self.said(text="c", reply=1)
        events = [event, {**event, "seq": 2, "text": "c", "reply": 1}]
        del events[1]["data"]
        answer = self.ask(self.mina, type="history", room="dev")
        self.assertEqual([{**each, "at": event["at"]} for each in answer["messages"]], events)
        other = self.client("Bob", history=5)
        replayed = [each for each in self.heard(other) if each["type"] == "message"]
        self.assertEqual(
            [{**each, "at": event["at"]} for each in replayed],
            [{**each, "replay": True} for each in events],
        )

    def test_duplicate(self) -> None:
        """
        A message with an id is stored once.
        """
        command = {"type": "say", "text": "a\nb", "data": {}, "id": "7"}
        for duplicate in (False, True):
            self.tell(self.mina, **command)
            self.chat.turn()
            ack = [each for each in self.heard(self.mina) if each["type"] == "ack"]
            self.assertEqual([(each["seq"], each["duplicate"]) for each in ack], [(1, duplicate)])
        self.assertEqual(self.text.received(), ["Mina:a", "Mina:b"])


class WebSocketMessageTests(OnWebSocket, MessageTests):
    """
    The same on WebSocket.
    """


class RevisionTests(EntriesTestCase):
    """
    Tests for edits, redactions and reactions.
    """

    def setUp(self) -> None:
        super().setUp()
        self.said(text="helo", data={"x": 1})

    def do(self, client: Any = None, **command: Any) -> list[Any]:
        """
        @return: the answers to a command of Mina or of another client
        """
        client = client or self.mina
        self.tell(client, **command)
        self.chat.turn()
        return [{**each, "at": 0} if "at" in each else each for each in self.heard(client)]

    def history(self) -> list[Any]:
        """
        @return: the messages of the room
        """
        (answer,) = self.do(type="history", room="dev")
        return [{**each, "at": 0} for each in answer["messages"]]

    def test_edit(self) -> None:
        """
        An edit is an event, a line in C{text}, and acknowledged with its number. A second one with
        the same id is a duplicate.
        """
        edit = {"type": "edit", "target": 1, "text": "hello\nyou", "id": "5"}
        event, ack = self.do(**edit)
        expected = {"room": "dev", "seq": 2, "target": 1, "by": "Mina", "text": "hello\nyou"}
        self.assertEqual(event, {"type": "edited", **expected, "at": 0})
        self.assertEqual((ack["seq"], ack["duplicate"]), (2, False))
        self.assertEqual(self.text.received(), ["machat:user Mina edited a message: hello / you"])
        (ack,) = self.do(**edit)
        self.assertEqual((ack["seq"], ack["duplicate"]), (2, True))
        (message,) = self.history()
        self.assertEqual((message["text"], message["edited"]), ("hello\nyou", True))
        self.assertEqual(message["data"], {"x": 1})

    def test_misleadingName(self) -> None:
        """
        In C{text}, the line for an edit or a redaction never begins with a name: a member named
        C{bye} cannot imitate the last line of the server.
        """
        bye = self.client("bye")
        self.do(bye, type="say", text="one")
        self.text.received()
        self.do(bye, type="edit", target=2, text="shutdown")
        self.do(bye, type="redact", target=2)
        lines = self.text.received()
        self.assertEqual([line.partition(" ")[0] for line in lines], ["machat:user"] * 2)

    def test_redact(self) -> None:
        """
        A redaction is an event, and a line in C{text}. Nothing can be done to the message later.
        """
        event, _ = self.do(type="redact", target=1, reason="typo", id="5")
        expected = {"room": "dev", "seq": 2, "target": 1, "by": "Mina", "reason": "typo"}
        self.assertEqual(event, {"type": "redacted", **expected, "at": 0})
        self.assertEqual(self.text.received(), ["machat:user Mina removed a message: typo"])
        (message,) = self.history()
        self.assertEqual((message["text"], message["redacted"]), ("", True))
        self.assertNotIn("data", message)
        for command in (
            {"type": "edit", "target": 1, "text": "x"},
            {"type": "redact", "target": 1},
            {"type": "react", "target": 1, "emoji": "\U0001f44d"},
        ):
            (error,) = self.do(**command, id="9")
            self.assertEqual((error["code"], error["id"]), ("no-such-message", "9"))

    def test_react(self) -> None:
        """
        A reaction is an event. Adding it again, or removing one that does not exist, stores
        nothing, and is acknowledged with the number of the message.
        """
        thumb = "\U0001f44d\U0001f3fd"
        event, ack = self.do(type="react", target=1, emoji=thumb, id="1")
        expected = {"room": "dev", "seq": 2, "target": 1, "by": "Mina", "emoji": thumb, "at": 0}
        self.assertEqual(event, {"type": "reacted", **expected})
        (ack,) = self.do(type="react", target=1, emoji=thumb, id="2")
        self.assertEqual((ack["seq"], ack["duplicate"]), (1, True))
        self.assertEqual(self.history()[0]["reactions"], {thumb: ["Mina"]})
        event, ack = self.do(type="react", target=1, emoji=thumb, remove=True, id="3")
        self.assertEqual((event["seq"], event["remove"]), (3, True))
        self.assertNotIn("reactions", self.history()[0])
        self.assertEqual(self.text.received(), [])

    def test_forms(self) -> None:
        """
        An emoji with and without variation selectors is one reaction, in its fully-qualified form.
        A flag, a keycap and a sequence with joiners are one emoji each.
        """
        for short, full in (
            ("\u2764", "\u2764\ufe0f"),
            ("1\u20e3", "1\ufe0f\u20e3"),
            ("\U0001f3f3\u200d\U0001f308", "\U0001f3f3\ufe0f\u200d\U0001f308"),
            ("\U0001f1e9\U0001f1ea", "\U0001f1e9\U0001f1ea"),
        ):
            (event,) = self.do(type="react", target=1, emoji=short)
            self.assertEqual(event["emoji"], full)
            self.assertEqual(self.do(type="react", target=1, emoji=full), [])
            (event,) = self.do(type="react", target=1, emoji=short, remove=True)
            self.assertEqual((event["emoji"], event["remove"]), (full, True))
        self.assertNotIn("reactions", self.history()[0])

    def test_recovery(self) -> None:
        """
        A client that was disconnected receives all entries in order: the last text of an edited
        message, and nothing of a redacted one.
        """
        bob = self.client("Bob")
        joined = next(each for each in self.heard(bob) if each["type"] == "joined")
        since = {"epoch": joined["epoch"], "seq": 1}
        bob.close()
        self.said(text="secret")
        self.do(type="edit", target=1, text="first")
        self.do(type="edit", target=2, text="secret too")
        self.do(type="edit", target=1, text="last")
        self.do(type="redact", target=2)
        self.do(type="react", target=1, emoji="\u2764")
        bob = self.client("Bob", since=since)
        events = self.heard(bob)
        self.assertEqual(events[1]["recovered"], True)
        self.assertEqual(events[1]["missed"], 6)
        replay = events[2:]
        kinds = ["message", "edited", "edited", "edited", "redacted", "reacted"]
        self.assertEqual([each["type"] for each in replay], kinds)
        self.assertEqual([each["seq"] for each in replay], list(range(2, 8)))
        self.assertTrue(all(each["replay"] for each in replay))
        self.assertEqual([each.get("text") for each in replay], ["", "", "", "last", None, None])
        replaced = [False, True, True, False, False, False]
        self.assertEqual([each.get("replaced", False) for each in replay], replaced)
        self.assertTrue(replay[0]["redacted"])

    def test_others(self) -> None:
        """
        Only the author of a message may change it, for an hour. Anyone may react to it.
        """
        bob = self.client("Bob")
        self.heard(bob)
        for command in ({"type": "edit", "text": "x"}, {"type": "redact"}):
            (error,) = self.do(bob, **command, target=1, id="1")
            self.assertEqual((error["code"], error["id"]), ("not-allowed", "1"))
        (event,) = self.do(bob, type="react", target=1, emoji="\u2764")
        self.assertEqual(event["by"], "Bob")
        self.chat.clock.advance(3600)
        (event,) = [
            each
            for each in self.do(type="edit", target=1, text="in time")
            if each["type"] == "edited"
        ]
        self.chat.clock.advance(1)
        (error,) = [
            each for each in self.do(type="edit", target=1, text="late") if each["type"] == "error"
        ]
        self.assertEqual(error["code"], "not-allowed")
        self.assertEqual(self.history()[0]["text"], "in time")

    def test_refused(self) -> None:
        """
        Commands without a message that they could change are refused, and so is what is not one
        emoji. Nothing is stored.
        """
        self.do(type="react", target=1, emoji="\u2764")
        for command, code in (
            ({"type": "edit", "target": 2, "text": "x"}, "no-such-message"),
            ({"type": "edit", "target": 99, "text": "x"}, "no-such-message"),
            ({"type": "redact", "target": 2**53}, "no-such-message"),
            ({"type": "react", "target": 99, "emoji": "\u2764"}, "no-such-message"),
            ({"type": "edit", "target": 0, "text": "x"}, "bad-command"),
            ({"type": "edit", "target": 1, "text": "\n" * 100}, "too-long"),
            ({"type": "edit", "target": 1}, "bad-command"),
            ({"type": "redact", "target": 1, "reason": "a\nb"}, "bad-command"),
            ({"type": "redact", "target": 1, "reason": "x" * 301}, "bad-command"),
            ({"type": "react", "target": 1, "emoji": "a"}, "bad-command"),
            ({"type": "react", "target": 1, "emoji": ""}, "bad-command"),
            ({"type": "react", "target": 1, "emoji": "\u2764\u2764"}, "bad-command"),
            ({"type": "react", "target": 1, "emoji": "\u2764" * 10_000}, "bad-command"),
            ({"type": "react", "target": 1, "emoji": 5}, "bad-command"),
            ({"type": "react", "room": "x", "target": 1, "emoji": "\u2764"}, "not-joined"),
        ):
            (error,) = self.do(**command, id="x")
            self.assertEqual((error["type"], error.get("code")), ("error", code), command)
            self.assertEqual(error["id"], "x")
        self.assertEqual(self.said(text="next")[0]["seq"], 3)

    def test_manyReactions(self) -> None:
        """
        A message has at most 50 reactions. The others are refused; the 100th refusal of any kind
        ends a connection.
        """
        answers: list[Any] = []
        full = STATUS["fully_qualified"]
        emojis = [each for each in sorted(EMOJI_DATA) if EMOJI_DATA[each]["status"] == full]
        for emoji in emojis[:149]:
            answers += self.do(type="react", target=1, emoji=emoji, id="x" + str(len(answers)))
        kinds = Counter(each.get("code", each["type"]) for each in answers)
        self.assertEqual(kinds["reacted"], 50)
        self.assertEqual(kinds["too-many-reactions"], 99)
        self.assertEqual(self.said(text="next")[0]["seq"], 52)
        events = self.do(type="react", target=1, emoji="\U0001f44d")
        self.assertEqual([each["type"] for each in events], ["error", "bye"])

    def test_muted(self) -> None:
        """
        A muted member can change nothing.
        """
        self.chat.service.moderation.mute("dev", "Mina", 60)
        self.chat.turn()
        self.heard(self.mina)
        for command in ({"type": "edit", "text": "x"}, {"type": "redact"}):
            (error,) = self.do(**command, target=1)
            self.assertEqual(error["code"], "muted")

    def test_historySkips(self) -> None:
        """
        A history has as many messages as requested, whatever lies between them.
        """
        for number in range(40):
            self.do(type="react", target=1, emoji="\u2764", remove=bool(number % 2))
        self.said(text="second")
        (answer,) = self.do(type="history", room="dev", limit=2)
        self.assertEqual([each["seq"] for each in answer["messages"]], [1, 42])
        (answer,) = self.do(type="history", room="dev", after=1, limit=1)
        self.assertEqual([each["seq"] for each in answer["messages"]], [42])
        (answer,) = self.do(type="history", room="dev", before=42, limit=1)
        self.assertEqual([each["seq"] for each in answer["messages"]], [1])


class WebSocketRevisionTests(OnWebSocket, RevisionTests):
    """
    The same on WebSocket.
    """


class TypingTests(EventsTestCase):
    """
    Tests for the command C{typing}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.mina = self.client()
        self.ada = self.client("Ada", presence=True)
        self.others = [self.client("Bob"), self.chat.tcp("Eve", "dev")]
        self.later(1)

    def later(self, seconds: float) -> list[Any]:
        """
        @return: the signals that Ada receives meanwhile
        """
        self.chat.clock.advance(seconds)
        self.chat.turn()
        return [each for each in self.heard(self.ada) if each["type"] == "typing"]

    def test_typing(self) -> None:
        """
        The others that watch the room receive the signal, at most every three seconds. A flood
        costs nothing else.
        """
        signal = {"type": "typing", "room": "dev", "from": "Mina"}
        for client in (*self.others, self.mina):
            client.received()
        for _ in range(50):
            self.tell(self.mina, type="typing")
        self.assertEqual(self.later(2.9), [signal])
        self.tell(self.mina, type="typing")
        self.assertEqual(self.later(0.2), [])
        self.tell(self.mina, type="typing")
        self.tell(self.ada, type="typing")
        self.assertEqual(self.later(0), [signal])
        self.assertEqual([each.received() for each in (*self.others, self.mina)], [[], [], []])
        self.assertEqual(self.ask(self.mina, type="history", room="dev")["messages"], [])

    def test_dropped(self) -> None:
        """
        In a large room, and if the send queues are half full, nothing is sent.
        """
        budget = self.chat.service.sendBudget
        budget.waiting += self.limits.maxWaitingTotal
        self.tell(self.mina, type="typing")
        budget.waiting -= self.limits.maxWaitingTotal
        self.assertEqual(self.later(0), [])
        for number in range(97):
            self.chat.member(f"M{number}", "dev")
        self.tell(self.mina, type="typing")
        self.assertEqual(self.later(0), [])

    def test_refused(self) -> None:
        """
        A muted member, and one that is not in the room, receive an error.
        """
        self.assertEqual(self.ask(self.mina, type="typing", room="x")["code"], "not-joined")
        self.chat.service.moderation.mute("dev", "Mina", 60)
        self.chat.turn()
        self.assertEqual(self.ask(self.mina, type="typing")["code"], "muted")
