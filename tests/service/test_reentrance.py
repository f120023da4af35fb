"""
An application's callbacks call the chat that calls them: individual cases, and any callback doing
anything, against a model.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from math import inf
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from machat.entries import Content, Entry
from machat.errors import ChatError, Disconnect
from machat.events import Event, Joined, Message, Receipt
from machat.interfaces import IChatHooks, IChatMember
from machat.limits import Limits
from machat.member import Member
from machat.tcp import ChatFactory
from machat.testing import MemoryChat, MemoryClient
from machat.ws import ChatWebSocketFactory
from tests.members import namesLeft


class HeardTests(SynchronousTestCase):
    """
    A member replies from inside C{heard}.
    """

    def test_post(self) -> None:
        """
        A reply that is posted there gets its own number, however long the conversation is, and the
        chat stops afterwards.
        """
        chat = MemoryChat()
        receipts: list[Receipt] = []

        class Bot(Member):
            def heard(self, event: Event) -> None:
                if isinstance(event, Message) and event.sender == "Mina":
                    chat.service.post(self, event.room, "hello").addCallback(receipts.append)

        self.successResultOf(chat.service.join(Bot("bot"), "dev"))
        mina = chat.tcp("Mina", "dev")
        for _ in range(40):
            mina.send("hi")
            chat.clock.advance(1)
            chat.turn()
            self.assertEqual(mina.received(), ["Mina:hi", "bot:hello"])
        self.assertEqual([receipt.seq for receipt in receipts], list(range(2, 81, 2)))
        self.successResultOf(chat.service.stopService())

    def test_stop(self) -> None:
        """
        A stop that is requested there delivers the batch to all members, and then all other
        messages of this turn in any room.
        """
        chat = MemoryChat()
        stops: list[Deferred[None]] = []

        class Bot(Member):
            def heard(self, event: Event) -> None:
                if isinstance(event, Message) and event.text == "stop":
                    chat.service.say(self, "dev", "going")
                    stops.append(chat.service.stopService())

        self.successResultOf(chat.service.join(Bot("bot"), "dev"))
        mina, ada = chat.member("Mina", "dev"), chat.member("Ada", "lounge")
        chat.service.say(mina, "dev", "stop")
        chat.service.say(ada, "lounge", "last words")
        chat.turn()
        self.assertEqual(mina.received(), ["Mina:stop", "bot:going"])
        self.assertEqual(ada.received(), ["Ada:last words"])
        self.successResultOf(stops[0])

    def test_comeBack(self) -> None:
        """
        A member that is removed there and rejoins at once starts after that batch, and so does a
        new member, in any dialect.
        """
        chat = MemoryChat()
        text: list[MemoryClient] = []

        class Bot(Member):
            def heard(self, event: Event) -> None:
                if isinstance(event, Message) and event.seq == 1:
                    chat.service.leave(ada, "dev")
                    chat.service.join(ada, "dev").addCallback(joined.append)
                    text.append(chat.tcp("Text", "dev"))

        joined: list[Joined] = []
        self.successResultOf(chat.service.join(Bot("bot"), "dev"))
        ada, mina = chat.member("Ada", "dev"), chat.member("Mina", "dev")
        chat.service.say(mina, "dev", "one")
        chat.turn()
        chat.service.say(mina, "dev", "two")
        chat.turn()
        self.assertEqual(joined[0].seq, 1)
        self.assertEqual((ada.received(), text[0].received()), (["Mina:two"], ["Mina:two"]))


ROOMS = ("dev", "lounge")
NAMES = ("Ada", "Bob", "Eve")

#: The callbacks of an application, and what each of them may do.
CALLBACKS = (
    "heard",
    "removed",
    "disconnected",
    "authorizeJoin",
    "authorizeSay",
    "joined",
    "left",
    "said",
    "receipt",
    "entered",
)
ACTIONS = (
    "say",
    "post",
    "join",
    "leave",
    "kick",
    "mute",
    "ban",
    "stop",
    "start",
    "send",
    "close",
    "raise",
    "wait",
)


def trapRefusal(failure: Failure) -> None:
    """
    Accept that an action is refused.
    """
    failure.trap(ChatError)


class Boom(Exception):
    """
    An exception that an application raises by mistake.
    """


class Actor(Member):
    """
    A member whose callbacks do what the machine has planned.

    @ivar places: the last message of each room that it is in
    @ivar over: the rooms that it has left while a batch was delivered to it
    """

    def __init__(self, name: str, machine: ReentranceMachine) -> None:
        super().__init__(name)
        self.machine = machine
        self.places: dict[str, int] = {}
        self.over: set[str] = set()

    def deliver(self, batch: Sequence[Event]) -> None:
        self.over.clear()
        super().deliver(batch)

    def heard(self, event: Event) -> None:
        if isinstance(event, Message) and event.room not in self.over:
            last = self.places.get(event.room)
            self.machine.check(last is not None and event.seq == last + 1, f"{last} {event}")
            self.places[event.room] = event.seq
        self.machine.do("heard")

    def removed(self, room: str, reason: str) -> None:
        self.machine.do("removed")

    def disconnected(self, end: Disconnect) -> None:
        self.machine.do("disconnected")


@implementer(IChatHooks)
class Watch:
    """
    Hooks that keep all messages, and do what the machine has planned.
    """

    def __init__(self, machine: ReentranceMachine) -> None:
        self.machine = machine

    def authorizeJoin(self, member: IChatMember, room: str) -> Deferred[None] | None:
        return self.machine.do("authorizeJoin")

    def authorizeSay(self, member: IChatMember, room: str, text: str) -> Deferred[str] | str:
        waiting = self.machine.do("authorizeSay")
        return text if waiting is None else waiting.addCallback(lambda _: text)

    def authorizeEntry(self, member: IChatMember, room: str, content: Content) -> None:
        pass

    def joined(self, member: IChatMember, room: str) -> None:
        self.machine.do("joined")

    def left(self, member: IChatMember, room: str) -> None:
        if isinstance(member, Actor):
            member.places.pop(room, None)
            member.over.add(room)
        self.machine.do("left")

    def said(self, messages: Sequence[Entry]) -> None:
        for message in messages:
            said = self.machine.said[message.room]
            said.append((message.sender, message.text))
            self.machine.check(message.seq == len(said), f"number {message}")
        self.machine.do("said")


class PromptChat(MemoryChat):
    """
    A chat that has its store to itself, as C{twistd machat} has: the store stores at once. The chat
    cannot be cut off from it.
    """

    def _begin(self) -> None:
        self.service = self._serviceOf(store=self.store)
        self._tcp = ChatFactory(self.service)
        self._ws = ChatWebSocketFactory(self.service)
        self.service.startService()


class ReentranceMachine(RuleBasedStateMachine):
    """
    Members inside the process, and two clients. Each step either plans what a callback does the
    next time it is called, or acts at once.
    """

    makeChat: type[MemoryChat] = MemoryChat

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        globalLogPublisher.addObserver(cast(ILogObserver, self.logged))
        self.plans: dict[str, list[tuple[str, Actor, str]]] = {}
        self.said: dict[str, list[tuple[str, str]]] = {room: [] for room in ROOMS}
        self.chat = self.makeChat(Limits(rate=inf, joinTimeout=3), hooks=Watch(self))
        self.service = self.chat.service
        self.service.startService()
        self.actors = [Actor(name, self) for name in NAMES]
        self.asked: list[Deferred[Any]] = []
        self.stops: list[Deferred[None]] = []
        self.count = self.unanswered = 0
        self.failed: set[str] = set()
        self.text = self.chat.tcp("Text", "dev")
        self.events = self.chat.ws()
        for actor in self.actors:
            for room in ROOMS:
                self._join(actor, room)

    def logged(self, event: dict[str, Any]) -> None:
        """
        Only the planned exceptions are logged as errors.
        """
        failure = event.get("log_failure")
        if failure is not None and not failure.check(Boom):
            self.faults.append(failure.getTraceback())

    def check(self, true: bool, what: str) -> None:
        """
        Check a condition like C{assert}, but from inside a callback.
        """
        if not true:
            self.faults.append(what)

    def do(self, callback: str) -> Deferred[Any] | None:
        """
        Run what is planned for a callback.

        @return: what the caller waits for
        """
        plan = self.plans.get(callback)
        if not plan:
            return None
        action, actor, room = plan.pop(0)
        if action == "wait" and not callback.startswith("authorize"):
            return None
        return self.act(action, actor, room)

    def act(self, action: str, actor: Actor, room: str) -> Deferred[Any] | None:
        """
        Perform one action.
        """
        try:
            waiting: Deferred[Any] | None = getattr(self, f"_{action}")(actor, room)
        except ChatError:
            return None
        return waiting

    def newText(self) -> str:
        self.count += 1
        return f"text {self.count}"

    def _say(self, actor: Actor, room: str) -> None:
        waiting = self.service.say(actor, room, self.newText())
        if waiting is not None:
            waiting.addErrback(trapRefusal)

    def _post(self, actor: Actor, room: str) -> None:
        text = self.newText()
        id = text if self.count % 2 else None
        self.unanswered += 1
        posted = self.service.post(actor, room, text, id)
        posted.addCallbacks(self.kept, self.lost, (actor, text), {}, (text,), {})
        posted.addErrback(lambda failure: failure.trap(Boom) and None)

    def kept(self, receipt: Receipt, actor: Actor, text: str) -> None:
        self.unanswered -= 1
        said = self.said[receipt.room]
        self.check(said[receipt.seq - 1] == (actor.name, text), f"{receipt} of {text}")
        self.do("receipt")

    def lost(self, failure: Failure, text: str) -> None:
        failure.trap(ChatError)
        self.unanswered -= 1
        self.failed.add(text)
        self.do("receipt")

    def _join(self, actor: Actor, room: str) -> None:
        joining = self.service.join(actor, room)
        joining.addCallbacks(self.entered, self.refused, (actor,))
        joining.addErrback(lambda failure: failure.trap(Boom) and None)

    def entered(self, joined: Joined, actor: Actor) -> None:
        room = self.service.rooms.get(joined.room)
        self.check(room is not None and actor in room, "joined and not there")
        self.check(joined.seq >= len(self.said[joined.room]), f"{joined}")
        actor.places[joined.room] = joined.seq
        self.do("entered")

    def refused(self, failure: Failure) -> None:
        failure.trap(ChatError)
        self.do("entered")

    def _leave(self, actor: Actor, room: str) -> None:
        self.service.leave(actor, room)

    def _kick(self, actor: Actor, room: str) -> None:
        self.service.moderation.kick(room, actor.name).addErrback(trapRefusal)

    def _mute(self, actor: Actor, room: str) -> None:
        self.service.moderation.mute(room, actor.name, 5).addErrback(trapRefusal)

    def _ban(self, actor: Actor, room: str) -> None:
        self.service.moderation.ban(room, actor.name, 5).addErrback(trapRefusal)

    def _stop(self, actor: Actor, room: str) -> None:
        self.stops.append(self.service.stopService())

    def _start(self, actor: Actor, room: str) -> None:
        self.service.startService()

    def _send(self, actor: Actor, room: str) -> None:
        """
        The clients send a message, or connect again.
        """
        if self.service.draining:
            return  # closing a connection while it is made needs a real transport
        if not self.text.connected:
            self.text = self.chat.tcp("Text", room)
        self.text.send(self.newText())
        if not (self.events.connected or self.service.draining):
            self.events = self.chat.ws()
            self.events.send(json.dumps({"v": 1, "name": "Events", "room": room}))
        self.events.send(json.dumps({"type": "say", "text": self.newText(), "id": "1"}))

    def _close(self, actor: Actor, room: str) -> None:
        self.text.close()
        self.events.close()

    def _raise(self, actor: Actor, room: str) -> None:
        raise Boom

    def _wait(self, actor: Actor, room: str) -> Deferred[Any]:
        self.asked.append(Deferred())
        return self.asked[-1]

    @rule(
        plans=st.lists(
            st.tuples(
                st.sampled_from(CALLBACKS),
                st.sampled_from(ACTIONS),
                st.integers(0, 2),
                st.sampled_from(ROOMS),
            ),
            min_size=1,
            max_size=5,
        )
    )
    def plan(self, plans: list[tuple[str, str, int, str]]) -> None:
        """
        Plan the actions of callbacks.
        """
        for callback, action, who, room in plans:
            self.plans.setdefault(callback, []).append((action, self.actors[who], room))

    @rule(
        action=st.sampled_from([each for each in ACTIONS if each not in ("raise", "wait")]),
        who=st.integers(0, 2),
        room=st.sampled_from(ROOMS),
    )
    def now(self, action: str, who: int, room: str) -> None:
        """
        Perform actions between turns.
        """
        self.act(action, self.actors[who], room)

    @rule(
        who=st.integers(0, 2),
        room=st.sampled_from(ROOMS),
        actions=st.lists(st.sampled_from(["say", "post"]), min_size=1, max_size=3),
    )
    def talk(self, who: int, room: str, actions: list[str]) -> None:
        """
        All members join, one posts a message, and it is delivered.
        """
        self.service.startService()
        for actor in self.actors:
            self._join(actor, room)
        for action in actions:
            self.act(action, self.actors[who], room)
        self.turn()

    @rule(index=st.integers(0, 3), answer=st.sampled_from(["yes", "no", "boom"]))
    def answer(self, index: int, answer: str) -> None:
        """
        A hook decides.
        """
        if index < len(self.asked):
            asked = self.asked.pop(index)
            if answer == "yes":
                asked.callback(None)
            else:
                asked.errback(Boom() if answer == "boom" else ChatError("not-allowed", "no"))

    @rule()
    def turn(self) -> None:
        self.chat.turn()

    @rule(seconds=st.sampled_from([1, 6]))
    def pause(self, seconds: int) -> None:
        self.chat.clock.advance(seconds)

    @invariant()
    def whole(self) -> None:
        """
        No callback has seen an error, and all counters match what they count.
        """
        assert not self.faults, self.faults[0]
        for room in self.service.rooms:
            assert room.holds >= 0 and room.storing is None
            assert len(room.occupants) == len({claim.key for claim in room.members.values()})

    def teardown(self) -> None:
        """
        The chat stops, whatever has happened, and nothing is left.
        """
        try:
            self.plans.clear()
            self.stops.append(self.service.stopService())
            for _ in range(8):
                self.chat.clock.advance(1)
            self.whole()
            assert all(each.called for each in self.stops), "it does not stop"
            self.checkLeft()
            for asked in self.asked:
                asked.callback(None)
            self.chat.turn()
            self.checkLeft()
        finally:
            globalLogPublisher.removeObserver(cast(ILogObserver, self.logged))

    def checkLeft(self) -> None:
        """
        Nothing is left.
        """
        service = self.service
        assert not self.faults, self.faults[0]
        assert self.unanswered == 0, "a receipt is missing"
        assert self.failed.isdisjoint(text for said in self.said.values() for _, text in said)
        assert service._batches.idle and len(service.connections) == 0
        assert len(service.rooms) == 0 and service._rooms.arrivals() == []
        assert not namesLeft(service)
        assert self.chat.clock.getDelayedCalls() == [], self.chat.clock.getDelayedCalls()


class PromptMachine(ReentranceMachine):
    """
    The same with a store that stores at once.
    """

    makeChat = PromptChat


class ReentranceTests(SynchronousTestCase):
    def test_anySteps(self) -> None:
        """
        Whatever an application does inside its callbacks, numbers and receipts are correct,
        members receive the right messages, and the chat stops with nothing left.
        """
        for machine in (ReentranceMachine, PromptMachine):
            run_state_machine_as_test(
                machine,
                settings=settings(deadline=None, max_examples=60, stateful_step_count=30),
            )
        gc.collect()
        self.flushLoggedErrors(Boom)
