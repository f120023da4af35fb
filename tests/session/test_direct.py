"""
Tests for direct conversations, blocked names and read markers.
"""

from __future__ import annotations

import json
from math import inf
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import fail

from machat.auth.users import User
from machat.errors import REMOVED, ChatError
from machat.hooks import Hooks
from machat.interfaces import IChatMember
from machat.limits import Limits
from machat.rooms import personal
from machat.rooms.personal import PACE
from machat.store import MemoryStore
from machat.store.memoryroom import MemoryRoom
from machat.testing import MemoryChat, MemoryClient, MemoryMember
from tests.auth.test_admission import AdmissionTestCase
from tests.session.test_events import EventsTestCase

ROOM = "@Ada,Mina"
_USERS = {"Mina": b"secret", "Ada": b"other", "Eve": b"third"}


class AccountTestCase(AdmissionTestCase):
    """
    Mina, Ada and Eve have accounts.
    """

    limits = Limits(rate=inf)

    def setUp(self) -> None:
        super().setUp()
        checker = InMemoryUsernamePasswordDatabaseDontUse(**_USERS)
        self.realm.users["Mod"] = User(name="Mod", mod=("*",))
        self.chat = MemoryChat(self.limits, portal=Portal(self.realm, [checker]))

    def login(self, name: str = "Mina", **fields: Any) -> MemoryClient:
        """
        @return: a client that has logged in and is in no room
        """
        password = next(value for key, value in _USERS.items() if key.lower() == name.lower())
        hello = {"v": 1, "name": name, "password": password.decode(), "presence": False, **fields}
        client = self.chat.tcp()
        client.send(json.dumps(hello))
        self.first = self.heard(client)
        self.assertEqual(self.first.pop(0)["type"], "welcome")
        return client

    def do(self, client: MemoryClient, type: str, **fields: Any) -> list[dict[str, Any]]:
        """
        Send a command, and end the turn.

        @return: the events that the client receives
        """
        client.received()
        client.send(json.dumps({"type": type, **fields}))
        self.chat.turn()
        return self.heard(client)

    def code(self, client: MemoryClient, type: str, **fields: Any) -> str:
        """
        @return: the code of the only answer, or its type
        """
        (answer,) = self.do(client, type, id="7", **fields)
        self.assertEqual(answer["id"], "7")
        return str(answer.get("code", answer["type"]))

    def say(self, client: MemoryClient, to: str, text: str) -> list[dict[str, Any]]:
        """
        @return: the events that the sender receives for a direct message
        """
        return self.do(client, "say", to=to, text=text)


