"""
Tests for L{machat.rooms.audience}: the sockets of a room's members.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyClass

from machat.events import Message
from machat.interfaces import IConnected, IOutbox
from machat.limits import Limits
from machat.member import Member
from machat.rooms.audience import Audience
from machat.transport.budget import SendBudget
from machat.transport.outbox import Outbox
from tests.transport.outboxes import Socket


class JoiningDialect:
    """
    A dialect that joins the messages, and does not encode events.
    """

    def encode(self, messages: list[bytes]) -> bytes:
        return b"".join(messages)

    def encodeEvent(self, event: object) -> object:
        return event


@implementer(IConnected)
class ConnectedMember(Member):
    """
    A member with a socket.

    @ivar delivered: how often C{deliver} was used
    @ivar expected: the bytes that the socket has to accept
    """

    def __init__(self, test: AudienceTestCase, space: int) -> None:
        Member.__init__(self, "Mina")
        self.socket = Socket(test.clock, space)
        limits = Limits(maxWaiting=test.maxWaiting)
        self.outbox = self.socket.outbox = Outbox(
            self.socket, test.clock, limits, self, test.sendBudget
        )
        self.dialect: Any = test.dialect
        self.delivered = 0
        self.expected = b""
        self.slowly: Callable[[], object] = lambda: None

    def deliver(self, batch: Any) -> None:
        self.delivered += 1
        self.outbox.write(batch)

    def slow(self, waiting: int) -> None:
        """
        See L{machat.transport.outbox.Owner}.
        """
        self.slowly()


class AudienceTestCase(SynchronousTestCase):
    """
    An audience of members with sockets.
    """

    maxWaiting = 1_000

    def setUp(self) -> None:
        self.clock: Any = MemoryReactorClock()
        self.dialect = JoiningDialect()
        self.sendBudget = SendBudget(1_000_000)
        self.audience = Audience("dev", self.sendBudget.busy)
        self.members: list[ConnectedMember] = []

    def join(self, space: int = 1_000_000) -> ConnectedMember:
        """
        Add a member whose socket accepts so many bytes.
        """
        member = ConnectedMember(self, space)
        self.audience.add(member)
        self.members.append(member)
        return member

    def end(self) -> None:
        """
        All connections end.
        """
        for member in self.members:
            member.socket.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.sendBudget.busy, set())


class AudienceTests(AudienceTestCase):
    """
    Tests for L{Audience}.
    """

    def test_outbox(self) -> None:
        """
        An outbox provides what a room needs.
        """
        verifyClass(IOutbox, Outbox, tentative=True)

    def test_direct(self) -> None:
        """
        A batch is sent on the sockets, without C{deliver}.
        """
        members = [self.join(), self.join()]
        self.audience.deliver([b"a", b"b"])
        self.audience.deliver([b"c"])
        self.assertEqual([each.socket.taken for each in members], [b"abc"] * 2)
        self.assertEqual([each.delivered for each in members], [0, 0])

    def test_otherOutbox(self) -> None:
        """
        A member of an application may have another attribute with this name.
        """

        class WritingMember(Member):
            outbox: list[object] = []

            def heard(self, event: object) -> None:
                self.outbox.append(event)

        self.audience.add(WritingMember("Ada"))
        message = Message("dev", 1, "Mina", "hi", 0)
        self.audience.deliver([message])
        self.assertEqual(WritingMember.outbox, [message])

    def test_wrapper(self) -> None:
        """
        A wrapper of a member with a socket receives batches with its own C{deliver}.
        """
        received: list[bytes] = []

        class Wrapper:
            def __init__(self, member: Member) -> None:
                self._member = member

            def deliver(self, batch: bytes) -> None:
                received.append(batch)

            def __getattr__(self, name: str) -> Any:
                return getattr(self._member, name)

        member = ConnectedMember(self, 100)
        wrapper: Any = Wrapper(member)
        self.audience.add(wrapper)
        self.audience.deliver([b"a"])
        self.assertEqual((received, member.socket.taken), ([b"a"], b""))

    def test_part(self) -> None:
        """
        The outbox queues what the socket did not accept. While it waits, other batches wait too.
        Afterwards, the socket is used again.
        """
        member = self.join(space=2)
        self.audience.deliver([b"abc"])
        self.audience.deliver([b"d"])
        self.assertEqual(member.socket.taken, b"ab")
        member.socket.read(100)
        self.assertEqual((member.socket.taken, member.delivered), (b"abcd", 1))
        self.audience.deliver([b"e"])
        self.assertEqual((member.socket.taken, member.delivered), (b"abcde", 1))

    def test_broken(self) -> None:
        """
        An error of one socket does not affect the others.
        """
        broken, other = self.join(), self.join()
        broken.socket.broken = BrokenPipeError()
        self.audience.deliver([b"a"])
        self.assertEqual((broken.delivered, other.socket.taken), (1, b"a"))

    def test_notBytes(self) -> None:
        """
        A dialect that does not produce bytes is logged for each member.
        """
        self.join()
        self.join()
        self.audience.announce("text", self.members)  # type: ignore[arg-type]
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 2)

    def test_closing(self) -> None:
        """
        Nothing is sent after the connection has begun to close.
        """
        member = self.join()
        member.outbox.loseConnection()
        self.audience.deliver([b"a"])
        self.assertEqual(member.socket.taken, b"")
        self.end()

    def test_leaves(self) -> None:
        """
        A member that leaves because another one is too slow receives nothing more, although its
        socket is free.
        """
        slow, other = self.join(space=0), self.join()
        slow.slowly = lambda: self.audience.remove(other)
        self.audience.deliver([b"a" * (self.maxWaiting - 1)])
        self.audience.deliver([b"bc"])
        self.audience.deliver([b"d"])
        self.assertEqual(other.socket.taken, b"a" * (self.maxWaiting - 1))


#: A batch; or, for a member, bytes to write, a number of bytes to read, or the end of the outbox.
_STEPS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=12),
        st.tuples(
            st.integers(0, 2),
            st.one_of(st.binary(min_size=1, max_size=12), st.integers(1, 20), st.none()),
        ),
    ),
    max_size=30,
)


class OrderTests(AudienceTestCase):
    """
    The bytes of batches and of other writes stay in order.
    """

    maxWaiting = 1_000_000

    @given(spaces=st.tuples(*[st.integers(0, 60)] * 3), steps=_STEPS)
    @settings(deadline=None, max_examples=200)
    def test_order(self, spaces: tuple[int, ...], steps: list[Any]) -> None:
        """
        Each socket receives all bytes in order, until its outbox closes.
        """
        self.setUp()  # a new one for each example
        members = [self.join(space) for space in spaces]
        open = set(members)
        for step in steps:
            if isinstance(step, bytes):
                self.audience.deliver([step])
                for each in open:
                    each.expected += step
                continue
            index, action = step
            member = members[index]
            if isinstance(action, int):
                member.socket.read(action)
            elif action is None:
                member.outbox.loseConnection()
                open.discard(member)
            else:
                member.outbox.write(action)
                if member in open:
                    member.expected += action
        for each in members:
            self.assertTrue(each.expected.startswith(each.socket.taken))
            each.socket.read(1_000)
            self.assertEqual(each.socket.taken, each.expected)
        self.end()
