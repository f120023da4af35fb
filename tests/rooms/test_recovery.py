"""
No message is lost and none is seen twice: any sequence of steps against a model, and real sockets
in a busy room.
"""

from __future__ import annotations

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
from twisted.trial.unittest import SynchronousTestCase

from machat.entries import Edit, Entry, React
from machat.events import Joined, Position
from machat.hooks import Hooks
from machat.limits import Limits
from machat.rooms import recovery
from machat.store.memory import MemoryStore
from machat.store.memoryroom import MemoryRoom
from machat.testing import MemoryChat, MemoryClient, MemoryMember
from tests.processes import LOCAL, RawClient, RawWebSocketClient, portsOf, stop, twistd

NAMES = ("Mina", "Ada", "Bob")
ROOMS = ("dev", "lounge")
KEPT = 6


class Client:
    """
    A client that remembers, over all its connections, what it has seen of each room and which of
    its messages are not acknowledged.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.connection: MemoryClient | None = None
        self.places: dict[str, tuple[str, int]] = {}
        self.inside: set[str] = set()
        self.unacknowledged: dict[str, tuple[str, str]] = {}
        self.expected: dict[str, list[int]] = {}


class Witness(Hooks):
    """
    Hooks that record all messages of each room since the first.
    """

    def __init__(self) -> None:
        self.heard: dict[str, list[tuple[str, str]]] = {room: [] for room in ROOMS}

    def said(self, messages: Sequence[Entry]) -> None:
        for message in messages:
            if message.seq == 1:
                self.heard[message.room] = []
            self.heard[message.room].append((message.sender, message.text))
            assert len(self.heard[message.room]) == message.seq, message


class RecoveryMachine(RuleBasedStateMachine):
    """
    Clients join, send, leave, lose connections and rejoin with their last position, and rooms are
    forgotten. The model is the list of messages that a witness has received in each room.
    """

    def __init__(self) -> None:
        super().__init__()
        self.witness = Witness()
        limits = Limits(
            rate=inf,
            logMessages=KEPT,
            maxHistory=KEPT - 1,
            remembered=1e9,
            receipts=1_000,
            ping=10_000,
            pong=1,
        )
        self.chat = MemoryChat(limits, hooks=self.witness)
        self.clients = {name: Client(name) for name in NAMES}
        self.epochs: dict[str, str] = {}
        self.ids = 0

    def command(self, client: Client, **command: Any) -> None:
        assert client.connection is not None
        client.connection.send(json.dumps(command))
        self.read(client)

    def read(self, client: Client) -> None:
        """
        Process what the server has sent to the client: messages arrive in order, without gaps or
        repetitions.
        """
        if client.connection is None:
            return
        for line in client.connection.received():
            event = json.loads(line)
            kind = event["type"]
            if kind == "joined":
                self.joined(client, event)
            elif kind == "message":
                self.message(client, event)
            elif kind == "ack":
                room, text = client.unacknowledged.pop(event["id"])
                assert self.witness.heard[room][event["seq"] - 1] == (client.name, text)
            else:
                assert kind in ("welcome", "left"), event

    def joined(self, client: Client, event: Any) -> None:
        room, seq = event["room"], event["seq"]
        known = client.places.get(room)
        if self.epochs.get(room) != event["epoch"]:
            self.epochs[room] = event["epoch"]
            self.witness.heard[room] = []  # the client no longer knows anything about this room
        assert seq == len(self.witness.heard[room])
        if known is not None:
            same = known[0] == event["epoch"]
            missed = seq - known[1]
            assert event["recovered"] == (same and missed <= KEPT - 1), event
            assert event.get("missed") == (missed if same else None)
        start = known[1] if event.get("recovered") and known else seq
        client.expected[room] = list(range(start + 1, seq + 1))
        client.places[room] = (event["epoch"], start)
        client.inside.add(room)

    def message(self, client: Client, event: Any) -> None:
        room, seq = event["room"], event["seq"]
        epoch, before = client.places[room]
        assert seq == before + 1, "no gap, no repeat"
        client.places[room] = (epoch, seq)
        expected = client.expected[room]
        assert event.get("replay", False) == bool(expected)
        if expected:
            assert expected.pop(0) == seq
        assert room in client.inside
        assert self.witness.heard[room][seq - 1] == (event["from"], event["text"])

    @rule(name=st.sampled_from(NAMES), room=st.sampled_from(ROOMS), ws=st.booleans())
    def join(self, name: str, room: str, ws: bool) -> None:
        """
        Join, for the first time or again.
        """
        client = self.clients[name]
        if client.connection is None:
            client.connection = self.chat.ws() if ws else self.chat.tcp()
            self.command(client, v=1, name=name, presence=False)
        if room not in client.inside:
            known = client.places.get(room)
            since = {"epoch": known[0], "seq": known[1]} if known else None
            self.command(client, type="join", room=room, since=since)
            assert room in client.inside
            for id, (where, text) in list(client.unacknowledged.items()):
                if where == room:
                    self.command(client, type="say", room=room, text=text, id=id)

    @rule(name=st.sampled_from(NAMES), room=st.sampled_from(ROOMS), count=st.integers(1, 4))
    def say(self, name: str, room: str, count: int) -> None:
        self.join(name, room, False)
        client = self.clients[name]
        for _ in range(count):
            self.ids += 1
            client.unacknowledged[str(self.ids)] = (room, f"text {self.ids}")
            self.command(client, type="say", room=room, text=f"text {self.ids}", id=str(self.ids))

    @rule(name=st.sampled_from(NAMES), room=st.sampled_from(ROOMS))
    def leave(self, name: str, room: str) -> None:
        client = self.clients[name]
        if room in client.inside:
            self.turn()
            self.command(client, type="leave", room=room)
            client.inside.remove(room)
            client.unacknowledged.clear()

    @rule(
        name=st.sampled_from(NAMES),
        other=st.sampled_from(NAMES),
        room=st.sampled_from(ROOMS),
        missed=st.integers(1, KEPT),
        seen=st.booleans(),
    )
    def trip(self, name: str, other: str, room: str, missed: int, seen: bool) -> None:
        """
        Send a message, lose the connection, miss a message of another client, and rejoin.
        """
        self.say(name, room, 1)
        self.cut(name, seen)
        if other != name:
            self.say(other, room, missed)
        self.turn()
        self.join(name, room, seen)

    @rule(name=st.sampled_from(NAMES), seen=st.booleans())
    def cut(self, name: str, seen: bool) -> None:
        """
        Lose the connection, with or without the data that was in flight.
        """
        client = self.clients[name]
        if client.connection is not None:
            if seen:
                self.turn()
            client.connection.close()
            client.connection = None
            client.inside.clear()

    @rule()
    def turn(self) -> None:
        """
        Deliver all messages, including those that wait for the end of a replay.
        """
        for _ in range(3):
            self.chat.turn()
        for client in self.clients.values():
            self.read(client)

    @rule()
    def evict(self) -> None:
        """
        All clients leave and a day passes: the rooms are forgotten and begin new epochs.
        """
        for name, client in self.clients.items():
            self.cut(name, True)
            client.unacknowledged.clear()
        self.chat.clock.advance(90_000)

    @rule(seconds=st.sampled_from([1, 6, 60]))
    def wait(self, seconds: int) -> None:
        self.turn()
        self.chat.clock.advance(seconds)

    @invariant()
    def bounded(self) -> None:
        """
        No collection exceeds its bounds.
        """
        store = self.chat.store
        assert isinstance(store, MemoryStore)
        for room in store._open.values():
            assert len(room.kept) <= KEPT

    def teardown(self) -> None:
        """
        At the end, all clients that remain have seen the same messages, and each message was
        posted once.
        """
        self.turn()
        for heard in self.witness.heard.values():
            texts = [text for _, text in heard]
            assert len(texts) == len(set(texts)), "said once"
        for client in self.clients.values():
            for room in client.inside:
                assert client.places[room][1] == len(self.witness.heard[room])
            for room, text in client.unacknowledged.values():
                assert room not in client.inside, text


class RecoveryTests(SynchronousTestCase):
    def test_anySteps(self) -> None:
        """
        Whatever clients do and whenever they lose connections, they see each message once and in
        order, and every loss is reported to them.
        """
        self.patch(recovery, "PAGE", 2)
        run_state_machine_as_test(
            RecoveryMachine,
            settings=settings(deadline=None, max_examples=80, stateful_step_count=40),
        )


class PageTests(SynchronousTestCase):
    """
    Tests for the amount that is read at once, and in total.
    """

    def setUp(self) -> None:
        self.patch(recovery, "FIRST", 2)
        self.patch(recovery, "PAGE", 3)
        self.chat = MemoryChat(Limits(maxHistory=20, rate=inf))
        self.store = cast(MemoryStore, self.chat.store)
        self.bot = self.chat.member("bot", "dev")
        self.reads: list[tuple[int, int]] = []
        read = MemoryRoom.read

        def note(room: MemoryRoom, after: int, limit: int) -> Deferred[Sequence[Entry]]:
            self.reads.append((after, limit))
            return read(room, after, limit)

        self.patch(MemoryRoom, "read", note)

    def say(self, *sizes: int) -> None:
        """
        Send messages of these sizes.
        """
        for size in sizes:
            self.chat.service.say(self.bot, "dev", "x" * size)
        self.chat.turn()

    def history(self, **fields: Any) -> list[int]:
        """
        @return: the numbers of the messages in a history
        """
        read = self.chat.service.history(self.bot, "dev", **fields)
        return [message.seq for message in self.successResultOf(read).messages]

    def join(self, **fields: Any) -> Joined:
        """
        @return: the answer to a join
        """
        member = MemoryMember("Mina")
        joined = self.successResultOf(self.chat.service.join(member, "dev", **fields))
        self.chat.service.leave(member, "dev")
        return joined

    def seqs(self, joined: Joined) -> list[int]:
        """
        @return: the numbers of the replayed messages
        """
        return [message.seq for message in joined.replay]

    def test_pages(self) -> None:
        """
        Messages are read in pages, whatever their number and the end at which reading begins.
        """
        self.say(*[1] * 17)
        for count in range(1, 20):
            first = max(1, 18 - count)
            expected = list(range(first, 18))
            self.assertEqual(self.history(limit=count), expected)
            self.assertEqual(self.history(after=17 - len(expected), limit=count), expected)
            self.assertEqual(self.history(after=0, limit=count), list(range(1, 18))[:count])
            self.assertEqual(self.history(before=first, limit=99), list(range(1, first)))
            self.assertEqual(self.seqs(self.join(history=count)), expected)
            since = Position(self.join().epoch, 17 - len(expected))
            self.assertEqual(self.seqs(self.join(since=since)), expected)
        self.assertLessEqual(max([limit for _, limit in self.reads]), 3)
        self.reads.clear()
        self.history(limit=6)
        self.assertEqual(self.reads, [(15, 2), (12, 3), (11, 1)])

    def test_future(self) -> None:
        """
        A position in the future recovers nothing. It is not known what was missed since.
        """
        self.say(1, 1)
        epoch = self.join().epoch
        for seq in (3, 2**53):
            joined = self.join(since=Position(epoch, seq))
            self.assertEqual((joined.recovered, joined.missed), (False, None))

    def test_beyond(self) -> None:
        """
        Before a number in the future are the last messages, and after it none.
        """
        self.say(1, 1)
        for seq in (4, 99, 2**53):
            self.assertEqual(self.history(before=seq, limit=1), [2])
            self.assertEqual(self.history(after=seq, limit=1), [])

    def test_hidden(self) -> None:
        """
        Neither many reactions nor large edits hide the messages before them or after them, so that
        a history without a message is the end of the room.
        """
        self.patch(recovery, "SCANNED", 4)
        self.patch(recovery, "LARGEST", 1000)
        self.say(1, 1)
        for number in range(20):
            self.chat.service.post(self.bot, "dev", React(1, "x", number % 2 == 1))
            self.chat.service.post(self.bot, "dev", Edit(2, "x" * 400))
        self.chat.turn()
        self.say(1)
        self.assertEqual(self.history(limit=1, before=43), [2])
        self.assertEqual(self.history(limit=1, after=2), [43])
        self.assertEqual(self.history(limit=3), [43])
        self.assertEqual(self.seqs(self.join(history=3)), [43])

    def test_trimmed(self) -> None:
        """
        Where the stored messages begin, pages end.
        """
        self.say(*[1] * 17)
        self.store._open["dev"].drop(9)
        self.assertEqual(self.history(limit=20), list(range(10, 18)))
        self.assertEqual(self.history(before=12, limit=20), [10, 11])
        self.assertEqual(self.history(before=10, limit=20), [])
        self.assertEqual(self.history(after=0, limit=2), [10, 11])
        self.assertEqual(self.seqs(self.join(history=20)), list(range(10, 18)))

    def test_large(self) -> None:
        """
        If the messages are large, fewer are read: the newest ones, or after a number the oldest
        ones, and at least one. A member that has missed too much recovers nothing.
        """
        self.patch(recovery, "LARGEST", 1000)
        self.say(400, 400, 400, 400, 400, 400, 2000, 400, 400)
        epoch = self.join().epoch
        self.reads.clear()
        self.assertEqual(self.history(limit=20), [8, 9])
        self.assertEqual(self.reads, [(7, 2), (4, 3)])
        self.assertEqual(self.history(after=0, limit=20), [1, 2])
        self.assertEqual(self.history(after=6, limit=20), [7])
        self.assertEqual(self.history(before=8, limit=20), [7])
        self.assertEqual(self.history(before=7, limit=20), [5, 6])
        self.assertEqual(self.seqs(self.join(history=20)), [8, 9])
        self.reads.clear()
        for seq, recovered in ((0, False), (6, False), (7, True), (9, True)):
            joined = self.join(since=Position(epoch, seq))
            self.assertEqual((joined.recovered, joined.missed), (recovered, 9 - seq))
        self.assertEqual(self.reads, [(0, 2), (2, 3), (6, 2), (7, 2)])


class RealSocketTests(SynchronousTestCase):
    """
    A real server, a busy room, and connections that are reset.
    """

    def setUp(self) -> None:
        self.server = twistd("--rate", "off", "--tcp", LOCAL, "--ws", LOCAL)
        self.addCleanup(stop, self.server)
        self.tcp, self.ws = portsOf(self.server, "ChatFactory", "ChatWebSocketFactory")

    def test_lines(self) -> None:
        """
        Recovery works on TCP.
        """
        self.check(RawClient, self.tcp)

    def test_frames(self) -> None:
        """
        Recovery works on WebSocket.
        """
        self.check(RawWebSocketClient, self.ws)

    def check(self, kind: type[RawClient], port: int) -> None:
        """
        A client that is disconnected repeatedly while 600 messages are posted sees each message
        once and in order. Replayed messages are marked, and their number is the announced one.
        """
        busy = RawClient(self.tcp)
        busy.send(v=1, name="busy", room="dev", presence=False)
        self.addCleanup(busy.close)
        seen: list[int] = []
        place: Any = None
        replayed = said = 0
        while len(seen) < 600:
            client = kind(port)
            client.send(v=1, name="Mina", room="dev", presence=False, since=place)
            joined = client.await_("joined")
            if place is not None:
                self.assertEqual(joined["recovered"], True)
                self.assertEqual(joined["missed"], joined["seq"] - place["seq"])
                replayed += joined["missed"]
            for _ in range(25):
                busy.send(type="say", text=f"message {said}")
                said += 1
            start, marks = len(seen), 0
            while len(seen) - start < 20 + (joined["missed"] if place else 0):
                message = client.await_("message")
                self.assertEqual(message["text"], f"message {message['seq'] - 1}")
                seen.append(message["seq"])
                marks += message.get("replay", False)
            self.assertEqual(marks, joined["missed"] if place else 0)
            place = {"epoch": joined["epoch"], "seq": seen[-1]}
            client.reset()
            while busy.await_("message")["seq"] < said:
                pass  # all messages have been posted by the time the client rejoins
        self.assertEqual(seen, list(range(1, len(seen) + 1)))
        self.assertGreater(replayed, 100)
