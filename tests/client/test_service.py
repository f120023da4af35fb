"""
Tests for L{machat.client}, without sockets.
"""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import Any, cast

from OpenSSL.SSL import Error as TLSError
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass

from machat.auth.users import User
from machat.client import (
    ChatClient,
    Connected,
    Ended,
    Failed,
    Gap,
    Lost,
    NotConnected,
    TooMuch,
    Unknown,
)
from machat.client.endpoints import LineProtocol, dial
from machat.client.interfaces import IServerConnection, IServerConnectionUser
from machat.client.outgoing import Outgoing
from machat.client.room import Membership
from machat.client.websocket import LineWebSocketProtocol
from machat.commands import Auth, Kick
from machat.errors import ChatError, Disconnect
from machat.events import (
    Bye,
    Done,
    Error,
    Event,
    Joined,
    Left,
    Members,
    Message,
    Moved,
    Position,
    Presence,
    Receipt,
    RoomState,
)
from machat.limits import Limits
from machat.session.session import Session
from machat.testing import MemoryChat
from machat.wire import EVENTS


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
        Deliver all data, and advance the clock.
        """
        for _ in range(8):
            self.chat.turn()
        if seconds:
            self.chat.clock.pump([0.5] * int(seconds * 2))

    def say(self, *texts: str) -> None:
        """
        Post a message from Ada.
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
        A client works on lines over either transport.
        """
        verifyClass(IServerConnectionUser, ChatClient)
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
        for asked, texts in ((last, ["c", "d"]), (before, ["a", "b"])):
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
        said = self.mina.say("dev", "a\nb")
        self.settle()
        self.assertEqual(self.failureResultOf(bad, ChatError).value.code, "bad-room")
        self.assertEqual(self.failureResultOf(said, ChatError).value.code, "bad-command")
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


class RejoinTests(ClientTestCase):
    """
    Joins that the server refuses temporarily.
    """

    def refuse(self, *errors: ChatError) -> list[float]:
        """
        Have the server refuse the next joins, one for each error.

        @return: the times of all further joins
        """
        times: list[float] = []
        waiting = list(errors)
        join = self.chat.service.join

        def refuseOrJoin(*args: Any, **named: Any) -> Any:
            times.append(self.chat.clock.seconds())
            return fail(waiting.pop(0)) if waiting else join(*args, **named)

        self.patch(self.chat.service, "join", refuseOrJoin)
        return times

    def test_failed(self) -> None:
        """
        After C{failed}, a room is rejoined with increasing delays, and its messages are sent.
        """
        times = self.refuse(*[ChatError("failed", "the hook failed")] * 4)
        self.chat.endpoint.cut()
        said = self.mina.say("dev", "hello")
        self.heard()
        self.settle(20)
        self.settle()
        waits = [after - before for before, after in zip(times, times[1:], strict=False)]
        self.assertEqual(waits, [1.0, 2.0, 4.0, 8.0])
        self.assertEqual(self.heard(Left, Error), [])
        self.assertEqual(self.mina.rooms(), ["dev"])
        self.successResultOf(said)

    def test_firstJoinFailed(self) -> None:
        """
        On a first join, C{failed} is reported to the caller.
        """
        self.refuse(ChatError("failed", "the hook failed"))
        other = self.mina.join("other")
        self.settle()
        self.assertEqual(self.failureResultOf(other, ChatError).value.code, "failed")
        self.assertEqual(self.mina.rooms(), ["dev"])

    def test_silentHolder(self) -> None:
        """
        A name whose holder does not respond is requested again after C{retry}, and the listener
        receives the reason.
        """
        times = self.refuse(ChatError("name-taken", "silent: try again in 15 s", retry=15.0))
        other = self.mina.join("other")
        self.settle(14)
        (error,) = self.heard(Error)
        self.assertEqual((error.code, error.retry), ("name-taken", 15.0))
        self.assertNoResult(other)
        self.settle(2)
        self.settle()
        self.successResultOf(other)
        self.assertEqual(times[1] - times[0], 15.0)

    def test_taken(self) -> None:
        """
        A name that is taken for good ends the membership at once.
        """
        self.refuse(ChatError("name-taken", "taken"))
        self.chat.endpoint.cut()
        self.settle(3)
        self.assertEqual(self.heard(Left), [Left(room="dev", reason="taken")])
        self.assertEqual(self.mina.rooms(), [])

    def test_noTimerLeft(self) -> None:
        """
        A pending rejoin is cancelled by leaving the room, by a lost connection, and by the end.
        """
        for end in (
            lambda: self.mina.leave("dev"),
            lambda: self.chat.endpoint.cut(),
            lambda: self.mina.stopService(),
        ):
            self.setUp()
            times = self.refuse(*[ChatError("failed", "the hook failed")] * 4)
            self.chat.endpoint.cut()
            self.settle(10)
            end()
            self.assertFalse(self.mina._rooms._timers)
            self.assertEqual(len(times), 4)


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


class ReconnectTests(ClientTestCase):
    def test_recovers(self) -> None:
        """
        After a reconnect, missed messages arrive once and in order, and the interruption is not
        visible.
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
        A message that was not acknowledged is sent again with its id, and is posted once.
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
        The client has no more unacknowledged messages than the server remembers, so each of any
        number of messages is posted once over any number of reconnects.
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

    def refuse(self, code: str, count: int, retry: float | None = None) -> list[tuple[float, str]]:
        """
        Have the server refuse this number of posts.

        @return: the times and ids of all posts
        """
        posts: list[tuple[float, str]] = []
        post = self.chat.service.post

        def refuseOrPost(member: Any, room: str, text: str, id: str) -> Any:
            posts.append((self.chat.clock.seconds(), id))
            if len(posts) <= count:
                return fail(ChatError(code, "the store does not answer", retry=retry))
            return post(member, room, text, id)

        self.patch(self.chat.service, "post", refuseOrPost)
        return posts

    def waits(self, posts: list[tuple[float, str]]) -> list[float]:
        """
        @return: the delays between the posts
        """
        return [after - before for (before, _), (after, _) in pairwise(posts)]

    def test_outcomeUnknown(self) -> None:
        """
        A message whose outcome the server does not know is sent again with the same id, after
        increasing delays with jitter.
        """
        posts = self.refuse("unknown", 4)
        said = self.mina.say("dev", "once")
        self.settle(20)
        self.settle()
        self.assertEqual(self.successResultOf(said).seq, 1)
        self.assertEqual(len({id for _, id in posts}), 1)
        for wait, longest in zip(self.waits(posts), [1, 2, 4, 8], strict=True):
            self.assertTrue(longest / 2 <= wait <= longest + 0.5, wait)
        self.assertEqual(self.heard(Error), [])
        self.assertEqual(self.ada.received(), ["Mina:once"])

    def test_outcomeUnknownRetry(self) -> None:
        """
        A server can ask for a longer delay, up to a limit.
        """
        for retry, shortest, longest in ((10.0, 10, 10.5), (1e9, 30, 30.5)):
            self.setUp()
            posts = self.refuse("unknown", 1, retry)
            self.mina.say("dev", "once")
            self.settle(40)
            (wait,) = self.waits(posts)
            self.assertTrue(shortest <= wait <= longest, wait)

    def test_outcomeStaysUnknown(self) -> None:
        """
        A message whose outcome stays unknown is not sent again after a hundred seconds, and fails.
        """
        posts = self.refuse("unknown", 1_000)
        said = self.mina.say("dev", "perhaps")
        self.settle(130)
        self.failureResultOf(said, Unknown)
        self.assertLess(posts[-1][0] - posts[0][0], 100)
        self.assertLess(len(posts), 12)
        self.assertEqual(self.mina._rooms._resending._timers, {})

    def test_outcomeUnknownThenLost(self) -> None:
        """
        If the connection is lost while a message waits to be sent again, it is sent once on the
        next one.
        """
        posts = self.refuse("unknown", 3)
        said = self.mina.say("dev", "once")
        self.settle(4)
        self.assertEqual(len(posts), 3)
        self.chat.endpoint.cut()
        self.assertEqual(self.mina._rooms._resending._timers, {})
        self.settle(3)
        self.settle()
        self.successResultOf(said)
        self.settle(20)
        self.assertEqual(len(posts), 4)

    def test_outcomeUnknownThenLeft(self) -> None:
        """
        A message is not sent again after its room was left.
        """
        posts = self.refuse("unknown", 1_000)
        said = self.mina.say("dev", "once")
        self.settle()
        self.mina.leave("dev")
        self.failureResultOf(said, Ended)
        self.settle(20)
        self.assertEqual(len(posts), 1)

    def test_messageFailed(self) -> None:
        """
        A message that was not stored is not sent again by itself, and fails.
        """
        posts = self.refuse("failed", 1)
        said = self.mina.say("dev", "no")
        self.settle(20)
        self.assertEqual(self.failureResultOf(said, ChatError).value.code, "failed")
        self.assertEqual(len(posts), 1)

    def test_unknown(self) -> None:
        """
        A message that may have been posted before the connection was lost for minutes is not sent
        again.
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

    def move(self, seq: int, lost: bool) -> None:
        """
        Begin a new epoch of the room, in which the log has this number of messages.
        """
        moved = Moved(room="dev", epoch="new", seq=seq, lost=lost)
        for session in self.chat.service.connections:
            cast(Session, session).tell(moved)
        self.settle()

    def test_moved(self) -> None:
        """
        After the room has moved to a new epoch, messages with numbers that are used again are new,
        and the next join uses the new position.
        """
        self.say("a", "b", "lost")
        self.heard()
        self.move(2, True)
        self.assertEqual(self.heard(Moved, Gap), [Moved(room="dev", epoch="new", seq=2, lost=True)])
        message = Message("dev", 3, "Ada", "c", 0)
        for session in self.chat.service.connections:
            cast(Session, session).tell(message)
        self.settle()
        self.assertEqual(self.heard(Message), [message])
        room = self.mina._rooms._rooms["dev"]
        self.assertEqual(room.position, Position("new", 3))

    def test_movedAhead(self) -> None:
        """
        Messages before the new position that were not received are reported as a gap.
        """
        self.say("a", "b")
        self.heard()
        self.move(2, False)
        self.assertEqual([type(each) for each in self.heard(Event)], [Moved])
        self.move(5, False)
        moved, gap = self.heard(Event)
        self.assertEqual(gap, Gap(room="dev", missed=3))

    def test_movedBeforeHistory(self) -> None:
        """
        Messages that were not requested on joining are no gap.
        """
        self.say("a", "b", "c", "d", "e", "f")
        self.mina.leave("dev")
        self.mina.join("dev", history=100)
        self.settle()
        self.heard()
        self.move(6, False)
        self.assertEqual([type(each) for each in self.heard(Event)], [Moved])

    def test_movedElsewhere(self) -> None:
        """
        The new epoch of a room that the client has left is ignored.
        """
        self.heard()
        self.mina.leave("dev")
        self.move(6, True)
        self.assertEqual([type(each) for each in self.heard(Event)], [Left])

    def test_recoveredInNewEpoch(self) -> None:
        """
        If a rejoin recovers all messages in a new epoch, the position is in that epoch.
        """
        room = Membership("dev", 0, "join")
        room.markJoined(Joined(room="dev", name="Mina", epoch="old", seq=3, count=1))
        whole = room.markJoined(
            Joined(room="dev", name="Mina", epoch="new", seq=5, count=1, recovered=True)
        )
        self.assertTrue(whole)
        self.assertEqual(room.position, Position("new", 3))

    def test_acknowledgedOutOfOrder(self) -> None:
        """
        A message that was acknowledged before earlier ones is not considered again, however late.
        """
        room = Membership("dev", 0, "join")
        first, second = (Outgoing(id, "dev", id, Deferred()) for id in "ab")
        back = Joined(room="dev", name="Mina", epoch="e", seq=0, count=1, recovered=True)
        room.markJoined(back)
        room.add(first)
        room.add(second)
        self.assertEqual(list(room.due(0)), [first, second])
        second.done.callback(Receipt("dev", 1, True))
        room.markJoined(back)
        self.assertEqual(list(room.due(1_000)), [])
        self.failureResultOf(first.done, Unknown)

    def test_gap(self) -> None:
        """
        Messages that cannot be recovered are reported with their number.
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
        While no server listens, the attempts become less frequent, down to one every half minute.
        """
        self.chat.endpoint.refuses = True
        self.chat.endpoint.cut()
        attempts = []
        connect = self.chat.endpoint.connect

        def count(factory: Any) -> Any:
            attempts.append(self.chat.clock.seconds())
            return connect(factory)

        self.patch(self.chat.endpoint, "connect", count)
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
        A bye that asks for a reconnect is followed, not before its time.
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
        No server can prevent the client from reconnecting, neither with a negative delay nor with
        an endless one.
        """
        for retry in (-1000.0, 1e300):
            (session,) = self.chat.service.connections
            session.disconnected(Disconnect(3001, "shutdown", True, retry))
            self.settle(63)
            self.assertTrue(self.mina.connected)

    def test_byeForGood(self) -> None:
        """
        A bye that forbids a reconnect ends the client.
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
        A server that has disappeared is noticed, and one that answers is kept.
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
        The number of unacknowledged messages is limited, and messages over the limit fail with an
        error.
        """
        self.chat.endpoint.refuses = True
        self.chat.endpoint.cut()
        waiting = [self.mina.say("dev", str(n)) for n in range(1000)]
        self.failureResultOf(self.mina.say("dev", "more"), TooMuch)
        self.chat.endpoint.refuses = False
        self.settle(40)
        self.assertEqual([self.successResultOf(each).seq for each in waiting], list(range(1, 1001)))
        self.failureResultOf(self.mina.say("dev", "x" * 1_048_577), TooMuch)


