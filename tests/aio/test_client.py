"""
Tests for L{machat.aio}, without sockets: reading, flow control and cancelled calls.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import Coroutine
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from machat.aio import ChatClient, Ended, Failed, Lost, Room
from machat.commands import Auth, Kick
from machat.errors import ChatError
from machat.events import Done, Event, Joined, Left, Message, Presence
from tests.aio.clients import ClockLoop, MemoryConnection, MemoryDialer

WELCOME = {
    "type": "welcome",
    "v": 1,
    "server": "x",
    "session": "s",
    "limits": {"line": 65536, "history": 300, "rooms": 32},
    "ping": 25,
}


class Logged(logging.Handler):
    """
    Collects log records.
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


class AsyncioTestCase(SynchronousTestCase):
    """
    A client that is connected to the test.
    """

    limit = 10

    def setUp(self) -> None:
        self.loop = ClockLoop()
        self.dialer = MemoryDialer()
        self.client = self.dialer.client(limit=self.limit)
        self.logged = Logged()
        log = logging.getLogger("machat.aio")
        log.addHandler(self.logged)
        self.addCleanup(log.removeHandler, self.logged)
        self.addCleanup(lambda: self.assertEqual(self.loop.finish(), []))
        self.connection = self.connect()

    def connect(self) -> MemoryConnection:
        self.loop.call_soon(self.client.start)
        self.loop.turn()
        connection = self.connection = self.dialer.accept()
        self.loop.turn()
        self.receive(WELCOME)
        self.sent()
        return connection

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """
        @return: the task that has begun
        """
        task = self.loop.create_task(work)
        self.loop.turn()
        return task

    def receive(self, *events: dict[str, Any]) -> None:
        for event in events:
            self.connection.put(json.dumps(event).encode())
        self.loop.turn(2 * len(events) + 12)

    def sent(self) -> list[dict[str, Any]]:
        """
        @return: what was sent since the last call
        """
        sent = [json.loads(line) for line in self.connection.sent]
        self.connection.sent.clear()
        return sent

    def message(self, seq: int, text: str = "x", room: str = "dev") -> dict[str, Any]:
        return {"type": "message", "room": room, "seq": seq, "from": "Ada", "text": text, "at": 0}

    def joining(self, room: str = "dev") -> asyncio.Task[Room]:
        """
        @return: the call of a join that the server has answered
        """
        task = self.begin(self.client.join(room))
        (join,) = self.sent()
        self.receive(self.joined(room, join["id"]))
        return task

    def joined(self, room: str, id: str) -> dict[str, Any]:
        named = {"room": room, "name": "Mina", "epoch": "e", "seq": 0, "count": 1, "id": id}
        return {"type": "joined", **named}

    def join(self, room: str = "dev") -> Room:
        return self.joining(room).result()

    async def read(self, events: Any, into: list[Event]) -> None:
        async for event in events:
            into.append(event)


