"""
Any sequence of events, answers and restarts: what a receiver gets, against a model.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from machat.testing import MemoryMember
from machat.webhooks import batch
from tests.webhooks.test_sender import WebhookTestCase

_ROOMS = ("dev", "ops", "lab")

_STEPS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(_ROOMS)),
    st.tuples(st.just("walk"), st.sampled_from(_ROOMS)),
    st.tuples(st.sampled_from(["accept", "refuse", "lose"]), st.just("")),
    st.tuples(st.just("restart"), st.sampled_from(["clean", "late"])),
)


class ModelTests(WebhookTestCase):
    """
    Tests with random steps.
    """

    def play(self, steps: list[tuple[str, str]]) -> None:
        """
        Make these steps, and then accept everything.
        """
        self.setUp()
        self.got: dict[str, list[str]] = {room: [] for room in _ROOMS}
        self.expected: dict[str, list[str]] = {room: [] for room in _ROOMS}
        self.count = 0
        self.inside: set[str] = set()
        for step, word in steps:
            getattr(self, f"step_{step}")(word)
        self.acceptAll()

    def step_say(self, room: str) -> None:
        """
        Mina sends three messages, if she is in the room.
        """
        for _ in range(3 if room in self.inside else 0):
            self.count += 1
            self.expected[room].append(str(self.count))
            self.say(str(self.count), room=room)

    def step_walk(self, room: str) -> None:
        """
        Mina joins or leaves the room.
        """
        if room in self.inside:
            self.inside.remove(room)
            self.chat.leave(self.mina, room)
            self.expected[room].append("left")
        else:
            self.inside.add(room)
            self.join(room)
            self.expected[room].append("joined")
        self.clock.advance(0)

    def step_accept(self, _: str) -> None:
        """
        The receiver accepts a request.
        """
        if self.receiver.answers:
            self.take()
            self.receiver.answers.pop().callback(None)
            self.clock.advance(0)

    def step_refuse(self, _: str) -> None:
        """
        The receiver refuses a request, and gets it again.
        """
        if self.receiver.answers:
            self.refuse()
            self.clock.advance(60)

    def step_lose(self, _: str) -> None:
        """
        The receiver accepts a request, but its answer is lost.
        """
        if self.receiver.answers:
            self.take()
            self.step_refuse("")

    def step_restart(self, how: str) -> None:
        """
        The chat is stopped and started again. Mina joins her rooms again.
        """
        stopping = self.chat.stopService()
        self.clock.advance(0)
        if how == "clean":
            self.acceptAll()
        self.settle(stopping)
        for room in self.inside:
            self.expected[room].append("left")
        self.begin()
        self.mina = MemoryMember("Mina")
        for room in sorted(self.inside):
            self.join(room)
            self.expected[room].append("joined")
        self.clock.advance(0)

    def settle(self, stopping: Deferred[None]) -> None:
        """
        Wait for the end of a stop.
        """
        for _ in range(20):
            self.clock.advance(1)
        self.successResultOf(stopping)

    def acceptAll(self) -> None:
        """
        The receiver accepts everything.
        """
        for _ in range(200):
            self.step_accept("")
            self.clock.advance(1)

    def take(self) -> None:
        """
        Note the events of a request, each message once.
        """
        for event in self.receiver.requests[-1][1]["data"]["events"]:
            got = self.got[event["room"]]
            if event["type"] != "message":
                got.append(event["type"])
            elif event["text"] not in got:
                got.append(event["text"])

    @settings(max_examples=60, deadline=None)
    @given(st.lists(_STEPS, max_size=40))
    def test_messages(self, steps: list[tuple[str, str]]) -> None:
        """
        Every message arrives, in the order of its room, also after restarts.
        """
        self.patch(batch, "EVENTS", 3)
        self.play(steps)
        for room in _ROOMS:
            got = [each for each in self.got[room] if each.isdecimal()]
            self.assertEqual(got, [each for each in self.expected[room] if each.isdecimal()])

    @settings(max_examples=60, deadline=None)
    @given(st.lists(_STEPS.filter(lambda step: step[0] in ("say", "walk", "accept", "refuse"))))
    def test_order(self, steps: list[tuple[str, str]]) -> None:
        """
        Without a restart, all events arrive in the order of their room.
        """
        self.patch(batch, "EVENTS", 3)
        self.play(steps)
        self.assertEqual(self.got, self.expected)