class FailedTests(SynchronousTestCase):
    """
    Connection attempts that fail.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[Event] = []
        self.answer: bytes | None = b""
        self.failure: Exception | None = None
        self.attempts = 0
        self.lost: Exception = ConnectionDone()
        self.client = ChatClient(self.clock, cast(Any, self), "Mina", self.told.append)

    def connect(self, factory: Any) -> Deferred[Any]:
        """
        Act as an endpoint: connect to a server that sends an answer and closes, or fail.
        """
        self.attempts += 1
        if self.failure is not None:
            return fail(self.failure)
        protocol = factory.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        transport.abortConnection = (  # type: ignore[method-assign]
            lambda: protocol.connectionLost(Failure(ConnectionAborted()))
        )
        if self.answer is not None:
            self.clock.callLater(0, self.respond, protocol, self.answer)
        return succeed(protocol)

    def respond(self, protocol: Any, answer: bytes) -> None:
        """
        Send the answer, and close.
        """
        if answer:
            protocol.dataReceived(answer)
        if self.clock.getDelayedCalls() and not answer:
            protocol.connectionLost(Failure(self.lost))

    def fails(self, seconds: int) -> list[Failed]:
        """
        @return: the events that were reported in this time
        """
        self.client.startService()
        self.clock.pump([0.5] * seconds * 2)
        return [event for event in self.told if isinstance(event, Failed)]

    def test_refused(self) -> None:
        """
        Each failed attempt is reported, and followed by the next one.
        """
        self.failure = ConnectionRefusedError()
        joined = self.client.join("dev")
        failed = self.fails(60)
        self.assertGreater(len(failed), 2)
        self.assertEqual(len(failed), self.attempts)
        self.assertEqual({(each.code, each.retry) for each in failed}, {("unreachable", True)})
        self.assertEqual(self.told, failed)
        self.assertNoResult(joined)

    def test_certificate(self) -> None:
        """
        An error that another attempt cannot fix ends the client, and its Deferreds fail with the
        reason.
        """
        joined = self.client.join("dev")
        self.lost = TLSError([("", "", "certificate verify failed")])
        (failed,) = self.fails(60)
        self.assertEqual((failed.code, failed.retry, self.attempts), ("certificate", False, 1))
        ended = self.failureResultOf(joined, Ended)
        self.assertEqual(str(ended.value), failed.text)
        self.failureResultOf(self.client.say("dev", "x"), Ended)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_foreign(self) -> None:
        """
        A server that is not a chat server ends the client too.
        """
        self.answer = b"220 mail.example.org ESMTP\r\n250 HELP\r\n"
        (failed,) = self.fails(60)
        self.assertEqual((failed.code, failed.retry, self.attempts), ("foreign", False, 1))
        self.assertIn("220 mail.example.org", failed.text)

    def test_silent(self) -> None:
        """
        After a connection to a silent server, the client tries again.
        """
        self.answer = None
        failed = self.fails(100)
        self.assertEqual({(each.code, each.retry) for each in failed}, {("silent", True)})
        self.assertGreater(self.attempts, 1)

    def test_unknownBeforeWelcome(self) -> None:
        """
        An unknown object before the welcome is ignored.
        """
        self.answer = b'{"type": "novelty"}\n'
        failed = self.fails(40)
        self.assertEqual([each.code for each in failed], ["silent"])

    def test_credentials(self) -> None:
        """
        Credentials that cannot be read are reported.
        """
        self.answer = None

        def unreadable() -> Auth:
            raise OSError("no such file\x1b")

        self.client = ChatClient(
            self.clock, cast(Any, self), "Mina", self.told.append, credentials=unreadable
        )
        failed = self.fails(3)
        self.assertEqual({(each.code, each.retry) for each in failed}, {("credentials", True)})
        self.assertEqual(failed[0].text, "the credentials cannot be read: no such file")
        self.assertTrue(self.flushLoggedErrors(OSError))

    def test_stoppedByListener(self) -> None:
        """
        A listener may stop the client when a failure is reported.
        """
        stopped: list[Deferred[None]] = []

        def stop(event: Event) -> None:
            stopped.append(self.client.stopService())

        for failure, lost in (
            (ConnectionRefusedError(), self.lost),
            (None, ConnectionDone()),
            (None, TLSError([("", "", "certificate verify failed")])),
        ):
            self.setUp()
            self.failure, self.lost = failure, lost
            self.client = ChatClient(self.clock, cast(Any, self), "Mina", stop)
            self.fails(60)
            self.assertEqual((self.attempts, len(stopped)), (1, 1), failure)
            self.successResultOf(stopped.pop())
            self.assertEqual(self.clock.getDelayedCalls(), [])


class LaterFailureTests(ClientTestCase):
    def test_laterFinal(self) -> None:
        """
        After the first welcome, no failed attempt ends the client.
        """
        failure = TLSError([("", "", "certificate verify failed")])
        broken = self.patch(self.chat.endpoint, "connect", lambda factory: fail(failure))
        self.chat.endpoint.cut()
        self.settle(40)
        failed = self.heard(Failed)
        self.assertEqual({(each.code, each.retry) for each in failed}, {("certificate", True)})
        broken.restore()
        self.settle(31)
        self.assertTrue(self.mina.connected)


class FlowTests(ClientTestCase):
    def test_pause(self) -> None:
        """
        A paused client receives nothing, and receives everything when it resumes.
        """
        self.heard()
        self.mina.pause()
        self.say("a", "b")
        self.assertEqual(self.texts(), [])
        self.settle(20)
        self.assertEqual(self.heard(Event), [])
        self.mina.resume()
        self.settle()
        self.assertEqual(self.texts(), ["Ada:a", "Ada:b"])

    def test_pausedReconnect(self) -> None:
        """
        A paused client joins no room on a new connection; it joins its rooms when it resumes,
        except those left meanwhile.
        """
        self.mina.pause()
        self.chat.endpoint.cut()
        self.say("a")
        other, third = self.mina.join("other"), self.mina.join("third")
        self.settle(3)
        self.assertTrue(self.mina.connected)
        self.assertFalse(self.mina.joined("dev"))
        self.assertEqual(self.texts(), [])
        self.mina.leave("third")
        self.mina.resume()
        self.mina.resume()
        self.settle()
        self.assertEqual(self.texts(), ["Ada:a"])
        self.assertEqual(self.successResultOf(other).room, "other")
        self.failureResultOf(third, Ended)
        self.assertEqual(self.mina.rooms(), ["dev", "other"])
        self.assertEqual(self.heard(Error), [])

    def test_pausedWhileJoining(self) -> None:
        """
        A join in progress is not sent again.
        """
        other = self.mina.join("other")
        self.mina.pause()
        self.mina.resume()
        self.settle()
        self.successResultOf(other)

    def test_tooLong(self) -> None:
        """
        A line that is longer than the server accepts fails, any number of times, and the other
        lines are posted.
        """
        long = [self.mina.say("dev", "x" * 65_500) for _ in range(3)]
        short = self.mina.say("dev", "short")
        many = [self.mina.say("dev", "\x01" * 20_000) for _ in range(30)]
        last = self.mina.say("dev", "last")
        self.settle()
        for each in (*long, *many):
            self.assertEqual(self.failureResultOf(each, ChatError).value.code, "too-long")
        for each in (short, last):
            self.successResultOf(each)
        self.assertEqual(self.texts(), ["Mina:short", "Mina:last"])

    def test_allUnknown(self) -> None:
        """
        Of any number of lines that fail at once, each fails once.
        """
        room = Membership("dev", 0, "join")
        back = Joined(room="dev", name="Mina", epoch="e", seq=0, count=1, recovered=True)
        room.markJoined(back)
        said = [Outgoing(str(n), "dev", "x", Deferred(), -1_000.0) for n in range(5_000)]
        for unsent in said:
            unsent.done.addErrback(lambda failure: list(room.due(0)) and failure)
            room.add(unsent)
        self.assertEqual(list(room.due(0)), [])
        self.assertTrue(all(unsent.done.called for unsent in said))

    def test_otherRooms(self) -> None:
        """
        Events of rooms that the client is not in are not reported.
        """
        self.heard()
        for event in (
            Presence(room="x", joined=("a",), count=1),
            Members(room="x", count=1, members=("a",)),
            RoomState(room="x", topic="x"),
            Message(room="x", seq=1, sender="a", text="x", at=0),
        ):
            self.mina.received(EVENTS.encodeEvent(event)[:-1])
        self.assertEqual(self.heard(Event), [])


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
