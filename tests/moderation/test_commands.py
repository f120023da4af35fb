"""
Tests for the moderators' commands of the C{events} dialect.
"""

from __future__ import annotations

import json
from inspect import signature
from math import inf
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from machat import commands
from machat.auth.users import User
from machat.limits import Limits
from machat.moderation.commands import COMMANDS
from machat.testing import MemoryClient
from machat.wire import decodeCommand, encodeCommand
from tests.auth.test_admission import AdmissionTestCase


class ModerationTestCase(AdmissionTestCase):
    """
    Ada may moderate the room C{dev}, and Mina may not.
    """

    limits = Limits(rate=inf)

    def setUp(self) -> None:
        super().setUp()
        self.realm.users["Ada"] = User(name="Ada", mod=("dev",))
        self.ada = self.events("other", name="Ada", presence=False)
        self.mina = self.hello(self.chat.tcp(), v=1, password="secret", presence=False)
        self.turn()

    def turn(self) -> None:
        """
        End the turn, and discard the received events.
        """
        self.chat.turn()
        self.ada.received()
        self.mina.received()

    def ask(self, client: MemoryClient, type: str, **fields: Any) -> dict[str, Any]:
        """
        Send a command, and end the turn. C{others} are the other events that the client receives.

        @return: the only answer
        """
        self.turn()
        client.send(json.dumps({"type": type, "id": "7", **fields}))
        self.chat.turn()
        events = self.heard(client)
        (answer,) = [each for each in events if each.pop("id", None) == "7"]
        self.others = [each for each in events if each is not answer]
        return answer

    def do(self, type: str, **fields: Any) -> list[str]:
        """
        Send a command as Ada.

        @return: the events that Ada receives until the end of the turn
        """
        self.assertEqual(self.ask(self.ada, type, **fields), {"type": "done"})
        return [f"{each['from']}:{each['text']}" for each in self.others]

    def says(self, client: MemoryClient) -> bool:
        """
        @return: whether a client may post a message
        """
        client.send('{"type": "say", "text": "x", "id": "8"}')
        self.chat.turn()
        return "ack" in self.kinds(client)

    def code(self, client: MemoryClient, type: str, **fields: Any) -> str:
        """
        @return: the code with which a command is refused
        """
        answer = self.ask(client, type, **fields)
        self.assertEqual(answer["type"], "error")
        code: str = answer["code"]
        return code


#: The fields other than C{name} that a command requires.
_VALUES = {"text": "x", "listed": True, "key": "x"}


