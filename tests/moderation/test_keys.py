"""
Tests for L{machat.moderation.keys}, and for rooms with keys.
"""

from __future__ import annotations

import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from machat.auth.realm import ChatRealm
from machat.errors import ChatError
from machat.moderation.keys import COUNTED, LENGTH, Guesses, SharedGuesses, hashOf, isKey
from machat.testing import MemoryChat, MemoryClient
from tests.moderation.test_commands import ModerationTestCase
from tests.quotas import MemoryQuotas, Numbers
from tests.session.test_events import EventsTestCase, OnWebSocket


class HashTests(SynchronousTestCase):
    """
    Tests for the hashes.
    """

    @given(st.text(min_size=1, max_size=LENGTH), st.text(max_size=LENGTH))
    def test_hash(self, key: str, other: str) -> None:
        """
        A hash matches its key only, and does not contain it.
        """
        try:
            stored = hashOf(key)
        except ChatError:
            self.assertRaises(UnicodeEncodeError, key.encode)
            return
        self.assertTrue(isKey(key, stored))
        self.assertTrue(stored.isascii())
        self.assertFalse(isKey(key + "x", stored))
        self.assertNotEqual(hashOf(key), stored)
        isKey(other, stored)

    def test_forms(self) -> None:
        """
        A key that is written with combining characters is the same key.
        """
        self.assertTrue(isKey("Bu\u0308ro", hashOf("B\u00fcro")))

    def test_bad(self) -> None:
        """
        A key has 1 to 128 characters. Nothing else matches.
        """
        for key in ("", "x" * 129, "\ud800"):
            error = self.assertRaises(ChatError, hashOf, key)
            self.assertEqual(error.code, "bad-command")
            self.assertFalse(isKey(key, hashOf("x" * 128)))
        self.assertFalse(isKey("x", ""))
        self.assertFalse(isKey("x", "\u00fc:\u00fc"))


