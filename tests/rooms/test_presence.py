"""
Tests for L{machat.rooms.presence}, and for the presence events that clients receive.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.events import Presence
from machat.limits import Limits
from machat.rooms.presence import Attendance
from machat.testing import MemoryChat, MemoryClient


class AttendanceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[Presence] = []
        self.attendance = self.begin()

    def begin(self, *present: str, **limits: Any) -> Attendance:
        return Attendance("dev", present, self.clock, Limits(**limits), self.told.append)

    def heard(self) -> list[tuple[Any, Any, int]]:
        """
        @return: the names that joined, the names that left and the count, for each report since
            the last call
        """
        told, self.told[:] = list(self.told), []
        return [(each.joined, each.left, each.count) for each in told]

    def test_coalesced(self) -> None:
        """
        Joins within a quarter of a second are reported together.
        """
        for name in ("Mina", "Ada", "Bob"):
            self.attendance.came(name)
        self.assertEqual(self.heard(), [])
        self.clock.advance(0.25)
        self.assertEqual(self.heard(), [(("Mina", "Ada", "Bob"), (), 3)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_atMostFourASecond(self) -> None:
        """
        Presence is reported at most four times per second, however many members join and leave.
        """
        for number in range(300):
            self.attendance.came(f"m{number}")
            self.attendance.went(f"m{number}")
            self.clock.advance(0.01)
        self.assertLessEqual(len(self.heard()), 12)
        self.clock.pump([0.01] * 600)
        self.assertLessEqual(len(self.heard()), 24)
        self.assertEqual(self.attendance.names, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_grace(self) -> None:
        """
        A member that returns within five seconds is not reported as having left; one that stays
        away longer is.
        """
        self.attendance = self.begin("Mina", "Ada")
        self.attendance.went("Mina")
        self.attendance.went("Ada")
        self.clock.advance(4.9)
        self.attendance.came("MINA")
        self.assertEqual(self.attendance.names, ["MINA", "Ada"])
        self.clock.advance(0.1)
        self.assertEqual(self.heard(), [((), ("Ada",), 1)])
        self.clock.advance(10)
        self.assertEqual(self.heard(), [])
        self.assertEqual(self.attendance.names, ["MINA"])

    def test_large(self) -> None:
        """
        In a large room only the count is reported.
        """
        self.attendance = self.begin("a", "b", listed=2)
        self.attendance.came("c")
        self.clock.advance(0.25)
        self.assertEqual(self.heard(), [(None, None, 3)])
        self.attendance.went("c")
        self.clock.advance(5)
        self.assertEqual(self.heard(), [((), ("c",), 2)])

    def test_stop(self) -> None:
        """
        Nothing is reported after a stop.
        """
        self.attendance.came("Mina")
        self.attendance.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    STEPS = st.lists(
        st.tuples(st.sampled_from(["come", "go", "wait", "look"]), st.integers(0, 3)), max_size=40
    )

    @settings(deadline=None)
    @given(STEPS)
    def test_addsUp(self, steps: list[tuple[str, int]]) -> None:
        """
        A list of names plus all reports after it gives the names that are present, whenever the
        list was taken.
        """
        self.setUp()
        present: set[str] = set()
        views: list[set[str]] = []

        def tell(event: Presence) -> None:
            for view in views:
                view.update(event.joined or ())
                view.difference_update(event.left or ())

        self.attendance = Attendance("dev", (), self.clock, Limits(), tell)
        for what, number in steps:
            name = f"m{number}"
            if what == "come" and name not in present:
                present.add(name)
                self.attendance.came(name)
            elif what == "go" and name in present:
                present.remove(name)
                self.attendance.went(name)
            elif what == "wait":
                self.clock.advance((0.1, 0.25, 3, 5)[number])
            elif what == "look":
                views.append(set(self.attendance.names))
        self.clock.pump([0.25] * 40)
        for view in views:
            self.assertEqual(view, present)


class RoomTests(SynchronousTestCase):
    """
    Presence events in a room.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(listed=4))

    def watcher(self, name: str, **fields: Any) -> tuple[MemoryClient, Any]:
        """
        @return: a client that receives presence events, and its C{joined} event
        """
        client = self.chat.tcp()
        client.send(json.dumps({"v": 1, "name": name, "room": "dev", **fields}))
        return client, json.loads(client.received()[1])

    def told(self, client: MemoryClient) -> list[Any]:
        return [json.loads(line) for line in client.received()]

    def test_comeAndGo(self) -> None:
        """
        Clients that ask for presence see members of both dialects; other clients receive no
        presence events.
        """
        bob = self.chat.tcp("Bob", "dev")
        mina, joined = self.watcher("Mina")
        self.assertEqual(joined["members"], ["Bob", "Mina"])
        deaf, joined = self.watcher("Deaf", presence=False)
        self.assertNotIn("members", joined)
        self.chat.clock.advance(0.25)
        told = {"type": "presence", "room": "dev", "joined": ["Deaf"], "left": [], "count": 3}
        self.assertEqual(self.told(mina), [told])
        bob.close()
        self.chat.clock.advance(5)
        self.assertEqual(self.told(mina), [{**told, "joined": [], "left": ["Bob"], "count": 2}])
        self.assertEqual((bob.received(), deaf.received()), ([], []))

    def test_typed(self) -> None:
        """
        Members inside the process can receive presence events as well.
        """
        bot = self.chat.member("bot", "dev", watch=True)
        self.chat.tcp("Bob", "dev")
        self.chat.clock.advance(0.25)
        self.assertEqual(bot.events, [Presence(room="dev", joined=("Bob",), left=(), count=2)])
        self.assertEqual(bot.received(), [])

    def test_large(self) -> None:
        """
        In a large room, neither C{joined} nor presence events contain names.
        """
        mina, _ = self.watcher("Mina")
        for number in range(3):
            self.chat.tcp(f"m{number}", "dev")
        _, joined = self.watcher("Ada")
        self.assertEqual(joined["count"], 5)
        self.assertNotIn("members", joined)
        self.chat.clock.advance(0.25)
        self.assertEqual(self.told(mina), [{"type": "presence", "room": "dev", "count": 5}])

    def test_nobodyWatches(self) -> None:
        """
        A room without watchers does no presence work, and nothing is left when the last watcher
        leaves.
        """
        text = self.chat.tcp("Bob", "dev")
        calls = len(self.chat.clock.getDelayedCalls())
        mina, _ = self.watcher("Mina")
        self.chat.tcp("Ada", "dev").close()
        mina.close()
        self.assertEqual(len(self.chat.clock.getDelayedCalls()), calls)
        text.close()
        self.assertEqual(len(self.chat.service.rooms), 0)