class RoomTests(AsyncioTestCase):
    def test_events(self) -> None:
        """
        A room has its own events, from the first message after the join, until it is left.
        """
        room = self.join()
        self.assertEqual((room.name, room.joined.epoch), ("dev", "e"))
        presence = {"type": "presence", "room": "dev", "joined": ["Ada"], "count": 2}
        self.receive(self.message(1), self.message(7, room="ops"), presence, self.message(2))
        found: list[Event] = []
        reading = self.begin(self.read(room, found))
        self.assertEqual([type(each) for each in found], [Message, Presence, Message])
        self.receive({"type": "left", "room": "dev", "reason": "kicked"})
        self.assertEqual(found[3:], [Left(room="dev", reason="kicked")])
        self.assertIsNone(reading.result())

    def test_onlyReader(self) -> None:
        """
        A task that waits for events is not collected as garbage if nothing else refers to it.
        """
        found: list[Event] = []
        self.begin(self.read(self.client.events(), found))
        gc.collect()
        self.receive({"type": "done", "id": "1"})
        self.assertEqual(found, [Done(id="1")])

    def test_joinedTwice(self) -> None:
        """
        Each join of a room returns a room of its own, with the messages since that join.
        """
        first = self.join()
        self.receive(self.message(1))
        second = self.begin(self.client.join("DEV")).result()
        self.receive(self.message(2))
        texts: list[list[Event]] = [[], []]
        for room, found in zip((first, second), texts, strict=True):
            self.begin(self.read(room, found))
        seqs = [[each.seq for each in found if isinstance(each, Message)] for found in texts]
        self.assertEqual((seqs, self.sent()), ([[1, 2], [2]], []))

    def test_joinedAtOnce(self) -> None:
        """
        Messages that arrive together with the answer to the join are not missed.
        """
        task = self.begin(self.client.join("dev"))
        (join,) = self.sent()
        self.receive(self.joined("dev", join["id"]), self.message(1), self.message(2))
        found: list[Event] = []
        self.begin(self.read(task.result(), found))
        self.assertEqual(len(found), 2)

    def test_leave(self) -> None:
        """
        A room that is left ends its iteration.
        """
        room = self.join()
        reading = self.begin(self.read(room, []))
        self.loop.call_soon(room.leave)
        self.loop.turn()
        self.assertTrue(reading.done())
        self.assertEqual([each["type"] for each in self.sent()], ["leave"])

    def test_people(self) -> None:
        """
        Direct messages, blocks, read markers and the list of rooms have results.
        """
        self.join()
        works = (
            self.client.direct("Ada", "hello"),
            self.client.block("Ada", False),
            self.client.markRead("dev", 1),
            self.client.listRooms("d"),
        )
        calls = [self.begin(work) for work in works]
        join, block, read, rooms = self.sent()
        self.assertEqual((join["room"], block["type"]), ("@Ada,Mina", "unblock"))
        joined = {"room": "@Ada,Mina", "name": "Mina", "epoch": "e", "seq": 0, "count": 1}
        self.receive({"type": "joined", **joined, "id": join["id"]})
        (said,) = self.sent()
        self.receive(
            {"type": "ack", "id": said["id"], "room": "@Ada,Mina", "seq": 1, "duplicate": False},
            {"type": "done", "id": block["id"]},
            {"type": "read", "room": "dev", "seq": 1, "id": read["id"]},
            {"type": "rooms", "rooms": [], "more": False, "id": rooms["id"]},
        )
        self.assertEqual(calls[0].result().seq, 1)
        self.assertEqual(calls[2].result().seq, 1)
        self.assertEqual(calls[3].result().rooms, ())

    def test_methods(self) -> None:
        """
        A room sends messages and requests, and moderators' commands have results.
        """
        room = self.join()
        calls = [self.begin(work) for work in (room.say("hello"), room.history(3, 2), room.who())]
        calls.append(self.begin(self.client.moderate(Kick(name="Ada", room="dev"))))
        said, history, who, kick = self.sent()
        self.receive(
            {"type": "ack", "id": said["id"], "room": "dev", "seq": 1, "duplicate": False},
            {"type": "members", "room": "dev", "count": 1, "members": ["Mina"], "id": who["id"]},
            {"type": "done", "id": kick["id"]},
            {"type": "error", "code": "failed", "text": "no answer", "id": history["id"]},
        )
        self.assertEqual(calls[0].result().seq, 1)
        failed = calls[1].exception()
        assert isinstance(failed, ChatError)
        self.assertEqual(failed.code, "failed")
        self.assertEqual(calls[2].result().members, ("Mina",))
        self.assertEqual(calls[3].result(), Done(id=kick["id"]))


