"""
Tests for L{machat.sansio.room}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from machat.commands import Say
from machat.events import Joined, Position
from machat.sansio.outgoing import Outgoing
from machat.sansio.room import WINDOW, Membership

JOINED = Joined(room="dev", name="Mina", epoch="e", seq=0, count=1, recovered=True)


def outgoing(id: str) -> Outgoing:
    """
    @return: a message that was not sent
    """
    return Outgoing(id, "dev", Say(text=id), len(id), None)


class MembershipTests(SynchronousTestCase):
    def test_recoveredInNewEpoch(self) -> None:
        """
        If a rejoin recovers all messages in a new epoch, the position is in that epoch.
        """
        room = Membership("dev", 0, "join")
        room.markJoined(Joined(room="dev", name="Mina", epoch="old", seq=3, count=1))
        whole = room.markJoined(
            Joined(room="dev", name="Mina", epoch="new", seq=5, count=1, recovered=True)
        )
        self.assertTrue(whole)
        self.assertEqual(room.position, Position("new", 3))

    def test_acknowledgedOutOfOrder(self) -> None:
        """
        A message that was acknowledged before earlier ones is not considered again.
        """
        room = Membership("dev", 0, "join")
        first, second = outgoing("a"), outgoing("b")
        room.markJoined(JOINED)
        room.add(first)
        room.add(second)
        self.assertEqual([room.next(), room.next(), room.next()], [first, second, None])
        second.settled = True
        room.markJoined(JOINED)
        self.assertEqual([room.next(), room.next()], [first, None])

    def test_window(self) -> None:
        """
        At most L{WINDOW} messages are in flight, counted from the oldest that is not settled.
        """
        room = Membership("dev", 0, "join")
        room.markJoined(JOINED)
        messages = [outgoing(str(number)) for number in range(WINDOW + 3)]
        for message in messages:
            room.add(message)
        for message in messages[:WINDOW]:
            self.assertIs(room.next(), message)
        self.assertIsNone(room.next())
        messages[1].settled = True
        self.assertIsNone(room.next())
        messages[0].settled = True
        self.assertEqual([room.next(), room.next(), room.next()], [*messages[WINDOW:-1], None])
        self.assertEqual(room.takeMessages(), messages[2:])
        self.assertEqual(room.takeMessages(), [])

    def test_notJoined(self) -> None:
        """
        Nothing is sent before the room is joined.
        """
        room = Membership("dev", 0, "join")
        room.add(outgoing("a"))
        self.assertIsNone(room.next())
