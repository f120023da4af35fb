"""
Tests for conversations with a chat that requires credentials.
"""

from __future__ import annotations

import json
import time
from typing import Any, TypeVar

import jwt
from twisted.cred.checkers import (
    AllowAnonymousAccess,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.portal import IRealm, Portal
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from machat.auth.login import PAUSE
from machat.auth.queues import MINUTE, RETRY
from machat.auth.realm import ChatRealm
from machat.auth.tokens import Tokens, secret
from machat.auth.users import IChatUser, User
from machat.client import ChatClient, Ended, Lost
from machat.commands import Auth
from machat.events import Error, Event, Message
from machat.limits import DEFAULTS, Limits
from machat.session.inbox import AHEAD
from machat.testing import MemoryChat, MemoryClient, MemoryWebSocketClient
from tests.auth.test_login import SECRET, SlowChecker

_Client = TypeVar("_Client", bound=MemoryClient)


@implementer(IRealm)
class Realm:
    """
    A realm that returns what each user may do.

    @ivar users: by name
    """

    def __init__(self, *users: User) -> None:
        self.users = {user.name: user for user in users}

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: object) -> Any:
        user = self.users.get(avatarId.decode(), User(name=avatarId.decode()))
        return IChatUser, user, lambda: None


class AdmissionTestCase(SynchronousTestCase):
    """
    A chat where Mina and Ada have passwords.
    """

    limits = DEFAULTS

    def setUp(self) -> None:
        self.realm = Realm()
        self.slow = SlowChecker()
        self.chat = self.chatOf(
            InMemoryUsernamePasswordDatabaseDontUse(Mina=b"secret", Ada=b"other")
        )

    def chatOf(self, checker: Any) -> MemoryChat:
        """
        @return: a chat with this checker
        """
        return MemoryChat(self.limits, portal=Portal(self.realm, [checker]))

    def hello(self, client: _Client, **fields: Any) -> _Client:
        """
        Send a hello with these fields.
        """
        client.send(json.dumps({"name": "Mina", "room": "dev", **fields}))
        return client

    def text(self, password: str | None = "secret", **fields: Any) -> MemoryClient:
        """
        @return: a client of the C{text} dialect that has sent this hello
        """
        return self.hello(self.chat.tcp(), password=password, **fields)

    def events(self, password: str | None = "secret", **fields: Any) -> MemoryWebSocketClient:
        """
        @return: the same in the C{events} dialect
        """
        return self.hello(self.chat.ws(), v=1, password=password, **fields)

    def heard(self, client: MemoryClient) -> list[dict[str, Any]]:
        """
        @return: the events that were received
        """
        return [json.loads(line) for line in client.received()]

    def kinds(self, client: MemoryClient) -> list[str]:
        """
        @return: the lines that were received
        """
        return [event["type"] for event in self.heard(client)]


