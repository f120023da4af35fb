"""
Tests for L{machat.store.memory}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sys import getsizeof
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from machat.entries import Entry
from machat.events import Draft, Message, Position
from machat.interfaces import IDeliveries, IPromptRoom, IRoomObserver
from machat.interfaces.deliveries import Undelivered
from machat.limits import Limits
from machat.records import Change, Size, Stored
from machat.store.memory import MemoryStore
from machat.store.memoryroom import MemoryRoom
from machat.store.roomlog import MESSAGE_BYTES, NOTE_BYTES, ROOM_BYTES
from machat.store.shares import RELIEF
from machat.wire import EVENTS
from tests.store.observers import LocalObserver


def encoded(messages: Sequence[Entry]) -> None:
    """
    Encode the messages, as their delivery does.
    """
    EVENTS.encode(messages)


def weight(text: str) -> int:
    """
    @return: the size at which a message of Mina is counted
    """
    size = MESSAGE_BYTES + getsizeof("Mina") + getsizeof(text)
    return size if text.isascii() else size + NOTE_BYTES + len(text.encode())


def empty(room: str = "dev") -> int:
    """
    @return: the size at which a room is counted, without its messages
    """
    return ROOM_BYTES + getsizeof(room) + getsizeof(room)


@implementer(IRoomObserver)
class Observer(LocalObserver):
    """
    An observer that passes on messages.
    """

    def __init__(self, deliver: Callable[[Sequence[Entry]], object]) -> None:
        self._deliver = deliver

    def said(self, messages: Sequence[Entry], changes: Sequence[Change]) -> None:
        self._deliver(messages)


class Rooms:
    """
    The rooms of a L{MemoryStore}, by their keys.
    """

    def __init__(
        self,
        clock: Clock,
        limits: Limits,
        networkOf: Callable[[str], str | None] = lambda room: None,
    ) -> None:
        self.store = MemoryStore(clock, limits)
        self.open = self.store._open
        self.idle = self.store._idle
        self._networkOf = networkOf

    def follow(
        self, room: str, deliver: Callable[[Sequence[Entry]], object], name: str = ""
    ) -> Position:
        """
        Open a room.
        """
        self.store.open(room, name or room.title(), Observer(deliver), self._networkOf(room))
        return self.open[room].position

    def append(self, room: str, batch: Sequence[Draft]) -> Deferred[Stored]:
        """
        Append to an open room.
        """
        return self.open[room].append(batch)

    def read(self, room: str, after: int, limit: int) -> list[Entry]:
        """
        @return: messages of a room, open or not
        """
        self.store._expire()
        found: MemoryRoom | None = self.open.get(room) or self.idle.get(room)
        if found is None:
            return []
        self.store.refresh(found)
        return found.window(after, limit)

    def unfollow(self, room: str) -> None:
        """
        Close a room.
        """
        self.open[room].close()

    def size(self) -> Size:
        """
        @return: the size of the store
        """
        return self.store.size()


class LogTestCase(SynchronousTestCase):
    """
    A store with a clock, and the messages that it delivered.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_764_000_000.1239)
        self.delivered: list[list[Entry]] = []
        self.use(Limits())

    def use(self, limits: Limits) -> None:
        """
        Create a new store with these limits.
        """
        self.log = Rooms(self.clock, limits)

    def follow(self, room: str = "dev") -> Position:
        """
        @return: the position of the room, which is open from now on
        """
        return self.log.follow(room, self.deliver)

    def deliver(self, batch: Sequence[Entry]) -> None:
        self.delivered.append(list(batch))

    def append(self, *texts: str, room: str = "dev") -> list[int]:
        """
        @return: the numbers of the messages
        """
        batch = [Draft(room.title(), "Mina", text) for text in texts]
        stored: Stored = self.successResultOf(self.log.append(room, batch))
        return list(stored.numbers)

    def read(self, after: int = 0, limit: int = 1000, room: str = "dev") -> list[tuple[int, str]]:
        """
        @return: number and text of the stored messages
        """
        messages = self.log.read(room, after, limit)
        return [(message.seq, message.text) for message in messages]

    def assertForgotten(self, before: Position, room: str = "dev") -> None:
        """
        The room begins a new epoch.
        """
        after = self.follow(room)
        self.assertNotEqual(after.epoch, before.epoch)
        self.assertEqual(after.seq, 0)
        self.assertEqual(self.read(room=room), [])


