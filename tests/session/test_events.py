"""
Tests for the C{events} dialect, on lines and on WebSocket.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf
from typing import Any

from twisted.internet.defer import fail
from twisted.trial.unittest import SynchronousTestCase

from machat.entries import React
from machat.limits import Limits
from machat.rooms import searching
from machat.testing import MemoryChat, MemoryClient, MemoryMember, MemoryWebSocketClient
from tests.stores import SlowRoom, SlowStore


def nested(depth: int) -> dict[str, Any]:
    """
    @return: an object that is nested so deep
    """
    found: dict[str, Any] = {}
    for _ in range(depth - 1):
        found = {"x": found}
    return found


class EventsTestCase(SynchronousTestCase):
    """
    Tests on lines; L{OnWebSocket} runs all of them again.
    """

    limits = Limits(rate=inf)
    bot: MemoryMember

    def setUp(self) -> None:
        self.chat = MemoryChat(self.limits)

    def connect(self) -> MemoryClient:
        return self.chat.tcp()

    def client(self, name: str = "Mina", room: str | None = "dev", **fields: Any) -> MemoryClient:
        """
        @return: a client that has sent its hello and received all answers
        """
        client = self.connect()
        hello = {"v": 1, "name": name, "presence": False, **fields}
        self.tell(client, **(hello if room is None else {**hello, "room": room}))
        return client

    def tell(self, client: MemoryClient, **command: Any) -> None:
        client.send(json.dumps(command))

    def ask(self, client: MemoryClient, **command: Any) -> Any:
        """
        @return: the only answer to a command
        """
        client.received()
        self.tell(client, **command)
        (answer,) = self.heard(client)
        return answer

    def heard(self, client: MemoryClient) -> list[Any]:
        return [json.loads(line) for line in client.received()]

    def kinds(self, client: MemoryClient) -> list[str]:
        return [event["type"] for event in self.heard(client)]

    def say(self, *texts: str, room: str = "dev") -> None:
        """
        Post messages from other members.
        """
        for text in texts:
            self.chat.service.say(self.bot, room, text)
            self.chat.turn()


class HelloTests(EventsTestCase):
    def test_welcome(self) -> None:
        """
        A hello is answered with C{welcome}, and with C{joined} for the room that it names.
        """
        client = self.client(id="1")
        welcome, joined = self.heard(client)
        secret = welcome.pop("session")
        self.assertGreaterEqual(len(secret), 22)
        self.assertEqual(
            welcome,
            {
                "type": "welcome",
                "v": 1,
                "server": "machat",
                "limits": {
                    "line": 65_536,
                    "history": 300,
                    "rooms": 32,
                    "rate": None,
                    "burst": None,
                    "edit": 3_600.0,
                },
                "ping": 25,
                "id": "1",
            },
        )
        epoch = joined.pop("epoch")
        self.assertEqual(len(epoch), 16)
        self.assertEqual(
            joined,
            {"type": "joined", "room": "dev", "name": "Mina", "seq": 0, "count": 1, "id": "1"},
        )

    def test_noRoom(self) -> None:
        """
        A hello need not name a room, and the connection stays open without one.
        """
        client = self.client(room=None)
        self.assertEqual(self.kinds(client), ["welcome"])
        self.chat.clock.advance(11)
        self.assertTrue(client.connected)
        self.assertEqual(self.ask(client, type="join", room="dev")["type"], "joined")

    def test_refused(self) -> None:
        """
        An invalid hello is refused with an error and a bye, and the connection is closed.
        """
        for hello, code, text in (
            ({"v": 2, "name": "Mina"}, "bad-hello", "this server supports version 1 - at `$.v`"),
            ({"v": 1}, "bad-hello", "Object missing required field `name`"),
            ({"v": 1, "name": 7}, "bad-hello", "Expected `str`, got `int` - at `$.name`"),
            ({"v": 1, "name": "a:b"}, "bad-name", None),
            ({"v": 1, "name": "machat"}, "bad-name", None),
        ):
            client = self.connect()
            self.tell(client, **hello)
            error, bye = self.heard(client)
            self.assertEqual((error["type"], error["code"]), ("error", code))
            self.assertEqual(error["text"], text or error["text"])
            self.assertEqual(
                bye, {"type": "bye", "code": 3501, "reason": "bad-request", "reconnect": False}
            )
            self.chat.clock.advance(5)
            self.assertFalse(client.connected)

    def test_roomRefused(self) -> None:
        """
        If the room in the hello cannot be joined, the client receives an error and the connection
        stays open.
        """
        self.chat.member("Mina", "dev")
        client = self.client("mina", id="7")
        welcome, error = self.heard(client)
        self.assertEqual(
            error,
            {
                "type": "error",
                "code": "name-taken",
                "text": '"Mina" is already in dev',
                "id": "7",
            },
        )
        self.assertEqual(self.ask(client, type="join", room="other")["room"], "other")

    def test_shutdown(self) -> None:
        """
        A stop sends a bye that asks the client to reconnect.
        """
        client = self.client()
        client.received()
        self.chat.service.stopService()
        (bye,) = self.heard(client)
        self.assertTrue(0 <= bye.pop("retry") <= 1.01)
        self.assertEqual(
            bye,
            {
                "type": "bye",
                "code": 3001,
                "reason": "shutdown",
                "reconnect": True,
            },
        )

    def test_pings(self) -> None:
        """
        A client that answers stays; one that does not answer receives a bye and is closed.
        """
        alive, dead = self.client("Ada"), self.client("Bob")
        for _ in range(36):
            self.chat.clock.advance(1)
            for line in alive.received():
                if "ping" in line:
                    self.tell(alive, type="pong")
        self.assertTrue(alive.connected)
        self.assertIn('"code":3012', dead.received()[-1])


class CommandTests(EventsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bot = self.chat.member("bot", "dev")
        self.mina = self.client()
        self.mina.received()

    def test_sameMessages(self) -> None:
        """
        Clients of both dialects, on both transports, see the same messages in the same order.
        """
        lines, frames = self.chat.tcp("Ada", "dev"), self.chat.ws("Bob", "dev")
        self.tell(self.mina, type="say", text="one")
        lines.send("two")
        frames.send("three")
        self.chat.turn()
        text = ["Mina:one", "Ada:two", "Bob:three"]
        self.assertEqual(lines.received(), text)
        self.assertEqual(frames.received(), text)
        heard = self.heard(self.mina)
        self.assertEqual([f"{each['from']}:{each['text']}" for each in heard], text)
        self.assertEqual([each["seq"] for each in heard], [1, 2, 3])
        self.assertEqual(set(heard[0]), {"type", "room", "seq", "from", "text", "at"})

    def test_badCommands(self) -> None:
        """
        An invalid command is answered with an error, with the command's id if it can be read, and
        the connection stays open.
        """
        for command, text in (
            ('{"type": "dance"}', "Invalid value 'dance' - at `$.type`"),
            ('{"text": "hi"}', "Object missing required field `type`"),
            ('{"type": "say"}', "Object missing required field `text`"),
            ('{"type": "say", "text": 7}', "Expected `str`, got `int` - at `$.text`"),
            ('{"type": "who", "room": null}', "Expected `str`, got `null` - at `$.room`"),
            (
                '{"type": "join", "room": "a", "history": -1}',
                "Expected `int` >= 0 - at `$.history`",
            ),
            ("[1]", "Expected `object`, got `array`"),
            ("hello", "JSON is malformed: invalid character (byte 0)"),
        ):
            self.mina.send(command)
            (error,) = self.heard(self.mina)
            self.assertEqual((error["code"], error["text"]), ("bad-command", text))
            self.assertNotIn("id", error)
        self.assertEqual(self.ask(self.mina, type="dance", id="7")["id"], "7")
        self.assertNotIn("id", self.ask(self.mina, type="dance", id=""))
        self.assertEqual(self.ask(self.mina, type="ping", id="9"), {"type": "pong", "id": "9"})

    def test_pingDetails(self) -> None:
        """
        On request, the answer to a ping contains the server's time and the client's address.
        """
        details = {"at": int(self.chat.clock.seconds() * 1000), "address": "192.0.2.1:50000"}
        pong = self.ask(self.mina, type="ping", details=True)
        self.assertEqual(pong, {"type": "pong", **details})
        self.tell(self.mina, type="ping", details=1)
        self.assertEqual(self.heard(self.mina)[0]["code"], "bad-command")

    def test_unknownFields(self) -> None:
        """
        Unknown fields and empty lines are ignored.
        """
        self.mina.send("\n")
        self.assertEqual(self.ask(self.mina, type="ping", more=[1, {}]), {"type": "pong"})

    def test_rooms(self) -> None:
        """
        One connection can be in several rooms, and then every message must name its room.
        """
        self.tell(self.mina, type="say", text="alone")
        self.assertEqual(self.ask(self.mina, type="join", room="Other", id="1")["room"], "Other")
        error = self.ask(self.mina, type="say", text="which?", id="2")
        self.assertEqual((error["code"], error["id"]), ("not-joined", "2"))
        self.tell(self.mina, type="say", room="other", text="there")
        self.tell(self.mina, type="say", room="dev", text="here")
        self.chat.turn()
        heard = [(each["room"], each["text"]) for each in self.heard(self.mina)]
        self.assertEqual(sorted(heard), [("Other", "there"), ("dev", "alone"), ("dev", "here")])

    def test_leave(self) -> None:
        """
        A client that leaves a room receives no more of it, and can join again.
        """
        answer = self.ask(self.mina, type="leave", room="DEV", id="1")
        self.assertEqual(answer, {"type": "left", "room": "dev", "id": "1"})
        self.say("unheard")
        self.assertEqual(self.mina.received(), [])
        self.assertEqual(self.ask(self.mina, type="leave", room="dev")["code"], "not-joined")
        self.assertEqual(self.ask(self.mina, type="join", room="dev")["seq"], 1)

    def test_refusals(self) -> None:
        """
        A command that cannot be executed is refused with a code, and the connection stays open.
        """
        for command, code in (
            ({"type": "join", "room": "dev"}, "already-joined"),
            ({"type": "join", "room": "DEV"}, "already-joined"),
            ({"type": "join", "room": "a b"}, "bad-room"),
            ({"type": "say", "room": "other", "text": "hi"}, "not-joined"),
            ({"type": "say", "room": "x" * 60_000, "text": "hi"}, "not-joined"),
            ({"type": "say", "text": "\n" * 100}, "too-long"),
            ({"type": "say", "text": "", "data": {"x": "y" * 5000}}, "too-long"),
            ({"type": "say", "text": "", "data": [1]}, "bad-command"),
            ({"type": "say", "text": "", "data": nested(300)}, "bad-command"),
            ({"type": "say", "text": "", "data": nested(33)}, "bad-command"),
            ({"type": "say", "text": "x", "reply": 9}, "no-such-message"),
            ({"type": "say", "text": "x", "reply": 0}, "bad-command"),
            ({"type": "who", "room": "other"}, "not-joined"),
            ({"type": "history", "room": "other"}, "not-joined"),
        ):
            answer = self.ask(self.mina, **command, id="x")
            self.assertEqual((answer["type"], answer["code"], answer["id"]), ("error", code, "x"))
        self.assertTrue(self.mina.connected)

    def test_tooLong(self) -> None:
        """
        A command that is too long closes the connection.
        """
        self.tell(self.mina, type="say", text="x" * 65_536)
        self.assertEqual([each["type"] for each in self.heard(self.mina)], ["error", "bye"])
        self.chat.clock.advance(5)
        self.assertFalse(self.mina.connected)

    def test_who(self) -> None:
        """
        C{members} returns the names of the members.
        """
        self.chat.tcp("Ada", "dev")
        answer = self.ask(self.mina, type="who", room="dev", id="1")
        members = {"type": "members", "room": "dev", "count": 3, "id": "1"}
        self.assertEqual(answer, {**members, "members": ["bot", "Mina", "Ada"]})

    def test_longHistory(self) -> None:
        """
        An answer has at most half a mebibyte of messages, those that are nearest to the given
        number. A client that asks for the rest receives every message.
        """
        self.chat = MemoryChat(Limits(rate=inf, logBytes=4 << 20))
        self.bot = self.chat.member("bot", "dev")
        mina = self.client()
        texts = [chr(97 + number) * 65_000 for number in range(20)]
        self.say(*texts)
        self.assertEqual(self.page(mina, "before", 21, min), texts)
        self.assertEqual(self.page(mina, "after", 0, max), texts)

    def page(self, client: MemoryClient, way: str, seq: int, end: Callable[..., int]) -> list[str]:
        """
        @return: the texts of all messages before or after a number, in order
        """
        texts: list[str] = []
        while True:
            answer = self.ask(client, type="history", room="dev", **{way: seq})
            found = [message["text"] for message in answer["messages"]]
            if not found:
                return texts
            self.assertLess(sum(map(len, found)), 524_288)
            texts = found + texts if way == "before" else texts + found
            seq = end(message["seq"] for message in answer["messages"])
            self.chat.turn()

    def test_veryLongMessage(self) -> None:
        """
        An answer has at least one message, however long.
        """
        self.chat = MemoryChat(Limits(rate=inf, logBytes=4 << 20, maxLine=2 << 20))
        self.bot = self.chat.member("bot", "dev")
        mina = self.client()
        self.say("x" * 600_000, "y" * 600_000)
        for fields, text in (({}, "y"), ({"after": 0}, "x")):
            answer = self.ask(mina, type="history", room="dev", **fields)
            self.assertEqual([each["text"][0] for each in answer["messages"]], [text])
            self.chat.turn()

    def test_history(self) -> None:
        """
        C{history} returns stored messages from either end.
        """
        self.say(*"abcdefgh")
        for fields, seqs in (
            ({"limit": 3}, [6, 7, 8]),
            ({"after": 0, "limit": 2}, [1, 2]),
            ({"after": 6}, [7, 8]),
            ({"after": 8}, []),
            ({"before": 3}, [1, 2]),
            ({"before": 5, "limit": 2}, [3, 4]),
            ({"before": 1}, []),
            ({"before": 0}, []),
            ({"before": 100, "limit": 1}, [8]),
            ({"limit": 0}, []),
            ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ):
            answer = self.ask(self.mina, type="history", room="dev", id="1", **fields)
            self.assertEqual((answer["type"], answer["seq"], answer["id"]), ("history", 8, "1"))
            self.assertEqual([each["seq"] for each in answer["messages"]], seqs, fields)

    def test_search(self) -> None:
        """
        C{history} with C{text} returns the messages that contain all words, and how far they were
        searched.
        """
        self.say("one two", "TWO", "three")
        for fields, seqs, searched in (
            ({"text": "two"}, [1, 2], 1),
            ({"text": "Two one", "after": 0}, [1], 3),
            ({"text": "two", "limit": 1}, [2], 2),
            ({"text": "four"}, [], 1),
        ):
            answer = self.ask(self.mina, type="history", room="dev", id="1", **fields)
            self.assertEqual([each["seq"] for each in answer["messages"]], seqs, fields)
            self.assertEqual((answer["seq"], answer["searched"]), (3, searched), fields)
        for text in ("", " ", "x" * 257):
            answer = self.ask(self.mina, type="history", room="dev", text=text)
            self.assertEqual(answer["code"], "bad-command")
        answer = self.ask(self.mina, type="history", room="lounge", text="a")
        self.assertEqual(answer["code"], "not-joined")

    def test_longSearch(self) -> None:
        """
        If the answer would be too long, it has fewer messages, and C{searched} is the last of them.
        """
        self.chat = MemoryChat(Limits(rate=inf, logBytes=4 << 20))
        self.bot = self.chat.member("bot", "dev")
        mina = self.client()
        self.patch(searching, "PAUSE", 0)
        self.say(*[f"{number:02} " + "x" * 65_000 for number in range(1, 10)])
        for fields, ends in (({}, (2, 9, 2)), ({"after": 0}, (1, 8, 8))):
            self.tell(mina, type="history", room="dev", text="x", **fields)
            for _ in range(20):
                self.chat.turn()
            (answer,) = [each for each in self.heard(mina) if each["type"] == "history"]
            seqs = [each["seq"] for each in answer["messages"]]
            self.assertEqual((seqs[0], seqs[-1], answer["searched"]), ends)

    def test_searchRate(self) -> None:
        """
        A search counts as five messages.
        """
        self.chat = MemoryChat(Limits(rate=1, burst=20))
        mina = self.client()
        for _ in range(6):
            self.tell(mina, type="history", room="dev", text="x")
        self.assertEqual(self.kinds(mina).count("history"), 4)
        self.chat.clock.pump([1] * 5)
        self.assertEqual(self.kinds(mina).count("history"), 1)

    def test_historyRate(self) -> None:
        """
        A history that reads more than 512 entries counts as another message for each 512 of them,
        whether it finds messages or not. So does a join with a history.
        """
        self.chat = MemoryChat(Limits(rate=1, burst=20, logMessages=10_000, logBytes=4 << 20))
        bot = self.chat.member("bot", "dev")
        self.chat.service.say(bot, "dev", "one")
        for number in range(1, 4096):
            self.chat.service.post(bot, "dev", React(1, "x", number % 2 == 0))
        self.chat.turn()
        for command, count in (
            ({"type": "history"}, 3),
            ({"type": "history", "before": 4096}, 3),
            ({"type": "history", "after": 0}, 3),
            ({"type": "history", "after": 1}, 3),
            ({"type": "history", "after": 4000}, 20),
            ({"type": "history", "before": 1}, 20),
        ):
            mina = self.client()
            for _ in range(20):
                self.tell(mina, room="dev", **command)
            for _ in range(200):
                self.chat.turn()
            self.assertEqual(self.kinds(mina).count("history"), count, command)
            mina.close()
        mina = self.client()
        for _ in range(10):
            self.tell(mina, type="leave", room="dev")
            self.tell(mina, type="join", room="dev", history=300)
        for _ in range(200):
            self.chat.turn()
        self.assertEqual(self.kinds(mina).count("joined"), 3)

    def test_tooManyRooms(self) -> None:
        """
        The number of rooms per connection is limited.
        """
        for number in range(31):
            self.assertEqual(self.ask(self.mina, type="join", room=f"r{number}")["type"], "joined")
        self.assertEqual(self.ask(self.mina, type="join", room="more")["code"], "too-many-rooms")

    def test_gone(self) -> None:
        """
        A client that disconnects is removed from all its rooms, and leaves nothing.
        """
        self.tell(self.mina, type="join", room="other")
        self.mina.close()
        self.chat.service.leave(self.bot, "dev")
        self.chat.turn()
        self.assertEqual(len(self.chat.service.rooms), 0)
        self.assertEqual(len(self.chat.service.connections), 0)
        self.assertEqual(self.chat.service.connections._owners, {})
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])


class AckTests(EventsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.mina, self.ada = self.client(), self.client("Ada")
        self.mina.received()
        self.ada.received()

    def test_ack(self) -> None:
        """
        A message with an id is acknowledged with its number, after the message itself.
        """
        self.tell(self.mina, type="say", text="hi", id="1")
        self.assertEqual(self.mina.received(), [])
        self.chat.turn()
        message, ack = self.heard(self.mina)
        self.assertEqual(message["seq"], 1)
        self.assertEqual(
            ack, {"type": "ack", "id": "1", "room": "dev", "seq": 1, "duplicate": False}
        )
        self.assertEqual(len(self.heard(self.ada)), 1)

    def test_duplicate(self) -> None:
        """
        A message with a known id is posted once, even if it is sent again on a new connection, and
        the ack is repeated.
        """
        for _ in range(2):
            self.tell(self.mina, type="say", text="hi", id="1")
        self.chat.turn()
        self.mina.close()
        again = self.client("mina")
        again.received()
        self.tell(again, type="say", text="hi", id="1")
        self.chat.turn()
        (ack,) = self.heard(again)
        self.assertEqual((ack["seq"], ack["duplicate"]), (1, True))
        self.assertEqual([each["seq"] for each in self.heard(self.ada)], [1])

    def test_otherNameOtherId(self) -> None:
        """
        The same id from another member or in another room identifies another message.
        """
        self.tell(self.mina, type="say", text="hi", id="1")
        self.tell(self.ada, type="say", text="hi", id="1")
        self.tell(self.mina, type="join", room="other")
        self.tell(self.mina, type="say", room="other", text="hi", id="1")
        self.chat.turn()
        heard = self.heard(self.mina)
        self.assertEqual(
            [each["duplicate"] for each in heard if each["type"] == "ack"], [False] * 2
        )

    def test_forgotten(self) -> None:
        """
        An id can be used again after two minutes.
        """
        self.tell(self.mina, type="say", text="hi", id="1")
        self.chat.turn()
        self.chat.clock.advance(119)
        self.mina.received()
        self.tell(self.mina, type="say", text="hi", id="1")
        self.chat.turn()
        self.assertTrue(self.heard(self.mina)[0]["duplicate"])
        for client in (self.mina, self.ada):
            self.tell(client, type="pong")
        self.chat.clock.advance(1)
        self.mina.received()
        self.tell(self.mina, type="say", text="hi", id="1")
        self.chat.turn()
        self.assertEqual(self.heard(self.mina)[-1]["duplicate"], False)


class RecoveryTests(EventsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bot = self.chat.member("bot", "dev")

    def join(self, **fields: Any) -> tuple[Any, list[int]]:
        """
        @return: the C{joined} event of a new client, and the numbers of the messages replayed to
            it
        """
        client = self.client(**fields)
        _, joined, *replay = self.heard(client)
        client.close()
        self.assertTrue(all(each["replay"] for each in replay))
        return joined, [each["seq"] for each in replay]

    def test_since(self) -> None:
        """
        A client that rejoins with its position receives exactly the messages that it missed.
        """
        self.say("a", "b")
        joined, _ = self.join()
        epoch = joined["epoch"]
        self.assertEqual(joined["seq"], 2)
        self.assertNotIn("recovered", joined)
        self.say("c", "d", "e")
        for seq, recovered, replay in (
            (2, True, [3, 4, 5]),
            (5, True, []),
            (0, True, [1, 2, 3, 4, 5]),
            (6, False, []),
        ):
            joined, got = self.join(since={"epoch": epoch, "seq": seq})
            self.assertEqual((joined["recovered"], got, joined["seq"]), (recovered, replay, 5))
            self.assertEqual(joined.get("missed"), 5 - seq if seq <= 5 else None)

    def test_otherEpoch(self) -> None:
        """
        A position of another epoch cannot be recovered, and nothing is replayed.
        """
        self.say("a", "b")
        joined, got = self.join(since={"epoch": "other", "seq": 1}, history=2)
        self.assertEqual((joined["recovered"], got), (False, []))
        self.assertNotIn("missed", joined)

    def test_tooOld(self) -> None:
        """
        Messages that are no longer stored cannot be recovered, and nothing is replayed.
        """
        joined, _ = self.join()
        self.say(*map(str, range(257)))
        for seq, recovered in ((0, False), (1, True)):
            after, got = self.join(since={"epoch": joined["epoch"], "seq": seq})
            self.assertEqual((after["recovered"], after["missed"]), (recovered, 257 - seq))
            self.assertEqual(got, list(range(2, 258)) if recovered else [])

    def test_history(self) -> None:
        """
        A join can ask for the last messages.
        """
        self.say("a", "b", "c")
        for count, got in ((0, []), (2, [2, 3]), (100, [1, 2, 3])):
            joined, replay = self.join(history=count)
            self.assertEqual(replay, got)
            self.assertNotIn("recovered", joined)

    def test_takeOver(self) -> None:
        """
        A client that reconnects before the server notices takes over its names, and no other
        client can do that with another secret.
        """
        first = self.client("Mina")
        welcome, _ = self.heard(first)
        stranger = self.client("Mina", session="guessed")
        self.assertEqual(self.heard(stranger)[1]["code"], "name-taken")
        other = self.client("Ada", session=welcome["session"])
        self.assertEqual(self.kinds(other), ["welcome", "joined"])
        self.assertTrue(first.connected)
        second = self.client("Mina", session=welcome["session"])
        again, joined = self.heard(second)
        self.assertEqual(joined["type"], "joined")
        self.assertNotEqual(again["session"], welcome["session"])
        (bye,) = self.heard(first)
        self.assertEqual((bye["code"], bye["reconnect"]), (3521, False))
        third = self.client("Mina", session=welcome["session"])
        self.assertEqual(self.heard(third)[1]["code"], "name-taken")


class SlowReplayTests(EventsTestCase):
    """
    Replays to a client that reads slowly.
    """

    limits = Limits(rate=inf, maxWaiting=100_000)

    def test_largerThanTheOutbox(self) -> None:
        """
        A replay can exceed the limit of the send queue, and live messages wait for its end.
        """
        self.bot = self.chat.member("bot", "dev")
        self.say(*["x" * 60_000] * 4)
        client = self.connect()
        client.transport.producer.pauseProducing()
        self.tell(client, v=1, name="Mina", room="dev", since=None, history=4, presence=False)
        self.tell(client, type="ping", id="later")
        self.say("live")
        for _ in range(10):
            client.transport.producer.resumeProducing()
            client.transport.producer.pauseProducing()
        self.assertTrue(client.connected)
        client.transport.producer.resumeProducing()
        heard = self.heard(client)
        kinds = ["welcome", "joined"] + ["message"] * 5
        self.assertEqual([each["type"] for each in heard][:7], kinds)
        self.assertEqual([each["seq"] for each in heard[2:7]], [1, 2, 3, 4, 5])
        self.assertEqual([each.get("replay", False) for each in heard[2:7]], [True] * 4 + [False])
        self.assertEqual(heard[7], {"type": "pong", "id": "later"})


class SlowStoreTests(EventsTestCase):
    """
    A store that answers late.
    """

    def setUp(self) -> None:
        super().setUp()
        self.store = SlowStore(self.chat.clock)
        self.chat = MemoryChat(store=self.store, clock=self.chat.clock)
        self.mina = self.client(room=None)
        self.mina.received()

    def settle(self) -> None:
        for _ in range(5):
            self.chat.turn()
            self.store.release()

    def test_order(self) -> None:
        """
        Commands that follow a join wait for it, and are executed in order.
        """
        self.tell(self.mina, type="join", room="dev")
        self.tell(self.mina, type="say", text="hi", id="1")
        self.tell(self.mina, type="ping")
        self.assertEqual(self.mina.received(), [])
        self.assertEqual(self.mina.transport.producerState, "paused")
        self.settle()
        self.assertEqual(self.kinds(self.mina), ["joined", "pong", "message", "ack"])
        self.assertEqual(self.mina.transport.producerState, "producing")

    def test_saidMeanwhile(self) -> None:
        """
        A message that is posted while a replay is read is delivered once, as part of it.
        """
        self.tell(self.mina, type="join", room="dev")
        self.settle()
        self.tell(self.mina, type="say", text="a")
        self.settle()
        epoch = self.heard(self.mina)[0]["epoch"]
        ada = self.client("Ada", since={"epoch": epoch, "seq": 0})
        for text in "bcd":
            self.tell(self.mina, type="say", text=text)
            self.chat.turn()
            self.store.release()
        self.settle()
        self.tell(self.mina, type="say", text="e")
        self.settle()
        _, joined, *messages = self.heard(ada)
        self.assertEqual([each["seq"] for each in messages], [1, 2, 3, 4, 5])
        live = [each for each in messages if not each.get("replay")]
        self.assertEqual([each["seq"] for each in live], list(range(joined["seq"] + 1, 6)))

    def test_gone(self) -> None:
        """
        A client that disconnects while it joins is not left in the room.
        """
        self.tell(self.mina, type="join", room="dev")
        self.mina.close()
        self.settle()
        self.assertEqual(len(self.chat.service.rooms), 0)

    def test_notKept(self) -> None:
        """
        A message that the store rejects is refused, and can be sent again.
        """
        self.tell(self.mina, type="join", room="dev")
        self.settle()
        self.mina.received()
        broken = self.patch(SlowRoom, "append", lambda *_: fail(OSError()))
        for _ in range(2):
            self.tell(self.mina, type="say", text="hi", id="1")
        self.settle()
        self.flushLoggedErrors()
        errors = self.heard(self.mina)
        self.assertEqual([(each["code"], each["id"]) for each in errors], [("failed", "1")] * 2)
        broken.restore()
        self.tell(self.mina, type="say", text="hi", id="1")
        self.settle()
        self.assertEqual(self.kinds(self.mina), ["message", "ack"])


class OnWebSocket:
    """
    The same tests on WebSocket.
    """

    chat: MemoryChat

    def connect(self) -> MemoryClient:
        return self.chat.ws()


class WebSocketHelloTests(OnWebSocket, HelloTests):
    def test_pings(self) -> None:
        """
        A WebSocket client is pinged with WebSocket pings only.
        """
        client = self.client()
        client.received()
        self.chat.clock.pump([1] * 25)
        self.assertEqual(client.transport.value(), b"\x89\x00")

    def test_subprotocol(self) -> None:
        """
        With the subprotocol, the hello need not contain its version.
        """
        client = MemoryWebSocketClient(self.chat._ws, protocol="machat.v1")
        self.assertIn("\r\nSec-WebSocket-Protocol: machat.v1\r\n", client.response)
        self.tell(client, name="Mina", room="dev")
        self.assertEqual(self.kinds(client), ["welcome", "joined"])


class WebSocketCommandTests(OnWebSocket, CommandTests):
    pass


class WebSocketAckTests(OnWebSocket, AckTests):
    pass


class WebSocketRecoveryTests(OnWebSocket, RecoveryTests):
    pass


class WebSocketSlowReplayTests(OnWebSocket, SlowReplayTests):
    pass


class WebSocketSlowStoreTests(OnWebSocket, SlowStoreTests):
    pass
