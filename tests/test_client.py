"""
Tests for L{machat.client}, without sockets.
"""

from __future__ import annotations

from math import inf
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass

from machat.client import ChatClient, Connected, Ended, Gap, Lost, TooMuch, Unknown
from machat.commands import Kick
from machat.dial import LineProtocol, dial
from machat.errors import ChatError, Disconnect
from machat.events import Bye, Done, Error, Event, Joined, Left, Members, Message, Presence, Receipt
from machat.interfaces import ILine, ILineUser
from machat.limits import Limits
from machat.membership import Membership
from machat.testing import MemoryChat
from machat.unsent import Unsent
from machat.users import User
from machat.ws.client import LineWebSocketProtocol


class ClientTestCase(SynchronousTestCase):
    limits = Limits(rate=inf, logMessages=5)

    def setUp(self) -> None:
        self.chat = MemoryChat(self.limits)
        self.events: list[Event] = []
        self.mina = self.chat.client("Mina", self.events.append)
        self.ada = self.chat.member("Ada", "dev")
        self.joined = self.mina.join("dev")
        self.settle()

    def settle(self, seconds: float = 0) -> None:
        """
        Let everything arrive, and time pass.
        """
        for _ in range(8):
            self.chat.turn()
        if seconds:
            self.chat.clock.pump([0.5] * int(seconds * 2))

    def say(self, *texts: str) -> None:
        """
        Have Ada say something.
        """
        for text in texts:
            self.chat.service.say(self.ada, "dev", text)
            self.settle()

    def heard(self, *kinds: type[Event]) -> list[Any]:
        """
        @return: the events of these types since the last call
        """
        events, self.events[:] = list(self.events), []
        return [event for event in events if isinstance(event, kinds)]

    def texts(self) -> list[str]:
        return [f"{event.sender}:{event.text}" for event in self.heard(Message)]


class ClientTests(ClientTestCase):
    def test_interfaces(self) -> None:
        """
        A client uses lines of either transport.
        """
        verifyClass(ILineUser, ChatClient)
        verifyClass(ILine, LineProtocol)
        verifyClass(ILine, LineWebSocketProtocol)

    def test_chat(self) -> None:
        """
        A client joins, hears everything in order, and hears what became of its own.
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
        With history, the last messages come first.
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
        A client may be in several rooms, and leave them.
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
        Who is there, and who comes and goes, is told to the listener.
        """
        self.mina.who("dev")
        self.settle()
        (members,) = self.heard(Members)
        self.assertEqual(members.members, ("Ada", "Mina"))
        self.chat.member("Bob", "dev")
        self.chat.clock.advance(0.25)
        self.settle()
        self.assertEqual([each.joined for each in self.heard(Presence)], [("Bob",)])

    def test_refused(self) -> None:
        """
        What the server refuses fails.
        """
        error = self.failureResultOf(self.mina.say("nowhere", "x"), ChatError)
        self.assertEqual(error.value.code, "not-joined")
        bad = self.mina.join("a b")
        said = self.mina.say("dev", "a\nb")
        self.settle()
        self.assertEqual(self.failureResultOf(bad, ChatError).value.code, "bad-room")
        self.assertEqual(self.failureResultOf(said, ChatError).value.code, "bad-command")
        self.assertEqual(self.mina.rooms(), ["dev"])

    def test_anyRoom(self) -> None:
        """
        A room may have the longest name, in any script; if it is refused, that is told.
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
        A listener that fails is logged, and hears the next event.
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
        A client that is stopped is gone, and what it had said is not known to be kept.
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
        Who is kicked is told so, is in the room no more, and does not come back to it alone.
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
        What was under way when it was kicked fails, all of it once, and nothing else is told.
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
        Who may not come back to a room after a lost connection is told why.
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
        The answer to a leave is not taken for having been removed from a room that is joined again.
        """
        self.mina.leave("dev")
        again = self.mina.join("dev")
        self.settle()
        self.successResultOf(again)
        self.assertEqual(self.mina.rooms(), ["dev"])

    def test_moderate(self) -> None:
        """
        What moderators may is asked for with a command; the listener hears the answer.
        """
        self.heard()
        self.mina.moderate(Kick(room="dev", name="Ada", id="k"))
        self.settle()
        (error,) = self.heard(Error)
        self.assertEqual((error.code, error.id), ("not-allowed", "k"))
        for session in self.chat.service.connections:
            session.user = User(mod=("*",))
        self.mina.moderate(Kick(room="dev", name="Ada", id="k"))
        self.settle()
        self.assertEqual(self.heard(Done), [Done(id="k")])
        self.assertEqual(len(self.ada.events), 1)