class CommandTests(ModerationTestCase):
    def test_notAllowed(self) -> None:
        """
        Members who are not moderators are refused, a moderator's rights apply to one room, and a
        command needs a room that was joined.
        """
        self.ask(self.ada, "join", room="other")
        for kind in COMMANDS:
            named: dict[str, Any] = {"name": "Ada"} if "name" in kind.__struct_fields__ else _VALUES
            tag = str(kind.__struct_config__.tag)
            self.assertEqual(self.code(self.mina, tag, **named), "not-allowed")
            self.assertEqual(self.code(self.ada, tag, room="other", **named), "not-allowed")
            self.assertEqual(self.code(self.ada, tag, room="third", **named), "not-joined")
            self.assertEqual(self.code(self.ada, tag, **named), "not-joined")
        self.chat.turn()
        self.assertEqual(self.heard(self.mina), [])

    def test_arguments(self) -> None:
        """
        The function of each command takes its fields as arguments.
        """
        for kind, entry in COMMANDS.items():
            fields = {*kind.__struct_fields__} - {"id", "room"}
            signature(entry.function).bind(None, "dev", by=None, **dict.fromkeys(fields))

    def test_sanctions(self) -> None:
        """
        A moderator receives the active mutes and bans of the room in the order of their ends,
        without addresses; others are refused.
        """
        self.chat.service.moderation.banAddress("dev", "203.0.113.9", 7200)
        self.ask(self.ada, "mute", name="Mina", **{"for": 60})
        self.ask(self.ada, "ban", name="Eve")
        self.chat.service.moderation.ban("other", "Bob")
        answer = self.ask(self.ada, "sanctions")
        until = [each.pop("until") for each in answer["sanctions"]]
        self.assertEqual(until, [60_000, 3_600_000, 7_200_000])
        self.assertEqual(
            answer,
            {
                "type": "sanctions",
                "room": "dev",
                "sanctions": [
                    {"kind": "mute", "name": "Mina", "by": "Ada"},
                    {"kind": "ban", "name": "Eve", "by": "Ada"},
                    {"kind": "address", "name": None, "by": None},
                ],
            },
        )
        self.assertEqual(self.code(self.mina, "sanctions"), "not-allowed")

    def test_kick(self) -> None:
        """
        A kicked member receives the reason, keeps its connection, and can join again.
        """
        self.ask(self.mina, "join", room="other")
        self.assertEqual(
            self.do("kick", name="Mina", reason="spam"), ["machat:moderator Ada kicked Mina: spam"]
        )
        (left,) = self.heard(self.mina)
        self.assertEqual(
            left, {"type": "left", "room": "dev", "reason": "moderator Ada kicked Mina: spam"}
        )
        self.assertEqual(self.code(self.mina, "say", room="dev", text="x"), "not-joined")
        self.assertEqual(self.code(self.mina, "leave", room="dev"), "not-joined")
        self.assertTrue(self.says(self.mina))
        self.assertEqual(self.ask(self.mina, "join", room="dev")["type"], "joined")

    def test_everyConnection(self) -> None:
        """
        A user is kicked with all connections.
        """
        again = self.events()
        again.received()
        self.do("kick", name="MINA")
        for client in (self.mina, again):
            self.assertEqual(self.kinds(client)[-1:], ["left"])
        self.assertEqual(self.ask(self.ada, "who", room="dev")["members"], ["Ada"])

    def test_mute(self) -> None:
        """
        A muted member's messages are refused until the mute is lifted.
        """
        told = self.do("mute", name="Mina", **{"for": 60})
        self.assertEqual(told, ["machat:moderator Ada muted Mina for 1 minute"])
        self.assertEqual(self.code(self.mina, "say", text="x"), "muted")
        self.assertEqual(self.do("unmute", name="Mina"), ["machat:moderator Ada unmuted Mina"])
        self.assertTrue(self.says(self.mina))
        for wrong in (0, 2_592_001, 1.5, "1"):
            self.assertEqual(
                self.code(self.ada, "mute", name="Mina", **{"for": wrong}), "bad-command"
            )

    def test_ban(self) -> None:
        """
        A banned user cannot join in either dialect until the ban is lifted.
        """
        self.assertEqual(
            self.do("ban", name="Mina"), ["machat:moderator Ada banned Mina for 1 hour"]
        )
        self.assertEqual(self.code(self.mina, "join", room="dev"), "not-allowed")
        text = self.text()
        (line,) = text.received()
        self.assertTrue(line.startswith("machat:error not-allowed banned until "))
        self.chat.clock.advance(5)
        self.assertFalse(text.connected)
        self.assertEqual(self.do("unban", name="Mina"), ["machat:moderator Ada unbanned Mina"])
        self.assertEqual(self.ask(self.mina, "join", room="dev")["type"], "joined")

    def test_banAddress(self) -> None:
        """
        A ban with the address removes every client at that address, except moderators.
        """
        eve = self.hello(self.chat.tcp(), name="Ada", v=1, password="other", presence=False)
        self.assertEqual(self.kinds(eve), ["welcome", "joined"])
        told = self.do("ban", name="Mina", address=True)
        self.assertEqual(told, ["machat:moderator Ada banned Mina and its address for 1 hour"])
        self.assertEqual(self.kinds(eve), ["message"])
        self.do("unban", name="Mina")
        self.do("ban", name="Nobody")
        self.assertEqual(self.code(self.ada, "ban", name="Nobody", address=True), "not-joined")

    def test_moderators(self) -> None:
        """
        Moderators cannot sanction each other or themselves.
        """
        for tag in ("kick", "mute", "ban"):
            self.assertEqual(self.code(self.ada, tag, name="Ada"), "not-allowed")

    def test_lock(self) -> None:
        """
        Only moderators can join a locked room, and members are notified of the lock.
        """
        self.assertEqual(self.do("lock"), ["machat:moderator Ada locked the room"])
        self.ask(self.mina, "leave", room="dev")
        self.assertEqual(self.code(self.mina, "join", room="dev"), "room-locked")
        again = self.events("other", name="Ada", presence=False)
        self.assertTrue(self.heard(again)[1]["locked"])
        self.assertEqual(self.do("unlock"), ["machat:moderator Ada unlocked the room"])
        joined = self.ask(self.mina, "join", room="dev")
        self.assertNotIn("locked", joined)

    def test_topic(self) -> None:
        """
        New members receive the topic, and watching members receive its changes.
        """
        watching = self.events("other", name="Ada")
        watching.received()
        self.assertEqual(self.do("topic", text="Tea"), ["machat:moderator Ada set the topic: Tea"])
        heard = self.heard(watching)
        self.assertIn({"type": "room", "room": "dev", "topic": "Tea"}, heard)
        self.assertEqual(self.ask(self.mina, "leave", room="dev")["type"], "left")
        self.assertEqual(self.ask(self.mina, "join", room="dev")["topic"], "Tea")
        self.assertEqual(self.code(self.ada, "topic", text="x" * 301), "bad-command")


class EncodingTests(SynchronousTestCase):
    def test_encoded(self) -> None:
        """
        The server decodes what a client encodes, including C{for}.
        """
        mute = commands.Mute(name="Mina", seconds=60, id="1")
        self.assertEqual(decodeCommand(encodeCommand(mute), 1000), mute)
        self.assertIn(b'"for":60', encodeCommand(mute))
