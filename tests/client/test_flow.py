"""
Tests for L{machat.client}, without sockets: flow control and bounds.
"""

from __future__ import annotations

from machat.client import Ended
from machat.errors import ChatError
from machat.events import Error, Event, Members, Message, Presence, RoomState
from machat.wire import EVENTS
from tests.client.clients import ClientTestCase


class FlowTests(ClientTestCase):
    def test_pause(self) -> None:
        """
        A paused client receives nothing, and receives everything when it resumes.
        """
        self.heard()
        self.mina.pause()
        self.say("a", "b")
        self.assertEqual(self.texts(), [])
        self.settle(20)
        self.assertEqual(self.heard(Event), [])
        self.mina.resume()
        self.settle()
        self.assertEqual(self.texts(), ["Ada:a", "Ada:b"])

    def test_pausedReconnect(self) -> None:
        """
        A paused client joins no room on a new connection; it joins its rooms when it resumes,
        except those left meanwhile.
        """
        self.mina.pause()
        self.chat.endpoint.cut()
        self.say("a")
        other, third = self.mina.join("other"), self.mina.join("third")
        self.settle(3)
        self.assertTrue(self.mina.connected)
        self.assertFalse(self.mina.joined("dev"))
        self.assertEqual(self.texts(), [])
        self.mina.leave("third")
        self.mina.resume()
        self.mina.resume()
        self.settle()
        self.assertEqual(self.texts(), ["Ada:a"])
        self.assertEqual(self.successResultOf(other).room, "other")
        self.failureResultOf(third, Ended)
        self.assertEqual(self.mina.rooms(), ["dev", "other"])
        self.assertEqual(self.heard(Error), [])

    def test_pausedWhileJoining(self) -> None:
        """
        A join in progress is not sent again.
        """
        other = self.mina.join("other")
        self.mina.pause()
        self.mina.resume()
        self.settle()
        self.successResultOf(other)

    def test_tooLong(self) -> None:
        """
        A line that is longer than the server accepts fails, any number of times, and the other
        lines are posted.
        """
        long = [self.mina.say("dev", "x" * 65_500) for _ in range(3)]
        short = self.mina.say("dev", "short")
        many = [self.mina.say("dev", "\x01" * 20_000) for _ in range(30)]
        last = self.mina.say("dev", "last")
        self.settle()
        for each in (*long, *many):
            self.assertEqual(self.failureResultOf(each, ChatError).value.code, "too-long")
        for each in (short, last):
            self.successResultOf(each)
        self.assertEqual(self.texts(), ["Mina:short", "Mina:last"])

    def test_otherRooms(self) -> None:
        """
        Events of rooms that the client is not in are not reported.
        """
        self.heard()
        for event in (
            Presence(room="x", joined=("a",), count=1),
            Members(room="x", count=1, members=("a",)),
            RoomState(room="x", topic="x"),
            Message(room="x", seq=1, sender="a", text="x", at=0),
        ):
            self.mina._runner.received(EVENTS.encodeEvent(event)[:-1])
        self.assertEqual(self.heard(Event), [])