class FlowTests(AsyncioTestCase):
    def test_full(self) -> None:
        """
        If the application does not read, the client stops reading from the server and logs it;
        nothing is lost.
        """
        room = self.join()
        self.receive(*[self.message(seq) for seq in range(1, 31)])
        self.assertEqual(len(room._events), self.limit)
        (text,) = self.logged.texts
        self.assertIn("10 events wait in <Room dev>", text)
        self.loop.advance(500)
        self.assertTrue(self.connection.open)
        found: list[Event] = []
        self.begin(self.read(room, found))
        self.loop.turn(100)
        self.assertEqual([each.seq for each in found if isinstance(each, Message)], [*range(1, 31)])

    def test_discarded(self) -> None:
        """
        An application that discards the room, and only sends, is not stopped.
        """
        self.joining().cancel()
        gc.collect()
        self.receive(*[self.message(seq) for seq in range(1, 31)])
        said = self.begin(self.client.say("dev", "hello"))
        (say,) = self.sent()
        self.receive({"type": "ack", "id": say["id"], "room": "dev", "seq": 31, "duplicate": False})
        self.assertEqual((said.result().seq, self.logged.texts), (31, []))

    def test_discardedWhenFull(self) -> None:
        """
        If the application discards what it has not read, the client reads again.
        """
        room = self.join()
        self.receive(*[self.message(seq) for seq in range(1, 31)])
        events = self.client.events()
        self.assertTrue(self.client._runner.paused)
        del room
        gc.collect()
        self.loop.turn(60)
        self.assertEqual(len(events._events), self.limit)

    def test_fullAndLost(self) -> None:
        """
        A client that does not read does not reconnect either, and its queue does not grow.
        """
        events = self.client.events()
        self.join()
        self.receive(*[self.message(seq) for seq in range(1, 31)])
        waiting = len(events._events)
        self.connection.lose(1006)
        self.loop.advance(500)
        self.assertEqual((len(events._events), self.dialer.connecting), (waiting, []))
        found: list[Event] = []
        self.begin(self.read(events, found))
        self.loop.turn(200)
        self.assertEqual(sum(isinstance(each, Message) for each in found), 30)
        self.loop.advance(31)
        self.assertEqual(len(self.dialer.connecting), 1)

    def test_closedWhenFull(self) -> None:
        """
        A client that does not read can be closed.
        """
        room = self.join()
        self.receive(*[self.message(seq) for seq in range(1, 31)])
        closing = self.begin(self.client.close())
        self.assertIsNone(closing.result())
        found: list[Event] = []
        self.begin(self.read(room, found)).result()
        self.assertEqual(len(found), self.limit)


class CancelTests(AsyncioTestCase):
    def test_sayBeforeSent(self) -> None:
        """
        A message whose call is cancelled before it is sent is not sent.
        """
        self.join()
        self.connection.lose(1006)
        self.loop.turn()
        calls = [self.begin(self.client.say("dev", text)) for text in "ab"]
        calls[0].cancel()
        self.loop.advance(2)
        self.connect()
        self.rejoin()
        self.assertEqual([each["text"] for each in self.sent()], ["b"])
        self.assertTrue(calls[0].cancelled())

    def rejoin(self) -> None:
        (join,) = [each for each in map(json.loads, self.connection.sent) if each["type"] == "join"]
        self.connection.sent.clear()
        self.receive({**self.joined("dev", join["id"]), "recovered": True, "missed": 0})

    def connect(self) -> MemoryConnection:
        connection = self.dialer.accept() if self.dialer.connecting else None
        if connection is None:
            return super().connect()
        self.connection = connection
        self.loop.turn()
        connection.sent.clear()
        self.receive(WELCOME)
        return connection

    def test_sayAfterSent(self) -> None:
        """
        A message whose call is cancelled after it was sent is not sent again, and the next one is.
        """
        self.join()
        calls = [self.begin(self.client.say("dev", text)) for text in "ab"]
        calls[0].cancel()
        self.loop.turn()
        self.connection.lose(1006)
        self.loop.advance(2)
        self.connect()
        self.rejoin()
        self.assertEqual([each["text"] for each in self.sent()], ["b"])

    def test_join(self) -> None:
        """
        A room whose join is cancelled is not joined, whenever the server answers.
        """
        task = self.begin(self.client.join("dev"))
        (join,) = self.sent()
        task.cancel()
        self.loop.turn()
        self.receive(self.joined("dev", join["id"]))
        self.assertEqual([each["type"] for each in self.sent()], ["leave"])
        self.assertEqual(self.client.rooms, [])

    def test_oneOfTwoJoins(self) -> None:
        """
        If one of two joins of a room is cancelled, the other is answered.
        """
        first = self.begin(self.client.join("dev"))
        second = self.begin(self.client.join("dev"))
        (join,) = self.sent()
        first.cancel()
        self.loop.turn()
        self.receive(self.joined("dev", join["id"]))
        self.assertEqual(second.result().joined.room, "dev")

    def test_timeout(self) -> None:
        """
        A call can have a timeout; a request that has one is forgotten.
        """
        self.join()
        for _ in range(120):
            call = self.begin(asyncio.wait_for(self.client.who("dev"), 0.1))
            self.loop.advance(0.2)
            self.assertIsInstance(call.exception(), asyncio.TimeoutError)

    def test_reading(self) -> None:
        """
        Reading that is cancelled loses no event.
        """
        room = self.join()
        for _ in range(3):
            waiting = self.begin(room.__anext__())
            waiting.cancel()
            self.loop.turn()
        self.receive(self.message(1), self.message(2))
        found: list[Event] = []
        self.begin(self.read(room, found))
        self.assertEqual(len(found), 2)


