"""
Tests for L{machat.session.posting}.
"""

from __future__ import annotations

from machat.session.posting import UNACKNOWLEDGED
from tests.session.test_events import EventsTestCase


class PostingTests(EventsTestCase):
    def test_manyUnacknowledged(self) -> None:
        """
        Messages are stored in parallel. Above a limit, later commands wait for an acknowledgement.
        """
        client = self.client()
        for number in range(UNACKNOWLEDGED):
            self.tell(client, type="say", text="hello", id=f"{number}")
        self.assertEqual(self.ask(client, type="ping"), {"type": "pong"})
        self.tell(client, type="say", text="hello", id="last")
        self.tell(client, type="ping")
        self.assertEqual(self.heard(client), [])
        self.chat.turn()
        kinds = self.kinds(client)
        self.assertEqual((kinds.count("ack"), kinds[-1]), (UNACKNOWLEDGED + 1, "pong"))

    def test_acknowledged(self) -> None:
        """
        An acknowledged message does not count any more.
        """
        client = self.client()
        for number in range(2 * UNACKNOWLEDGED):
            self.tell(client, type="say", text="hello", id=f"{number}")
            self.chat.turn()
        self.assertEqual(self.kinds(client).count("ack"), 2 * UNACKNOWLEDGED)
        self.tell(client, type="say", text="hello", id="last")
        self.assertEqual(self.ask(client, type="ping"), {"type": "pong"})