class DirectTests(AccountTestCase):
    """
    Tests for direct messages.
    """

    def test_say(self) -> None:
        """
        Both users join with the first message, on all of their connections. Then the room is like
        any other one.
        """
        mina = self.login()
        ada, phone = self.login("Ada"), self.login("Ada")
        joined, message, ack = self.do(mina, "say", to="Ada", text="hello", id="1")
        self.assertEqual((joined["type"], joined["room"]), ("joined", ROOM))
        self.assertEqual((message["room"], message["seq"]), (ROOM, 1))
        self.assertEqual((ack["type"], ack["id"], ack["seq"]), ("ack", "1", 1))
        for client in (ada, phone):
            joined, replayed = self.heard(client)
            self.assertEqual((joined["room"], joined["recovered"]), (ROOM, True))
            self.assertEqual((replayed["text"], replayed["replay"]), ("hello", True))
        self.assertEqual([each["text"] for each in self.say(ada, "mina", "yes")], ["yes"])
        self.assertEqual([each["text"] for each in self.heard(mina)], ["yes"])
        self.assertEqual([each["text"] for each in self.heard(phone)], ["yes"])
        history = self.do(mina, "history", room=ROOM)[0]
        self.assertEqual([each["text"] for each in history["messages"]], ["hello", "yes"])
        again = self.do(mina, "say", to="ADA", text="hello", id="1")
        self.assertTrue(again[0]["duplicate"])

    def test_endsDuringInvitations(self) -> None:
        """
        An application may end a connection while the server joins conversations for it.
        """

        class Strict(Hooks):
            def joined(self, member: IChatMember, room: str) -> None:
                if member.name == "Ada":
                    member.disconnected(REMOVED)

        portal = Portal(self.realm, [InMemoryUsernamePasswordDatabaseDontUse(**_USERS)])
        self.chat = MemoryChat(self.limits, portal=portal, hooks=Strict())
        for name in ("Mina", "Eve"):
            self.say(self.login(name), "Ada", "hello")
        ada = self.login("Ada")
        self.assertFalse(ada.connected)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_others(self) -> None:
        """
        Nobody else can join, whatever the rights, nor read it in another way.
        """
        mina = self.login()
        self.say(mina, "Ada", "secret")
        for user in (User(name="Eve", rooms=("*", "@*")), User(name="Eve", mod=("*",))):
            self.realm.users["Eve"] = user
            eve = self.login("Eve")
            for room in (ROOM, "@mina,ADA"):
                self.assertEqual(self.code(eve, "join", room=room), "not-allowed")
            for type in ("history", "who", "topic"):
                self.assertEqual(self.code(eve, type, room=ROOM, text="x"), "not-joined")
        self.assertEqual(self.do(eve, "rooms")[0]["rooms"], [])

    def test_moderators(self) -> None:
        """
        Nobody moderates a direct conversation.
        """
        self.realm.users["Mina"] = User(name="Mina", mod=("*",))
        mina = self.login()
        self.login("Ada")
        self.say(mina, "Ada", "hello")
        for type in ("kick", "mute", "ban", "lock", "list", "key"):
            fields = {"name": "Ada", "listed": True, "key": "x"}
            self.assertEqual(self.code(mina, type, room=ROOM, **fields), "not-allowed")

    def test_names(self) -> None:
        """
        The names of such rooms consist of two names.
        """
        mina = self.login()
        for room in ("@Mina", "@Mina,", "@Mina,MINA", "@Mina,Ada,Eve", "@Mina,a b", "@,Mina"):
            self.assertEqual(self.code(mina, "join", room=room), "bad-room", room)
        self.assertEqual(self.do(mina, "join", room="@MINA,ada")[0]["room"], "@ada,MINA")

    def test_badInput(self) -> None:
        """
        Messages to nobody, to oneself in any spelling, and to a name and a room are refused.
        """
        mina = self.login()
        for to, code in (
            ("Nobody", "bad-name"),
            ("Mina", "bad-name"),
            ("MINA", "bad-name"),
            ("\uff2dina", "bad-name"),
            ("a b", "bad-name"),
            ("machat", "bad-name"),
        ):
            self.assertEqual(self.code(mina, "say", to=to, text="x"), code, to)
        self.assertEqual(self.code(mina, "say", to="Ada", room="dev", text="x"), "bad-command")
        self.assertEqual(self.chat.service.rooms.byKey, {})

    def test_offline(self) -> None:
        """
        A user receives what she has missed when she connects, also after a restart.
        """
        mina = self.login()
        for text in ("one", "two"):
            self.say(mina, "Ada", text)
        self.chat.restart()
        ada = self.login("Ada", room="dev")
        self.assertEqual(self.first[0], {"type": "conversations", "rooms": [ROOM]})
        self.assertEqual([each["type"] for each in self.first[1:3]], ["joined", "joined"])
        self.assertEqual([each["text"] for each in self.first[3:]], ["one", "two"])
        self.do(ada, "leave", room=ROOM)
        self.login("Ada")
        self.assertEqual(self.first, [{"type": "conversations", "rooms": [ROOM]}])
        self.login("Mina")
        self.assertEqual(self.first, [{"type": "conversations", "rooms": [ROOM]}])

    def test_rejoin(self) -> None:
        """
        A client that joins a conversation itself, after it was joined for it, recovers from its own
        position.
        """
        mina = self.login()
        for text in ("one", "two"):
            self.say(mina, "Ada", text)
        ada = self.login("Ada")
        since = {"epoch": self.first[1]["epoch"], "seq": 1}
        joined, two = self.do(ada, "join", room="@Mina,ada", since=since, id="1")
        self.assertEqual((joined["id"], joined["missed"], joined["count"]), ("1", 1, 2))
        self.assertEqual((two["text"], two["replay"]), ("two", True))
        self.assertEqual(self.code(ada, "join", room=ROOM), "already-joined")
        self.assertEqual(self.heard(mina), [])

    def test_left(self) -> None:
        """
        A user who has left the room joins it again with the next message.
        """
        mina, ada = self.login(), self.login("Ada")
        self.say(mina, "Ada", "one")
        self.do(ada, "leave", room=ROOM)
        self.say(mina, "Ada", "two")
        joined, message = self.heard(ada)
        self.assertEqual((joined["type"], message["text"]), ("joined", "two"))

    def test_connections(self) -> None:
        """
        The connections of a user that are not in the room join it with the next message, although
        another one is there. So do the other connections of the sender.
        """
        mina, ada = self.login(), self.login("Ada")
        desk, phone = self.login(), self.login("Ada")
        self.say(mina, "Ada", "one")
        for client in (desk, phone):
            self.assertEqual([each["type"] for each in self.heard(client)], ["joined", "message"])
            self.do(client, "leave", room=ROOM)
        self.heard(ada)
        self.say(mina, "Ada", "two")
        for client in (desk, phone):
            joined, message = self.heard(client)
            self.assertEqual((joined["missed"], message["text"]), (1, "two"))
        self.assertEqual([each["type"] for each in self.heard(ada)], ["message"])
        self.say(ada, "Mina", "three")
        for client in (mina, desk, phone):
            self.assertEqual([each["text"] for each in self.heard(client)], ["three"])

    def test_most(self) -> None:
        """
        A connection that is in the maximum number of rooms joins no other one.
        """
        ada = self.login("Ada")
        for number in range(self.limits.maxRooms):
            self.do(ada, "join", room=f"r{number}")
        mina = self.login()
        self.say(mina, "Ada", "one")
        self.assertEqual(self.heard(ada), [])
        self.assertEqual(self.code(ada, "say", to="Mina", text="x"), "too-many-rooms")

    def test_rights(self) -> None:
        """
        A user whose rights exclude the room neither joins it nor sends to it.
        """
        self.realm.users["Ada"] = User(name="Ada", rooms=("dev",))
        ada, mina = self.login("Ada"), self.login()
        self.assertEqual(self.code(ada, "say", to="Mina", text="x"), "not-allowed")
        self.say(mina, "Ada", "one")
        self.assertEqual(self.heard(ada), [])

    def test_released(self) -> None:
        """
        Nothing remains in memory when the users are gone.
        """
        mina, ada = self.login(), self.login("Ada")
        self.say(mina, "Ada", "one")
        self.assertEqual(len(self.chat.service.people), 2)
        mina.close()
        ada.close()
        self.chat.turn()
        self.assertEqual(len(self.chat.service.people), 0)
        self.assertEqual(len(self.chat.service.rooms), 0)

    def test_limit(self) -> None:
        """
        A user may have a limited number of conversations.
        """
        self.patch(personal, "NOTES", 1)
        self.patch(__import__("machat.rooms.direct", fromlist=["x"]), "NOTES", 1)
        mina = self.login()
        self.say(mina, "Ada", "one")
        self.assertEqual(self.code(mina, "say", to="Eve", text="x"), "not-allowed")
        self.assertEqual(len(self.say(mina, "Ada", "two")), 1)

    def test_application(self) -> None:
        """
        A member inside the process may be in the room.
        """
        bot = MemoryMember("Ada")
        self.successResultOf(self.chat.service.join(bot, ROOM))
        self.say(self.login(), "Ada", "one")
        self.assertEqual(bot.received(), ["Mina:one"])

    def test_applicationOfAnotherName(self) -> None:
        """
        A member inside the process that has another name cannot be in the room, whether the room is
        open or not.
        """
        bot = MemoryMember("Bot")
        for _ in range(2):
            joining = self.chat.service.join(bot, ROOM)
            self.assertEqual(self.failureResultOf(joining, ChatError).value.code, "not-allowed")
            self.say(self.login(), "Ada", "one")
        (room,) = self.chat.service.rooms
        self.assertNotIn(bot, room)

    def test_text(self) -> None:
        """
        A client of the C{text} dialect can be in the room too.
        """
        mina = self.login()
        ada = self.text(name="Ada", password="other", room=ROOM)
        self.say(mina, "Ada", "one")
        self.assertEqual(ada.received(), ["Mina:one"])