class GuessesTests(SynchronousTestCase):
    """
    Tests for L{Guesses}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.guesses = Guesses(self.clock.seconds, 3)
        self.stored = hashOf("right")

    def tried(self, key: str | None, origin: str = "a", room: str = "dev") -> str:
        """
        @return: the code; an empty string, if the key is right
        """
        try:
            self.guesses.check(origin, room, key, self.stored)
        except ChatError as error:
            return error.code
        return ""

    def test_limit(self) -> None:
        """
        After three wrong keys within a minute, the right one is refused too.
        """
        for _ in range(9):
            self.assertEqual(self.tried(None), "bad-key")
            self.assertEqual(self.tried("right"), "")
        for _ in range(3):
            self.assertEqual(self.tried("wrong"), "bad-key")
            self.clock.advance(10)
        self.assertEqual(self.tried("right"), "busy")
        error = self.assertRaises(ChatError, self.guesses.check, "a", "dev", "right", self.stored)
        self.assertEqual((error.code, error.retry), ("busy", 30))
        self.clock.advance(30)
        self.assertEqual(self.tried("right"), "")
        self.assertEqual(self.tried("wrong"), "bad-key")
        self.assertEqual(self.tried("right"), "busy")

    def test_others(self) -> None:
        """
        A guesser prevents nobody else from joining, and nobody from joining another room.
        """
        for _ in range(4):
            self.tried("wrong")
        self.assertEqual(self.tried("right"), "busy")
        self.assertEqual(self.tried("right", origin="b"), "")
        self.assertEqual(self.tried("right", room="ops"), "")

    def test_forget(self) -> None:
        """
        Wrong keys that no longer count are forgotten, and the number of the others is limited.
        """
        for number in range(COUNTED + 9):
            self.tried("wrong", origin=str(number))
        self.assertEqual(len(self.guesses), COUNTED)
        self.clock.advance(61)
        self.tried("wrong")
        self.assertEqual(len(self.guesses), 1)


class SharedGuessesTests(SynchronousTestCase):
    """
    Tests for L{SharedGuesses}: two processes.
    """

    def setUp(self) -> None:
        self.clock, numbers = Clock(), Numbers()
        self.quotas = [MemoryQuotas(self.clock, numbers) for _ in range(2)]
        self.guesses = [
            SharedGuesses(Guesses(self.clock.seconds, 3), each, 3) for each in self.quotas
        ]
        self.stored = hashOf("right")

    def tried(self, process: int, key: str, origin: str = "a", room: str = "dev") -> str:
        """
        @return: the code; an empty string, if the key is right
        """
        checking = self.guesses[process].check(origin, room, key, self.stored)
        codes = Deferred.fromCoroutine(checking)
        return str(self.successResultOf(codes.addCallbacks(lambda _: "", lambda it: it.value.code)))

    def test_together(self) -> None:
        """
        The wrong keys of all processes count, for each origin and room. The right key is refused
        too, until a minute after the first of them.
        """
        self.assertEqual(self.tried(0, "right"), "")
        self.assertEqual(self.tried(0, "wrong"), "bad-key")
        self.clock.advance(10)
        self.assertEqual([self.tried(1, "wrong") for _ in range(3)], ["bad-key", "bad-key", "busy"])
        for process in range(2):
            self.assertEqual(self.tried(process, "right"), "busy")
            self.assertEqual(self.tried(process, "right", "b"), "")
            self.assertEqual(self.tried(process, "right", room="other"), "")
        self.clock.advance(50)
        self.assertEqual(self.tried(0, "right"), "")

    def test_unavailable(self) -> None:
        """
        While the store is not available, each process counts for itself.
        """
        self.quotas[0].up = False
        found = [self.tried(0, "wrong") for _ in range(4)]
        self.assertEqual(found, ["bad-key"] * 3 + ["busy"])
        self.assertEqual(self.tried(1, "right"), "")


class KeyTests(EventsTestCase):
    """
    Tests on a server without accounts, where Mina has created the room.
    """

    def setUp(self) -> None:
        super().setUp()
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.mina = self.client()

    def setKey(self, key: object = "tea & milk", client: MemoryClient | None = None) -> str:
        """
        @return: the type of the answer, or the code of the error
        """
        client = client or self.mina
        client.received()
        self.tell(client, type="key", key=key, id="k")
        self.chat.turn()
        (answer,) = [each for each in self.heard(client) if each["type"] in ("done", "error")]
        return str(answer.get("code", answer["type"]))

    def join(self, name: str, **fields: Any) -> str:
        """
        @return: the type of the answer to a hello, or the code of the error. C{joined} is the
            client
        """
        self.joined = self.client(name, **fields)
        answer = self.heard(self.joined)[-1]
        return str(answer.get("code", answer["type"]))

    def test_join(self) -> None:
        """
        A client needs the key of the room to join it. It stays connected if it is refused.
        """
        self.assertEqual(self.setKey(), "done")
        self.assertEqual(self.join("Ada"), "bad-key")
        for key, expected in (("milk", "bad-key"), ("tea & milk", "joined")):
            answer = self.ask(self.joined, type="join", room="DEV", key=key)
            self.assertEqual(answer.get("code", answer["type"]), expected)
        self.assertEqual(self.join("Bob", key="tea & milk"), "joined")
        self.assertEqual(self.join("Eve", room="other", key="any"), "joined")

    def test_remove(self) -> None:
        """
        The key can be replaced and removed. Members stay in the room.
        """
        self.setKey()
        self.assertEqual(self.setKey("new"), "done")
        self.assertEqual(self.join("Ada", key="tea & milk"), "bad-key")
        self.assertEqual(self.join("Ada", key="new"), "joined")
        self.assertEqual(self.setKey(None), "done")
        self.assertEqual(self.join("Bob"), "joined")
        self.assertEqual(self.ask(self.mina, type="who", room="dev")["count"], 3)

    def test_badInput(self) -> None:
        """
        A key is a string of 1 to 128 characters.
        """
        for key in ("", "x" * 129, 7, "\ud800"):
            self.assertEqual(self.setKey(key), "bad-command")
        self.assertEqual(self.join("Ada"), "joined")

    def test_founder(self) -> None:
        """
        Only the member that has created the room may set its key, until it leaves.
        """
        self.join("Ada")
        ada = self.joined
        self.assertEqual(self.setKey(client=ada), "not-allowed")
        self.assertEqual(self.setKey(), "done")
        self.tell(self.mina, type="leave", room="dev")
        self.assertEqual(self.setKey("x", ada), "not-allowed")
        self.tell(self.mina, type="join", room="dev", key="tea & milk")
        self.assertEqual(self.setKey("x"), "not-allowed")

    def test_old(self) -> None:
        """
        The first member of a room that has messages already has not created it.
        """
        self.tell(self.mina, type="say", text="hello")
        self.chat.turn()
        self.tell(self.mina, type="leave", room="dev")
        self.assertEqual(self.join("Ada"), "joined")
        self.assertEqual(self.setKey(client=self.joined), "not-allowed")

    def test_kept(self) -> None:
        """
        The key lasts longer than the members, and a takeover needs it again.
        """
        self.setKey()
        self.chat.restart()
        self.assertEqual(self.join("Mina"), "bad-key")
        self.assertEqual(self.join("Mina", key="tea & milk"), "joined")
        hello = self.client("Mina", room=None)
        self.assertEqual(self.heard(hello)[0]["type"], "welcome")

    def test_guesses(self) -> None:
        """
        After three wrong keys, an address has to wait for a minute. Others join meanwhile.
        """
        self.setKey()
        for expected in ("bad-key", "bad-key", "bad-key", "busy", "busy"):
            self.assertEqual(self.join("Eve", key="guess"), expected)
            self.joined.close()
        self.assertEqual(self.join("Eve", key="tea & milk"), "busy")
        other = self.connectFrom("192.0.2.9")
        hello = {"v": 1, "name": "Ada", "room": "dev", "key": "tea & milk"}
        other.send(json.dumps(hello))
        self.assertEqual(self.kinds(other), ["welcome", "joined"])
        self.chat.clock.advance(60)
        self.assertEqual(self.join("Bob", key="tea & milk"), "joined")

    def connectFrom(self, host: str) -> MemoryClient:
        """
        @return: a client from an address
        """
        client = self.chat.tcp()
        client.transport.peerAddr = IPv4Address("TCP", host, 7)
        return client

    def test_text(self) -> None:
        """
        The hello of the C{text} dialect may have the key.
        """
        self.setKey()
        client = self.chat.tcp()
        client.send('{"name": "Ada", "room": "dev", "key": "tea & milk"}')
        client.send("hello")
        self.chat.turn()
        self.assertEqual(client.received(), ["Ada:hello"])
        other = self.chat.tcp("Eve", "dev")
        self.assertIn("machat:error bad-key", other.received()[0])
        self.assertFalse(other.connected)

    def test_secret(self) -> None:
        """
        The key and its hash appear neither in what others receive, nor in the log.
        """
        self.chat.service.listing.patterns = ("*",)
        ada = self.client("Ada", presence=True)
        self.setKey()
        self.join("Eve", key="guess")
        room = self.chat.service.rooms.get("dev")
        assert room is not None and room.password is not None
        said = [*ada.received(), *[formatEvent(event) for event in self.events]]
        said.append(json.dumps(self.ask(ada, type="history", room="dev")))
        said.append(json.dumps(self.ask(ada, type="sanctions", room="dev")))
        for each in said:
            for secret in ("tea & milk", room.password, room.password.partition(":")[2], "guess"):
                self.assertNotIn(secret, each)
        self.assertIn("moderator Mina set a key", "".join(said))

    def test_hookWaits(self) -> None:
        """
        A key that is set while a member joins applies to this member too.
        """
        room = self.chat.service.rooms.get("dev")
        assert room is not None and room.stored is not None
        claim = room.stored.claim
        made: list[Any] = []

        class Slow:
            """
            A room whose claims set a key.
            """

            def __getattr__(self, name: str) -> Any:
                return getattr(stored, name)

        stored, outer = room.stored, self

        def slow(*arguments: Any) -> Any:
            made.append(outer.setKey())
            return claim(*arguments)

        replaced: Any = Slow()
        replaced.claim = slow
        room.stored = replaced
        self.assertEqual(self.join("Ada"), "bad-key")
        self.assertEqual(made, ["done"])
        self.assertEqual(room.spellings, ["Mina"])


class WebSocketKeyTests(OnWebSocket, KeyTests):
    """
    The same tests on WebSocket.
    """

    def connectFrom(self, host: str) -> MemoryClient:
        client = self.chat.ws()
        client.transport.peerAddr = IPv4Address("TCP", host, 7)
        return client


class AccountTests(ModerationTestCase):
    """
    Tests on a server with accounts, where Ada is a moderator.
    """

    def test_moderator(self) -> None:
        """
        Only moderators set a key. They do not need it. Wrong keys are counted for each user.
        """
        self.assertEqual(self.code(self.mina, "key", key="x"), "not-allowed")
        self.ask(self.mina, "leave", room="dev")
        self.ask(self.ada, "join", room="dev")
        self.assertEqual(self.do("key", key="x"), ["machat:moderator Ada set a key"])
        self.ask(self.ada, "leave", room="dev")
        self.assertEqual(self.ask(self.ada, "join", room="dev")["type"], "joined")
        for code in ("bad-key", "bad-key", "bad-key", "busy"):
            self.assertEqual(self.code(self.mina, "join", room="dev", key="guess"), code)
        self.assertEqual(self.do("key", key=None), ["machat:moderator Ada removed the key"])
        self.assertEqual(self.ask(self.mina, "join", room="dev")["type"], "joined")

    def test_created(self) -> None:
        """
        The creator of a room may not set its key.
        """
        self.ask(self.mina, "join", room="new")
        self.assertEqual(self.code(self.mina, "key", room="new", key="x"), "not-allowed")


class AnonymousTests(ModerationTestCase):
    """
    Tests on a server with accounts that also admits clients without credentials.
    """

    def chatOf(self, checker: Any) -> MemoryChat:
        portal = Portal(ChatRealm(), [checker, AllowAnonymousAccess()])
        return MemoryChat(self.limits, portal=portal)

    def test_created(self) -> None:
        """
        A client without credentials may not set the key of a room that it has created.
        """
        bob = self.hello(self.chat.tcp(), v=1, name="Bob", room="new", presence=False)
        self.turn()
        self.assertEqual(self.code(bob, "key", key="x"), "not-allowed")
