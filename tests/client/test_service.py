"""
Tests for L{machat.client}, without sockets.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass

from machat.auth.users import User
from machat.client import Connected, Ended, NotConnected
from machat.client.endpoints import LineProtocol, dial
from machat.client.interfaces import IServerConnection, IServerConnectionUser
from machat.client.runner import CoreRunner
from machat.client.websocket import LineWebSocketProtocol
from machat.commands import Kick
from machat.errors import ChatError
from machat.events import Done, Error, Event, Joined, Left, Members, Message, Presence
from machat.session.session import Session
from tests.client.clients import ClientTestCase


class ClientTests(ClientTestCase):
    def test_interfaces(self) -> None:
        """
        A client works on lines over either transport.
        """
        verifyClass(IServerConnectionUser, CoreRunner)
        verifyClass(IServerConnection, LineProtocol)
        verifyClass(IServerConnection, LineWebSocketProtocol)

    def test_chat(self) -> None:
        """
        A client joins, receives all messages in order, and learns the results of its own.
        """
        self.assertEqual(self.successResultOf(self.joined).count, 2)
        self.assertEqual(
            [type(each) for each in self.heard(Connected, Joined)], [Connected, Joined]
        )
        self.say("one")
        said = self.mina.say("dev", "two")
        self.assertNoResult(said)
        self.settle()
        self.assertEqual(self.successResultOf(said).seq, 2)
        self.assertEqual(self.texts(), ["Ada:one", "Mina:two"])
        self.assertEqual(self.ada.received(), ["Ada:one", "Mina:two"])

    def test_data(self) -> None:
        """
        A message can have several lines, an object for programs, and refer to another message.
        """
        self.mina.say("dev", "one")
        self.settle()
        said = self.mina.say("dev", "a\nb", {"kind": "build"}, 1)
        self.settle()
        self.assertEqual(self.successResultOf(said).seq, 2)
        message = self.heard(Message)[1]
        self.assertEqual(
            (message.text, message.data, message.reply), ("a\nb", {"kind": "build"}, 1)
        )
        self.assertRaises(TypeError, self.mina.say, "dev", "x", {"x": object()})

    def test_bot(self) -> None:
        """
        A bot is a listener.
        """

        def answer(event: Event) -> None:
            if isinstance(event, Message) and event.text == "!hello":
                bot.say(event.room, f"Hello, {event.sender}!")

        bot = self.chat.client("bot", answer)
        bot.join("dev")
        self.settle()
        self.say("!hello")
        self.assertEqual(self.ada.received(), ["Ada:!hello", "bot:Hello, Ada!"])

    def test_history(self) -> None:
        """
        With history, the last messages are received first.
        """
        self.say("a", "b", "c")
        events: list[Event] = []
        bob = self.chat.client("Bob", events.append)
        bob.join("dev", history=2)
        self.settle()
        self.say("d")
        found = [(e.text, e.replay) for e in events if isinstance(e, Message)]
        self.assertEqual(found, [("b", True), ("c", True), ("d", False)])

    def test_rooms(self) -> None:
        """
        A client can be in several rooms, and leave them.
        """
        self.mina.join("other")
        self.settle()
        self.assertEqual(self.mina.rooms(), ["dev", "other"])
        self.mina.leave("dev")
        self.settle()
        self.heard()
        self.say("unheard")
        self.assertEqual(self.texts(), [])
        self.failureResultOf(self.mina.say("dev", "x"), ChatError)

    def test_who(self) -> None:
        """
        The listener receives the members of a room, and all joins and leaves.
        """
        self.mina.who("dev")
        self.settle()
        (members,) = self.heard(Members)
        self.assertEqual(members.members, ("Ada", "Mina"))
        self.chat.member("Bob", "dev")
        self.chat.clock.advance(0.25)
        self.settle()
        self.assertEqual([each.joined for each in self.heard(Presence)], [("Bob",)])

    def test_olderMessages(self) -> None:
        """
        Stored messages are requested from the end, and from before a number. The listener does not
        receive them.
        """
        self.say("a", "b", "c", "d")
        self.heard()
        last = self.mina.history("dev", limit=2)
        before = self.mina.history("DEV", 3, 300)
        self.settle()
        found = self.mina.history("dev", text="B")
        self.settle()
        for asked, texts in ((last, ["c", "d"]), (before, ["a", "b"]), (found, ["b"])):
            self.assertEqual([each.text for each in self.successResultOf(asked).messages], texts)
        self.assertEqual(self.heard(Event), [])

    def test_olderMessagesRefused(self) -> None:
        """
        A request fails if the room is not joined, if the server refuses it, or if the connection is
        lost before the answer.
        """
        self.failureResultOf(self.mina.history("other"), NotConnected)
        answers: list[Deferred[Any]] = [fail(ChatError("failed", "no answer")), Deferred()]
        self.patch(self.chat.service, "history", lambda *_: answers.pop(0))
        refused, lost = self.mina.history("dev"), self.mina.history("dev")
        self.settle()
        self.assertEqual(self.failureResultOf(refused, ChatError).value.code, "failed")
        self.assertNoResult(lost)
        self.chat.endpoint.cut()
        self.failureResultOf(lost, NotConnected)
        self.failureResultOf(self.mina.history("dev"), NotConnected)
        self.assertEqual(self.heard(Error), [])

    def test_olderMessagesBounded(self) -> None:
        """
        A server that does not answer cannot make requests accumulate.
        """
        self.patch(self.chat.service, "history", lambda *_: Deferred())
        asked = [self.mina.history("dev") for _ in range(101)]
        self.assertNoResult(asked[99])
        self.failureResultOf(asked[100], NotConnected)
        self.mina.stopService()
        for each in asked[:100]:
            self.failureResultOf(each, NotConnected)

    def test_refused(self) -> None:
        """
        A command that the server refuses fails.
        """
        error = self.failureResultOf(self.mina.say("nowhere", "x"), ChatError)
        self.assertEqual(error.value.code, "not-joined")
        bad = self.mina.join("a b")
        said = self.mina.say("dev", "\n" * 100)
        self.settle()
        self.assertEqual(self.failureResultOf(bad, ChatError).value.code, "bad-room")
        self.assertEqual(self.failureResultOf(said, ChatError).value.code, "too-long")
        self.assertEqual(self.mina.rooms(), ["dev"])

    def test_anyRoom(self) -> None:
        """
        A room can have the longest valid name in any script, and a refused name is reported.
        """
        for room in ("\u043a\u043e\u043c\u043d\u0430\u0442\u0430", "x" * 64):
            joined = self.mina.join(room)
            self.settle()
            self.assertEqual(self.successResultOf(joined).room, room)
        for room in ("\u043d\u0435\u0442 \u043d\u0435\u0442", "x" * 65):
            refused = self.mina.join(room)
            self.settle()
            self.assertEqual(self.failureResultOf(refused, ChatError).value.code, "bad-room")

    def test_listenerFails(self) -> None:
        """
        A listener that raises is logged, and receives the next event.
        """
        seen = []

        def broken(event: Event) -> None:
            seen.append(event)
            raise ValueError("broken")

        self.chat.client("Bob", broken).join("dev")
        self.settle()
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), len(seen))
        self.assertGreater(len(seen), 1)

    def test_stop(self) -> None:
        """
        A client that is stopped disconnects, and its unacknowledged messages fail as unknown.
        """
        self.chat.endpoint.cut()
        said = self.mina.say("dev", "never")
        self.successResultOf(self.mina.stopService())
        self.failureResultOf(said, Ended)
        self.failureResultOf(self.mina.join("dev"), Ended)
        self.failureResultOf(self.mina.say("dev", "x"), Ended)
        self.chat.service.leave(self.ada, "dev")
        self.settle(10)
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])


class RemovedTests(ClientTestCase):
    def kick(self) -> None:
        """
        Have Mina kicked.
        """
        self.chat.service.moderation.kick("dev", "Mina", self.ada, "spam")

    def test_kicked(self) -> None:
        """
        A kicked client receives the reason, leaves the room, and does not rejoin by itself.
        """
        self.heard()
        self.kick()
        self.settle()
        self.assertEqual(
            self.heard(Event), [Left(room="dev", reason="moderator Ada kicked Mina: spam")]
        )
        self.assertEqual(self.mina.rooms(), [])
        self.chat.endpoint.cut()
        self.settle(3)
        self.assertTrue(self.mina.connected)
        self.assertEqual(self.heard(Joined), [])
        again = self.mina.join("dev")
        self.settle()
        self.successResultOf(again)

    def test_underWay(self) -> None:
        """
        All pending requests fail once when the client is kicked, and nothing else is reported.
        """
        self.heard()
        said = [self.mina.say("dev", str(number)) for number in range(60)]
        self.kick()
        self.settle()
        for each in said:
            error = self.failureResultOf(each, ChatError)
            self.assertEqual(error.value.code, "not-joined")
        self.assertEqual([type(each) for each in self.heard(Event)], [Left])

    def test_cannotComeBack(self) -> None:
        """
        A client that may not rejoin a room after a lost connection receives the reason.
        """
        self.chat.endpoint.cut()
        self.chat.service.moderation.ban("dev", "Mina", 60)
        self.settle(3)
        (left,) = self.heard(Left)
        self.assertEqual(left.room, "dev")
        self.assertTrue(left.reason.startswith("banned until "))
        self.assertEqual(self.mina.rooms(), [])

    def test_leaveAndComeBack(self) -> None:
        """
        The answer to a leave is not mistaken for a removal from a room that is joined again.
        """
        self.mina.leave("dev")
        again = self.mina.join("dev")
        self.settle()
        self.successResultOf(again)
        self.assertEqual(self.mina.rooms(), ["dev"])

    def test_moderate(self) -> None:
        """
        A moderator's command is sent to the server, and the listener receives the answer.
        """
        self.heard()
        self.mina.moderate(Kick(room="dev", name="Ada", id="k"))
        self.settle()
        (error,) = self.heard(Error)
        self.assertEqual((error.code, error.id), ("not-allowed", "k"))
        for session in self.chat.service.connections:
            cast(Session, session).user = User(mod=("*",))
        self.mina.moderate(Kick(room="dev", name="Ada", id="k"))
        self.settle()
        self.assertEqual(self.heard(Done), [Done(id="k")])
        self.assertEqual(len(self.ada.events), 1)


class AddressTests(SynchronousTestCase):
    def test_addresses(self) -> None:
        """
        An address is a host and port, an endpoint string, or a URL.
        """
        user: Any = object()
        for address, endpoint, port in (
            ("localhost:8989", "HostnameEndpoint", 8989),
            ("[::1]:8989", "HostnameEndpoint", 8989),
            ("tcp:example.org:8989", "TCP4ClientEndpoint", 8989),
            ("tls:example.org:8989", "_WrapperEndpoint", None),
            ("wss://example.org/mychat", "_WrapperEndpoint", None),
            ("unix:/run/machat.sock", "UNIXClientEndpoint", None),
            ("ws://localhost:8099/mychat", "HostnameEndpoint", 8099),
            ("ws://localhost/mychat", "HostnameEndpoint", 80),
        ):
            found, _ = dial(Clock(), address, user)
            self.assertEqual(type(found).__name__, endpoint, address)
            self.assertEqual(getattr(found, "_port", None), port, address)
        for address in (
            *("ws://", "localhost", "carrier-pigeon:x", "ws://host:port/", "tls:host:1:x=y"),
            *("ssl:localhost:1", "SSL:localhost:1", "ssl:host=localhost:port=1", ""),
            "tls:localhost:1:trustRoots=/nowhere",
        ):
            self.assertRaises(ValueError, dial, Clock(), address, user)
