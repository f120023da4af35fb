"""
Tests for L{machat.client}, without sockets: reconnecting and rejoining.
"""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import Any, cast

from twisted.internet.defer import fail

from machat.client import Ended, Gap, Lost, TooMuch, Unknown
from machat.errors import ChatError, Disconnect
from machat.events import (
    Bye,
    Error,
    Event,
    Left,
    Message,
    Moved,
    Position,
    Presence,
)
from machat.limits import Limits
from machat.session.session import Session
from tests.client.clients import ClientTestCase


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
            self.assertFalse(self.mina._core._rooms._timers)
            self.assertEqual(len(times), 4)


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
        self.assertLessEqual(posts[-1][0] - posts[0][0], 100)
        self.assertLess(len(posts), 12)
        self.assertEqual(self.mina._core._rooms._posting._resending._timers, {})

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
        self.assertEqual(self.mina._core._rooms._posting._resending._timers, {})
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
        Begin a new epoch of the room, in which the store has this number of messages.
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
        room = self.mina._core._rooms._rooms["dev"]
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
