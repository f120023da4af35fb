"""
Tests for messages with several lines, data and replies, in both dialects.
"""

from __future__ import annotations

from typing import Any

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