class JoiningTests(AccountTestCase):
    """
    Tests for joins that the server makes for a client while other commands arrive.
    """

    limits = Limits(rate=inf, maxRooms=2)

    def setUp(self) -> None:
        """
        Ada, who is in one room, has left a conversation. The store takes a second for each
        operation. Mina sends another message.
        """
        super().setUp()
        self.mina, self.ada = self.login(), self.login("Ada", room="dev")
        self.say(self.mina, "Ada", "one")
        self.do(self.ada, "leave", room=ROOM)
        self.chat.lag(1.0)
        self.mina.send(json.dumps({"type": "say", "to": "Ada", "text": "two"}))

    def send(self, *commands: dict[str, Any]) -> None:
        """
        Send commands of Ada.
        """
        for each in commands:
            self.ada.send(json.dumps(each))

    def wait(self, seconds: int) -> list[tuple[str, Any]]:
        """
        @return: the types of the events that Ada receives meanwhile, and their code, text or room
        """
        self.chat.clock.pump([0, 1] * seconds)
        return [
            (each["type"], each.get("code") or each.get("text") or each.get("room"))
            for each in self.heard(self.ada)
        ]

    def test_join(self) -> None:
        """
        A join of the server in progress counts as a room.
        """
        self.assertEqual(self.wait(2), [])
        self.send({"type": "join", "room": "ops"})
        self.assertEqual(self.wait(0), [("error", "too-many-rooms")])
        self.assertEqual(self.wait(3), [("joined", ROOM), ("message", "two")])

    def test_joining(self) -> None:
        """
        A join of the client in progress counts as a room.
        """
        self.wait(1)
        self.send({"type": "join", "room": "ops"})
        self.assertEqual(self.wait(6), [("joined", "ops")])

    def test_say(self) -> None:
        """
        If the join of the server fails, a direct message joins the room itself, and the client
        receives what it has missed. Later commands are answered later.
        """
        self.wait(2)
        self.chat.cut()
        self.send({"type": "say", "to": "Mina", "text": "yes"}, {"type": "ping"})
        self.assertEqual(self.wait(11), [])
        self.chat.lag(0)
        self.chat.restore()
        events = [("joined", ROOM), ("message", "two"), ("pong", None), ("message", "yes")]
        self.assertEqual(self.wait(1), events)

    def test_sayFails(self) -> None:
        """
        If that fails too, the message is refused with its cause.
        """
        self.wait(2)
        self.chat.cut()
        self.send({"type": "say", "to": "Mina", "text": "yes"}, {"type": "ping"})
        self.assertEqual(self.wait(22), [("error", "failed"), ("pong", None)])

    def test_end(self) -> None:
        """
        A client that ends meanwhile joins nothing.
        """
        self.wait(2)
        self.send({"type": "say", "to": "Mina", "text": "yes"})
        self.ada.close()
        self.wait(6)
        (room,) = self.chat.service.rooms
        self.assertEqual(room.spellings, ["Mina"])