class ReconnectTests(ClientTestCase):
    def test_recovers(self) -> None:
        """
        What was missed comes when the client is back, once and in order, and nobody notices.
        """
        watcher = self.chat.member("Eve", "dev", watch=True)
        self.say("a")
        self.chat.endpoint.cut()
        self.say("b", "c")
        self.assertEqual(self.texts(), ["Ada:a"])
        self.assertFalse(self.mina.connected)
        self.settle(2)
        self.say("d")
        self.assertEqual(self.texts(), ["Ada:b", "Ada:c", "Ada:d"])
        self.settle(10)
        self.assertNotIn("Mina", str([e for e in watcher.events if isinstance(e, Presence)]))

    def test_resends(self) -> None:
        """
        What was not acknowledged is sent again with its id: it is said once.
        """
        first = self.mina.say("dev", "first")
        self.chat.endpoint._pipes[0].other.write = lambda data: None  # type: ignore[method-assign]
        self.settle()
        self.assertEqual(self.ada.received(), ["Mina:first"])
        self.chat.endpoint.cut()
        second = self.mina.say("dev", "second")
        self.settle(2)
        self.settle()
        receipt = self.successResultOf(first)
        self.assertEqual((receipt.seq, receipt.duplicate), (1, True))
        self.assertEqual(self.successResultOf(second).seq, 2)
        self.assertEqual(self.ada.received(), ["Mina:second"])
        self.assertEqual(self.texts(), ["Mina:first", "Mina:second"])

    def test_window(self) -> None:
        """
        No more is under way than the server can remember: however much is said while the
        connection comes and goes, it is said once.
        """
        said = []
        for number in range(20):
            said += [self.mina.say("dev", f"{number} {n}") for n in range(30)]
            pipe = self.chat.endpoint._pipes[0]
            pipe.other.write = lambda data: None  # type: ignore[method-assign]
            self.settle()
            self.chat.endpoint.cut()
            self.settle(1)
        self.settle()
        self.assertEqual([self.successResultOf(each).seq for each in said], list(range(1, 601)))
        self.assertEqual(len(self.ada.received()), 600)

    def test_unknown(self) -> None:
        """
        What may have been said before the connection was lost for minutes is not said again.
        """
        said = self.mina.say("dev", "perhaps")
        self.chat.endpoint._pipes[0].other.write = lambda data: None  # type: ignore[method-assign]
        self.settle()
        self.chat.endpoint.refuses = True
        self.chat.endpoint.cut()
        later = self.mina.say("dev", "later")
        self.settle(130)
        self.chat.endpoint.refuses = False
        self.settle(40)
        self.failureResultOf(said, Unknown)
        self.assertEqual(self.successResultOf(later).seq, 2)
        self.assertEqual(self.ada.received(), ["Mina:perhaps", "Mina:later"])

    def test_acknowledgedOutOfOrder(self) -> None:
        """
        What was acknowledged before what was said before it is not looked at again, however late.
        """
        room = Membership("dev", 0, "join")
        first, second = (Unsent(id, "dev", id, Deferred()) for id in "ab")
        back = Joined(room="dev", name="Mina", epoch="e", seq=0, count=1, recovered=True)
        room.enter(back)
        room.add(first)
        room.add(second)
        self.assertEqual(list(room.due(0)), [first, second])
        second.done.callback(Receipt("dev", 1, True))
        room.enter(back)
        self.assertEqual(list(room.due(1_000)), [])
        self.failureResultOf(first.done, Unknown)

    def test_gap(self) -> None:
        """
        What cannot be recovered is told, with how much it is.
        """
        self.say("a")
        self.chat.endpoint.cut()
        self.say(*"bcdefgh")
        self.heard()
        self.settle(2)
        self.assertEqual(self.heard(Gap), [Gap(room="dev", missed=7)])
        self.say("i")
        self.assertEqual(self.texts(), ["Ada:i"])

    def test_backOff(self) -> None:
        """
        While nobody listens the attempts become rarer, up to every half minute.
        """
        self.chat.endpoint.refuses = True
        self.chat.endpoint.cut()
        attempts = []
        connect = self.chat.endpoint.connect

        def count(factory: Any) -> Any:
            attempts.append(self.chat.clock.seconds())
            return connect(factory)

        self.chat.endpoint.connect = count  # type: ignore[method-assign]
        self.settle(300)
        waits = [after - before for before, after in zip(attempts, attempts[1:], strict=False)]
        self.assertLess(waits[0], 3)
        self.assertLessEqual(max(waits), 31)
        self.assertLess(len(attempts), 30)
        self.chat.endpoint.refuses = False
        self.settle(31)
        self.assertTrue(self.mina.connected)

    def test_byeAndComeBack(self) -> None:
        """
        A bye that says to come back is obeyed, not before its time.
        """
        session = next(iter(self.chat.service._connections))
        session.disconnected(Disconnect(3001, "shutdown", True, 20.0))
        self.settle(19)
        self.assertFalse(self.mina.connected)
        self.settle(4)
        self.assertTrue(self.mina.connected)
        self.assertEqual([each.retry for each in self.heard(Bye)], [20.0])

    def test_byeWithNonsense(self) -> None:
        """
        No server can keep the client from coming back: not with a time before now, nor with one
        that never comes.
        """
        for retry in (-1000.0, 1e300):
            (session,) = self.chat.service.connections
            session.disconnected(Disconnect(3001, "shutdown", True, retry))
            self.settle(63)
            self.assertTrue(self.mina.connected)

    def test_byeForGood(self) -> None:
        """
        A bye that says not to come back ends the client.
        """
        said = self.mina.say("other", "x")
        self.failureResultOf(said, ChatError)
        session = next(iter(self.chat.service._connections))
        session.disconnected(Disconnect(3503, "removed", False))
        said = self.mina.say("dev", "x")
        self.settle(60)
        self.failureResultOf(said, Ended)
        self.assertEqual([each.retry for each in self.heard(Lost)], [False])
        self.assertFalse(self.mina.connected)

    def test_silence(self) -> None:
        """
        A server that is not there any more is noticed, and one that answers is kept.
        """
        self.limits = Limits(rate=inf, ping=1000, pong=1)
        self.setUp()
        self.settle(60)
        self.assertEqual(self.heard(Lost), [])
        pipe = self.chat.endpoint._pipes[0]
        pipe.other.write = lambda data: None  # type: ignore[method-assign]
        self.settle(40)
        self.assertEqual(len(self.heard(Lost)), 1)

    def test_bounded(self) -> None:
        """
        What waits to be acknowledged is bounded, and what is over it is said to be.
        """
        self.chat.endpoint.refuses = True
        self.chat.endpoint.cut()
        waiting = [self.mina.say("dev", str(n)) for n in range(1000)]
        self.failureResultOf(self.mina.say("dev", "more"), TooMuch)
        self.chat.endpoint.refuses = False
        self.settle(40)
        self.assertEqual([self.successResultOf(each).seq for each in waiting], list(range(1, 1001)))
        self.failureResultOf(self.mina.say("dev", "x" * 1_048_577), TooMuch)


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
        for address in ("ws://", "localhost", "carrier-pigeon:x", "ws://host:port/"):
            self.assertRaises(ValueError, dial, Clock(), address, user)
