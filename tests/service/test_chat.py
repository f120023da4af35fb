"""
Tests for L{machat.service}.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from math import inf
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.application.service import Service
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from machat.errors import SHUTDOWN, ChatError, NotStored
from machat.events import Draft, Error, Joined, Message, Receipt
from machat.interfaces import IChatMember, IChatRoom, IStore, IStoredRoom
from machat.limits import Limits
from machat.records import Change, Claim, Claimed, Stored
from machat.rooms.batch import QUEUED
from machat.service import ChatService
from machat.store.memory import MemoryStore
from machat.store.memoryroom import MemoryRoom
from machat.tcp import ChatFactory
from machat.testing import MemoryChat, MemoryClient, MemoryMember
from tests.members import asConnection, namesLeft
from tests.stores import SlowRoom, SlowStore, messagesIn

_T = TypeVar("_T")


class InterfaceTests(SynchronousTestCase):
    def test_interfaces(self) -> None:
        """
        The service and its parts provide their interfaces.
        """
        clock = Clock()
        verifyObject(IChatRoom, ChatService(clock))
        verifyObject(IChatMember, MemoryMember("Mina"))
        verifyObject(IStore, SlowStore(clock))
        verifyObject(IStore, MemoryStore(clock))


class JoinTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.service = self.chat.service

    def test_joined(self) -> None:
        """
        A join returns the first spelling of the room's name, the room's position, and the
        members.
        """
        self.chat.member("Ada", "Dev")
        joined = self.successResultOf(self.service.join(MemoryMember("Mina"), "dev"))
        assert isinstance(joined, Joined)
        self.assertEqual((joined.room, joined.name, joined.count), ("Dev", "Mina", 2))
        self.assertEqual(joined.position.seq, 0)

    def test_nameTaken(self) -> None:
        """
        A name can be used once in a room, in any spelling, and is free in other rooms.
        """
        self.chat.member("Mina", "dev")
        error = self.failureResultOf(self.service.join(MemoryMember("MINA"), "dev"), ChatError)
        self.assertEqual(error.value.code, "name-taken")
        self.assertEqual(error.value.text, '"Mina" is already in dev')
        self.chat.member("Mina", "lounge")

    def test_badNames(self) -> None:
        """
        An invalid name or room name is refused.
        """
        for name, room, code in (("a:b", "dev", "bad-name"), ("Mina", "a b", "bad-room")):
            error = self.failureResultOf(self.service.join(MemoryMember(name), room), ChatError)
            self.assertEqual(error.value.code, code)

    def test_alreadyJoined(self) -> None:
        """
        A member can join a room only once.
        """
        member = self.chat.member("Mina", "dev")
        error = self.failureResultOf(self.service.join(member, "DEV"), ChatError)
        self.assertEqual(error.value.code, "already-joined")

    def test_nameIsFreeAgain(self) -> None:
        """
        Leaving frees the name, and leaving a second time has no effect.
        """
        member = self.chat.member("Mina", "dev")
        self.service.leave(member, "dev")
        self.service.leave(member, "dev")
        self.chat.member("mina", "dev")

    def test_epochLives(self) -> None:
        """
        A room that was left and is joined again continues its numbers.
        """
        member = self.chat.member("Mina", "dev")
        self.service.say(member, "dev", "hello")
        self.chat.turn()
        self.service.leave(member, "dev")
        joined = self.successResultOf(self.service.join(member, "dev"))
        self.assertEqual(joined.position.seq, 1)

    def test_nothingLeft(self) -> None:
        """
        Many rooms that are joined and left, with or without messages, leave no room and no name in
        memory.
        """
        for number in range(1000):
            member = self.chat.member("Mina", f"room{number}")
            if number % 2:
                self.service.say(member, f"room{number}", "hello")
            self.service.leave(member, f"room{number}")
        self.chat.turn()
        self.assertEqual(len(self.service.rooms), 0)
        self.assertFalse(namesLeft(self.service))
        self.assertEqual(self.chat.clock.getDelayedCalls(), [])


class SayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.service = self.chat.service

    def test_everybodyHears(self) -> None:
        """
        A message reaches all members of its room at the end of the turn, including its sender.
        """
        mina, ada = self.chat.member("Mina", "dev"), self.chat.member("Ada", "dev")
        other = self.chat.member("Bob", "lounge")
        self.service.say(mina, "dev", "hello")
        self.assertEqual(mina.received(), [])
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:hello"])
        self.assertEqual(ada.received(), ["Mina:hello"])
        self.assertEqual(other.received(), [])

    def test_oneFlushATurn(self) -> None:
        """
        All messages of a turn need one timed call, and each room receives them as one batch.
        """
        mina = self.chat.member("Mina", "dev")
        batches: list[Sequence[Message]] = []
        listener = MemoryMember("Ada")
        listener.deliver = batches.append  # type: ignore[method-assign, assignment]
        self.successResultOf(self.service.join(listener, "dev"))
        for number in range(5):
            self.service.say(mina, "dev", str(number))
        self.assertEqual(len(self.chat.clock.getDelayedCalls()), 1)
        self.chat.turn()
        self.assertEqual([[m.seq for m in batch] for batch in batches], [[1, 2, 3, 4, 5]])

    def test_refused(self) -> None:
        """
        A member must be in the room to post, and a message has at most 100 lines of valid text.
        """
        mina = self.chat.member("Mina", "dev")
        for room, text, code in (
            ("lounge", "hello", "not-joined"),
            ("dev", "\n" * 100, "too-long"),
            ("dev", "\ud800", "bad-command"),
        ):
            error = self.assertRaises(ChatError, self.service.say, mina, room, text)
            self.assertEqual(error.code, code)
        self.service.say(mina, "dev", "\n" * 99)

    def test_saidBeforeLeaving(self) -> None:
        """
        A message that is posted before its sender leaves is delivered to the remaining members.
        """
        mina, ada = self.chat.member("Mina", "dev"), self.chat.member("Ada", "dev")
        self.service.say(mina, "dev", "bye")
        self.service.leave(mina, "dev")
        self.chat.turn()
        self.assertEqual((mina.received(), ada.received()), ([], ["Mina:bye"]))

    def test_answerInsideDeliver(self) -> None:
        """
        A message that a member posts while it receives a batch goes into the next batch.
        """
        mina = self.chat.member("Mina", "dev")
        bot = MemoryMember("bot")

        def answer(batch: Sequence[Message]) -> None:
            if batch[0].sender == "Mina":
                self.service.say(bot, "dev", "hi")

        bot.deliver = answer  # type: ignore[method-assign, assignment]
        self.successResultOf(self.service.join(bot, "dev"))
        self.service.say(mina, "dev", "hello")
        self.chat.turn()
        self.assertEqual(mina.received(), ["Mina:hello", "bot:hi"])

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["say", "turn", "go", "come"]))))
    def test_sameOrder(self, steps: list[tuple[int, str]]) -> None:
        """
        Whatever members do, each receives a contiguous part of the same sequence while it is in
        the room.
        """
        chat = MemoryChat()
        members = [chat.member(f"m{number}", "dev") for number in range(4)]
        witness = chat.member("witness", "dev")
        stays: list[list[Message]] = []
        inside = [True] * 4
        for index, (who, what) in enumerate(steps):
            member = members[who]
            if what == "say" and inside[who]:
                chat.service.say(member, "dev", str(index))
            elif what == "turn":
                chat.turn()
            elif what == "go" and inside[who]:
                chat.service.leave(member, "dev")
                stays.append(member.messages)
                member.messages, inside[who] = [], False
            elif what == "come" and not inside[who]:
                self.successResultOf(chat.service.join(member, "dev"))
                inside[who] = True
        chat.turn()
        stays += [member.messages for member in members]
        everything = witness.messages
        self.assertEqual([m.seq for m in everything], list(range(1, len(everything) + 1)))
        for heard in stays:
            if heard:
                first = heard[0].seq - 1
                self.assertEqual(heard, everything[first : first + len(heard)])


class SayAllTests(SynchronousTestCase):
    """
    Tests for L{ChatService.sayAll}: it sends all of its messages, or none.
    """

    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.mina = self.chat.member("Mina", "dev")

    def sayAll(self, *texts: str, room: str = "dev") -> bool:
        return self.chat.service.sayAll(self.mina, room, texts, True)

    def received(self) -> list[str]:
        """
        @return: what Mina has received at the end of the turn
        """
        self.chat.turn()
        return self.mina.received()

    def test_sends(self) -> None:
        """
        The messages are delivered in their order, in any spelling of the room.
        """
        self.assertTrue(self.sayAll("one", "two", room="DEV"))
        self.assertTrue(self.sayAll("\u00fc"))
        self.assertEqual(self.received(), ["Mina:one", "Mina:two", "Mina:\u00fc"])

    def test_refuses(self) -> None:
        """
        Nothing is sent if one text cannot be sent, or if the member is not in the room.
        """
        self.assertFalse(self.sayAll("one", "two\nthree"))
        self.assertFalse(self.sayAll("one", "\ud800"))
        self.assertFalse(self.sayAll("one", room="lounge"))
        self.chat.member("Ada", "lounge")
        self.assertFalse(self.sayAll("one", room="lounge"))
        self.assertEqual(self.received(), [])

    def test_muted(self) -> None:
        """
        Nothing is sent if a member of the room is muted: the policy has to be asked.
        """
        self.chat.service.moderation.mute("dev", "Ada", 5)
        self.received()
        self.assertFalse(self.sayAll("one"))
        self.assertEqual(self.received(), [])

    def test_rate(self) -> None:
        """
        Nothing is sent or charged if the room's rate does not allow all the messages.
        """
        text = "x" * 200_000
        self.assertFalse(self.sayAll(text, text))
        self.assertTrue(self.sayAll(text))
        self.assertFalse(self.sayAll(text))
        self.assertEqual(self.received(), [f"Mina:{text}"])


class SlowStoreTests(SynchronousTestCase):
    """
    The service does not assume that the store answers at once.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.store = SlowStore(self.clock)
        self.service = ChatService(self.clock, Limits(rate=inf), self.store)

    def test_joinWaits(self) -> None:
        """
        All members that join while the store opens their room are in the room when it is open.
        """
        first = self.service.join(MemoryMember("Mina"), "dev")
        second = self.service.join(MemoryMember("Ada"), "dev")
        self.assertNoResult(first)
        self.store.release()
        self.assertEqual(self.successResultOf(first).count, 1)
        self.assertEqual(self.successResultOf(second).count, 2)
        self.assertEqual(self.store.calls, ["open dev"])

    def test_saidThenGone(self) -> None:
        """
        A room stays open until the store has stored its messages, then it is closed.
        """
        mina = MemoryMember("Mina")
        self.service.join(mina, "dev")
        self.store.release()
        self.service.say(mina, "dev", "hello")
        self.clock.advance(0)
        self.service.leave(mina, "dev")
        self.assertEqual(self.store.calls, ["open dev"])
        self.store.release()
        self.assertEqual(self.store.calls, ["open dev", "close dev"])
        self.assertEqual(len(self.service.rooms), 0)

    def test_storeThatCannotOpen(self) -> None:
        """
        A join fails if the store fails, releases its name, and the next join tries again.
        """
        broken = self.patch(self.store, "open", lambda *_: fail(OSError("down")))
        error = self.failureResultOf(self.service.join(MemoryMember("Mina"), "dev"), ChatError)
        self.assertEqual(error.value.code, "failed")
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        broken.restore()
        again = self.service.join(MemoryMember("Mina"), "dev")
        self.store.release()
        self.successResultOf(again)

    def test_behind(self) -> None:
        """
        The store has one batch of a room at a time. Senders wait while the next batch is full, so
        the size of the messages that wait is bounded, and nothing is lost.
        """
        clients = [MemoryClient(ChatFactory(self.service)) for _ in "ab"]
        for client, name in zip(clients, ("Mina", "Ada"), strict=True):
            client.join(name, "dev")
        self.store.release()
        said = [f"{number}".ljust(1000) for number in range(400)]
        for text in said:
            for client in clients:
                client.send(text)
            self.clock.advance(0)
        (room,) = self.service.rooms
        assert room.batch is not None
        self.assertEqual(self.store.waiting, 1)
        self.assertTrue(QUEUED <= room.batch.size < 2 * QUEUED)
        while room.storing:
            self.store.release()
            self.clock.advance(0)
        for client in clients:
            heard = client.received()
            for name in ("Mina", "Ada"):
                own = [f"{name}:{text}" for text in said]
                self.assertEqual([line for line in heard if line.startswith(name)], own)

    def test_storeThatFails(self) -> None:
        """
        A batch that the store rejects is reported to its sender, and later messages are delivered.
        """
        mina = MemoryMember("Mina")
        self.service.join(mina, "dev")
        self.store.release()
        broken = self.patch(SlowRoom, "append", lambda *_: fail(OSError("full")))
        self.service.say(mina, "dev", "lost")
        self.clock.advance(0)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        broken.restore()
        self.service.say(mina, "dev", "kept")
        self.clock.advance(0)
        self.store.release()
        self.assertEqual(mina.received(), ["Mina:kept"])
        (error,) = [event for event in mina.events if isinstance(event, Error)]
        self.assertEqual(error.code, "failed")
        self.assertEqual(error.text, "a message was not stored in dev: the store failed")

    def test_promptStoreThatFails(self) -> None:
        """
        A store that stores at once may reject a batch too.
        """

        def refuse(*_: object) -> Stored:
            raise NotStored("full")

        service = ChatService(self.clock)
        mina = MemoryMember("Mina")
        self.successResultOf(service.join(mina, "dev"))
        (room,) = service.rooms
        self.assertIs(room.prompt, room.stored)
        broken = self.patch(MemoryRoom, "appendNow", refuse)
        service.say(mina, "dev", "lost")
        self.clock.advance(0)
        broken.restore()
        service.say(mina, "dev", "kept")
        self.clock.advance(0)
        self.assertEqual(mina.received(), ["Mina:kept"])
        (error,) = [event for event in mina.events if isinstance(event, Error)]
        self.assertEqual(
            (error.code, error.text), ("failed", "a message was not stored in dev: full")
        )

    def test_wrappedStore(self) -> None:
        """
        An application's wrapper of a room stores and claims with its own methods, even if the
        wrapped room stores at once.
        """
        calls: list[str] = []

        class Wrapper:
            def __init__(self, room: IStoredRoom) -> None:
                self._room = room

            def append(
                self, batch: Sequence[Draft], changes: Sequence[Change] = ()
            ) -> Deferred[Stored]:
                calls.append("append")
                return self._room.append(batch, changes)

            def claim(self, claim: Claim, most: int) -> Deferred[Claimed]:
                calls.append("claim")
                return self._room.claim(claim, most)

            def __getattr__(self, name: str) -> Any:
                return getattr(self._room, name)

        class WrappingStore(MemoryStore):
            def open(self, *arguments: Any) -> Any:
                return MemoryStore.open(self, *arguments).addCallback(Wrapper)

        service = ChatService(self.clock, store=WrappingStore(self.clock))
        mina = MemoryMember("Mina")
        self.successResultOf(service.join(mina, "dev"))
        service.say(mina, "dev", "one")
        self.clock.advance(0)
        self.assertEqual((mina.received(), calls), (["Mina:one"], ["claim", "append"]))


class StopTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.chat = MemoryChat()
        self.service = self.chat.service
        self.service.startService()

    def test_members(self) -> None:
        """
        A stop delivers pending messages, then disconnects the members inside the process.
        """
        mina = self.chat.member("Mina", "dev")
        self.service.say(mina, "dev", "last words")
        done = self.service.stopService()
        self.chat.turn()
        self.successResultOf(done)
        self.assertEqual(mina.received(), ["Mina:last words"])
        self.assertEqual(mina.end, SHUTDOWN)
        self.chat.turn()

    def test_childrenFirst(self) -> None:
        """
        The child services stop before any member is disconnected.
        """
        stopped: Deferred[None] = Deferred()
        child = Service()
        child.stopService = lambda: stopped  # type: ignore[method-assign]
        child.setServiceParent(self.service)
        mina = self.chat.member("Mina", "dev")
        done = self.service.stopService()
        self.assertIsNone(mina.end)
        stopped.callback(None)
        self.successResultOf(done)
        self.assertEqual(mina.end, SHUTDOWN)

    def test_spread(self) -> None:
        """
        A stop sends a few hundred byes per turn. Their reconnect delays are spread over a second,
        plus one more for each thousand clients.
        """
        members = [MemoryMember(f"m{number}") for number in range(1_200)]
        for member in members:
            self.service.opened(asConnection(member), None)
        self.service.stopService()
        told = [member for member in members if member.end is not None]
        self.assertTrue(0 < len(told) < 1_200)
        self.chat.clock.pump([0, 0])
        retries = [member.end.retry or 0 for member in members if member.end is not None]
        self.assertEqual(len(retries), 1_200)
        self.assertTrue(0 <= min(retries) < 0.5 and 1.7 < max(retries) <= 2.2)

    def test_waitsForTheStore(self) -> None:
        """
        All messages are in the store when a stop ends.
        """
        clock = Clock()
        store = SlowStore(clock)
        service = ChatService(clock, store=store)
        mina = MemoryMember("Mina")
        joined = service.join(mina, "dev")
        store.release()
        self.successResultOf(joined)
        service.say(mina, "dev", "last words")
        done = service.stopService()
        clock.advance(0)
        self.assertNoResult(done)
        store.release()
        self.successResultOf(done)

    def test_deliversFirst(self) -> None:
        """
        Members receive what was sent before a stop, and are disconnected then.
        """
        clock, store, service, mina = self.slow()
        done = service.stopService()
        clock.advance(0)
        self.assertEqual((mina.received(), mina.end), ([], None))
        store.release()
        self.assertEqual((mina.received(), mina.end), (["Mina:last words"], SHUTDOWN))
        self.successResultOf(done)
        self.assertEqual(service.lost, 0)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_slowStore(self) -> None:
        """
        If the store is slow, members are disconnected after C{closeTimeout}. C{lost} is the number
        of messages that are not stored then.
        """
        clock, store, service, mina = self.slow()
        service.stopService()
        clock.advance(0)
        clock.advance(Limits().closeTimeout)
        self.assertEqual((mina.end, service.lost), (SHUTDOWN, 1))
        store.release()
        self.assertEqual(service.lost, 0)

    def slow(self) -> tuple[Clock, SlowStore, ChatService, MemoryMember]:
        """
        @return: a chat whose store has not yet stored a message, and its member
        """
        clock = Clock()
        store = SlowStore(clock)
        service = ChatService(clock, store=store)
        service.startService()
        mina = MemoryMember("Mina")
        joined = service.join(mina, "dev")
        store.release()
        self.successResultOf(joined)
        service.say(mina, "dev", "last words")
        clock.advance(0)
        return clock, store, service, mina

    def test_nobodyGetsIn(self) -> None:
        """
        A member that joins during a stop is disconnected.
        """
        self.service.opened(asConnection(MemoryMember("still here")), None)
        self.service.stopService()
        late = MemoryMember("late")
        refused = self.failureResultOf(self.service.join(late, "dev"), ChatError)
        self.assertEqual(refused.value.code, "failed")
        self.assertEqual(late.end, SHUTDOWN)
        self.assertEqual(len(self.service.rooms), 0)

    def test_connections(self) -> None:
        """
        A stop waits until all connections are gone, and a connection that is made later is refused
        at once.
        """
        connection = MemoryMember("connection")
        self.service.opened(asConnection(connection), None)
        done = self.service.stopService()
        assert connection.end is not None
        self.assertEqual(replace(connection.end, retry=SHUTDOWN.retry), SHUTDOWN)
        late = MemoryMember("late")
        self.service.opened(asConnection(late), None)
        self.assertEqual(late.end, SHUTDOWN)
        self.service.closed(asConnection(connection))
        self.assertNoResult(done)
        self.service.closed(asConnection(late))
        self.successResultOf(done)

    def test_memberThatFails(self) -> None:
        """
        A member that fails to handle its disconnection does not prevent the disconnection of the
        others.
        """

        def broken(end: object) -> None:
            raise ValueError("broken")

        bad, good = self.chat.member("bad", "dev"), self.chat.member("good", "dev")
        bad.disconnected = broken  # type: ignore[method-assign]
        self.successResultOf(self.service.stopService())
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(good.end, SHUTDOWN)

    def test_everyStop(self) -> None:
        """
        All callers of C{stop} are notified of its end, whenever they call.
        """
        connection = MemoryMember("connection")
        self.service.opened(asConnection(connection), None)
        stops = [self.service.stopService() for _ in range(2)]
        for stop in stops:
            self.assertNoResult(stop)
        self.service.closed(asConnection(connection))
        for stop in [*stops, self.service.stopService()]:
            self.successResultOf(stop)

    def test_startedMeanwhile(self) -> None:
        """
        Starting a chat again cancels the stop in progress, and the Deferreds of that stop fire.
        """
        stopped: Deferred[None] = Deferred()
        child = Service()
        child.stopService = lambda: stopped  # type: ignore[method-assign]
        child.setServiceParent(self.service)
        mina = self.chat.member("Mina", "dev")
        done = self.service.stopService()
        self.service.startService()
        self.successResultOf(done)
        stopped.callback(None)
        self.assertIsNone(mina.end)
        self.chat.member("Ada", "dev")

    def test_childThatFails(self) -> None:
        """
        A child service that cannot be stopped does not prevent the chat from stopping.
        """

        class Broken(Service):
            def stopService(self) -> None:
                raise ValueError("broken")

        Broken().setServiceParent(self.service)
        mina = self.chat.member("Mina", "dev")
        self.successResultOf(self.service.stopService())
        self.assertEqual(mina.end, SHUTDOWN)
        gc.collect()  # Twisted logs the failure when nothing can handle it any longer
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_severalRooms(self) -> None:
        """
        A member is disconnected once, after it has left all its rooms.
        """
        mina = self.chat.member("Mina", "dev")
        self.successResultOf(self.service.join(mina, "lounge"))
        ends: list[int] = []
        mina.disconnected = lambda end: ends.append(len(self.service.rooms))  # type: ignore
        self.successResultOf(self.service.stopService())
        self.assertEqual(ends, [0])

    def test_comesBack(self) -> None:
        """
        A member that joins from its disconnection callback does not join, and is not called again.
        """
        mina = self.chat.member("Mina", "dev")
        refused: list[object] = []

        def again(end: object) -> None:
            self.service.join(mina, "dev").addErrback(refused.append)

        mina.disconnected = again  # type: ignore[method-assign]
        self.successResultOf(self.service.stopService())
        self.assertEqual((len(refused), len(self.service.rooms)), (1, 0))

    def test_everyRoomsLog(self) -> None:
        """
        Messages that members post to several rooms while they are removed from one are stored
        before the stop ends.
        """
        connection = MemoryMember("connection")
        self.service.opened(asConnection(connection), None)
        bob = self.chat.member("Bob", "a")
        self.successResultOf(self.service.join(bob, "b"))
        receipts: list[Receipt] = []

        def last(end: object) -> None:
            for room in "ab":
                self.service.post(bob, room, "farewell").addCallback(receipts.append)
            self.service.closed(asConnection(connection))

        connection.disconnected = last  # type: ignore[method-assign]
        seen: list[int] = []
        self.service.stopService().addCallback(lambda _: seen.append(len(receipts)))
        self.chat.turn()
        self.assertEqual(seen, [2])

    def test_startAgain(self) -> None:
        """
        A chat can be started again after a stop.
        """
        self.successResultOf(self.service.stopService())
        self.service.startService()
        client = self.chat.tcp("Mina", "dev")
        client.send("hello")
        self.chat.turn()
        self.assertEqual(client.received(), ["Mina:hello"])

    def test_separateChats(self) -> None:
        """
        Two chats in one process share no state.
        """
        other = MemoryChat()
        here, there = self.chat.member("Mina", "dev"), other.member("Mina", "dev")
        self.service.say(here, "dev", "hello")
        self.chat.turn()
        other.turn()
        self.assertEqual((here.received(), there.received()), (["Mina:hello"], []))


class SharedLogTests(SynchronousTestCase):
    """
    Networks share the memory of the default log.
    """

    def test_flood(self) -> None:
        """
        One address with 40 connections in 32 rooms each cannot displace messages of other clients'
        rooms, or of the application's rooms.
        """
        chat = MemoryChat(Limits(logTotal=4_000_000, logBytes=100_000))
        homes = ["home0", "home1", "home2", "bots"]
        for number, room in enumerate(homes):
            member = MemoryMember("Mina")
            if room != "bots":
                chat.service.opened(
                    asConnection(member), IPv4Address("TCP", f"192.0.2.{number}", 1)
                )
            self.successResultOf(chat.service.join(member, room))
            for _ in range(15):
                chat.service.say(member, room, "hello")
        chat.turn()
        chat.service.leave(member, room)
        for number in range(40):
            member = MemoryMember(f"m{number}")
            chat.service.opened(asConnection(member), IPv4Address("TCP", "198.51.100.7", number))
            for each in range(32):
                room = f"flood{number}-{each}"
                self.successResultOf(chat.service.join(member, room))
                chat.service.say(member, room, "x" * 60_000)
            chat.turn()
        for room in homes:
            kept = messagesIn(chat.store, room)
            self.assertEqual(len(kept), 15, room)