class FaultTests(AccountTestCase):
    """
    Tests with a store that is not available when a user logs in.
    """

    def test_later(self) -> None:
        """
        The commands that need the user's notes fail until the store is available. Then the client
        receives what it has missed.
        """
        ada = self.login("Ada")
        self.say(ada, "Mina", "hello")
        ada.close()
        self.chat.turn()
        self.chat.cut()
        mina = self.login()
        self.chat.clock.pump([1] * 11)
        self.assertEqual(self.code(mina, "block", name="Eve"), "failed")
        self.chat.restore()
        self.chat.clock.pump([1] * 6)
        kinds = [each["type"] for each in self.heard(mina)]
        self.assertEqual(kinds, ["conversations", "joined", "message"])
        self.assertEqual(self.code(mina, "block", name="Eve"), "done")
        mina.close()
        self.chat.cut()
        late = self.login()
        self.chat.clock.pump([1] * 11)
        late.close()
        self.chat.restore()
        self.chat.clock.pump([1] * 30)
        self.assertEqual(len(self.chat.service.people), 0)


class BlockTests(AccountTestCase):
    """
    Tests for blocked names.
    """

    def test_refused(self) -> None:
        """
        If the store refuses a change immediately, as with a full queue, the user receives an error,
        and nothing is changed.
        """
        ada = self.login("Ada")
        self.assertEqual(self.code(ada, "block", name="Eve"), "done")
        full = ChatError("failed", "the queue is full")
        self.patch(MemoryRoom, "append", lambda *_: fail(full))
        self.assertEqual(self.code(ada, "block", name="Mina"), "failed")
        self.assertEqual(self.code(ada, "unblock", name="Eve"), "failed")
        self.login("Ada")
        self.assertEqual(self.first[0]["blocked"], ["Eve"])

    def test_block(self) -> None:
        """
        A blocked user cannot send direct messages. The other one can.
        """
        mina, ada = self.login(), self.login("Ada")
        self.say(mina, "Ada", "one")
        self.assertEqual(self.code(ada, "block", name="MINA"), "done")
        self.assertEqual(self.code(mina, "say", to="Ada", text="x"), "not-allowed")
        self.assertEqual(self.code(mina, "say", room=ROOM, text="x"), "not-allowed")
        self.assertEqual(
            self.code(mina, "react", room=ROOM, target=1, emoji="\U0001f44d"), "not-allowed"
        )
        (error,) = self.do(mina, "say", room=ROOM, text="x")
        self.assertEqual(error["code"], "not-allowed")
        self.heard(mina)
        self.say(ada, "Mina", "two")
        self.assertEqual([each["text"] for each in self.heard(mina)], ["two"])
        self.chat.restart()
        mina = self.login()
        self.do(mina, "join", room=ROOM)
        self.assertEqual(self.code(mina, "say", room=ROOM, text="x"), "not-allowed")
        self.assertEqual(self.code(self.login("Ada"), "unblock", name="Mina"), "done")
        self.assertEqual([each["text"] for each in self.say(mina, "Ada", "three")], ["three"])

    def test_list(self) -> None:
        """
        The blocked names are reported after the welcome, also if there is no conversation.
        """
        ada = self.login("Ada")
        self.assertEqual(self.first, [])
        for name in ("mina", "Eve", "Mina"):
            self.assertEqual(self.code(ada, "block", name=name), "done")
        self.login("Ada")
        (event,) = self.first
        self.assertEqual((event["type"], event["rooms"]), ("conversations", []))
        self.assertEqual(sorted(event["blocked"]), ["Eve", "Mina"])
        for name in ("eve", "mina"):
            self.assertEqual(self.code(ada, "unblock", name=name), "done")
        self.login("Ada")
        self.assertEqual(self.first, [])

    def test_badInput(self) -> None:
        """
        Nobody blocks herself, and the number of names is limited.
        """
        mina = self.login()
        for type in ("block", "unblock"):
            self.assertEqual(self.code(mina, type, name="MINA"), "bad-name")
            self.assertEqual(self.code(mina, type, name="a b"), "bad-name")
        self.patch(__import__("machat.session.account", fromlist=["x"]), "NOTES", 2)
        for number, answer in enumerate(("done", "done", "not-allowed")):
            self.assertEqual(self.code(mina, "block", name=f"n{number}"), answer)
        self.assertEqual(self.code(mina, "block", name="N1"), "done")

    def test_shared(self) -> None:
        """
        The user's other connections receive the list when it has changed, once for all changes of a
        second. The connection that has changed it does not, and neither do other users.
        """
        ada, phone, mina = self.login("Ada"), self.login("Ada"), self.login()
        for name in ("Mina", "Eve"):
            self.assertEqual(self.code(ada, "block", name=name), "done")
        self.assertEqual(self.heard(phone), [])
        self.chat.clock.advance(PACE)
        (event,) = self.heard(phone)
        self.assertEqual((event["type"], event["rooms"]), ("conversations", []))
        self.assertEqual(sorted(event["blocked"]), ["Eve", "Mina"])
        for name in ("Mina", "Eve"):
            self.assertEqual(self.code(phone, "unblock", name=name), "done")
        self.chat.clock.advance(PACE)
        self.assertEqual(self.heard(ada), [{"type": "conversations", "rooms": []}])
        self.assertEqual(self.heard(phone) + self.heard(mina), [])

    def test_sharedAndNotStored(self) -> None:
        """
        A change that is not stored is not reported for long.
        """
        ada, phone = self.login("Ada"), self.login("Ada")
        self.code(ada, "block", name="Eve")
        self.chat.cut()
        ada.send('{"type": "block", "name": "Mina"}')
        self.chat.clock.advance(PACE)
        self.assertEqual([sorted(each["blocked"]) for each in self.heard(phone)], [["Eve", "Mina"]])
        self.chat.clock.pump([PACE] * 11)
        self.assertEqual([each["blocked"] for each in self.heard(phone)], [["Eve"]])
        self.assertEqual(self.heard(ada)[-1]["blocked"], ["Eve"])

    def test_sharedAndUndone(self) -> None:
        """
        Changes that cancel each other within a second are not reported, nor is anything to a
        connection that has ended meanwhile.
        """
        ada, phone = self.login("Ada"), self.login("Ada")
        self.code(ada, "block", name="Eve")
        self.code(ada, "unblock", name="Eve")
        self.chat.clock.advance(PACE)
        self.assertEqual(self.heard(phone), [])
        self.code(ada, "block", name="Eve")
        phone.close()
        ada.close()
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])

    def test_notStored(self) -> None:
        """
        A command whose effect is not stored fails.
        """
        mina = self.login()
        self.chat.cut()
        mina.send('{"type": "block", "name": "Ada"}')
        self.chat.clock.advance(10)
        self.assertEqual([each["code"] for each in self.heard(mina)], ["failed"])
        self.chat.restore()
        self.chat.turn()
        self.assertEqual(self.code(mina, "block", name="Ada"), "done")