class LogTests(LogTestCase):
    """
    The messages of a L{MemoryStore}.
    """

    def test_begin(self) -> None:
        """
        A room that has not been opened yet begins at number 0.
        """
        self.assertEqual(self.follow().seq, 0)
        self.assertEqual(self.read(), [])

    def test_numbers(self) -> None:
        """
        Messages are numbered from 1 without gaps, and C{append} returns the numbers.
        """
        self.follow()
        self.assertEqual(self.append("a", "b"), [1, 2])
        self.assertEqual(self.append("c"), [3])
        self.assertEqual(self.append("d"), [4])
        self.assertEqual(self.read(), [(1, "a"), (2, "b"), (3, "c"), (4, "d")])

    def test_delivers(self) -> None:
        """
        A batch is delivered once, whole and numbered, with its time in milliseconds.
        """
        self.follow()
        self.assertEqual(self.delivered, [])
        self.append("a", "b")
        self.clock.advance(1)
        self.append("c")
        at = 1_764_000_000_123
        self.assertEqual(
            self.delivered,
            [
                [Message("Dev", 1, "Mina", "a", at), Message("Dev", 2, "Mina", "b", at)],
                [Message("Dev", 3, "Mina", "c", at + 1000)],
            ],
        )

    def test_keptWhenDelivered(self) -> None:
        """
        A message is stored before it is delivered.
        """
        seen: list[list[tuple[int, str]]] = []
        self.log.follow("dev", lambda batch: seen.append(self.read()))
        self.append("a")
        self.assertEqual(seen, [[(1, "a")]])

    def test_roomsApart(self) -> None:
        """
        Each room has its own numbers, epoch and follower.
        """
        dev, ops = self.follow("dev"), self.follow("ops")
        self.assertNotEqual(dev.epoch, ops.epoch)
        self.append("a", "b", room="dev")
        self.assertEqual(self.append("c", room="ops"), [1])
        self.log.unfollow("dev")
        self.append("d", room="ops")
        self.assertEqual(self.read(room="dev"), [(1, "a"), (2, "b")])
        self.assertEqual(self.read(room="ops"), [(1, "c"), (2, "d")])
        self.assertEqual([message.text for message in self.delivered[-1]], ["d"])

    def test_interface(self) -> None:
        """
        A room stores at once.
        """
        self.follow()
        verifyObject(IPromptRoom, self.log.open["dev"])

    def test_deliveries(self) -> None:
        """
        The store remembers what was delivered, from the first question on, as long as it keeps the
        room.
        """
        verifyObject(IDeliveries, self.log.store)
        store = self.log.store
        self.follow()
        self.append("a")
        self.assertEqual(self.successResultOf(store.undelivered(9)), [])
        self.append("b", "c")
        self.assertEqual(self.successResultOf(store.undelivered(9)), [Undelivered("Dev", 3)])
        self.assertEqual(self.successResultOf(store.claimDelivery("dev")), 1)
        self.successResultOf(store.delivered("dev", 3, False))
        self.log.unfollow("dev")
        self.assertEqual(self.successResultOf(store.claimDelivery("dev")), 3)
        self.assertEqual(self.successResultOf(store.undelivered(9)), [])
        self.assertEqual(self.successResultOf(store.claimDelivery("other")), 0)

    def test_epoch(self) -> None:
        """
        An epoch cannot be guessed, and identifies one lifetime of one room.
        """
        epochs = {self.follow(f"room{n}").epoch for n in range(50)}
        self.assertEqual(len(epochs), 50)
        for epoch in epochs:
            self.assertRegex(epoch, "^[0-9a-f]{16}$")

    def test_comeBack(self) -> None:
        """
        A room that is followed again continues its numbers, with a new follower.
        """
        first = self.follow()
        self.append("a", "b")
        self.log.unfollow("dev")
        later: list[Entry] = []
        position = self.log.follow("dev", later.extend)
        self.assertEqual(position, Position(first.epoch, 2))
        self.append("c")
        self.assertEqual([(message.seq, message.text) for message in later], [(3, "c")])
        self.assertEqual(len(self.delivered), 1)

    def test_readLeft(self) -> None:
        """
        The stored messages of a room can be read when nobody follows it.
        """
        self.follow()
        self.append("a")
        self.log.unfollow("dev")
        self.assertEqual(self.read(), [(1, "a")])

    def test_read(self) -> None:
        """
        A read begins at a number and returns at most the requested count.
        """
        self.follow()
        self.append(*"abcde")
        whole = [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")]
        for after in range(8):
            for limit in range(7):
                self.assertEqual(self.read(after, limit), whole[after : after + limit])

    def test_readBeforeKept(self) -> None:
        """
        A read that begins before the oldest stored message returns that message first.
        """
        self.use(Limits(logMessages=3))
        self.follow()
        self.append(*"abcdefg")
        self.assertEqual(self.read(0, 2), [(5, "e"), (6, "f")])
        self.assertEqual(self.read(4, 2), [(5, "e"), (6, "f")])
        self.assertEqual(self.read(5, 2), [(6, "f"), (7, "g")])
        self.assertEqual(self.read(6), [(7, "g")])
        self.assertEqual(self.read(7), [])

    def test_readUnknown(self) -> None:
        """
        A read of an unknown room returns nothing.
        """
        self.assertEqual(self.read(room="never"), [])

    def test_readIsACopy(self) -> None:
        """
        The result of a read does not change when more messages are appended.
        """
        self.follow()
        self.append("a")
        messages = self.log.read("dev", 0, 10)
        self.append("b")
        self.assertEqual(len(messages), 1)


class BoundsTests(LogTestCase):
    """
    The size of a L{MemoryStore} is limited.
    """

    def test_count(self) -> None:
        """
        The store keeps as many of the newest messages as the limit allows, and continues the
        numbers.
        """
        self.use(Limits(logMessages=3))
        self.follow()
        for text in "abcd":
            self.append(text)
        self.assertEqual(self.read(), [(2, "b"), (3, "c"), (4, "d")])

    def test_countOfABatch(self) -> None:
        """
        A batch larger than the limit is delivered whole.
        """
        self.use(Limits(logMessages=2))
        self.follow()
        self.assertEqual(self.append(*"abcd"), [1, 2, 3, 4])
        self.assertEqual([message.seq for message in self.delivered[0]], [1, 2, 3, 4])
        self.assertEqual(self.read(), [(3, "c"), (4, "d")])

    def test_bytes(self) -> None:
        """
        The messages of a room have a limit in bytes, and multi-byte characters count as several.
        """
        self.use(Limits(logBytes=empty() + weight("x" * 100) + weight("明" * 100)))
        self.follow()
        self.append("x" * 100, "明" * 100)
        self.assertEqual([seq for seq, _ in self.read()], [1, 2])
        self.append("")
        self.assertEqual([seq for seq, _ in self.read()], [2, 3])
        self.append("明" * 100)
        self.assertEqual([seq for seq, _ in self.read()], [3, 4])

    def test_bytesOfOne(self) -> None:
        """
        A message too large to store is delivered, and numbers continue.
        """
        self.use(Limits(logBytes=empty() + weight("x" * 100)))
        self.follow()
        self.append("x" * 101)
        self.assertEqual(self.read(), [])
        self.assertEqual([message.text for message in self.delivered[0]], ["x" * 101])
        self.assertEqual(self.append("y"), [2])
        self.assertEqual(self.read(), [(2, "y")])

    def test_nothingKept(self) -> None:
        """
        A store with a limit of zero still numbers and delivers.
        """
        self.use(Limits(logMessages=0))
        position = self.follow()
        self.append("a")
        self.assertEqual(self.append("b"), [2])
        self.assertEqual(self.read(), [])
        self.log.unfollow("dev")
        self.assertForgotten(position)

    def test_age(self) -> None:
        """
        A room that was left longer ago than the limit is forgotten.
        """
        self.use(Limits(logAge=60))
        position = self.follow()
        self.append("a")
        self.log.unfollow("dev")
        self.clock.advance(60)
        self.assertEqual(self.follow(), Position(position.epoch, 1))
        self.log.unfollow("dev")
        self.clock.advance(61)
        self.assertForgotten(position)

    def test_ageOfTheFollowed(self) -> None:
        """
        A followed room keeps no message for longer than the limit, and continues its numbers.
        """
        self.use(Limits(logAge=60))
        self.follow()
        self.append("a")
        self.clock.advance(30)
        self.append("b")
        self.clock.advance(30)
        self.assertEqual(self.read(), [(1, "a"), (2, "b")])
        self.clock.advance(1)
        self.assertEqual(self.read(), [(2, "b")])
        self.clock.advance(60)
        self.append("c")
        self.assertEqual(self.read(), [(3, "c")])

    def test_ageByOthers(self) -> None:
        """
        An expired room is forgotten when another room is opened or left, without a request for it.
        """
        self.use(Limits(logAge=60))
        self.follow("other")
        self.append("a", room="other")
        for step in (lambda: self.log.unfollow("other"), lambda: self.follow("new")):
            self.follow("old")
            self.append("a", room="old")
            self.log.unfollow("old")
            self.clock.advance(61)
            self.assertIn("old", self.log.idle)
            step()
            self.assertNotIn("old", self.log.idle)
            self.assertEqual(self.read(room="old"), [])

    def test_noTimer(self) -> None:
        """
        The store uses no timer.
        """
        self.follow()
        self.append("a")
        self.log.unfollow("dev")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_total(self) -> None:
        """
        If all rooms together exceed the limit, the rooms that were left first are forgotten first.
        """
        self.use(Limits(logTotal=3 * (empty("a") + weight("x"))))
        positions = {}
        for room in ("b", "a", "c"):
            positions[room] = self.follow(room)
            self.append("x", room=room)
        for room in ("a", "b", "c"):
            self.log.unfollow(room)
            self.clock.advance(1)
        self.follow("d")
        self.append("x", room="d")
        self.assertEqual(self.read(room="a"), [])
        for room in ("c", "d"):
            self.assertEqual(self.read(room=room), [(1, "x")])
        self.log.unfollow("d")
        self.assertEqual(self.follow("c"), Position(positions["c"].epoch, 1))
        self.assertForgotten(positions["a"], "a")

    def test_totalOfTheFollowed(self) -> None:
        """
        If only followed rooms are left, the largest ones lose their oldest messages, whichever has
        grown; smaller rooms lose nothing.
        """
        total = 3 * empty("a") + 44 * weight("x")
        self.use(Limits(logTotal=total))
        for room in "abc":
            self.follow(room)
        self.append(*"x" * 25, room="a")
        self.append(*"x" * 14, room="b")
        for _ in range(5):
            self.append("x", room="c")
        self.assertEqual(self.log.size().messages, 44)
        self.append("x", room="c")
        kept = [len(self.read(room=room)) for room in "abc"]
        self.assertEqual(kept[1:], [14, 6])
        self.assertTrue(14 < kept[0] < 25, kept)
        self.assertEqual(self.read(room="a")[-1], (25, "x"))
        self.assertLessEqual(self.log.size().bytes, total - total // RELIEF)

    def test_totalIsOnlyRead(self) -> None:
        """
        A read removes no messages of any room.
        """
        self.use(Limits(logTotal=empty() + 3 * weight("x")))
        self.follow()
        self.append("x", "x", "x")
        before = self.log.size()
        for room in ("dev", "other"):
            self.read(room=room)
        self.assertEqual(self.log.size(), before)

    def test_totalOfTheEmpty(self) -> None:
        """
        An open room counts, even without messages.
        """
        self.use(Limits(logTotal=empty("a") + 20 * weight("x")))
        self.follow("a")
        self.append(*"x" * 20, room="a")
        self.follow("b")
        self.assertLess(len(self.read(room="a")), 20)

    def test_totalIsGivenBack(self) -> None:
        """
        The space of dropped messages and forgotten rooms becomes free, and nothing else is left.
        """
        self.use(Limits(logTotal=2 * empty("room10") + weight("x" * 500), logAge=60))
        for turn in range(20):
            for room in ("empty1", "empty2"):
                self.follow(room)
            for room in ("empty1", "empty2"):
                self.log.unfollow(room)
            self.follow(f"room{turn}")
            self.append("x", "y", "z" * 1000, room=f"room{turn}")
            self.append("x" * 500, room=f"room{turn}")
            self.assertEqual(self.read(room=f"room{turn}")[-1], (4, "x" * 500))
            self.log.unfollow(f"room{turn}")
            self.assertEqual(self.read(room=f"room{turn}")[-1], (4, "x" * 500))
            self.clock.advance(61 * (turn % 2))
        self.follow("empty")
        self.log.unfollow("empty")
        self.assertEqual(self.log.size(), (0, 0, 0))

    def test_emptyRoom(self) -> None:
        """
        A room without messages uses no memory. A client that rejoins it knows all its messages.
        """
        position = self.follow()
        self.log.unfollow("dev")
        self.assertEqual(self.log.size(), (0, 0, 0))
        self.assertEqual(self.follow(), position)
        self.append("hello")
        self.log.unfollow("dev")
        self.assertEqual(self.follow(), Position(position.epoch, 1))


class ModelRoom:
    """
    A simple model of a room's log.
    """

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.seq = 0
        self.kept: list[tuple[int, str, float]] = []
        self.left: float | None = None

    def weighs(self) -> int:
        return empty("a") + sum(weight(text) for _, text, _ in self.kept)


class Model:
    """
    A model of L{MemoryStore} that counts everything anew each time. The rooms are in the order in
    which they were left.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.rooms: dict[str, ModelRoom] = {}

    def expire(self, now: float) -> None:
        for name, room in list(self.rooms.items()):
            if room.left is not None and now - room.left > self.limits.logAge:
                del self.rooms[name]

    def follow(self, name: str, epoch: str) -> ModelRoom:
        room = self.rooms.setdefault(name, ModelRoom(epoch))
        room.left = None
        return room

    def append(self, name: str, texts: list[str], now: float) -> None:
        room = self.rooms[name]
        for text in texts:
            room.seq += 1
            room.kept.append((room.seq, text, now))
        while room.kept and (
            len(room.kept) > self.limits.logMessages
            or room.weighs() > self.limits.logBytes
            or now - room.kept[0][2] > self.limits.logAge
        ):
            room.kept.pop(0)

    def read(self, name: str, now: float) -> list[tuple[int, str]]:
        self.expire(now)
        if name not in self.rooms:
            return []
        self.append(name, [], now)
        return [(seq, text) for seq, text, _ in self.rooms[name].kept]

    def unfollow(self, name: str, now: float) -> None:
        room = self.rooms.pop(name)
        room.left = now
        if room.kept:
            self.rooms[name] = room
            self.expire(now)


ROOMS = st.sampled_from(["a", "b", "c", "d"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("turn"), ROOMS, st.none()),
        st.tuples(
            st.just("append"),
            ROOMS,
            st.lists(st.sampled_from(["", "x", "y" * 300, "明" * 200]), max_size=5),
        ),
        st.tuples(st.just("wait"), st.none(), st.sampled_from([1, 5, 11])),
    ),
    max_size=40,
)


class ModelTests(LogTestCase):
    """
    L{MemoryStore} compared with L{Model}.
    """

    @given(steps=STEPS)
    @settings(deadline=None, max_examples=200)
    def test_anySteps(self, steps: list[tuple[str, str, Any]]) -> None:
        """
        Whatever sequence of calls is made, the store keeps what the model stores.
        """
        limits = Limits(logMessages=4, logBytes=empty("a") + 1000, logAge=10)
        self.use(limits)
        model = Model(limits)
        spoken: set[str] = set()
        for what, room, value in steps:
            now = self.clock.seconds()
            if what == "wait":
                self.clock.advance(value)
            elif what == "append":
                if room in model.rooms and model.rooms[room].left is None:
                    self.append(*value, room=room)
                    model.append(room, value, now)
                    if value:
                        spoken.add(model.rooms[room].epoch)
            elif room in model.rooms and model.rooms[room].left is None:
                self.log.unfollow(room)
                model.unfollow(room, now)
            else:
                model.expire(now)
                position = self.follow(room)
                followed = model.follow(room, position.epoch)
                self.assertEqual(position, Position(followed.epoch, followed.seq))
                if not followed.seq:
                    self.assertNotIn(position.epoch, spoken)
            for each in "abcd":
                kept = model.read(each, self.clock.seconds())
                self.assertEqual(self.read(room=each), kept)


#: A network, one of its rooms, and texts; without texts, the room is left.
SPOKEN = st.tuples(
    st.sampled_from(["near", "far", "other"]),
    st.sampled_from("abc"),
    st.lists(st.sampled_from(["", "x" * 300, "明" * 200]), max_size=4),
)


class FairnessTests(LogTestCase):
    """
    Tests for the choice of the network that loses messages when all rooms together exceed the
    limit.
    """

    def use(self, limits: Limits) -> None:
        self.log = Rooms(self.clock, limits, lambda room: room.partition("/")[0])
        self.networks: dict[str, int] = {}

    def shares(self) -> dict[str, int]:
        """
        @return: the bytes held by each network, counted anew
        """
        shares: dict[str, int] = {}
        for room, log in [*self.log.open.items(), *self.log.idle.items()]:
            network = room.partition("/")[0]
            shares[network] = shares.get(network, 0) + log.bytes
        return shares

    def kept(self, network: str) -> list[tuple[str, int]]:
        """
        @return: the messages of the network's rooms
        """
        rooms = {**self.log.idle, **self.log.open}
        return [
            (room, message.seq)
            for room in sorted(rooms)
            if room.startswith(network)
            for message in rooms[room].kept
        ]

    def test_flood(self) -> None:
        """
        One network with 40 connections in 32 rooms each, and as many rooms that it has left,
        displaces no messages of others: neither of small rooms nor of large ones, neither of
        followed rooms nor of rooms that were left.
        """
        self.use(Limits(logTotal=2_000_000, logBytes=20_000))
        for number in range(10):
            for room, count in ((f"home{number}/busy", 40), (f"home{number}/empty", 15)):
                self.follow(room)
                self.append(*"x" * count, room=room)
            self.log.unfollow(room)
        before = self.kept("home")
        for number in range(1_280):
            self.follow(f"flood/{number}")
            self.append("y" * 10_000, room=f"flood/{number}")
            for kind in ("left", "again"):
                self.follow(f"flood/{kind}{number}")
                self.append("y", room=f"flood/{kind}{number}")
                self.log.unfollow(f"flood/{kind}{number}")
        for number in range(1_280):
            self.append("y" * 10_000, room=f"flood/{number}")
        self.assertEqual(self.kept("home"), before)
        self.assertLessEqual(self.log.size().bytes, 2_500_000)

    def test_ownRooms(self) -> None:
        """
        Of the network that holds too much, the rooms that nobody follows are forgotten first, then
        the largest rooms lose messages; small rooms stay unchanged.
        """
        self.use(Limits(logTotal=90_000))
        for room, count in (("a/left", 20), ("a/small", 10), ("a/large", 100), ("b/other", 100)):
            self.follow(room)
            self.append(*"x" * count, room=room)
        self.log.unfollow("a/left")
        self.append(*"x" * 150, room="a/large")
        self.assertNotIn("a/left", self.log.idle)
        self.assertEqual(len(self.read(room="a/small")), 10)
        self.assertEqual(len(self.read(room="b/other")), 100)
        self.assertTrue(100 < len(self.read(room="a/large")) < 250)

    def test_onlyEmptyRooms(self) -> None:
        """
        Followed rooms without messages may exceed the limit by themselves. They cannot be
        forgotten, no other room loses messages for them, and not every message triggers a search
        through all rooms.
        """
        self.use(Limits(logTotal=60_000))
        self.follow("home/dev")
        self.append(*"x" * 20, room="home/dev")
        for number in range(100):
            self.follow(f"flood/{number}")
        self.assertEqual(len(self.read(room="home/dev")), 20)
        looked: list[None] = []
        shares = self.log.store.shares
        shares._shares = _Watched(shares._shares, looked)
        for _ in range(10):
            self.append("x", room="home/dev")
        self.assertLess(len(looked), 4)
        self.assertEqual(len(self.read(room="home/dev")), 30)

    @given(steps=st.lists(SPOKEN, max_size=60), total=st.sampled_from([0, 10_000, 20_000, 40_000]))
    @settings(deadline=None, max_examples=150)
    def test_anySteps(self, steps: list[tuple[str, str, list[str]]], total: int) -> None:
        """
        Whatever is posted where, the counters are correct, the total respects the limit as far as
        possible, and a network that loses messages held at least as much as all others.
        """
        self.use(Limits(logTotal=total, logMessages=8))
        for network, name, texts in steps:
            room = f"{network}/{name}"
            followed = room in self.log.open
            before = {each: self.kept(each) for each in ("near", "far", "other")}
            if followed and not texts:
                self.log.unfollow(room)
                continue
            if not followed:
                self.follow(room)
            self.append(*texts, room=room)
            shares = self.shares()
            known = self.log.store.shares._shares
            held = {network: share.bytes for network, share in known.items()}
            self.assertEqual(held, shares)
            self.assertEqual(self.log.size().bytes, sum(shares.values()))
            spare = sum(log.spare for log in self.log.open.values())
            if spare:
                self.assertLessEqual(sum(shares.values()), self.log.store.shares.limit)
            for each, messages in before.items():
                lost = {*messages} - {*self.kept(each)}
                if lost and each != network:
                    largest = max(shares.values())
                    own = shares.get(each, 0) + 2 * 8 * weight("明" * 200)
                    self.assertGreaterEqual(own, largest)


class _Watched(dict[Any, Any]):
    """
    Record each search through all rooms.
    """

    def __init__(self, values: dict[Any, Any], looked: list[None]) -> None:
        super().__init__(values)
        self._looked = looked

    def values(self) -> Any:
        self._looked.append(None)
        return super().values()


class WeightTests(SynchronousTestCase):
    """
    L{MemoryStore} counts the memory that it holds: see also L{tests.store.test_weight}.
    """

    def test_encodedMeanwhile(self) -> None:
        """
        A message counts the same when it is dropped as when it was appended, even if it has been
        encoded meanwhile.
        """
        log = Rooms(Clock(), Limits(logMessages=2))
        log.follow("dev", encoded)
        weights = []
        for number in range(20):
            log.append("dev", [Draft("dev", "Ä" * 20, f"{number % 10}" + "明" * 100)])
            weights.append(log.size().bytes)
        self.assertEqual(len(set(weights[3:])), 1, weights)
        log.unfollow("dev")
