"""
L{machat.sansio} with a model of a server, in sequences of steps that Hypothesis chooses.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from machat.commands import Auth
from machat.events import Joined, Left, Message, Receipt
from machat.sansio import (
    Authenticate,
    ClientCore,
    Close,
    Connect,
    Gap,
    Lost,
    Notify,
    Reason,
    Send,
    Settle,
    TooMuch,
    Unknown,
    entries,
    reasons,
)

ROOMS = ["dev", "ops"]

#: The number of ids that a server remembers of each name in a room, and the number of messages that
#: it replays.
REMEMBERED = 64
REPLAYED = 300


class ModelRoom:
    """
    A room of the server.
    """

    def __init__(self) -> None:
        self.epoch = "e1"
        self.messages: list[str] = []
        self.ids: dict[str, int] = {}

    def store(self, text: str, id: str | None = None) -> tuple[int, bool]:
        """
        @return: the number of the message, and whether it was stored before
        """
        if id is not None and id in self.ids:
            return self.ids[id], True
        self.messages.append(text)
        if id is not None:
            self.ids[id] = len(self.messages)
            while len(self.ids) > REMEMBERED:
                del self.ids[next(iter(self.ids))]
        return len(self.messages), False


class Client(RuleBasedStateMachine):
    """
    A client and a server, with a connection that can be lost between any two objects. What was sent
    but not delivered is then lost, in each direction.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.core = ClientCore("Mina", False, self.clock.seconds)
        self.rooms = {name: ModelRoom() for name in ROOMS}
        self.toServer: deque[bytes] = deque()
        self.toClient: deque[dict[str, Any]] = deque()
        self.state = "idle"
        self.members: set[str] = set()
        self.said: dict[str, list[str]] = {name: [] for name in ROOMS}
        self.first: dict[str, int] = {}
        self.heard: dict[str, list[tuple[int, str]]] = {name: [] for name in ROOMS}
        self.results: dict[str, Any] = {}
        self.wanted: set[str] = set()
        self.others = 0

    # The adapter.

    def carryOut(self) -> None:
        while self.core.outputs:
            output = self.core.outputs.popleft()
            if isinstance(output, Connect):
                assert self.state == "idle", self.state
                self.state = "connecting"
            elif isinstance(output, Authenticate):
                self.core.authenticate(Auth())
            elif isinstance(output, Send):
                assert self.state == "open"
                self.toServer.append(output.line)
            elif isinstance(output, Notify):
                self.notified(output.event)
            elif isinstance(output, Settle):
                assert output.token not in self.results
                self.results[output.token] = output.result
            elif isinstance(output, Close):
                self.drop()

    def notified(self, event: Any) -> None:
        assert not isinstance(event, (Gap, Left)), event
        if isinstance(event, Message):
            found = self.heard[event.room]
            # Each message once, and in order.
            assert event.seq == self.first[event.room] + len(found) + 1, (event, len(found))
            found.append((event.seq, event.text))
        elif isinstance(event, Joined):
            self.first.setdefault(event.room, event.seq)
        elif isinstance(event, Lost):
            assert event.retry or self.core.ended

    def drop(self) -> None:
        self.toServer.clear()
        self.toClient.clear()
        self.members.clear()
        if self.state == "open":
            self.state = "idle"
            self.core.closed(Reason(reasons.CLOSED, "lost"))

    # The server.

    def serve(self, line: bytes) -> None:
        command = json.loads(line)
        kind = command.get("type", "hello")
        getattr(self, f"serve_{kind}")(command)

    def serve_hello(self, command: dict[str, Any]) -> None:
        limits = {"line": 65536, "history": 300, "rooms": 32}
        welcome = {"v": 1, "server": "x", "session": "s", "limits": limits, "ping": 25}
        self.toClient.append({"type": "welcome", **welcome})

    def serve_ping(self, command: dict[str, Any]) -> None:
        self.toClient.append({"type": "pong", "id": command["id"]})

    def serve_join(self, command: dict[str, Any]) -> None:
        name = command["room"]
        room = self.rooms[name]
        answer = {"room": name, "name": "Mina", "epoch": room.epoch, "count": 1}
        joined: dict[str, Any] = {"type": "joined", **answer, "id": command["id"]}
        joined["seq"] = len(room.messages)
        self.members.add(name)
        since = command.get("since")
        if since is not None:
            joined["recovered"] = True
        self.toClient.append(joined)
        if since is not None:
            missed = list(enumerate(room.messages, 1))[since["seq"] :]
            for seq, text in missed:
                self.publish(name, seq, text, True)

    def serve_say(self, command: dict[str, Any]) -> None:
        name, id = command["room"], command["id"]
        assert name in self.members
        seq, duplicate = self.rooms[name].store(command["text"], id)
        if not duplicate:
            self.publish(name, seq, command["text"])
        ack = {"id": id, "room": name, "seq": seq, "duplicate": duplicate}
        self.toClient.append({"type": "ack", **ack})

    def publish(self, name: str, seq: int, text: str, replay: bool = False) -> None:
        if name in self.members:
            message = {"room": name, "seq": seq, "from": "x", "text": text, "at": 0}
            self.toClient.append({"type": "message", **message, "replay": replay})

    # The steps.

    @initialize()
    def start(self) -> None:
        self.core.start()
        for name in ROOMS:
            self.core.join(name, 0, f"join {name}")
        self.carryOut()

    @precondition(lambda self: self.state == "connecting")
    @rule(succeeds=st.booleans())
    def connect(self, succeeds: bool) -> None:
        """
        An attempt to connect succeeds or fails.
        """
        self.state = "open" if succeeds else "idle"
        if succeeds:
            self.core.connecting()
            self.core.opened()
        else:
            self.core.unreachable(Reason(reasons.UNREACHABLE, "refused"))
        self.carryOut()

    @rule(name=st.sampled_from(ROOMS), count=st.sampled_from([1, 2, 70]))
    def say(self, name: str, count: int) -> None:
        """
        The application sends messages.
        """
        for _ in range(count):
            token = f"{name} {len(self.said[name])}"
            self.said[name].append(token)
            self.core.post(name, entries.say(token), token)
        self.carryOut()

    @rule(name=st.sampled_from(ROOMS))
    def other(self, name: str) -> None:
        """
        Another member sends a message.
        """
        self.others += 1
        seq, _ = self.rooms[name].store(f"other {self.others}")
        self.publish(name, seq, f"other {self.others}")

    @precondition(lambda self: self.toServer)
    @rule(count=st.sampled_from([1, 5, 1_000]))
    def deliverToServer(self, count: int) -> None:
        """
        Some objects arrive at the server.
        """
        for _ in range(min(count, len(self.toServer))):
            self.serve(self.toServer.popleft())

    @precondition(lambda self: self.toClient)
    @rule(count=st.sampled_from([1, 5, 1_000]))
    def deliverToClient(self, count: int) -> None:
        """
        Some objects arrive at the client.
        """
        for _ in range(min(count, len(self.toClient))):
            self.core.received(json.dumps(self.toClient.popleft()).encode())
            self.carryOut()

    @precondition(lambda self: self.state == "open" and self.members)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """
        The server sends a message that the client has received once more.
        """
        name = data.draw(st.sampled_from(sorted(self.members)))
        if self.heard[name]:
            seq, text = data.draw(st.sampled_from(self.heard[name][-5:]))
            self.publish(name, seq, text)

    @precondition(lambda self: self.toClient)
    @rule()
    def refuse(self) -> None:
        """
        The server does not know whether a message was stored, instead of acknowledging it.
        """
        for number, event in enumerate(self.toClient):
            if event["type"] == "ack":
                error = {"type": "error", "code": "unknown", "text": "?", "id": event["id"]}
                self.toClient[number] = error
                break

    @precondition(lambda self: self.state == "open")
    @rule()
    def lose(self) -> None:
        """
        The connection is lost.
        """
        self.drop()
        self.carryOut()

    @rule()
    def reconnect(self) -> None:
        """
        The connection is lost and opened again, and everything arrives at the server.
        """
        if self.state == "open":
            self.lose()
        while self.state != "connecting":
            self.wait(3.0)
        self.connect(True)
        self.deliverToServer(1_000)

    @rule(seconds=st.sampled_from([0.0, 0.7, 3.0]))
    def wait(self, seconds: float) -> None:
        """
        Time passes.
        """
        self.clock.advance(seconds)
        if self.core.deadline is not None and self.core.deadline <= self.clock.seconds():
            self.core.run()
        self.carryOut()

    def check(self) -> None:
        """
        Check that no message is stored twice, and that what is acknowledged is stored.
        """
        for name, room in self.rooms.items():
            own = [text for text in room.messages if text.startswith(name)]
            assert len(own) == len(set(own)), own
            for token in self.said[name]:
                result = self.results.get(token)
                assert isinstance(result, Receipt | Unknown | TooMuch | None), result
                if isinstance(result, Receipt):
                    assert room.messages[result.seq - 1] == token

    def teardown(self) -> None:
        """
        When the network works again, everything is stored and received, in order.
        """
        for _ in range(400):
            if self.state == "connecting":
                self.connect(True)
            while self.toServer or self.toClient:
                self.deliverToServer(10_000)
                self.deliverToClient(10_000)
            waiting = len(self.results) - len(ROOMS) - sum(map(len, self.said.values()))
            if not waiting and all(self.core.joined(name) for name in ROOMS):
                break
            self.wait(0.7)
        for name, room in self.rooms.items():
            assert isinstance(self.results[f"join {name}"], Joined)
            known = [each for each in self.said[name] if isinstance(self.results[each], Receipt)]
            own = [text for text in room.messages if text.startswith(name)]
            assert set(known) <= set(own)
            assert self.heard[name] == list(enumerate(room.messages, 1))[self.first[name] :]
        self.check()
        self.core.stop()
        self.carryOut()
        assert self.core.deadline is None


class ModelTests(SynchronousTestCase):
    def test_model(self) -> None:
        """
        Nothing is lost, nothing is stored or reported twice, and everything is in order.
        """
        run_state_machine_as_test(
            Client,
            settings=settings(
                max_examples=30,
                stateful_step_count=40,
                deadline=None,
                phases=[Phase.generate],
                database=None,
                report_multiple_bugs=False,
            ),
        )