class AdmissionTests(AdmissionTestCase):
    """
    Joining with and without credentials.
    """

    def test_right(self) -> None:
        """
        A client with the right password joins, and lines sent after the hello are posted.
        """
        mina, ada = self.text(), self.events("other", name="Ada")
        mina.send("hello")
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:hello"])
        self.assertEqual(self.kinds(ada), ["welcome", "joined", "message"])

    def test_wrong(self) -> None:
        """
        A client with wrong credentials is refused with one wording for all causes, and closed for
        good.
        """
        for password in (None, "wrong"):
            mina, ada = self.text(password), self.events(password, name="Ada")
            self.chat.clock.advance(PAUSE)
            (line,) = mina.received()
            self.assertTrue(line.startswith("machat:error bad-credentials "))
            error, bye = self.heard(ada)
            self.assertEqual((error["code"], bye["code"]), ("bad-credentials", 3500))
            self.assertFalse(mina.connected or bye["reconnect"])
            self.assertEqual(ada.transport.producerState, "producing")  # the server reads its close
        self.assertEqual(self.chat.service.metrics.refusals["bad-credentials"], 4)

    def test_ownSpelling(self) -> None:
        """
        A user has the user's own name, in whatever spelling the client wrote it.
        """
        self.chat = self.chatOf(self.slow)
        mina = self.text(name="MINA")
        mina.send("hello")
        self.slow.asked[0].callback(b"Mina")
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:hello"])

    def test_notAsked(self) -> None:
        """
        A chat that requires no credentials ignores them.
        """
        self.chat = MemoryChat()
        mina, ada = self.text("any"), self.events("any", name="Ada")
        ada.send('{"type": "auth", "token": "any", "id": "1"}')
        self.assertEqual(mina.received(), [])
        *_, answer = self.heard(ada)
        self.assertEqual(answer, {"type": "authenticated", "id": "1"})

    def test_goneMeanwhile(self) -> None:
        """
        A client that disconnects while its login is checked leaves nothing but a failed login.
        """
        self.chat = self.chatOf(self.slow)
        mina = self.text()
        mina.send("hello")
        mina.close()
        self.assertEqual(self.slow.cancelled, 1)
        self.chat.clock.pump([0.0, MINUTE])
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.chat.service.connections), 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_waitingIsBounded(self) -> None:
        """
        A checker that never answers keeps no client waiting for longer than the join timeout.
        """
        self.chat = self.chatOf(self.slow)
        mina, ada = self.text(), self.events("other", name="Ada")
        self.chat.clock.advance(DEFAULTS.joinTimeout)
        self.assertIn("error busy", mina.received()[0])
        error, bye = self.heard(ada)
        self.assertEqual((error["code"], error["retry"]), ("busy", RETRY))
        self.assertEqual((bye["code"], bye["reconnect"], bye["retry"]), (3004, True, RETRY))
        self.assertFalse(mina.connected)

    def test_tooManyFailures(self) -> None:
        """
        A login over the limit is refused at once, and the client learns when it may reconnect.
        """
        for _ in range(3):
            self.text("wrong")
        self.chat.clock.advance(PAUSE)
        mina, ada = self.text(), self.events("other", name="Ada")
        self.assertEqual(
            mina.received(), ["machat:error busy too many failed logins: try again in 60 s"]
        )
        error, bye = self.heard(ada)
        self.assertEqual((error["code"], bye["code"], bye["retry"]), ("busy", 3004, 60))
        self.assertEqual((ada.closeCode, bye["reconnect"]), (3004, True))
        self.chat.clock.advance(MINUTE)
        self.assertEqual(self.kinds(self.events()), ["welcome", "joined"])

    def test_noticed(self) -> None:
        """
        The server continues to read while a login waits, so that it notices a disconnection, but
        it reads only a limited amount.
        """
        self.chat = self.chatOf(self.slow)
        mina, ada = self.text(), self.events("other", name="Ada")
        for client in (mina, ada):
            self.assertEqual(client.transport.producerState, "producing")
        mina.sendBytes(b"hello\n" * 2)
        self.assertEqual(mina.transport.producerState, "producing")
        mina.sendBytes(b"hello\n" * (AHEAD // 6))
        self.assertEqual(mina.transport.producerState, "paused")
        self.slow.asked[0].callback(b"Mina")
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:hello"] * 20)
        ada.sendFrame(0x88, b"\x03\xe8")
        self.assertEqual(self.slow.cancelled, 0)
        ada.close()
        self.assertEqual(self.slow.cancelled, 1)

    def test_littleIsRead(self) -> None:
        """
        The number of small pieces that are kept is limited too.
        """
        self.chat = self.chatOf(self.slow)
        mina = self.events()
        for number in range(AHEAD // 64):
            mina.send(json.dumps({"type": "say", "text": str(number)}))
        self.assertEqual(mina.transport.producerState, "paused")
        self.slow.asked[0].callback(b"Mina")
        self.chat.clock.pump([0.2] * AHEAD)
        said = [event["text"] for event in self.heard(mina) if event["type"] == "message"]
        self.assertEqual(said, [str(number) for number in range(AHEAD // 64)])
        self.assertEqual(mina.transport.producerState, "producing")

    def test_broken(self) -> None:
        """
        A checker that raises admits no client, and its failure is logged.
        """
        self.chat = self.chatOf(self.slow)
        mina = self.text()
        self.slow.asked[0].errback(ZeroDivisionError())
        self.assertIn("error failed", mina.received()[0])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class RightsTests(AdmissionTestCase):
    """
    The rights of a user.
    """

    def setUp(self) -> None:
        super().setUp()
        self.realm.users = {
            "Mina": User(name="Mina", rooms=("dev", "team*"), say=("team*",)),
        }

    def test_rooms(self) -> None:
        """
        A room that the user may not enter is refused with an error, and the connection of an
        C{events} client stays open.
        """
        mina, ada = self.text(room="other"), self.events(room="other")
        self.assertIn("machat:error not-allowed ", mina.received()[0])
        self.assertFalse(mina.connected)
        _, error = self.heard(ada)
        self.assertEqual(error["code"], "not-allowed")
        ada.send('{"type": "join", "room": "TEAM1"}')
        self.assertEqual(self.kinds(ada), ["joined"])

    def test_listenOnly(self) -> None:
        """
        A user may have the right to read in a room without the right to post.
        """
        mina, again = self.text(), self.events()
        mina.send("hello")
        again.send('{"type": "say", "text": "hello", "id": "1"}')
        self.chat.service.say(self.chat.member("bot", "dev"), "dev", "hi")
        self.chat.turn()
        error, hi = mina.received()
        self.assertEqual((error[:26], hi), ("machat:error not-allowed y", "bot:hi"))
        self.assertEqual(self.heard(again)[2]["code"], "not-allowed")
        self.assertTrue(mina.connected)


class OneUserTests(AdmissionTestCase):
    """
    Several connections of one user.
    """

    limits = Limits(maxPerUser=3)

    def test_together(self) -> None:
        """
        The connections share the name, count as one in presence and in the counts, and receive
        each other's messages.
        """
        ada = self.events("other", name="Ada")
        first, second = self.text(), self.events()
        self.chat.clock.advance(1)
        welcome, joined, presence = self.heard(ada)
        self.assertEqual((presence["joined"], presence["count"]), (["Mina"], 2))
        self.assertEqual(self.heard(second)[1]["count"], 2)
        first.send("hello")
        self.chat.turn()
        self.assertEqual(self.kinds(ada), ["message"])
        self.assertEqual(self.kinds(second)[-1], "message")
        ada.send('{"type": "who", "room": "dev"}')
        self.assertEqual(self.heard(ada)[0]["members"], ["Ada", "Mina"])
        first.close()
        self.chat.clock.advance(10)
        self.assertEqual(self.kinds(ada), [])
        second.close()
        self.chat.clock.advance(10)
        self.assertEqual(self.heard(ada)[0]["left"], ["Mina"])

    def test_tooMany(self) -> None:
        """
        The number of connections per user is limited, and a connection that closes makes room.
        """
        clients = [self.text() for _ in range(3)]
        self.assertIn("error too-many-connections", self.text().received()[0])
        clients[0].close()
        self.assertEqual(self.text().received(), [])
        for client in [*clients[1:]]:
            client.close()

    def test_nothingLeft(self) -> None:
        """
        When all connections are gone, nothing of the user is left.
        """
        for client in (self.text(), self.events(), self.text("wrong")):
            self.chat.clock.advance(PAUSE)
            client.close()
        connections = self.chat.service.connections
        self.assertEqual((dict(connections._sharing), connections._users), ({}, {}))
        self.assertEqual(len(self.chat.service.rooms), 0)


class ExpiringTests(AdmissionTestCase):
    """
    Credentials that expire.
    """

    def setUp(self) -> None:
        super().setUp()
        self.lasting(100.0)

    def lasting(self, expires: float | None, *rooms: str) -> None:
        """
        Mina's credentials last until this time from now on.
        """
        self.realm.users["Mina"] = User(name="Mina", rooms=rooms or ("*",), expires=expires)

    def test_notRenewed(self) -> None:
        """
        The client is notified a minute before its credentials expire, and must reconnect 25
        seconds after that time.
        """
        mina, again = self.text(), self.events()
        again.received()
        self.chat.clock.advance(40)
        self.assertEqual(self.heard(again), [{"type": "expiring", "seconds": 85.0}])
        self.assertEqual(mina.received(), [])
        self.chat.clock.advance(85)
        self.assertEqual(mina.received(), ["machat:bye credentials-expired"])
        (bye,) = self.heard(again)
        self.assertEqual((bye["code"], bye["reconnect"]), (3005, True))

    def test_renewed(self) -> None:
        """
        Renewed credentials count from then on, and nothing else changes.
        """
        mina = self.events()
        mina.received()
        self.chat.clock.advance(40)
        self.lasting(1000.0)
        mina.send('{"type": "auth", "password": "secret", "id": "7"}')
        expiring, answer = self.heard(mina)
        self.assertEqual(answer, {"type": "authenticated", "seconds": 960.0, "id": "7"})
        self.chat.clock.advance(800)
        self.assertEqual(self.kinds(mina), [])
        self.chat.clock.advance(100)
        self.assertEqual(self.kinds(mina), ["expiring"])

    def test_renewedWrong(self) -> None:
        """
        Wrong credentials and those of another user are refused, and the earlier credentials still
        count.
        """
        mina = self.events()
        mina.received()
        for password in ("wrong", "other"):
            mina.send(json.dumps({"type": "auth", "password": password, "id": "7"}))
            self.chat.clock.advance(PAUSE)
            (error,) = self.heard(mina)
            self.assertEqual((error["code"], error["id"]), ("bad-credentials", "7"))
        mina.send('{"type": "say", "text": "hello"}')
        self.chat.turn()
        self.assertEqual(self.kinds(mina), ["message"])

    def test_fewerRooms(self) -> None:
        """
        A user who loses the right to be in a room is removed from it.
        """
        mina = self.events()
        mina.send('{"type": "join", "room": "other"}')
        mina.received()
        self.lasting(None, "dev")
        mina.send('{"type": "auth", "password": "secret"}')
        authenticated, left = self.heard(mina)
        self.assertEqual(left, {"type": "left", "room": "other"})
        self.assertEqual([room.name for room in self.chat.service.rooms], ["dev"])

    def test_goneMeanwhile(self) -> None:
        """
        A client that disconnects while its new credentials are checked leaves nothing.
        """
        self.chat = self.chatOf(self.slow)
        mina = self.events()
        self.slow.asked[0].callback(b"Mina")
        mina.send('{"type": "auth", "password": "secret"}')
        self.assertEqual(mina.transport.producerState, "producing")
        mina.close()
        self.assertEqual(self.slow.cancelled, 1)
        self.chat.clock.pump([100.0] * 2)
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])
        connections = self.chat.service.connections
        self.assertEqual((dict(connections._sharing), connections._users), ({}, {}))

    def test_slowRenewal(self) -> None:
        """
        Commands that are sent during a renewal wait for it, and their messages are received once.
        """
        self.chat = self.chatOf(self.slow)
        mina = self.events()
        self.slow.asked[0].callback(b"Mina")
        mina.received()
        mina.send('{"type": "auth", "password": "secret"}')
        mina.send('{"type": "say", "text": "hello"}')
        self.chat.turn()
        self.assertEqual(mina.received(), [])
        self.slow.asked[1].callback(b"Mina")
        self.chat.turn()
        self.assertEqual(self.kinds(mina), ["authenticated", "message"])


class IdentifiedTests(AdmissionTestCase):
    """
    Clients that have been authenticated stay authenticated.
    """

    def setUp(self) -> None:
        super().setUp()
        self.expires = time.time() + 100
        self.chat = MemoryChat(portal=Portal(ChatRealm(), self.checkers()))
        self.chat.clock.advance(time.time())
        self.mina = self.events(None, token=self.token())
        self.mina.received()

    def checkers(self) -> list[Any]:
        """
        @return: a portal with passwords, tokens, and anonymous access
        """
        passwords = InMemoryUsernamePasswordDatabaseDontUse(Ada=b"other")
        return [passwords, Tokens(secret(SECRET)), AllowAnonymousAccess()]

    def token(self, **claims: Any) -> str:
        """
        @return: a token for Mina, who may only read
        """
        said = {"sub": "Mina", "exp": self.expires, "say": False, **claims}
        return jwt.encode(said, SECRET, "HS256")

    def answer(self, **fields: Any) -> dict[str, Any]:
        """
        @return: the answer that Mina receives to this command
        """
        self.mina.send(json.dumps(fields))
        self.chat.clock.advance(PAUSE)
        (event,) = self.heard(self.mina)
        return event

    def test_emptyAuth(self) -> None:
        """
        An C{auth} without credentials is refused, and lifts no restriction.
        """
        for shown in ({}, {"password": None, "token": None}):
            answer = self.answer(type="auth", id="1", **shown)
            self.assertEqual((answer["code"], answer["id"]), ("bad-credentials", "1"))
        self.assertEqual(self.answer(type="say", text="hello")["code"], "not-allowed")
        self.chat.clock.pump([100.0, 100.0])
        self.assertEqual([event["code"] for event in self.heard(self.mina)[1:]], [3005])

    def test_renewedInTime(self) -> None:
        """
        Failed logins of others at a client's address prevent the client neither from renewing its
        token nor from reconnecting with it.
        """
        for _ in range(12):
            self.events(None, token="rubbish")
            self.events("wrong", name="Ada")
        self.chat.clock.advance(PAUSE)
        self.expires += 1000
        self.assertEqual(self.answer(type="auth", token=self.token())["type"], "authenticated")
        self.assertEqual(self.kinds(self.events(None, token=self.token())), ["welcome", "joined"])

    def test_takenOver(self) -> None:
        """
        If a connection is taken over while its new credentials are checked, the check is
        cancelled.
        """
        slow = SlowChecker()
        self.chat = self.chatOf(slow)
        first = self.events()
        slow.asked[0].callback(b"Mina")
        session = self.heard(first)[0]["session"]
        first.send('{"type": "auth", "password": "secret"}')
        second = self.events(session=session)
        slow.asked[2].callback(b"Mina")
        self.assertEqual(slow.cancelled, 1)
        self.assertEqual(self.heard(first)[-1]["code"], 3521)
        self.assertEqual(self.kinds(second), ["welcome", "joined"])


class ClientTests(AdmissionTestCase):
    """
    L{machat.client.ChatClient} with a server that requires credentials.
    """

    def setUp(self) -> None:
        super().setUp()
        self.shown: Auth | None = Auth(password="secret")
        self.told: list[Event] = []

    def client(self) -> ChatClient:
        """
        @return: Mina's client, in the room
        """
        client = self.chat.client("Mina", self.told.append, self.show)
        client.join("dev").addErrback(lambda failure: failure.trap(Ended))
        self.settle()
        return client

    def show(self) -> Auth:
        """
        Return the credentials, or fail.
        """
        if self.shown is None:
            raise OSError("cannot be read")
        return self.shown

    def settle(self, seconds: int = 0) -> None:
        """
        Deliver all data, and advance the clock.
        """
        self.chat.clock.pump([0.0] * 8 + [0.5] * 2 * seconds)

    def test_renews(self) -> None:
        """
        The client sends its credentials at each connection, and again when they are about to
        expire.
        """
        self.realm.users["Mina"] = User(name="Mina", expires=100.0)
        client = self.client()
        self.assertEqual(client.rooms(), ["dev"])
        self.realm.users["Mina"] = User(name="Mina", expires=1000.0)
        self.settle(300)
        self.assertTrue(client.connected)
        self.assertNotIn(Lost(True), self.told)
        self.chat.endpoint.cut()
        self.settle(10)
        self.assertTrue(client.connected)

    def test_notRenewed(self) -> None:
        """
        If the credentials are temporarily unavailable, the client reconnects until it can send
        some.
        """
        self.realm.users["Mina"] = User(name="Mina", expires=100.0)
        client = self.client()
        shown, self.shown = self.shown, None
        self.settle(80)
        self.chat.service.say(self.chat.member("Ada", "dev"), "dev", "still heard")
        self.settle(1)
        self.assertIn("still heard", [e.text for e in self.told if isinstance(e, Message)])
        self.settle(120)
        self.assertFalse(client.connected)
        self.assertIn(Lost(True), self.told)
        self.realm.users["Mina"] = User(name="Mina")
        self.shown = shown
        self.settle(60)
        self.assertTrue(client.connected)
        self.assertTrue(self.flushLoggedErrors(OSError))

    def test_busy(self) -> None:
        """
        If it exceeds the login limit, it reconnects when it may, and its listener receives the
        reason.
        """
        for _ in range(3):
            self.text("wrong")
        self.settle(1)
        client = self.client()
        self.settle(30)
        refused = [event for event in self.told if isinstance(event, Error)]
        self.assertEqual([(event.code, event.retry) for event in refused], [("busy", 59)])
        self.assertEqual((client.connected, self.told[-1]), (False, Lost(True)))
        self.settle(60)
        self.assertTrue(client.connected)

    def test_wrong(self) -> None:
        """
        With wrong credentials it ends, and its listener receives the reason.
        """
        self.shown = Auth(password="wrong")
        client = self.client()
        self.settle(60)
        self.assertFalse(client.connected)
        codes = [event.code for event in self.told if isinstance(event, Error)]
        self.assertEqual((codes, self.told[-1]), (["bad-credentials"], Lost(False)))
