"""
Tests for L{machat.rooms.presence}, and for what clients see of it.
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
        @return: who joined, who left and how many are left, for each telling since the last call
        """
        told, self.told[:] = list(self.told), []
        return [(each.joined, each.left, each.count) for each in told]

    def test_coalesced(self) -> None:
        """
        Those who come within a quarter of a second are told at once.
        """
        for name in ("Mina", "Ada", "Bob"):
            self.attendance.came(name)
        self.assertEqual(self.heard(), [])
        self.clock.advance(0.25)
        self.assertEqual(self.heard(), [(("Mina", "Ada", "Bob"), (), 3)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_atMostFourASecond(self) -> None:
        """
        However many come and go, it is told four times a second at most.
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
        Who comes back within five seconds never left; who does not has left.
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
        Where many are present, only their number is told.
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
        Nothing is told after a stop.
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
        Whenever one begins with the names, what is told from there on ends with who is present.
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
    What is told in a room.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat(Limits(listed=4))

    def watcher(self, name: str, **fields: Any) -> tuple[MemoryClient, Any]:
        """
        @return: a client that watches, and its C{joined}
        """
        client = self.chat.tcp()
        client.send(json.dumps({"v": 1, "name": name, "room": "dev", **fields}))
        return client, json.loads(client.received()[1])

    def told(self, client: MemoryClient) -> list[Any]:
        return [json.loads(line) for line in client.received()]

    def test_comeAndGo(self) -> None:
        """
        Those who watch are told of members of both dialects; others are told nothing.
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
        Members inside the process may watch as well.
        """
        bot = self.chat.member("bot", "dev", watch=True)
        self.chat.tcp("Bob", "dev")
        self.chat.clock.advance(0.25)
        self.assertEqual(bot.events, [Presence(room="dev", joined=("Bob",), left=(), count=2)])
        self.assertEqual(bot.received(), [])

    def test_large(self) -> None:
        """
        In a large room neither the joining nor the presence has names.
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
        Where nobody watches there is nothing to do, and when the last one goes nothing is left.
        """
        text = self.chat.tcp("Bob", "dev")
        calls = len(self.chat.clock.getDelayedCalls())
        mina, _ = self.watcher("Mina")
        self.chat.tcp("Ada", "dev").close()
        mina.close()
        self.assertEqual(len(self.chat.clock.getDelayedCalls()), calls)
        text.close()
        self.assertEqual(len(self.chat.service._rooms), 0)