class ReadTests(AccountTestCase):
    """
    Tests for read markers.
    """

    def setUp(self) -> None:
        super().setUp()
        self.mina = self.login(room="dev")
        for text in ("a", "b", "c"):
            self.do(self.mina, "say", text=text)

    def read(self, seq: object, **fields: Any) -> Any:
        """
        @return: the answer to a C{read}
        """
        (answer,) = self.do(self.mina, "read", seq=seq, **fields)
        return answer

    def test_shared(self) -> None:
        """
        A marker is the same on all connections of the user, and for the next join.
        """
        phone = self.login(room="dev")
        self.assertNotIn("read", self.first[0])
        ada = self.login("Ada", room="dev")
        self.assertEqual(self.read(2, id="1"), {"type": "read", "room": "dev", "seq": 2, "id": "1"})
        self.assertEqual(self.heard(phone), [])
        self.chat.clock.advance(PACE)
        self.assertEqual(self.heard(phone), [{"type": "read", "room": "dev", "seq": 2}])
        self.assertEqual(self.heard(ada) + self.heard(self.mina), [])
        self.login(room="DEV")
        self.assertEqual(self.first[0]["read"], 2)
        self.chat.restart()
        self.login(room="dev")
        self.assertEqual(self.first[0]["read"], 2)

    def test_coalesced(self) -> None:
        """
        A hundred markers within a second are stored once, and reported once.
        """
        phone = self.login(room="dev")
        for _ in range(100):
            self.do(self.mina, "say", text="x")
        self.heard(phone)
        for seq in range(1, 101):
            self.read(seq)
        store = self.chat.store
        assert isinstance(store, MemoryStore)
        self.assertIsNone(store._open["@mina"]._state)
        self.chat.clock.advance(PACE)
        self.assertEqual([each["seq"] for each in self.heard(phone)], [100])

    def test_badInput(self) -> None:
        """
        A marker does not move backwards, nor past the last message.
        """
        self.read(2)
        self.assertEqual(self.read(2)["type"], "read")
        self.assertEqual(self.read(1)["code"], "bad-command")
        self.assertEqual(self.read(4)["code"], "no-such-message")
        self.assertEqual(self.read(-1)["code"], "bad-command")
        self.assertEqual(self.read(3, room="other")["code"], "not-joined")
        self.assertEqual(self.read(3)["seq"], 3)

    def test_end(self) -> None:
        """
        A marker that waits to be stored is stored when the connection ends.
        """
        self.read(3)
        self.mina.close()
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])
        self.login(room="dev")
        self.assertEqual(self.first[0]["read"], 3)

    def test_forgotten(self) -> None:
        """
        If the room has lost its messages, the marker is at its end.
        """
        self.read(3)
        self.do(self.mina, "leave", room="dev")
        self.chat.clock.advance(self.limits.logAge + 1)
        (joined,) = self.do(self.mina, "join", room="dev")
        self.assertEqual((joined["seq"], joined["read"]), (0, 0))
        self.do(self.mina, "say", text="x")
        self.assertEqual(self.read(1)["type"], "read")


class WithoutAccountsTests(EventsTestCase):
    """
    Tests on a server without accounts.
    """

    def test_refused(self) -> None:
        """
        Everything that requires an account is refused.
        """
        mina = self.client()
        for fields in (
            {"type": "say", "to": "Ada", "text": "x"},
            {"type": "join", "room": ROOM},
            {"type": "block", "name": "Ada"},
            {"type": "unblock", "name": "Ada"},
            {"type": "read", "seq": 0},
        ):
            self.assertEqual(self.ask(mina, **fields)["code"], "not-allowed", fields)
        self.assertEqual(len(self.chat.service.people), 0)