class EndTests(AsyncioTestCase):
    def test_bye(self) -> None:
        """
        If the server ends the client, reading raises the reason after the last event, and so does
        every later call.
        """
        events, room = self.client.events(), self.join()
        self.receive({"type": "bye", "code": 3521, "reason": "replaced", "reconnect": False})
        for each in (events, room):
            found: list[Event] = []
            error = self.begin(self.read(each, found)).exception()
            assert isinstance(error, Ended)
            self.assertEqual((error.code, error.text), ("ended", "replaced"))
            if each is events:
                self.assertEqual(found[-1], Lost(False))
        self.assertIsInstance(self.begin(self.client.say("dev", "x")).exception(), Ended)
        self.assertIsInstance(self.begin(self.client.join("dev")).exception(), Ended)

    def test_close(self) -> None:
        """
        A client that is closed ends all iterations and fails what waits, and leaves nothing.
        """
        room = self.join()
        said = self.begin(room.say("x"))
        found: list[Event] = []
        reading = [self.begin(self.read(each, found)) for each in (self.client, room)]
        closing = self.begin(self.client.close())
        self.assertIsNone(closing.result())
        self.assertIsInstance(said.exception(), Ended)
        self.assertEqual([task.result() for task in reading], [None, None])
        self.assertEqual(asyncio.all_tasks(self.loop), set())
        self.begin(self.client.close()).result()

    def test_closeWhileConnecting(self) -> None:
        """
        A client can be closed while it connects, and before it is started.
        """
        for begin in (True, False):
            client = self.dialer.client()
            if begin:
                self.loop.call_soon(client.start)
                self.loop.turn()
            self.assertIsNone(self.begin(client.close()).result())
            self.assertEqual(self.dialer.connecting, [])

    def test_credentials(self) -> None:
        """
        Credentials that cannot be read are logged and reported, and read again later.
        """

        async def unreadable() -> Auth:
            raise OSError("no such file")

        def broken() -> Auth:
            raise OSError("no such file")

        for credentials in (unreadable, broken):
            client: ChatClient = self.dialer.client(credentials=credentials)
            found: list[Event] = []
            self.begin(self.read(client, found))
            self.loop.call_soon(client.start)
            self.loop.turn()
            self.dialer.accept()
            self.loop.turn()
            (failed,) = found
            assert isinstance(failed, Failed)
            self.assertEqual((failed.code, failed.retry), ("credentials", True))
            self.assertIn("no such file", failed.text)
            self.assertEqual(self.logged.texts.pop(), "reading the credentials failed")
            self.begin(client.close())

    def test_rejoined(self) -> None:
        """
        After a reconnect, a room has its L{Joined} and the messages that were missed.
        """
        room = self.join()
        self.connection.lose(1006)
        self.loop.advance(2)
        self.connection = self.dialer.accept()
        self.loop.turn()
        self.receive(WELCOME)
        join = self.sent()[-1]
        again = {**self.joined("dev", join["id"]), "seq": 1, "recovered": True, "missed": 1}
        self.receive(again, {**self.message(1), "replay": True})
        found: list[Event] = []
        self.begin(self.read(room, found))
        self.assertEqual([type(each) for each in found], [Joined, Message])

    def test_addresses(self) -> None:
        """
        An invalid address is refused at once.
        """
        for address in ("", "localhost", "ws://", "http://localhost/", "localhost:70000", "a:b:1"):
            self.assertRaises(ValueError, ChatClient, address, "Mina")
        for address in ("[::1]:8989", "tls:chat.example.org:443", "unix:/run/x", "ws://x/mychat"):
            ChatClient(address, "Mina")
